"""What stands behind an option becomes a value; what cannot be one is told in a line. Read to the letter:
Python's own conversions would take "1_0", " 5 " and digits of other scripts."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any

_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_BYTE = re.compile(r"[0-9]{1,3}|0[xX][0-9a-fA-F]{1,2}")


class Once(argparse.Action):
    """An option of which two values would mean that the first is dropped unseen."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        given = vars(namespace).setdefault("given_once", set())
        if self.dest in given:
            raise argparse.ArgumentError(self, "given twice: name the one that is meant")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


def decimal(text: str) -> float | None:
    """The number that is written there; None for anything else."""
    return float(text) if _DECIMAL.fullmatch(text) else None


def whole(text: str) -> int:
    """A whole number, for the library to judge."""
    if not _WHOLE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def whole_from(least: int, most: int, text: str) -> bool:
    """Is a whole number between these two written there?"""
    return bool(_WHOLE.fullmatch(text)) and least <= int(text) <= most


def seconds(text: str) -> float:
    """A time limit."""
    value = decimal(text)
    if value is None or not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0 and below a million")
    return value


def silence(text: str) -> float:
    """The longest of an attempt, as the library bounds it."""
    return _seconds_from(0.001, 60, text)


def megabytes(text: str) -> float:
    """The size of a file."""
    try:
        return seconds(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of megabytes above 0") from None


def rest(text: str) -> float:
    """Between an answer and the next question."""
    return _seconds_from(0, 10, text)


def repeats(text: str) -> int:
    """How often a request is repeated."""
    if not whole_from(0, 100, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 100")
    return int(text)


def host_address(text: str) -> int:
    """A byte, decimal or as 0x40."""
    if not _BYTE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no host address: 4, 8 or a byte as 0x40")
    return int(text, 16 if text[:2] in ("0x", "0X") else 10)


def _seconds_from(least: float, most: float, text: str) -> float:
    value = decimal(text)
    if value is None or not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from {least:g} to {most:g}")
    return value
