"""Two boards under one number: the suspicion, which costs nothing. The proof: twins.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dalybms.protocols.request import Request


class Doubles:
    """Has a second, different answer to a question been dropped in this call? It may also be an old one."""

    def __init__(self) -> None:
        self.suspected = False
        self._used: tuple[Request, Any] | None = None
        self._before: Request | None = None

    def begin(self) -> None:
        """A public call begins."""
        self.suspected, self._used = False, None

    def used(self, request: Request, frames: Sequence[Any]) -> None:
        """These frames were the answer to a request; of replies in several frames nothing is concluded."""
        alone = request.number is None and not request.open_end
        self.suspected = self.suspected or (alone and len(set(frames)) > 1)
        self._used = (request, frames[0]) if alone else None
        self._before = request

    def only_old(self, heard: bytes, frames: Sequence[Any]) -> bool:
        """Was nothing heard but these frames, which answer the question before: a board that is one question
        late, and no damage?"""
        before = self._before
        if before is None or not before.reader.weak or not all(map(before.wanted, frames)):
            return False
        return heard == b"".join(frame.encode() for frame in frames)

    def dropped(self, frame: Any) -> None:
        """This frame was no part of an answer to what is asked now."""
        if self._used and self._used[0].wanted(frame) and frame != self._used[1]:
            self.suspected = True
