"""Boards build each reply in the same 8 bytes: what they do not know, some answer with the reply before.

That the buffer is used again is seen in all recordings of older boards: undefined bytes, and all but byte 0
of an acknowledgement, repeat the reply before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

from dalybms.errors import BadReply
from dalybms.protocols.a5.frame import Frame

_FEW = 2
"""Bytes that are not 0: so many may be equal by chance, as faults and a mask of cells."""
_PROOF = 2
"""After so many repetitions nothing that answers this question is believed any more."""


class Leftover:
    """The last reply of one board that was used, and the questions that it does not know."""

    def __init__(self) -> None:
        self._last = Frame(0, 0, b"")
        self._repeated: dict[int, int] = {}

    def refused(
        self, what: str, single: bool, parse: Callable[[Sequence[Frame]], Any], frames: Sequence[Frame]
    ) -> Any:
        """The value of a reply. Raises BadReply where that is the reply to another question once more.

        single: it is one frame; the last of several may be equal by right, as blanks of a text.
        """
        new = frames[-1]
        times = self._repeated.get(new.command, 0)
        if single and (times >= _PROOF or self._repeats(new)):
            self._repeated[new.command] = times + 1
            raise BadReply(
                f"{what} that repeats the answer before cannot be: this board may lack it", new.data
            )
        value = parse(frames)
        if value is not None:
            self._last = new
        return value

    def _repeats(self, new: Frame) -> bool:
        told = len(new.data) - new.data.count(0) > _FEW and new.data.strip(b"\xff")
        return bool(told) and self._last.data == new.data and self._last.command != new.command
