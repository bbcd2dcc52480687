"""Numbered registers: what a row and a block are, and where each value stands.

A row names its section and its field; the position of a field counts in bytes from
register 0, so register R stands at 2 * R.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dalybms.protocols.fields import Field, Number, Series
from dalybms.protocols.reading import Reading

NO_SENSOR = (0, 0xFF, 0xFFFF)
"""Raw temperatures of a sensor that is not fitted."""
NONE = (0xFFFF,)
"""The raw value of a register that the board has not."""
UNSET = (0, 0xFFFF)
"""The same where 0 cannot be, and stands in a register that the board does not fill."""


def total_voltage(at: int) -> Number:
    """At most 48 cells of 6 V: a register that the board has not would read 6553.5 V."""
    return Number("total_voltage", "V", at, size=2, per_unit=10, least=1, most=2880)


def current(at: int) -> Number:
    """Neither -3000 A nor the 3553.5 A of a register that the board has not."""
    return Number("current", "A", at, size=2, per_unit=10, zero=30000, least=1, most=0xFFFE)


def nominal_cell_voltage(at: int) -> Number:
    return Number("nominal_cell_voltage", "V", at, size=2, per_unit=1000, most=6000, absent=UNSET)


class Block(NamedTuple):
    """Registers read with one question: `size` of them from `start`; `what` they hold, for errors.

    first: the most that the first of them holds, where that tells the answer from one to another question
    of the same size.
    """

    start: int
    size: int
    what: str = "settings"
    first: int = 0xFFFF


class Row(NamedTuple):
    """One value of a section. proven: seen in recorded traffic; else a source states it."""

    section: str
    field: Field | Series
    proven: bool = True

    @property
    def register(self) -> int:
        at = self.field.item.at if isinstance(self.field, Series) else self.field.at
        return at // 2


class RegisterMap(NamedTuple):
    """What the registers of a protocol mean.

    live: the blocks of a poll; the first one holds the counts. proof: the part of that with pack and counts.
    filled: registers of the poll that hold neither 0 nor FFFF on any pack. info: blocks read for get_info().
    optional: blocks of either that a board may lack, asked for once and briefly. Registers in no block are
    never asked for. hidden: those of them that hold secrets, which a recording of a line with another program
    on it may show. clock: the first of its three registers, in a live block.
    """

    live: tuple[Block, ...]
    info: tuple[Block, ...]
    rows: tuple[Row, ...]
    optional: tuple[Block, ...] = ()
    hidden: tuple[Block, ...] = ()
    filled: tuple[int, ...] = ()
    clock: int | None = None
    proof: Block = Block(0, 0)

    @property
    def all(self) -> tuple[Block, ...]:
        return (*self.live, *self.info, *self.optional)

    def of(self, section: str) -> list[Row]:
        return [row for row in self.rows if row.section == section]

    def blocks(self, rows: Iterable[Row]) -> list[Block]:
        """The blocks that hold these rows, and the first one, for the counts."""
        found = [block for row in rows for block in self.all if holds(block, row)]
        return list(dict.fromkeys([self.live[0], *found]))


def holds(block: Block, row: Row) -> bool:
    return block.start <= row.register < block.start + block.size


def image(reading: Reading, blocks: Iterable[Block]) -> bytes:
    """The registers of these blocks, each at its place from register 0."""
    found = bytearray()
    for block in blocks:
        end = 2 * (block.start + block.size)
        found.extend(bytes(max(0, end - len(found))))
        found[2 * block.start : end] = reading.get(block)
    return bytes(found)
