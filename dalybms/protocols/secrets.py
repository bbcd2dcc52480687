"""Which bytes of a frame tell one battery from others: gathered from the marks on the rows of the tables."""

from __future__ import annotations

from dalybms.protocols.a5.commands import COMMANDS, INFO
from dalybms.protocols.fields import Series, Text
from dalybms.protocols.modbus import d2, p81
from dalybms.protocols.modbus.register_map import Block, RegisterMap, Row

Range = tuple[int, int]
"""First byte and the byte behind the last, counted from register 0."""
_SET = 0x40
"""A5 writes what it reads with 0x50 and up with the command that is so much lower."""


def _a5_secrets() -> frozenset[int]:
    read = {
        row.code
        for row in (*COMMANDS, *INFO)
        for field in row.fields
        if isinstance(field, Text) and field.secret
    }
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
    return (*marked, *_joined(nameless), *(_place(block) for block in map_.hidden))


def _extent(row: Row) -> Range:
    field = row.field
    item = field.item if isinstance(field, Series) else field
    return item.at, item.at + item.size * (field.each if isinstance(field, Series) else 1)


def _place(block: Block) -> Range:
    return 2 * block.start, 2 * (block.start + block.size)


def _shared(one: Range, other: Range) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _joined(ranges: list[Range]) -> list[Range]:
    found: list[Range] = []
    for start, end in ranges:
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, end))
    return found


def within(secrets: tuple[Range, ...], start: int, end: int) -> tuple[Range, ...]:
    """What of bytes start to end is secret, counted from start."""
    return tuple(
        (max(first, start) - start, min(last, end) - start)
        for first, last in secrets
        if _shared((first, last), (start, end))
    )


A5_SECRETS = _a5_secrets()
"""Commands whose frames hold a number and 7 characters of a secret."""
D2_SECRETS = register_secrets(d2.MAP)
P81_SECRETS = register_secrets(p81.MAP)
