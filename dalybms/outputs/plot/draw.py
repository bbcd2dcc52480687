"""The picture: one column of charts over time for each battery. The only part with matplotlib."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from dalybms.outputs.packages import missing

try:
    import matplotlib
    import numpy as np
except ImportError:
    raise missing("plot", "matplotlib", "plot") from None

from dalybms.outputs.plot.log import Track
from dalybms.outputs.plot.thin import Line, gaps, line, usual_distance
from dalybms.outputs.quantities import GOOD

matplotlib.use("Agg")
from matplotlib import dates
from matplotlib.figure import Figure

POINTS = 4000
"""Of one line; a picture has fewer columns."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's, which colour-blind people can tell apart."""
_BLUE, _RED, _GREEN, _PURPLE, _ORANGE = COLOURS[:5]
_FEW = 8
"""So many lines get a legend of their own; more get a colour scale from the first to the last."""
_OUTAGE, _FAULT = "#999999", "#D55E00"
_WIDTH, _HEIGHT, _DPI = 12.0, 1.9, 110


class _Chart(NamedTuple):
    """title with unit, and the lines: (label, colour, key or numbers)."""

    title: str
    lines: list[tuple[str, Any, Any]]
    zero: bool = False
    """Is 0 a line of its own: which direction?"""


def draw(tracks: Sequence[Track], path: str, cells: Collection[int] = ()) -> None:
    """Write the picture of all tracks to `path`; its ending says the format. cells: only these. OSError."""
    charts = [_charts(track, cells) for track in tracks]
    rows = max(map(len, charts))
    figure = Figure(
        figsize=(_WIDTH if len(tracks) == 1 else 7.0 * len(tracks), 0.9 + _HEIGHT * rows),
        layout="constrained",
    )
    grid = figure.subplots(rows, len(tracks), squeeze=False, sharex="col")
    for column, (track, own) in enumerate(zip(tracks, charts)):
        for row in range(rows):
            axes = grid[row][column]
            if row < len(own):
                _draw_chart(axes, track, own[row])
            else:
                axes.set_visible(False)
        grid[0][column].set_title(_heading(track), loc="left", fontweight="bold")
        _label_time(grid[len(own) - 1][column])
    figure.savefig(path, dpi=_DPI, metadata={"Date": None} if path.endswith(".svg") else None)


def _charts(track: Track, cells: Collection[int]) -> list[_Chart]:
    """What there is to draw of a track; nothing for what it never had."""
    some = [(n, values) for n, values in track.numbered("cell_voltage") if not cells or n in cells]
    listed = _coloured("cell", [(n, np.asarray(values)) for n, values in some])
    sensors = _coloured("sensor", [(n, np.asarray(v)) for n, v in track.numbered("temperature")])
    charts = [
        _Chart("pack voltage (V)", _one(track, "total_voltage", _BLUE)),
        _Chart("current (A), the board's sign", _one(track, "current", _RED), zero=True),
        _Chart("power (W), + is discharging", _one(track, "power", _PURPLE), zero=True),
        _Chart("state of charge (%)", _one(track, "soc_percent", _GREEN)),
        _Chart("cells (V)", listed),
        _Chart("cells (mV from their mean)", _from_mean(listed), zero=True),
        _Chart("temperature (°C)", sensors),
        _Chart("energy (kWh) since the first sample", list(_energy(track))),
    ]
    return [chart for chart in charts if chart.lines] or [_Chart("nothing was read", [])]


def _one(track: Track, key: str, colour: str) -> list[tuple[str, Any, Any]]:
    values = track.values.get(key)
    return [] if values is None or np.all(np.isnan(values)) else [("", colour, np.asarray(values))]


def _coloured(thing: str, numbered: list[tuple[int, Any]]) -> list[tuple[str, Any, Any]]:
    if len(numbered) <= len(COLOURS):
        return [(f"{thing} {n}", COLOURS[at], values) for at, (n, values) in enumerate(numbered)]
    scale = matplotlib.colormaps["viridis"]
    last = len(numbered) - 1
    return [(f"{thing} {n}", scale(0.95 * at / last), values) for at, (n, values) in enumerate(numbered)]


def _from_mean(listed: list[tuple[str, Any, Any]]) -> list[tuple[str, Any, Any]]:
    if len(listed) < 2:
        return []
    mean = _mean(np.stack([values for _, _, values in listed]))
    return [(label, colour, 1000 * (values - mean)) for label, colour, values in listed]


def _mean(table: Any) -> Any:
    """Of the cells that were read at each moment, NaN where none was."""
    count = np.sum(~np.isnan(table), 0)
    return np.where(count, np.nansum(table, 0) / np.maximum(count, 1), math.nan)


def _energy(track: Track) -> Iterator[tuple[str, Any, Any]]:
    for key, label, colour in (("energy_in_wh", "in", _BLUE), ("energy_out_wh", "out", _ORANGE)):
        values = track.values.get(key)
        if values is not None and not np.all(np.isnan(values)):
            known = np.asarray(values)
            yield label, colour, (known - known[~np.isnan(known)][0]) / 1000


def _draw_chart(axes: Any, track: Track, chart: _Chart) -> None:
    times = np.asarray(track.times)
    usual = usual_distance(times)
    for label, colour, values in chart.lines:
        _draw_line(axes, line(times, values, usual, POINTS), label, colour)
    if chart.zero:
        axes.axhline(0, color="#666666", linewidth=0.6, zorder=0)
    _mark(axes, track, times, usual)
    axes.set_ylabel(chart.title.replace(" (", "\n("), fontsize=8)
    axes.grid(True, color="#dddddd", linewidth=0.5)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.01)
    axes.ticklabel_format(axis="y", useOffset=False)
    _legend(axes, chart)


def _draw_line(axes: Any, one: Line, label: str, colour: Any) -> None:
    moments = _moments(one.times)
    axes.plot(moments, one.values, color=colour, linewidth=1.0, label=label or None)
    if len(one.alone):
        axes.plot(moments[one.alone], one.values[one.alone], ".", color=colour, markersize=3)


def _legend(axes: Any, chart: _Chart) -> None:
    named = [label for label, _, _ in chart.lines if label]
    if not named:
        return
    handles, labels = axes.get_legend_handles_labels()
    if len(named) > _FEW:
        middle = len(named) // 2
        handles, labels = (
            [handles[0], handles[middle], handles[-1]],
            [labels[0], labels[middle], labels[-1]],
        )
    axes.legend(handles, labels, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7, frameon=False)


def _mark(axes: Any, track: Track, times: Any, usual: float) -> None:
    """Grey where no sample came or nothing was read, a red bar at the bottom while a fault is active."""
    end = float(times[-1]) + usual
    for start, stop in gaps(times, usual):
        axes.axvspan(*_moments(np.array([start, stop])), color=_OUTAGE, alpha=0.25, linewidth=0, zorder=-1)
    for start, stop, state in _spans(track.states, end):
        if state not in GOOD:
            axes.axvspan(*_moments(np.array([start, stop])), color=_OUTAGE, alpha=0.4, linewidth=0, zorder=-1)
    for start, stop, texts in _spans(track.faults, end):
        if texts:
            axes.axvspan(*_moments(np.array([start, stop])), 0, 0.04, color=_FAULT, linewidth=0)


def _spans(changes: Sequence[tuple[float, str]], end: float) -> Iterator[tuple[float, float, str]]:
    stops = [at for at, _ in changes[1:]] + [end]
    return ((start, stop, text) for (start, text), stop in zip(changes, stops))


def _moments(seconds: Any) -> Any:
    """matplotlib's days since 1970, which know no time zone."""
    return np.asarray(seconds) / 86400.0


def _label_time(axes: Any) -> None:
    zone = datetime.now().astimezone().tzinfo
    locator = dates.AutoDateLocator(tz=zone, minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=zone))
    axes.set_xlabel(f"local time ({datetime.now().astimezone().tzname()})", fontsize=8)
    axes.tick_params(axis="x", labelbottom=True)


def _heading(track: Track) -> str:
    """The name, and the faults there were, as far as they fit."""
    texts = dict.fromkeys(part for _, text in track.faults if text for part in text.split("; "))
    told = f" – faults: {', '.join(texts)}" if texts else ""
    return (track.name + told)[:110]
