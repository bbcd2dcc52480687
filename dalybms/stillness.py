"""Has a board stopped measuring? Its readings tell, one after the other. Pure: times are handed in.

Readings are compared, not raw bytes: what they do not hold, undefined bytes, repeats older replies, so a lost
reply would change it on a frozen board and hide that for ever. A board at rest may rightly
say the same for hours. So equal readings are proof only where something must have moved:
a heartbeat that moved mostly before, or the remaining capacity, of which boards tell steps of 0.1 Ah.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dalybms.packs import failure
from dalybms.polarity import LEAST_AMPERES, number

SECONDS, SAMPLES = 300.0, 5
"""So long and so often must all readings be equal."""
_AMPERE_HOURS = 0.2
"""Two steps of the remaining capacity."""


class Stillness:
    """The readings of one board, sample after sample."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}
        self._since: float | None = None
        self._samples = 0
        self._beats = False
        self._steps = self._moves = 0

    def of(self, readings: Mapping[str, Any], now: float) -> float | None:
        """For how many seconds the board has been frozen; None: it is not, or nothing proves it.

        A section that was not read this time neither proves nor refutes anything.
        """
        read = {name: reading for name, reading in readings.items() if not failure(reading)}
        moved = any(name in self._last and self._last[name] != reading for name, reading in read.items())
        before, beat = _heartbeat(self._last), _heartbeat(read)
        self._count(before, beat)
        self._last.update(read)
        if moved or self._since is None:
            self._since, self._samples = now, 0
        self._samples += 1
        still = now - self._since
        if self._samples < SAMPLES or still < SECONDS:
            return None
        return still if self._beats or self._must_have_moved(still) else None

    def interrupt(self) -> None:
        """Nothing was read: whether it moved meanwhile nobody knows."""
        self._since = None

    def _count(self, before: float | None, beat: float | None) -> None:
        """What moves once in a while, as a count of cycles does, is no heartbeat."""
        if before is None or beat is None:
            return
        self._steps += 1
        if before != beat:
            self._moves += 1
            self._beats = 2 * self._moves > self._steps

    def _must_have_moved(self, seconds: float) -> bool:
        """Currents below 1 A may be the drift of a board's zero."""
        current = number(_of(self._last, "soc", "current"))
        if current is None or number(_of(self._last, "mosfet_status", "capacity_ah")) is None:
            return False
        return abs(current) >= LEAST_AMPERES and abs(current) * seconds / 3600 >= _AMPERE_HOURS


def _heartbeat(readings: Mapping[str, Any]) -> float | None:
    return number(_of(readings, "mosfet_status", "heartbeat"))


def _of(readings: Mapping[str, Any], section: str, key: str) -> Any:
    reading = readings.get(section)
    return reading.get(key) if isinstance(reading, Mapping) else None
