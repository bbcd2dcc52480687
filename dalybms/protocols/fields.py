"""What a message's bytes mean: each field names its position, size, unit and scale.

All numbers are big-endian, and unsigned where nothing else is said: value = (raw - zero) / per_unit, an int
where per_unit is 1. Sentinels (`absent`) and limits (`least`, `most`) are raw
wire integers, tested before scaling. A field gives None when it is absent, and
raises BadReply when its raw value cannot be.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Union

from dalybms.errors import BadReply


def raw_value(data: bytes, at: int, size: int, signed: bool = False) -> int:
    return int.from_bytes(data[at : at + size], "big", signed=signed)


class Number(NamedTuple):
    """A measured or counted value."""

    name: str
    unit: str
    at: int
    size: int
    per_unit: int = 1
    zero: int = 0
    least: int = 0
    most: int | None = None
    absent: tuple[int, ...] = ()
    signed: bool = False

    def scale(self, raw: int) -> int | float:
        return raw - self.zero if self.per_unit == 1 else (raw - self.zero) / self.per_unit

    def decode(self, data: bytes) -> int | float | None:
        raw = raw_value(data, self.at, self.size, self.signed)
        if raw in self.absent:
            return None
        value = self.scale(raw)
        if raw < self.least or (self.most is not None and raw > self.most):
            raise BadReply(f"{self.name} of {value:g} {self.unit}".rstrip() + " cannot be", data)
        return value


class Flag(NamedTuple):
    """A byte (or register) that is non-zero when something is on."""

    name: str
    at: int
    size: int = 1
    absent: tuple[int, ...] = ()

    def decode(self, data: bytes) -> bool | None:
        raw = raw_value(data, self.at, self.size)
        return None if raw in self.absent else raw != 0


class Choice(NamedTuple):
    """A number that stands for one of some words."""

    name: str
    at: int
    words: tuple[str, ...]
    size: int = 1

    def decode(self, data: bytes) -> str:
        raw = raw_value(data, self.at, self.size)
        if raw >= len(self.words):
            raise BadReply(f"{self.name} {raw} cannot be", data)
        return self.words[raw]


class Bits(NamedTuple):
    """Named bits, the least significant one first; all of them always reported."""

    name: str
    at: int
    names: tuple[str, ...]
    size: int = 1

    def decode(self, data: bytes) -> dict[str, bool]:
        raw = raw_value(data, self.at, self.size)
        return {name: bool(raw >> bit & 1) for bit, name in enumerate(self.names)}


class Words(NamedTuple):
    """16-bit words passed on as they are, for those who know what they mean."""

    name: str
    at: int
    each: int

    @property
    def size(self) -> int:
        return 2 * self.each

    def decode(self, data: bytes) -> list[int]:
        return [raw_value(data, self.at + 2 * n, 2) for n in range(self.each)]


class Text(NamedTuple):
    """ASCII, padded with blanks, NUL or 0xFF; None when nothing is left, or no ASCII stands there.

    mirrored: pattern of a text that the board may store from its last character to its first.
    """

    name: str
    at: int
    size: int
    mirrored: str = ""

    def decode(self, data: bytes) -> str | None:
        raw = data[self.at : self.at + self.size].strip(b"\0\xff ")
        text = raw.replace(b"\0", b"").decode("ascii", "replace")
        if not text or not text.isprintable() or not text.isascii():
            return None
        backwards = text[::-1]
        turn = self.mirrored and re.search(self.mirrored, backwards) and not re.search(self.mirrored, text)
        return backwards if turn else text


class Date(NamedTuple):
    """Year since 2000, month and day, a byte each, as YYYY-MM-DD; None for a date that was never set."""

    name: str
    at: int
    size: int = 3

    def decode(self, data: bytes) -> str | None:
        year, month, day = data[self.at : self.at + 3]
        set_once = 1 <= year <= 99 and 1 <= month <= 12 and 1 <= day <= 31
        return f"{2000 + year}-{month:02}-{day:02}" if set_once else None


class Series(NamedTuple):
    """Equal values one after another (cells, sensors): `each` of them in one message.

    Decodes to {number: value}, numbered from 1; an absent one is left out and the
    numbering of the others stays.
    """

    item: Number
    each: int

    def frames(self, count: int) -> int:
        """How many messages hold so many values."""
        return -(-count // self.each)

    def slots(self, data: bytes) -> bytes:
        """The bytes of the values in one message."""
        return data[self.item.at : self.item.at + self.item.size * self.each]

    def items(self, count: int) -> list[Number]:
        """The first `count` values as fields of joined slots, named by their numbers."""
        size, name = self.item.size, self.item.name
        return [self.item._replace(name=f"{name} {n + 1}", at=size * n) for n in range(count)]


Field = Union[Number, Flag, Choice, Bits, Words, Text, Date]


def decode(fields: tuple[Field, ...], data: bytes) -> dict[str, Any]:
    """A reading {name: value} of all fields that are present."""
    values = ((field.name, field.decode(data)) for field in fields)
    return {name: value for name, value in values if value is not None}
