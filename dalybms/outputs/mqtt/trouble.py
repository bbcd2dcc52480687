"""What is told of a broker, and when: each thing once, until all has been well for a while. Pure.

A connection that comes and goes would else be two lines a second, for years.
"""

from __future__ import annotations

from typing import Callable

STEADY = 60.0
"""Seconds that a connection stands, after which all is well."""
_LOST, _AGAIN = "the connection was lost", "the connection is lost again and again"


class Trouble:
    """tell: takes each line."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told: set[str] = set()
        self._refused: set[str] = set()
        self._unwell = self._returned = False
        self._losses = self._drops_known = 0
        self._drops_told = False

    def wrong(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._unwell = True
            self._tell(what)

    def lost(self, why: str = "") -> None:
        """why: as the broker said."""
        self._losses += 1
        self.wrong(f"{_LOST if self._losses == 1 else _AGAIN}{why and ': '}{why}")

    def refused(self, topic: str, why: str) -> None:
        """One line for each kind of topic: which batteries there are does not matter to the broker."""
        kind = topic.rpartition("/")[2]
        if kind not in self._refused:
            self._refused.add(kind)
            self._tell(f"it refuses the topic {topic}: {why}")

    def dropping(self, dropped: int) -> None:
        """dropped: samples so far."""
        if dropped > self._drops_known and not self._drops_told:
            self._drops_told = True
            self._tell("samples that it cannot take are dropped, the oldest first")

    def connected(self, dropped: int) -> None:
        """Told at once only the first time: the connection may be lost again."""
        if self._unwell and not self._returned:
            self._well(dropped)

    def steady(self, dropped: int) -> None:
        """The connection has stood for STEADY seconds."""
        if self._unwell:
            self._well(dropped)
        self._told.clear()
        self._returned, self._losses = False, 0

    def _well(self, dropped: int) -> None:
        self._tell(f"connected again; {dropped - self._drops_known} samples were dropped")
        self._unwell, self._returned = False, True
        self._drops_known, self._drops_told = dropped, False
