"""Samples of one battery -> Wh and Ah, in and out. Pure: monotonic times are handed in.

Power is taken as running straight from sample to sample, so a swing through zero counts on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from dalybms.packs import Pack, Unknown, absence
from dalybms.polarity import LEAST_AMPERES, learn, number, polarity

COUNTERS = (
    "energy_in_wh",
    "energy_out_wh",
    "charge_in_ah",
    "charge_out_ah",
    "gap_seconds",
    "unassigned_seconds",
)
"""What is counted, and never falls."""
LONGEST = 3
"""Intervals between two samples; what lies further apart is not counted."""
STEADY = 300.0
"""Seconds without an outage before a current is called smoothed."""
_MEMORY = STEADY / 3
"""Time constant, s: nineteen twentieths of the weight lie within the last STEADY seconds."""
_HOUR = 3600.0


class _Point(NamedTuple):
    """What flowed at one moment, with the board's own sign."""

    at: float
    amperes: float
    watts: float


class Meter:
    """Counts one battery.

    interval: seconds from sample to sample as planned. counters, voices: what was counted and
    learnt before (see polarity.py). inverted: the current is turned by `invert_current`.
    """

    def __init__(
        self,
        interval: float,
        counters: Mapping[str, float] | None = None,
        voices: Mapping[str, int] | None = None,
        inverted: bool = False,
    ) -> None:
        self._interval, self._inverted = interval, inverted
        self.counters = {name: float((counters or {}).get(name, 0.0)) for name in COUNTERS}
        self.voices = learn(voices or {}, 0)
        self._last: _Point | None = None
        self._smooth: float | None = None
        self._steady_since = 0.0

    def add(self, sample: Mapping[str, Any], now: float) -> None:
        """Count what flowed since the sample before. One without a current or voltage is passed over."""
        point = None if absence(sample) else _point(sample, now)
        if point is None:
            return
        pack = Pack(sample.get("name"), sample, {}, self._inverted)
        self.voices = learn(self.voices, pack.seen)
        sign = polarity(pack.protocol, self.voices, inverted=self._inverted)
        last, self._last = self._last, point
        if last and last.at < now:
            self._count(last, point, sign)

    def runtime(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """{runtime_hours, runtime_to}: until "empty" or "full" at the current of the last five minutes.

        {} below 1 A, within five minutes of the start or an outage, and where this sample does not tell it.
        """
        steady = self._last is not None and self._last.at - self._steady_since >= STEADY
        if self._smooth is None or not steady or abs(self._smooth) < LEAST_AMPERES or absence(sample):
            return {}
        pack = Pack(sample.get("name"), sample, self.voices, self._inverted)
        try:
            remaining = pack.number("mosfet_status", "capacity_ah")
            ampere_hours = remaining if self._smooth > 0 else pack.full() - remaining
        except Unknown:
            return {}
        if ampere_hours < 0:
            return {}
        hours = round(ampere_hours / abs(self._smooth), 2)
        return {"runtime_hours": hours, "runtime_to": "empty" if self._smooth > 0 else "full"}

    def _count(self, last: _Point, point: _Point, sign: int | None) -> None:
        seconds = point.at - last.at
        if seconds > LONGEST * self._interval:
            self.counters["gap_seconds"] += seconds
            self._smooth = None
            return
        at_rest = not last.amperes and not point.amperes
        if sign is None and not at_rest:
            self.counters["unassigned_seconds"] += seconds
            self._smooth = None
            return
        turn = sign or 0
        self._flow("charge", "ah", turn * last.amperes, turn * point.amperes, seconds)
        self._flow("energy", "wh", turn * last.watts, turn * point.watts, seconds)
        self._follow(turn * (last.amperes + point.amperes) / 2, last.at, seconds)

    def _flow(self, what: str, unit: str, before: float, after: float, seconds: float) -> None:
        into, out = areas(before, after, seconds)
        self.counters[f"{what}_in_{unit}"] += into / _HOUR
        self.counters[f"{what}_out_{unit}"] += out / _HOUR

    def _follow(self, amperes: float, since: float, seconds: float) -> None:
        if self._smooth is None:
            self._smooth, self._steady_since = amperes, since
        self._smooth += (1 - math.exp(-seconds / _MEMORY)) * (amperes - self._smooth)


def areas(before: float, after: float, seconds: float) -> tuple[float, float]:
    """(below, above) zero, both positive, of a straight line from `before` to `after` in `seconds`."""
    if before * after >= 0:
        area = (before + after) / 2 * seconds
        return max(0.0, -area), max(0.0, area)
    whole = abs(before) + abs(after)
    first, second = (end * end / whole / 2 * seconds for end in (before, after))
    return (second, first) if before > 0 else (first, second)


def _point(sample: Mapping[str, Any], now: float) -> _Point | None:
    soc = sample.get("soc")
    if not isinstance(soc, Mapping):
        return None
    amperes, volts = number(soc.get("current")), number(soc.get("total_voltage"))
    return None if amperes is None or volts is None else _Point(now, amperes, amperes * volts)
