"""Fewer points, the same picture: of each bucket the lowest and the highest value stay. Pure; needs numpy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

LONGEST = 3.0
"""Usual distances between two samples; what lies further apart is a gap."""
Array = Any
"""numpy's array of floats."""


class Line(NamedTuple):
    """times (s since 1970), values; NaN where the line must break."""

    times: Array
    values: Array

    @property
    def alone(self) -> Array:
        """The places of points without a neighbour, which a line does not show."""
        missing = np.isnan(np.concatenate(([np.nan], self.values, [np.nan])))
        return np.flatnonzero(~missing[1:-1] & missing[:-2] & missing[2:])


def usual_distance(times: Array) -> float:
    """Seconds between two samples, the median; 0.0 for fewer than two."""
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def gaps(times: Array, usual: float) -> list[tuple[float, float]]:
    """(from, to) where no sample came for more than LONGEST usual distances."""
    places = np.flatnonzero(np.diff(times) > LONGEST * usual) if usual else []
    return [(float(times[at]), float(times[at + 1])) for at in places]


def line(times: Array, values: Array, usual: float, points: int) -> Line:
    """At most about `points`, in order; peaks stay, and no gap or unread value is bridged."""
    times, values = np.asarray(times, float), np.asarray(values, float)
    missing = np.isnan(values)
    kept = np.flatnonzero(~missing) if len(times) <= points else _peaks(values, missing, points)
    if not len(kept):
        return Line(np.empty(0), np.empty(0))
    broken = missing[1:] | missing[:-1]
    if usual:
        broken |= np.diff(times) > LONGEST * usual
    breaks = np.concatenate(([0], np.cumsum(broken)))
    torn = np.flatnonzero(breaks[kept[1:]] > breaks[kept[:-1]]) + 1
    between = (times[kept][torn - 1] + times[kept][torn]) / 2
    return Line(np.insert(times[kept], torn, between), np.insert(values[kept], torn, np.nan))


def _peaks(values: Array, missing: Array, points: int) -> Array:
    """The places of the first, lowest, highest and last value of each bucket."""
    size = -(-len(values) // max(1, points // 4))
    room = -(-len(values) // size) * size - len(values)
    high = np.pad(np.where(missing, -np.inf, values), (0, room), constant_values=-np.inf).reshape(-1, size)
    low = np.pad(np.where(missing, np.inf, values), (0, room), constant_values=np.inf).reshape(-1, size)
    read = np.isfinite(high)
    first, last = read.argmax(1), size - 1 - read[:, ::-1].argmax(1)
    inside = np.stack((first, low.argmin(1), high.argmax(1), last), 1) + size * np.arange(len(high))[:, None]
    return np.unique(inside[read.any(1)])
