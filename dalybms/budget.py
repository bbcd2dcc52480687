"""What failing may still cost in one public call. Counts seconds, and has no clock."""

from __future__ import annotations

from dalybms.timing import Timing

_ENOUGH = 0.9
"""A repeated attempt begins when so much of the silence that it may take is left; clocks are not exact."""


class Budget:
    """Bounds on attempts that fail: silent ones share one sum, all of them another.

    What a repeat heals is given back: it was no sign that asking is in vain. On a living line, when
    all is used up, each further request still gets one attempt, until a few in a row have failed.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self.begin()

    def begin(self, within: float = float("inf")) -> None:
        """A new public call: everything is there again, of silence `within` seconds at most."""
        patience = max(self._timing.timeout, self._timing.least_turn)  # or some candidates get no turn
        self._silence = min(within, self._timing.silences * patience)
        self._failures = self._timing.failures * patience
        self._last_tries = self._timing.last_tries
        self.question()
        self.alive = False
        """Has anything been answered in this call?"""

    def question(self) -> None:
        """Something else is asked now: what has failed before stays lost."""
        self._since_silence = self._since_failures = 0.0

    def allows(self, silence: float, attempts: int, unheard: bool, optional: bool) -> bool:
        """May a question be sent that may meet with `silence` seconds of it?

        attempts: how often it was sent before. unheard: never after a long rest, so that the
        board may not have heard it: then one more is allowed. An optional question is
        left out when something is short.
        """
        least = _ENOUGH * silence if attempts else 0.0
        if self._silence > least and self._failures > 0:
            return True
        if optional or not self.alive or not (self._last_tries or attempts):
            return False
        if not attempts:
            self._last_tries -= 1
        return not attempts or unheard

    @property
    def short(self) -> bool:
        """Is there less than one silence left?"""
        return self._silence < _ENOUGH * self._timing.timeout or self._failures <= 0

    def answered(self) -> None:
        self.alive = True
        self._last_tries = self._timing.last_tries
        self._silence += self._since_silence
        self._failures += self._since_failures
        self.question()

    def refused(self, seconds: float) -> None:
        """An answer came that cannot be: it is worth its repeats, but not without end."""
        self._failures -= seconds
        self._since_failures += seconds

    def failed(self, seconds: float, silent: bool) -> None:
        """silent: nothing came but echoes. A damaged reply on a living line is worth its repeats."""
        self.refused(seconds)
        if silent or not self.alive:
            self._silence -= seconds
            self._since_silence += seconds
