"""Long reads in pieces: for lines that cut long answers off, or damage nearly every one of them."""

from __future__ import annotations

from functools import partial
from typing import Callable

from dalybms.errors import BadReply, DalyError, NoReply
from dalybms.protocols.modbus.questions import refuse_other
from dalybms.protocols.modbus.register_map import Block
from dalybms.protocols.reading import attempt

SIZES = {62: (19, 12, 17, 14), 64: (22, 18, 13, 11)}
"""Registers of the pieces. No two are alike: an answer names its registers only by their number. The first
has the cells of most packs, so that they are of one moment."""
_READS = 10
"""So often in pieces, then as a whole again: the line may be better."""


class Pieces:
    """Which blocks of one board are read in pieces, on one connection."""

    def __init__(self) -> None:
        self._left: dict[Block, int] = {}

    def read(self, block: Block, ask: Callable[[Block], bytes]) -> bytes:
        """The registers of a block. ask: one question. Raises as that does for the whole block."""
        if self._left.get(block, 0):
            self._left[block] -= 1
            return _joined(block, ask)
        try:
            return ask(block)
        except NoReply as error:
            if error.seen not in ("damage", "noise") or not error.repeated or block.size not in SIZES:
                raise
            data = attempt(partial(_joined, block, ask))
            if isinstance(data, DalyError):
                raise error from None
            self._left[block] = _READS
            return bytes(data)


def _joined(block: Block, ask: Callable[[Block], bytes]) -> bytes:
    start, data = block.start, b""
    for size in SIZES[block.size]:
        data += ask(Block(start, size, block.what))
        start += size
    if len(set(data)) == 1:
        raise BadReply(f"{block.what} of nothing but {data[0]:02x} cannot be", data)
    refuse_other(block, data)
    return data
