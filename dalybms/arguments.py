"""Arguments of the public methods that cannot be: ValueError or TypeError before anything is sent."""

from __future__ import annotations


def check_whole(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be {least} to {most}, not {value}")


def check_seconds(name: str, value: object, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be {least:g} to {most:g} s, not {value}")


def check_flag(name: str, value: object) -> None:
    """A text like "no" is true in Python."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")
