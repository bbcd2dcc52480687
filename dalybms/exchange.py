"""What was asked in one go, and how it failed, in words. Pure."""

from __future__ import annotations

from dalybms.errors import BadReply, DalyError, NoReply
from dalybms.pace import Pace, Trial
from dalybms.protocols.request import Request

_ROUNDING = 0.0005
"""Seconds: clocks are not exact."""


class Exchange:
    """A question, or several that take turns: what was sent so far, and what became of it."""

    def __init__(self, board: int, pace: Pace | None, long_rest: float) -> None:
        self.board, self.pace, self._long_rest = board, pace, long_rest - _ROUNDING
        self.began = 0.0
        self.name = ""
        self.asked: dict[Request, list[bytes]] = {}
        self.sent: list[bytes] = []
        self.trials: list[Trial] = []
        self.bad: BadReply | None = None
        self.old = 0
        """How many attempts heard nothing but the answer to the question before."""
        self.rivalled = False
        """Did frames come that may answer what somebody else has asked?"""

    def begin(self, request: Request, data: bytes) -> None:
        if all(request.reader is not each.reader for each in self.asked):
            request.reader.reset()
        self.asked[request] = [*self.asked.pop(request, []), data]
        self.sent.append(data)

    @property
    def unheard(self) -> bool:
        """Was it never sent after a long rest, and met with silence, so that it may not have been heard?"""
        return all(trial.lost and trial.rest < self._long_rest for trial in self.trials)

    @property
    def vain(self) -> bool:
        """Was it met with silence although it was sent after a long rest, so that the board has heard it?"""
        return any(trial.lost and trial.rest >= self._long_rest for trial in self.trials)

    @property
    def spoilt(self) -> int:
        """The attempts before the last one that came to nothing, though something else was heard."""
        return sum(not trial.lost for trial in self.trials[:-1]) - self.old

    def failure(self, heard: bytes, alive: bool) -> DalyError:
        """The error that it ends with. heard: what came instead. alive: was something else answered?"""
        times = f"{len(self.sent)} attempt{'s' if len(self.sent) != 1 else ''}"
        if self.bad:
            return BadReply(f"no believable answer to {self.name} in {times}: {self.bad}", self.bad.raw)
        if not self.sent:
            return NoReply(f"no answer to {self.name}: not asked any more, the line was silent for too long")
        from dalybms.protocols.witness import SENTENCES, testify

        if self.rivalled:
            return NoReply(f"no answer to {self.name} in {times}: {SENTENCES['rivals']}", "damage")

        seen, sentence = testify(heard, self.sent, self.board, alive)
        if seen == "another command" and self.unheard:
            sentence = SENTENCES["haste"]
        return NoReply(f"no answer to {self.name} in {times}: {sentence}", seen)
