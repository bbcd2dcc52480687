"""A log of samples as a picture: `log` reads it, `thin` keeps it small, `draw` is the only part with matplotlib."""
