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
from dalybms.protocols.identity import upright

_PADDING = b"\0\xff "


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
    """A byte (or register) that is non-zero when something is on; above `most` it means something else."""

    name: str
    at: int
    size: int = 1
    absent: tuple[int, ...] = ()
    most: int = 0xFFFF

    def decode(self, data: bytes) -> bool | None:
        raw = raw_value(data, self.at, self.size)
        return None if raw in self.absent or raw > self.most else raw != 0


class Choice(NamedTuple):
    """A number that stands for one of some words. unknown: a board may say one that we have no word for."""

    name: str
    at: int
    words: tuple[str, ...]
    size: int = 1
    unknown: bool = False

    def decode(self, data: bytes) -> str | None:
        raw = raw_value(data, self.at, self.size)
        if raw >= len(self.words):
            if self.unknown:
                return None
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

    secret: it tells one battery from others, so recordings are blanked of it; no row may leave that unsaid.
    mirrored: a version, which the board may store from its last character to its first. sure: behind so
    many characters something else may stand; 0: all are the text's. whole: it fills its place or is none.
    """

    name: str
    at: int
    size: int
    secret: bool
    mirrored: bool = False
    sure: int = 0
    whole: bool = False

    def decode(self, data: bytes) -> str | None:
        raw = data[self.at : self.at + self.size]
        text = _ascii(raw) or (_ascii(raw[: self.sure]) if self.sure else "")
        if not text or (self.whole and len(text) < self.size):
            return None
        return upright(text) if self.mirrored else text


def _ascii(raw: bytes) -> str:
    """The text up to its padding; "" when it is none."""
    text = re.split(rb"[\0\xff]", raw.lstrip(_PADDING), maxsplit=1)[0].decode("ascii", "replace").rstrip(" ")
    return text if text.isprintable() and text.isascii() else ""


class Date(NamedTuple):
    """Year since 2000, month and day, a byte each, as YYYY-MM-DD; None for a date that was never set."""

    name: str
    at: int
    size: int = 3

    def decode(self, data: bytes) -> str | None:
        year, month, day = data[self.at : self.at + 3]
        if not (1 <= year <= 99 and 1 <= month <= 12):
            return None
        last = 28 + (not year % 4) if month == 2 else 30 if month in (4, 6, 9, 11) else 31
        return f"{2000 + year}-{month:02}-{day:02}" if 1 <= day <= last else None


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
