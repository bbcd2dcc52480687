"""When to sample and when to try a lost wire again. Pure: the time is handed in."""

from __future__ import annotations

import math

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before a wire that failed is opened again; they double with each failure in a row."""


class Schedule:
    """Moments `interval` seconds apart from `start` on, which no delay moves.

    A hang leaves out the moments that it took, so nothing bunches up behind it.
    """

    def __init__(self, start: float, interval: float) -> None:
        self._start, self._interval = start, interval

    def after(self, now: float) -> float:
        """The first moment later than `now`; the start itself before it."""
        if now < self._start:
            return self._start
        return self._start + (math.floor((now - self._start) / self._interval) + 1) * self._interval


class Backoff:
    """How long to leave a wire alone that could not be opened; the first success clears it."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = float("-inf")

    def failed(self, now: float) -> None:
        self._until = now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self._failures, 10))
        self._failures += 1

    def succeeded(self) -> None:
        self._failures, self._until = 0, float("-inf")

    def may_try(self, now: float) -> bool:
        return now >= self._until
