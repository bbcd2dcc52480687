"""Which bytes of a frame tell one battery from others: gathered from the marks on the rows of the tables.

Beside them, which bytes no row names: there a text may stand that nobody has described.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dalybms.protocols.a5.commands import COMMANDS, HIDDEN, INFO
from dalybms.protocols.a5.frame import LENGTH
from dalybms.protocols.a5.parameters import MESSAGES
from dalybms.protocols.a5.writes import CODES
from dalybms.protocols.fields import Field, Series, Text
from dalybms.protocols.modbus import d2, p81
from dalybms.protocols.modbus.parameters import PARTS, Part
from dalybms.protocols.modbus.register_map import Block, RegisterMap, Row
from dalybms.protocols.parameters import Row as Setting

Range = tuple[int, int]
"""First byte and the byte behind the last, counted from register 0."""
_END = 2 * 0x10000
_SPECIAL = {"balancing_status": 6, "faults": LENGTH}
"""So many bytes mean something where no field says it."""
_SET = 0x40
"""A5 writes what it reads with 0x50 and up with the command that is so much lower."""


def _a5_secrets() -> frozenset[int]:
    read = {
        row.code
        for row in (*COMMANDS, *INFO)
        for field in row.fields
        if isinstance(field, Text) and field.secret
    } | {*HIDDEN}
    return frozenset(read | {code - _SET for code in read})


def register_secrets(map_: RegisterMap) -> tuple[Range, ...]:
    """The marked rows, the hidden registers, and whatever no row names in a block that holds a marked row."""
    marked = [_extent(row) for row in map_.rows if isinstance(row.field, Text) and row.field.secret]
    named = {byte for row in map_.rows for byte in range(*_extent(row))}
    nameless = [
        (byte, byte + 1)
        for block in map_.all
        if any(_shared(_place(block), each) for each in marked)
        for byte in range(*_place(block))
        if byte not in named
    ]
    return (*marked, *joined(nameless), *(_place(block) for block in map_.hidden))


def _extent(row: Row) -> Range:
    return _extent_of(row.field)


def _extent_of(field: Field | Series | Setting) -> Range:
    item = field.item if isinstance(field, Series) else field
    return item.at, item.at + item.size * (field.each if isinstance(field, Series) else 1)


def nameless_registers(map_: RegisterMap, parts: Iterable[Part]) -> tuple[Range, ...]:
    """What neither a reading nor a setting names, of all registers that there can be."""
    settings = (_extent_of(row) for _, rows in parts for row in rows)
    return _others((*(_extent(row) for row in map_.rows), *settings), _END)


def _others(ranges: Iterable[Range], size: int) -> tuple[Range, ...]:
    """Of bytes 0 to size what is in none of them."""
    found, at = [], 0
    for start, end in (*sorted(ranges), (size, size)):
        if at < start:
            found.append((at, start))
        at = max(at, end)
    return tuple(found)


def _a5_named() -> dict[int, frozenset[int]]:
    """The bytes of a frame that mean something, by command; of others nobody knows."""
    named: dict[int, set[int]] = {code: {0} for code in CODES.values()}
    for row in (*COMMANDS, *INFO):
        fields = (*row.fields, row.series) if row.series else row.fields
        own = {at for field in fields for at in range(*_extent_of(field))}
        whole = LENGTH if row.frames > 1 else _SPECIAL.get(row.section, 0)
        named.setdefault(row.code, set()).update(own | {*range(whole)} | ({0} if row.series else set()))
    for code, settings in MESSAGES.items():
        own = {at for row in settings for at in range(*_extent_of(row))}
        named.setdefault(code, set()).update(own)
    return {code: frozenset(own) for code, own in named.items()}


def _place(block: Block) -> Range:
    return 2 * block.start, 2 * (block.start + block.size)


def _shared(one: Range, other: Range) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Neighbours as one."""
    found: list[Range] = []
    for start, end in ranges:
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, end))
    return found


def _within(ranges: tuple[Range, ...], start: int, end: int) -> tuple[Range, ...]:
    """What of bytes start to end is in them, counted from start."""
    return tuple(
        (max(first, start) - start, min(last, end) - start)
        for first, last in ranges
        if _shared((first, last), (start, end))
    )


class Marks(NamedTuple):
    """The registers of a protocol, in bytes. nameless: what neither a reading nor a setting names.

    texts: those that are no secret.
    """

    secrets: tuple[Range, ...]
    nameless: tuple[Range, ...]
    texts: tuple[Range, ...]

    def within(self, start: int, end: int) -> Marks:
        """The same of bytes start to end, counted from start."""
        return Marks(*(_within(ranges, start, end) for ranges in self))

    def but_texts(self, size: int) -> tuple[Range, ...]:
        """Of so many bytes those where no text is expected that is no secret."""
        return _others(self.texts, size)


def _marks_of(map_: RegisterMap, parts: Iterable[Part]) -> Marks:
    told = tuple(_extent(row) for row in map_.rows if isinstance(row.field, Text) and not row.field.secret)
    return Marks(register_secrets(map_), nameless_registers(map_, parts), told)


A5_SECRETS = _a5_secrets()
"""Commands whose frames hold a number and 7 characters of a secret."""
A5_NAMED = _a5_named()
D2 = _marks_of(d2.MAP, PARTS["d2"])
P81 = _marks_of(p81.MAP, PARTS["p81"])
