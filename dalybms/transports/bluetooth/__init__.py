"""Bluetooth LE as a wire: what is heard, chosen and said; `transport` is its top."""
