"""Fake D2 and P81 boards: registers, and the frame that both share."""
