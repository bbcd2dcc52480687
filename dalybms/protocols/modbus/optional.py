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

    One that stays silent in two readings, or says 0 or FFFF in every register, is not asked again. One that
    has told something, or whose answer came damaged, is there: it is asked for as everything else, and
    what is lost of it is told. Silence counts only after a rest: what is asked
    in haste, a board that is deaf after its answers has not heard. Noise is no silence.
    """

    def __init__(self, blocks: Sequence[Block], bluetooth: bool) -> None:
        self.blocks = tuple(blocks)
        self._share = _SHARE_ON_BLUETOOTH if bluetooth else _SHARE_ON_WIRE
        self._lacked: set[Block] = set()
        self._silent: dict[Block, Reading] = {}
        self._there: set[Block] = set()

    def brief(self, block: Block, request: Request) -> Request:
        """The question for such a block: one try that the board must have heard, until it is known."""
        if block not in self.blocks or block in self._there:
            return request
        return request._replace(tries=2, patience=self._share, optional=True, brief=True, not_before=_DEAF)

    def without(self, reading: Reading, rows: Sequence[Row]) -> tuple[list[Row], dict[str | int, str]]:
        """These rows without those of blocks that tell nothing now, and {key: why} of what was lost of them.

        The others are read.
        """
        rest, lost = list(rows), {}
        for block in self.blocks:
            held = [row for row in rows if holds(block, row)]
            failure = self._failure(reading, block) if held else None
            if failure is not None:
                rest = [row for row in rest if row not in held]
                names = [getattr(row.field, "name", "") for row in held if failure]
                lost.update(dict.fromkeys(names if block in self._there else (), failure))
        return rest, lost

    def _failure(self, reading: Reading, block: Block) -> str | None:
        """Why it tells nothing: "" where that is all it says; None where it is read."""
        if block in self._lacked:
            return ""
        try:
            data = reading.get(block)
        except BadReply as error:
            self._there.add(block)
            return str(error)
        except NoReply as error:
            self._missed(reading, block, error.seen)
            return str(error)
        except NotSupported:
            data = b""
        if any(data[at : at + 2] not in _NOTHING for at in range(0, len(data), 2)):
            self._there.add(block)
            return None
        if block not in self._there:
            self._lacked.add(block)
        return ""

    def _missed(self, reading: Reading, block: Block, seen: str) -> None:
        """What is concluded where no answer came."""
        if seen == "damage":
            self._there.add(block)
        elif seen not in ("noise", "another board", "another protocol"):
            first = self._silent.setdefault(block, reading)
            if first is not reading and block not in self._there:
                self._lacked.add(block)
