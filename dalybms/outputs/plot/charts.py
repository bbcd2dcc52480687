"""What is drawn of a track: charts, each with its lines. Needs numpy, not matplotlib."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from dalybms.outputs.plot.track import Track

Array = Any


class Curve(NamedTuple):
    """label: "" where the chart has one line; values as many as the track has samples."""

    label: str
    values: Array


class Chart(NamedTuple):
    """title with unit; least: the height of the scale where values hardly change; directed: is 0 a line?"""

    title: str
    curves: Sequence[Curve]
    least: float
    directed: bool = False


def charts(track: Track, cells: Collection[int] = ()) -> list[Chart]:
    """Always the same ones, without curves where a track never had the values. cells: only these."""
    listed = _listed(track, "cell_voltage", "cell")
    shown = [at for at, (number, _) in enumerate(listed) if not cells or number in cells]
    voltages = [curve for _, curve in listed]
    distances = _from_mean(voltages)
    return [
        Chart("pack voltage\n(V)", _one(track, "total_voltage"), 0.5),
        Chart("current\n(A, board's sign)", _one(track, "current"), 2, True),
        Chart("power\n(W, + discharging)", _one(track, "power"), 50, True),
        Chart("state of charge\n(%)", _one(track, "soc_percent"), 5),
        Chart("cells\n(V)", [voltages[at] for at in shown], 0.02),
        Chart("cells\n(mV from the mean)", [distances[at] for at in shown if distances], 10, True),
        Chart("temperature\n(°C)", [curve for _, curve in _listed(track, "temperature", "sensor")], 4),
        Chart("energy counted\n(kWh)", list(_energy(track)), 0.01),
    ]


def _one(track: Track, key: str, label: str = "") -> list[Curve]:
    values = np.asarray(track.values.get(key, array("f")))  # no copy: a million samples of 48 cells are much
    return [] if np.all(np.isnan(values)) else [Curve(label, values)]


def _listed(track: Track, key: str, thing: str) -> list[tuple[int, Curve]]:
    found = (
        (number, _one(track, f"{key}_{number}", f"{thing} {number}")) for number, _ in track.numbered(key)
    )
    return [(number, curves[0]) for number, curves in found if curves]


def _from_mean(cells: Sequence[Curve]) -> list[Curve]:
    """In mV. The mean is that of the whole pack, whichever cells are shown; nothing without it."""
    if len(cells) < 2:
        return []
    mean = mean_of(np.stack([curve.values for curve in cells]))
    return [Curve(curve.label, 1000 * (curve.values - mean)) for curve in cells]


def mean_of(table: Array) -> Array:
    """Of the cells (rows) at each moment; NaN where one is missing that mostly is read.

    The mean of the others is another one: all lines would jump by what is no change of any cell.
    """
    known = ~np.isnan(table)
    usual = 2 * known.sum(1) >= known.any(0).sum()
    mean: Array = table[usual].mean(0) if usual.any() else np.full(table.shape[1], np.nan)
    return mean


def outermost(curves: Sequence[Curve], each: int) -> list[int]:
    """The places of the curves that are highest and lowest on average, from top to bottom."""
    order = np.argsort([-_average(curve.values) for curve in curves], kind="stable")
    return [int(at) for at in (*order[:each], *order[-each:])]


def _average(values: Array) -> float:
    """Of a cell that was read only where its mean is not known: none is further in the middle."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.0


def _energy(track: Track) -> Iterator[Curve]:
    """From 0 on; again from 0, with a break, where the counter was set back."""
    for key, label in (("energy_in_wh", "in"), ("energy_out_wh", "out")):
        for curve in _one(track, key, label):
            yield Curve(label, since_reset(curve.values) / 1000)


def since_reset(counted: Array) -> Array:
    """What was counted since the first value, or since the counter went back; NaN at that step."""
    places = np.flatnonzero(~np.isnan(counted))
    known = counted[places]
    back = np.flatnonzero(np.diff(known) < 0) + 1
    starts = np.concatenate(([0], back))
    lengths = np.diff(np.append(starts, len(known)))
    found = np.full(len(counted), np.nan)
    found[places] = known - np.repeat(known[starts], lengths)
    found[places[back]] = np.nan
    return found
