"""The frames of a reply by their numbers, and the number that a board begins with."""

from __future__ import annotations

from collections.abc import Sequence

from dalybms.errors import BadReply
from dalybms.protocols.a5.frame import Frame

_MOST = 16


def ordered(frames: Sequence[Frame], needed: int, first: int = 1) -> list[Frame] | None:
    """The frames of one reply from number `first` on, in order; None while some are missing.

    The first frame begins the set anew. An equal duplicate is dropped; a different one
    under the same number is BadReply: two replies are mixed.
    """
    found: dict[int, Frame] = {}
    for frame in frames:
        number = frame.data[0]
        if number == first:
            found = {}
        if found.setdefault(number, frame) != frame:
            raise BadReply(f"two different frames {number} in one reply", frame.encode())
    wanted = range(first, first + needed)
    return [found[number] for number in wanted] if all(number in found for number in wanted) else None


class Numbering:
    """Boards count frames from 1, some from 0: then the loss of the first one would shift all values.

    So a frame 0 is remembered. As it may have been a damaged frame 1, it is forgotten after a
    question without any frame 0 whose replies ended where those that count from 1 do.
    """

    def __init__(self) -> None:
        self._first = 1
        self._numbers: set[int] = set()
        self._ends: tuple[int, ...] = ()

    def begin(self, needed: int) -> None:
        """A question is asked whose values take so many frames; some boards always send all 16."""
        if 0 not in self._numbers and max(self._numbers, default=0) in self._ends:
            self._first = 1
        self._numbers = set()
        self._ends = tuple({needed, _MOST} - {_MOST - 1})  # 15 is where 16 frames from 0 end, too

    def first(self, frames: Sequence[Frame]) -> int:
        """The number of the first frame, as far as what has come tells."""
        number = frames[-1].data[0]
        self._numbers.add(number)
        if number == 0:
            self._first = 0
        return self._first
