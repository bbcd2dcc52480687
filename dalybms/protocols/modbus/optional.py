"""Blocks of registers that a board may lack: asked for briefly, and given up where it tells nothing."""

from __future__ import annotations

from collections.abc import Sequence

from dalybms.errors import BadReply, NoReply, NotSupported
from dalybms.protocols.modbus.register_map import Block, Row, holds
from dalybms.protocols.reading import Reading
from dalybms.protocols.request import Request

_NOTHING = (b"\0\0", b"\xff\xff")
_SHARE_ON_WIRE, _SHARE_ON_BLUETOOTH = 0.5, 0.75
"""Of the usual silence: 0.25 s and 0.6 s."""
_DEAF = 0.3
"""Seconds: after so long a rest every board hears."""


class OptionalBlocks:
    """What is known of the optional blocks of one board, on one connection.

    One that stays silent, or says 0 or FFFF in every register, is not asked again, unless it
    has told something before: then it was lost. Silence counts only after a rest: what is asked
    in haste, a board that is deaf after its answers has not heard.
    """

    def __init__(self, blocks: Sequence[Block], bluetooth: bool) -> None:
        self.blocks = tuple(blocks)
        self._share = _SHARE_ON_BLUETOOTH if bluetooth else _SHARE_ON_WIRE
        self._lacked: set[Block] = set()
        self._told: set[Block] = set()

    def brief(self, request: Request) -> Request:
        """The question for such a block: one try that the board must have heard."""
        return request._replace(tries=2, patience=self._share, optional=True, brief=True, not_before=_DEAF)

    def without(self, reading: Reading, rows: Sequence[Row]) -> list[Row]:
        """These rows without those of blocks that tell nothing now; the others are read."""
        lacking = [
            block
            for block in self.blocks
            if any(holds(block, row) for row in rows) and not self._has(reading, block)
        ]
        return [row for row in rows if not any(holds(block, row) for block in lacking)]

    def _has(self, reading: Reading, block: Block) -> bool:
        if block in self._lacked:
            return False
        try:
            data = reading.get(block)
        except BadReply:
            return False
        except (NoReply, NotSupported):
            data = b""
        if any(data[at : at + 2] not in _NOTHING for at in range(0, len(data), 2)):
            self._told.add(block)
            return True
        if block not in self._told:
            self._lacked.add(block)
        return False
