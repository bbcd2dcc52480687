"""`--check`: a monitoring plugin. Pure functions around one process, `run`."""
