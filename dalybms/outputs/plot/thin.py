"""Fewer points, the same picture, and nothing drawn where nothing was read. Pure; needs numpy.

`holes` has an entry for each pair of neighbouring samples: True where a line would bridge what nobody knows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

LONGEST = 3.0
"""Usual distances between two samples; what lies further apart is a hole."""
_NEAR = 11
"""Distances on either side that tell the usual one: a log may change its interval."""
_AT_ONCE = 100_000
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


def holes(times: Array) -> Array:
    """Where no sample came for long, or the clock went back."""
    distances = np.diff(times)
    if not len(distances):
        return np.zeros(0, bool)
    usual = _usual(distances)
    limits = LONGEST * np.maximum(usual[: len(distances)], usual[_NEAR + 1 :])
    return (distances < 0) | (distances > limits)


def _usual(distances: Array) -> Array:
    """The median of the distances before each place and, _NEAR + 1 further on, behind it."""
    common = np.partition(distances, (len(distances) - 1) // 2)[(len(distances) - 1) // 2]
    padded = np.pad(distances, _NEAR, constant_values=common)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _NEAR)
    parts = (windows[start : start + _AT_ONCE] for start in range(0, len(windows), _AT_ONCE))
    return np.concatenate([np.median(part, axis=1) for part in parts])


def gaps(times: Array, torn: Array) -> Array:
    """[[from, to], ...] where no sample came."""
    places = np.flatnonzero(torn & (np.diff(times) > 0))
    return np.stack((times[places], times[places + 1]), 1)


def runs(times: Array, chosen: Array, torn: Array) -> Array:
    """[[from, to], ...] of chosen samples: each reaches to the next, or ends at a hole."""
    places = np.flatnonzero(chosen)
    stops = np.minimum(places + 1, len(times) - 1)
    stops = np.where(np.append(torn, False)[places], places, stops)
    return np.stack((times[places], times[stops]), 1)


def joined(spans: Array, nearest: float) -> Array:
    """In order, those that touch or are nearer to each other than a picture can show as one."""
    if not len(spans):
        return spans
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(spans[:, 1])
    first = np.concatenate(([0], np.flatnonzero(spans[1:, 0] > reach[:-1] + nearest) + 1))
    return np.stack((spans[first, 0], reach[np.append(first[1:] - 1, len(spans) - 1)]), 1)


def line(times: Array, values: Array, torn: Array, points: int) -> Line:
    """At most about `points`, in the order of the log; peaks stay, no hole or unread value is bridged."""
    missing = np.isnan(values)
    kept = np.flatnonzero(~missing)
    if len(kept) > points:
        kept = _peaks(times, values, kept, points)
    if not len(kept):
        return Line(np.empty(0), np.empty(0))
    breaks = np.concatenate(([0], np.cumsum(torn | missing[1:] | missing[:-1])))
    after = np.flatnonzero(breaks[kept[1:]] > breaks[kept[:-1]]) + 1
    between = (times[kept][after - 1] + times[kept][after]) / 2
    return Line(np.insert(times[kept], after, between), np.insert(values[kept], after, np.nan))


def _peaks(times: Array, values: Array, kept: Array, points: int) -> Array:
    """Of `kept` the places of the first, lowest, highest and last value of each stretch of time."""
    starts = _stretches(times[kept], max(1, points // 4))
    ends = np.append(starts[1:], len(kept))
    known = values[kept]
    found = [starts, ends - 1]
    for extreme in (np.minimum, np.maximum):
        same = np.flatnonzero(known == np.repeat(extreme.reduceat(known, starts), ends - starts))
        found.append(same[np.searchsorted(same, starts)])
    return kept[np.unique(np.concatenate(found))]


def _stretches(times: Array, count: int) -> Array:
    """Where each begins. Of equal length, unless a clock that goes back makes too many."""
    lowest, highest = times.min(), times.max()
    numbers = np.floor((times - lowest) / max(highest - lowest, 1e-9) * count)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(numbers)) + 1))
    return starts if len(starts) <= 2 * count + 1 else np.arange(0, len(times), -(-len(times) // count))
