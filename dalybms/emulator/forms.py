"""How the text of an option becomes a value. Each of these raises ValueError on text of another form."""

from __future__ import annotations

import math
from typing import Any, Callable, TypeVar

from dalybms.emulator import faults
from dalybms.emulator.conduct import Conduct, parse

Number = TypeVar("Number", int, float)


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number from `low` to `high`."""

    def read(text: str) -> int:
        return _within(int(text), low, high)

    return read


def number(low: float, high: float) -> Callable[[str], float]:
    """A number from `low` to `high`."""

    def read(text: str) -> float:
        return _within(float(text), low, high)

    return read


def scaled(factor: float, zero: int, high: int) -> Callable[[str], int]:
    """A number in the unit people use, as the raw integer of the wire: 0 to `high`."""

    def read(text: str) -> int:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError
        return _within(round(value * factor) + zero, 0, high)

    return read


def several(read_one: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """Values with commas between them."""

    def read(text: str) -> list[Any]:
        return [read_one(part) for part in text.split(",")]

    return read


def one_of(*names: str) -> Callable[[str], str]:
    """One of these words."""

    def read(text: str) -> str:
        if text not in names:
            raise ValueError
        return text

    return read


def text(most: int) -> Callable[[str], str]:
    """ASCII, at most so many characters."""

    def read(given: str) -> str:
        if not (given.isascii() and given.isprintable() and 0 < len(given) <= most):
            raise ValueError
        return given

    return read


def code(most: int) -> Callable[[str], int]:
    """A number in hexadecimal, two digits at least, up to `most`."""

    def read(text: str) -> int:
        if len(text) < 2:
            raise ValueError
        return _within(int(text, 16), 0, most)

    return read


def ranges(most: int) -> Callable[[str], list[int]]:
    """Numbers in hexadecimal and ranges of them, "00-8a,a3-ff"."""
    one = code(most)

    def read(text: str) -> list[int]:
        numbers: list[int] = []
        for part in text.split(","):
            low, dash, high = part.partition("-")
            numbers += range(one(low), one(high) + 1) if dash else [one(low)]
        return numbers

    return read


def protocols(*names: str) -> Callable[[str], list[str]]:
    """One of these words, or several with + between them; the last name stands alone."""

    def read(text: str) -> list[str]:
        given = text.split("+")
        alone = names[-1] in given and len(given) > 1
        if alone or len(set(given)) < len(given) or not set(given) <= set(names):
            raise ValueError
        return given

    return read


def holds(text: str) -> dict[str, int]:
    """ "charge:off,discharge:on" as the state of each MOSFET."""
    states = {"on": 1, "off": 0}
    held: dict[str, int] = {}
    for part in text.split(","):
        mosfet, _, state = part.partition(":")
        if mosfet not in ("charge", "discharge") or state not in states or mosfet in held:
            raise ValueError
        held[mosfet] = states[state]
    return held


def conduct(text: str) -> Conduct:
    """Words of how a board takes writes."""
    return parse(text.split(","))


def eight_bytes(text: str) -> bytes:
    """16 hexadecimal digits."""
    data = bytes.fromhex(text)
    if len(data) != 8:
        raise ValueError
    return data


def moment(text: str) -> bytes:
    """YYMMDDhhmmss; any number is allowed, as a board may hold any."""
    if len(text) != 12 or not text.isdecimal():
        raise ValueError
    return bytes(int(text[at : at + 2]) for at in range(0, 12, 2))


def milliseconds(text: str) -> float:
    """Up to a minute, as seconds."""
    return _within(float(text) / 1000, 0.0, 60.0)


def fault(text: str) -> str:
    """A fault, unchanged."""
    faults.parse(text)
    return text


def switch(text: str) -> bool:
    """0 or 1."""
    return bool(_within(int(text), 0, 1))


def _within(value: Number, low: float, high: float) -> Number:
    # Written so that "not a number" is refused too.
    if not low <= value <= high:
        raise ValueError
    return value
