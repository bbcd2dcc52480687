"""Long reads in pieces: for boards that answer only shorter ones, and for lines that cut long answers off
or damage nearly every one of them."""

from __future__ import annotations

from functools import partial
from typing import Callable

from dalybms.errors import BadReply, DalyError, NoReply, NotSupported
from dalybms.protocols.modbus.questions import refuse_other
from dalybms.protocols.modbus.register_map import Block
from dalybms.protocols.reading import attempt

SIZES = {62: (19, 12, 17, 14), 64: (20, 18, 15, 11)}
"""Registers of the pieces. No two are alike: an answer names its registers only by their number. The first
has the cells of most packs, so that they are of one moment."""
_READS = 10
"""So often in pieces, then as a whole again: the line may be better. Twice as often each time it is not."""
_MOST_READS = 1000
_TOO_LONG = ("damage", "noise", "another command")
"""What is heard of an answer that is cut off, or of a board that answers shorter questions only."""


class Pieces:
    """Whether the long blocks of one board are read in pieces, on one connection."""

    def __init__(self) -> None:
        self._left, self._reads = 0, _READS

    def read(self, block: Block, ask: Callable[[Block], bytes]) -> bytes:
        """The registers of a block. ask: one question. Raises as that does for the whole block."""
        if block.size not in SIZES:
            return ask(block)
        if self._left:
            self._left -= 1
            return _joined(block, ask)
        try:
            data = ask(block)
        except (NoReply, NotSupported) as error:
            hopeful = self._reads > _READS or _may_be_too_long(error)
            joined = attempt(partial(_joined, block, ask)) if hopeful else error
            if isinstance(joined, DalyError):
                raise error from None
            self._left, self._reads = self._reads, min(2 * self._reads, _MOST_READS)
            return bytes(joined)
        self._reads = _READS
        return data


def _may_be_too_long(error: NoReply | NotSupported) -> bool:
    return isinstance(error, NotSupported) or (error.repeated and error.seen in _TOO_LONG)


def _joined(block: Block, ask: Callable[[Block], bytes]) -> bytes:
    start, data = block.start, b""
    for size in SIZES[block.size]:
        data += ask(Block(start, size, block.what))
        start += size
    if len(set(data)) == 1:
        raise BadReply(f"{block.what} of nothing but {data[0]:02x} cannot be", data)
    refuse_other(block, data)
    return data
