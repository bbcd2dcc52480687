"""Numbered registers: what a row and a block are, and the image of what was read in one call.

A row names its section and its field; the position of a field counts in bytes from
register 0, so register R stands at 2 * R.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Callable, NamedTuple, Union

from dalybms.errors import DalyError, TransportError
from dalybms.protocols.fields import Field, Series

Outcome = Union[Any, DalyError]
NO_SENSOR = (0, 0xFF, 0xFFFF)
"""Raw temperatures of a sensor that is not fitted."""
NONE = (0xFFFF,)
"""The raw value of a register that the board has not."""


class Block(NamedTuple):
    """Registers read with one question: `count` of them from `start`."""

    start: int
    size: int


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

    live: the blocks of a poll; the first one holds the counts. info: blocks read for
    get_info(). Registers in no block are never asked for.
    """

    live: tuple[Block, ...]
    info: tuple[Block, ...]
    rows: tuple[Row, ...]

    def of(self, section: str) -> list[Row]:
        return [row for row in self.rows if row.section == section]

    def blocks(self, rows: Iterable[Row]) -> list[Block]:
        """The blocks that hold these rows, and the first one, for the counts."""
        found = [block for row in rows for block in (*self.live, *self.info) if holds(block, row)]
        return list(dict.fromkeys([self.live[0], *found]))


def holds(block: Block, row: Row) -> bool:
    return block.start <= row.register < block.start + block.size


class Reading:
    """The blocks read in one call, each asked for when it is first needed."""

    def __init__(self, fetch: Callable[[Block], bytes]) -> None:
        self._fetch = fetch
        self._found: dict[Block, bytes | DalyError] = {}
        self.age = 0

    def image(self, blocks: Iterable[Block]) -> bytes:
        """The registers of these blocks, each at its place from register 0."""
        image = bytearray()
        for block in blocks:
            end = 2 * (block.start + block.size)
            image.extend(bytes(max(0, end - len(image))))
            image[2 * block.start : end] = self._block(block)
        return bytes(image)

    def _block(self, block: Block) -> bytes:
        if block not in self._found:
            self._found[block] = attempt(partial(self._fetch, block))
        found = self._found[block]
        if isinstance(found, DalyError):
            raise found
        return found

    def forget(self) -> None:
        """Have what was read asked for once more; what failed has been repeated already."""
        self._found = {block: it for block, it in self._found.items() if isinstance(it, DalyError)}
        self.age += 1


def attempt(call: Callable[[], Any]) -> Outcome:
    """What a call gives, or the error that it ended with; a lost wire ends everything."""
    try:
        return call()
    except TransportError:
        raise
    except DalyError as error:
        return error
