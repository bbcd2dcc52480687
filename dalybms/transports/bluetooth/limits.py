"""Every wait of the Bluetooth wire, in one table that tests can scale."""

from __future__ import annotations

import time
from typing import NamedTuple


class Limits(NamedTuple):
    """Seconds. A hanging call ends at its own limit plus, at most, `cleanup`."""

    turn: float = 60.0  # until another connection attempt of this program is over
    bus: float = 5.0  # asking the system's Bluetooth service what is connected
    start: float = 5.0  # switching scanning on
    scan: float = 10.0  # hearing the device; a Daly advertises about once a second
    same_name: float = 1.0  # hearing a second device of the same name
    stop: float = 2.0  # switching scanning off
    connect: float = 20.0  # connecting and reading the list of services, repeats included
    pause: float = 0.25  # before connecting again after a passing error; doubles
    subscribe: float = 5.0
    write: float = 5.0
    disconnect: float = 3.0  # BlueZ takes two
    cleanup: float = 2.5  # what bleak does after being cancelled, and what Ctrl-C waits for
    exit: float = 1.2  # all links together, when the interpreter ends
    thread: float = 2.0  # what the blocking side grants the Bluetooth thread beyond its own limits

    def opening(self) -> float:
        """The longest that opening a link can take in the Bluetooth thread."""
        waits = (self.turn, self.bus, self.start, self.scan, self.same_name, self.stop, self.connect)
        return sum(waits) + self.subscribe + self.disconnect + 2 * self.cleanup


LIMITS = Limits()


class Late(Exception):
    """A wait reached its limit (bleak raises TimeoutError for limits of its own)."""


class Deadline:
    """An overall time allowed, `budget` seconds from now; None: only the single limits count.

    A fifth of it is kept back for the clean-up after a stage that failed.
    """

    def __init__(self, budget: float | None) -> None:
        self._end = None if budget is None else time.monotonic() + 0.8 * budget

    def cut(self, limit: float) -> float:
        """`limit`, or what is left of the time allowed if that is less."""
        return limit if self._end is None else max(0.0, min(limit, self._end - time.monotonic()))

    def over(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end
