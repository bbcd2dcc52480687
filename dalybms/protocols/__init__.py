"""Bytes in, values out: no clock, no port, no log in here."""
