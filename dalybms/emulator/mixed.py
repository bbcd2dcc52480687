"""A fake board that speaks several protocols on one wire, as K-series boards answer both D2 and P81."""

from __future__ import annotations

from collections.abc import Sequence

from dalybms.emulator.board import Board, Reply
from dalybms.emulator.conduct import USUAL, Conduct


class MixedBoard(Board):
    """One board, one pack, one log: `tongues` are boards of one protocol each that share their pack."""

    def __init__(self, tongues: Sequence[Board], conduct: Conduct = USUAL) -> None:
        super().__init__(tongues[0].pack, conduct)
        self.tongues = list(tongues)
        self._asked = tongues[0]

    def request_size(self, heard: bytes) -> int | None:
        sizes = [tongue.request_size(heard) for tongue in self.tongues]
        return next((size for size in sizes if size), None if None in sizes else 0)

    def is_addressed(self, request: bytes) -> bool:
        for tongue in self.tongues:
            if tongue.request_size(request) and tongue.is_addressed(request):
                self._asked = tongue
                return True
        return False

    def answer(self, request: bytes) -> Reply:
        return self._of(request).answer(request)

    def knows(self, request: bytes) -> bool:
        return self._of(request).knows(request)

    def write(self, request: bytes) -> None:
        self._of(request).write(request)

    def restarts(self, request: bytes) -> bool:
        tongue = self._of(request)
        self.answers_restart = tongue.answers_restart
        return tongue.restarts(request)

    def acknowledge(self, request: bytes) -> Reply:
        return self._of(request).acknowledge(request)

    def refuse(self, request: bytes) -> Reply:
        return self._of(request).refuse(request)

    def left_over(self, request: bytes) -> Reply:
        return self._of(request).left_over(request) or self._last

    def foreign(self, reply: Reply) -> Reply:
        return self._asked.foreign(reply)

    def zeroed(self, reply: Reply) -> Reply:
        return self._asked.zeroed(reply)

    def _of(self, request: bytes) -> Board:
        # A late write may be due long after another tongue was asked.
        return next(tongue for tongue in self.tongues if tongue.request_size(request))
