"""One question that is asked of a board again and again, each time after a rest that is chosen."""

from __future__ import annotations

from dalybms.diagnosis.asking import REST, Found
from dalybms.diagnosis.wire import Ear, Place
from dalybms.errors import BadReply, NoReply
from dalybms.link import Link

DAMAGED = ("damage", "noise")
LATE = "late"
"""It was answered, after a longer silence than is waited for."""
_SILENT = ("silence", "echo")
_LEAST, _AMPLE, _SLOWER = 0.25, 2.0, 3.0
"""Seconds of silence that show a lost question, or so many times the slowest answer where that is more."""
_LATE, _LATE_BY_RADIO = 2.5, 3.0
"""Seconds in which an answer comes that is too late for the usual silence."""
_VAIN = 1
"""So many questions that no answer comes to even then; the others are waited for as usual."""


class Meter:
    """Remembers what came of each question, and how long the answers took."""

    def __init__(self, ear: Ear, place: Place, found: Found, reserve: float) -> None:
        self._ear, self._place, self._found, self._reserve = ear, place, found, reserve
        request = found.speaker.probe(["soc"], found.round)
        self._request = request._replace(writes=request.writes[:1], tries=1, optional=True)
        self.rested: list[str] = []
        """What came of the questions after a rest that was thought to be enough: "" for an answer."""
        self.hasty: list[str] = []
        """Of those right behind an answer."""
        self.damaged: list[str] = []
        """Of those behind a rest on trial what came damaged: heard, and no answer."""
        self.slowest = 0.0
        """Seconds that the slowest answer took."""
        self._answered = False
        self._vain = 0

    def ask(self, rest: float, patience: float = 1.0) -> str:
        """What came after so long a rest: "" an answer, "late" one after more than the usual silence.

        Else what was heard instead.
        """
        link = Link(self._ear, self._place.timing, 0, 0.0, self._place.clock)
        link.idle(rest)
        began = self._place.clock()
        try:
            link.exchange(self._request._replace(patience=patience), self._found.number)
        except NoReply as error:
            self._answered = False
            return error.seen
        except BadReply:
            self._answered = False
            return "damage"
        self._answered = True
        first = self._ear.first or 0.0
        self.slowest = max(self.slowest, self._place.clock() - began)
        return LATE if first > self._place.timing.timeout else ""

    def ask_rested(self, rest: float = REST) -> bool:
        """Is it answered after a rest that is enough, and in time?"""
        timeout = self._place.timing.timeout
        longest = _LATE if self._place.target.wired else _LATE_BY_RADIO
        self.rested.append(self.ask(rest, max(1.0, longest / timeout) if self._vain < _VAIN else 1.0))
        self._vain += self.rested[-1] not in ("", LATE)
        return not self.rested[-1]

    def is_lost(self, rest: float) -> bool | None:
        """Is a question lost that comes so soon behind an answer? None: no answer came for it to follow."""
        if not self._answered and not self.ask_rested():
            return None
        seen = self.ask(rest, self._brief)
        if seen and seen not in _SILENT:
            self.damaged.append(seen)
            return None
        return bool(seen)

    @property
    def late(self) -> int:
        """How many answers came too late."""
        return self.rested.count(LATE)

    @property
    def patience(self) -> float:
        """Seconds of silence that show that a reading is not answered."""
        timeout = self._place.timing.timeout
        if self.late:
            return max(timeout, _AMPLE * self.slowest)
        return min(timeout, max(_LEAST, _SLOWER * self.slowest)) if self._place.target.wired else timeout

    @property
    def _brief(self) -> float:
        return min(1.0, max(_LEAST, _AMPLE * self.slowest) / self._place.timing.timeout)

    def time_left(self) -> bool:
        return self._ear.left() > self._reserve
