"""The picture: one column of charts over time for each battery. The only part with matplotlib."""

from __future__ import annotations

import io
import itertools
import logging
import os
import warnings
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from dalybms.errors import DalyError
from dalybms.files import put
from dalybms.outputs.packages import missing

os.environ["MPLBACKEND"] = "Agg"  # not what a window or a notebook wants: this program draws into a file
try:
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells where its cache lies
    import matplotlib
    import numpy as np
except ImportError:
    raise missing("plot", "matplotlib", "plot") from None
except ValueError as error:
    raise DalyError(f"matplotlib cannot read its settings: {error}; look at your matplotlibrc") from None

from dalybms.outputs.plot import thin
from dalybms.outputs.plot.charts import Chart, Curve, charts, outermost
from dalybms.outputs.plot.marks import View, draw_faults, finish, lanes_of, mark, moments, short
from dalybms.outputs.plot.track import Track

matplotlib.use("Agg")
from matplotlib import dates
from matplotlib.figure import Figure

_dates: Any = dates
"""Without types in matplotlib itself."""
POINTS = 4000
"""Of one line; a picture has fewer columns."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's, which colour-blind people can tell apart. Of more lines the outermost get one each."""
_OTHERS = "#a9b8c4"
_OUTERMOST = 2
"""On either side."""
_LONG = 600
"""Seconds, of a log without them in its times."""
_ROOM = 2.5
"""Seconds before and behind a log at least: its labels are whole seconds."""
_FEW = 60
"""Samples that are shown as points as well."""
_OWN = {"current": 1, "power": 3, "state of charge": 2}
"""The colour of a chart with one line, where it is not the first."""
_WIDE, _NARROW, _HIGH, _DPI = 12.0, 7.5, 1.9, 110


def draw(tracks: Sequence[Track], path: str, cells: Collection[int] = ()) -> None:
    """Write the picture of all tracks to `path`; its ending says the format. cells: only these. DalyError."""
    matplotlib.rcdefaults()  # a picture is the same for every user
    matplotlib.rcParams["date.epoch"] = "1970-01-01T00:00:00"  # which that leaves alone
    views, ends = list(_views(tracks)), _ends(tracks)
    told = [charts(track, cells) for track in tracks]
    rows = [row for row in range(len(told[0])) if any(own[row].curves for own in told)] or [0]
    lanes = max(len(lanes_of(track)) for track in tracks)
    figure, grid = _grid(len(rows), lanes, len(tracks))
    for column, (view, own) in enumerate(zip(views, told)):
        for place, row in enumerate(rows):
            _draw_chart(grid[place][column], view, own[row])
        if lanes:
            draw_faults(grid[-1][column], view, lanes)
        _name(grid[0][column], view.track.name, 100 if len(tracks) == 1 else 50)
        _label_time(grid[-1][column], ends)
    figure.align_ylabels()
    drawn, ending = io.BytesIO(), os.path.splitext(path)[1].lower()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font lacks are drawn as boxes
        figure.savefig(drawn, format=ending[1:], dpi=_DPI, metadata=_undated(ending))
    put(path, drawn.getvalue())


def _views(tracks: Sequence[Track]) -> Iterator[View]:
    first, last = _ends(tracks)
    for track in tracks:
        times = np.asarray(track.times)
        yield View(track, times, thin.holes(times), (last - first) / POINTS)


def _ends(tracks: Sequence[Track]) -> tuple[float, float]:
    return min(min(track.times) for track in tracks), max(max(track.times) for track in tracks)


def _grid(rows: int, lanes: int, columns: int) -> tuple[Figure, Any]:
    """With a chart of faults below where there are lanes for it."""
    heights = [_HIGH] * rows + [0.3 * lanes + 0.1] * (lanes > 0)
    width = _WIDE if columns == 1 else _NARROW * columns
    figure = Figure(figsize=(width, 0.9 + sum(heights)), layout="constrained")
    ratios = {"height_ratios": heights}
    return figure, figure.subplots(len(heights), columns, squeeze=False, sharex=True, gridspec_kw=ratios)


def _undated(ending: str) -> dict[str, Any] | None:
    """The same log makes the same file."""
    key = {".svg": "Date", ".pdf": "CreationDate"}.get(ending)
    return {key: None} if key else None


def _draw_chart(axes: Any, view: View, chart: Chart) -> None:
    for curve, colour, order in _coloured(chart):
        one = thin.line(view.times, curve.values, view.torn, POINTS)
        at = moments(one.times)
        axes.plot(at, one.values, color=colour, linewidth=1.0, label=curve.label, zorder=order)
        dots = slice(None) if len(at) < _FEW else one.alone
        axes.plot(at[dots], one.values[dots], ".", color=colour, markersize=4, zorder=order)
    if chart.directed:
        axes.axhline(0, color="#666666", linewidth=0.6, zorder=0)
    if not chart.curves:
        axes.text(0.5, 0.5, "never read", transform=axes.transAxes, ha="center", va="center", color="#666666")
        axes.set_yticks([])
    mark(axes, view)
    finish(axes, chart.title)
    _widen(axes, chart.least)
    _legend(axes)


def _coloured(chart: Chart) -> Iterator[tuple[Curve, str, float]]:
    """Each curve with its label, its colour and how far in front it is, in the order of the legend."""
    curves = chart.curves
    if len(curves) == 1:
        yield curves[0], COLOURS[_OWN.get(chart.title.partition("\n")[0], 0)], 2.0
    elif len(curves) <= len(COLOURS):
        yield from ((curve, colour, 2.0) for curve, colour in zip(curves, COLOURS))
    else:
        shown = outermost(curves, _OUTERMOST)
        others = [curve for at, curve in enumerate(curves) if at not in shown]
        named = [(curves[at], colour, 2.1) for at, colour in zip(shown, COLOURS)]
        labels = [f"{len(others)} others", *itertools.repeat("", len(others) - 1)]
        grey = [(Curve(label, curve.values), _OTHERS, 2.0) for label, curve in zip(labels, others)]
        yield from (*named[:_OUTERMOST], *grey, *named[_OUTERMOST:])


def _widen(axes: Any, least: float) -> None:
    """The noise of the last digit is not a mountain range."""
    low, high = axes.get_ylim()
    if high - low < least:
        axes.set_ylim((low + high - least) / 2, (low + high + least) / 2)


def _legend(axes: Any) -> None:
    """Curves without a label get none of matplotlib's either."""
    named = [handle for handle in axes.lines if handle.get_label() and handle.get_label()[0] != "_"]
    if named:
        axes.legend(named, [handle.get_label() for handle in named], loc="center left",
                    bbox_to_anchor=(1, 0.5), fontsize=7, frameon=False)  # fmt: skip


def _name(axes: Any, name: str, longest: int) -> None:
    axes.set_title(short(name, longest), loc="left", fontweight="bold", parse_math=False)


def _span(first: datetime, last: datetime) -> str:
    """Where it begins and ends; matplotlib's own words hold for the last label, not for a month before it."""
    day, minute = "%Y-%m-%d", "%H:%M" if (last - first).total_seconds() > _LONG else "%H:%M:%S"
    end = minute if first.date() == last.date() else f"{day} {minute}"
    return f"{first:{day} {minute}} to {last:{end}}" if last > first else f"{first:{day} {minute}}"


def _label_time(axes: Any, ends: tuple[float, float]) -> None:
    """Local time as it was at each moment, with the names of its zone at both ends."""
    zone = _dates.dateutil.tz.tzlocal()
    room = max(0.01 * (ends[1] - ends[0]), _ROOM)
    axes.set_xlim(*moments((ends[0] - room, ends[1] + room)))
    locator = _dates.AutoDateLocator(tz=zone, minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    local = [datetime.fromtimestamp(end).astimezone() for end in ends]
    formatter = _dates.ConciseDateFormatter(locator, tz=zone, show_offset=False)
    formatter.formats[-1] = "%H:%M:%S"
    span = _span(*local)
    formatter.get_offset = lambda: span  # matplotlib's own is left out where the labels are years
    axes.xaxis.set_major_formatter(formatter)
    names = dict.fromkeys(str(moment.tzname()) for moment in local)
    axes.set_xlabel(f"local time ({', '.join(names)})", fontsize=8, loc="left")
    axes.xaxis.get_offset_text().set_fontsize(8)
    axes.tick_params(axis="x", labelsize=8)
