"""How long to rest before a request, and when a reply has ended. Learns, and has no clock."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Sequence
from math import exp, lgamma
from typing import Any, NamedTuple

from dalybms.protocols.request import Request
from dalybms.timing import LONGEST, WIRE, Timing

_GROWTH = 4
_KEPT = 0.98
"""Of earlier trials with each new one: some fifty count, so that a board may change."""
_STRAY = 19
"""A wire that loses one request in twenty at any pace is supposed where nothing is known yet."""
_PROOF = 2.0
"""How much likelier than not it must be that a rest is too short."""
_SPACING = 8
"""Answers before a shorter rest is tried again, times what speaks against it."""
_CALLS = 2
"""Calls before a rest that was never tried is tried."""
_ROUNDING = 0.0005
_REPLIES = 3
_AMPLE = 5
"""A line is quiet after so many times the longest gap within a reply."""
_PAUSES = 2
"""A line that stops within frames is quiet after so many times the longest of these pauses."""
_FADES = 0.9
"""So much of it is left after each frame without one."""
_BEHIND = 4
"""Bytes: what follows a reply at once has begun after so long."""


class Trial(NamedTuple):
    """A request: the rest before it, s, and whether it met with silence."""

    rest: float
    lost: bool


class Pace:
    """The rest that one board needs between its answer and the next request.

    Boards are deaf for up to a quarter of a second after an answer, some always and some by
    chance; lines lose requests whatever the pace. So what counts is not that a request
    was lost, but whether more are lost after this rest than after the longest one. The rest
    grows at least fourfold, and shrinks again when a shorter one does as well.
    """

    def __init__(self, timing: Timing = WIRE) -> None:
        rests = [timing.first_pause]
        while _GROWTH * rests[-1] < timing.last_pause:
            rests.append(_GROWTH * rests[-1])
        self._rests = (*rests, timing.last_pause)
        self._asked = [0.0] * len(self._rests)
        self._lost = [0.0] * len(self._rests)
        self._step = 0
        self._grown = -_CALLS
        self._since = 0

    def rest(self, call: int) -> float:
        """Seconds to rest before the next request. call: a number that grows with each public call."""
        step = self._step
        if not step:
            return self._rests[0]
        calm = call - self._grown >= _CALLS
        if not self._asked[step] and call != self._grown and not calm:
            return self._rests[-1]
        if calm and self._since >= _SPACING * self._against(step - 1):
            self._since = 0
            step -= 1
        return self._rests[step]

    @property
    def usual(self) -> float:
        """Seconds of rest that are enough by all that is known."""
        return self._rests[self._step]

    def learn(self, trials: Iterable[Trial], call: int) -> None:
        """The trials of one request that was answered in the end: one that never is says nothing."""
        trials = tuple(trials)
        for rest, lost in trials:
            step = max(0, bisect(self._rests, rest + _ROUNDING) - 1)
            self._asked[step] = _KEPT * self._asked[step] + 1
            self._lost[step] = _KEPT * self._lost[step] + lost
        self._since += 1
        if not self._step and not any(lost for _, lost in trials):
            return  # it cannot be shorter, and need not be longer
        before, self._step = self._step, self._shortest()
        if self._step > before:
            self._grown, self._since = call, 0

    def _shortest(self) -> int:
        """The step of the shortest rest that nothing speaks against, not even what a longer one lost."""
        last = len(self._rests) - 1
        bad = [step for step in range(last) if self._too_short(step)]
        good = (step for step in range(last) if step not in bad)
        return next((step for step in good if self._asked[step] or not bad or step > bad[-1]), last)

    def _too_short(self, step: int) -> bool:
        """One loss after a longer rest than was asked for, as behind answers without an end, is a stray."""
        enough = step <= self._step or self._lost[step] > 1
        return enough and self._against(step) > _PROOF

    def _against(self, step: int) -> float:
        """How much likelier its losses are with a rate of their own than with that of long rests.

        Beta distributions: every rate of its own is as likely as any other.
        """
        lost, asked = self._lost[step], self._asked[step]
        least, long = self._lost[-1], self._asked[-1]
        if not asked:
            return 1.0
        if lost * long <= least * asked:
            return 0.0
        apart = _beta(1 + lost, 1 + asked - lost) + _beta(1 + least, _STRAY + long - least)
        return exp(apart - _beta(1 + lost + least, _STRAY + asked - lost + long - least))


def _beta(a: float, b: float) -> float:
    """The logarithm of the beta function."""
    return lgamma(a) + lgamma(b) - lgamma(a + b)


class Quiet:
    """The silence after which a reply has ended.

    Adapters gather bytes and hand them on in pieces, up to 16 ms apart. One that does not
    begins every reply with a single byte, and ends it when the last one is due. A line that stops in the
    middle of frames will do so between them.
    """

    def __init__(self, timing: Timing = WIRE) -> None:
        self._timing = timing
        self.gathers = False
        """Does an adapter on the way keep bytes, to hand them on together?"""
        self._replies = 0
        self._late = 0.0
        self._paused = 0.0

    @property
    def known(self) -> bool:
        """Have enough replies begun to tell how the line hands on its bytes?"""
        return self._replies >= _REPLIES

    @property
    def seconds(self) -> float:
        if self._paused > self._timing.quiet:
            return min(_PAUSES * self._paused, self._timing.timeout)
        if self.gathers or not self._replies:
            return self._timing.quiet
        least = max(self._timing.least_quiet, _AMPLE * (self._timing.byte + self._late))
        return min(self._timing.quiet, least)

    @property
    def longest(self) -> float:
        """So long the longest reply takes, with such a pause before each byte."""
        most = self._timing.stretched * self._timing.timeout
        return min(LONGEST * (self._timing.byte + self._paused), most)

    @property
    def behind(self) -> float:
        """Within so long comes what follows a reply at once."""
        return self._timing.kept if self.gathers else _BEHIND * self._timing.byte

    def began(self, size: int) -> None:
        """A reply began with so many bytes at once."""
        self._replies += 1
        self.gathers = self.gathers or size > 1

    def paused(self, seconds: float) -> None:
        """The longest pause within a frame that became whole."""
        self._paused = max(seconds, _FADES * self._paused)

    def went_on(self, size: int, seconds: float) -> None:
        """So many more bytes took so long."""
        self._late = max(self._late, seconds - size * self._timing.byte)


class Tails:
    """How far replies of several frames run, of which fewer may be needed; learnt for each question.

    A request into a sending board is lost, so the rest of such a reply must run in first.
    """

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}
        self._request: Request | None = None
        self._written = b""
        self._number = 0
        self._open = False

    def used(self, request: Request, written: bytes, frames: Sequence[Any]) -> None:
        """A reply was used; more frames may follow."""
        if request.number:
            self._request, self._written, self._open = request, written, True
            self._number = max(map(request.number, frames))

    @property
    def running(self) -> bool:
        """May more frames of it come?"""
        last = self._last.get(self._written)
        return self._open and (last is None or self._number < last)

    @property
    def missing(self) -> int:
        """Bytes to its next frame."""
        return int(self._request.reader.missing()) if self._request else 1

    def feed(self, chunk: bytes) -> None:
        """Bytes behind the frames that were used."""
        request = self._request
        assert request is not None
        assert request.number is not None
        frames = filter(request.wanted, request.reader.feed(chunk))
        self._number = max([self._number, *map(request.number, frames)])

    def over(self) -> None:
        """Its last frame was there, or the line is quiet."""
        if self._open:
            self._last[self._written] = max(self._number, self._last.get(self._written, 0))
            self._open = False

    def dropped(self, frame: Any) -> None:
        """A frame that nobody asked for: if it belongs to the reply, that runs further than was learnt."""
        if self._request and self._request.wanted(frame):
            self._last.pop(self._written, None)
