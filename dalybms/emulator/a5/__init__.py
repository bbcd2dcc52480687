"""The fake A5 board: its frames, its readings, its settings."""
