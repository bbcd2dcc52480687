"""The command line: options become calls, readings become output."""
