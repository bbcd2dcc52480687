"""What is marked in every chart: where nothing is known, where a fault was active. Axes are matplotlib's."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dalybms.outputs.plot import thin
from dalybms.outputs.plot.charts import Array
from dalybms.outputs.plot.track import Track
from dalybms.outputs.quantities import GOOD

_NOTHING, _FAULT = "#999999", "#D55E00"
_LANES = 8
"""Faults with a lane of their own."""


class View(NamedTuple):
    """A track and what all of its charts share."""

    track: Track
    times: Array
    torn: Array
    pixel: float
    """Seconds that are too short to be seen."""


def mark(axes: Any, view: View) -> None:
    """Grey where no sample came, darker where nothing was read; a bar at the bottom: a fault was active."""
    _mark_nothing(axes, view)
    _shade(axes, _told(view, view.track.faults, bool), view, _FAULT, 1.0, (0, 0.04))


def _mark_nothing(axes: Any, view: View) -> None:
    _shade(axes, thin.gaps(view.times, view.torn), view, _NOTHING, 0.25)
    _shade(axes, _told(view, view.track.states, lambda state: state not in GOOD), view, _NOTHING, 0.45)


def _told(view: View, words: Any, wanted: Any) -> Array:
    chosen = [code for code, word in enumerate(words.known) if wanted(word)]
    return thin.runs(view.times, np.isin(np.asarray(words.codes), chosen), view.torn)


def _shade(
    axes: Any, spans: Array, view: View, colour: str, alpha: float, high: tuple[float, float] = (0, 1)
) -> None:
    """Over the given part of the height; never too narrow to be seen."""
    spans = moments(thin.joined(spans, view.pixel))
    bars = [(start, stop - start) for start, stop in spans]
    if bars:
        front = 0.5 if alpha < 1 else 1.6
        across = axes.get_xaxis_transform()
        axes.broken_barh(bars, (high[0], high[1] - high[0]), transform=across, color=colour, alpha=alpha,
                         linewidth=0.5, zorder=front)  # fmt: skip


def lanes_of(track: Track) -> list[tuple[str, set[str]]]:
    """(what to write, texts of faults) for each fault that there was; the last ones share one."""
    texts = list(dict.fromkeys(part for known in track.faults.known for part in _parts(known)))
    lanes = [(text, {text}) for text in texts[:_LANES]]
    if len(texts) > _LANES:
        lanes[-1] = (f"{len(texts) - _LANES + 1} more faults", set(texts[_LANES - 1 :]))
    return lanes


def _parts(texts: str) -> list[str]:
    return texts.split("; ") if texts else []


def draw_faults(axes: Any, view: View, room: int) -> None:
    """A lane of 0 to 1 for each fault from the top, its text above its bar."""
    for lane, (text, parts) in enumerate(lanes_of(view.track)):
        spans = _told(view, view.track.faults, lambda known, own=parts: not own.isdisjoint(_parts(known)))
        _shade(axes, spans, view, _FAULT, 1.0, (1 - (lane + 0.95) / room, 1 - (lane + 0.6) / room))
        axes.text(0.005, 1 - (lane + 0.08) / room, short(text, 90), transform=axes.transAxes, va="top",
                  fontsize=7, parse_math=False)  # fmt: skip
    _mark_nothing(axes, view)
    finish(axes, "faults")
    axes.set_yticks([])
    axes.set_ylim(0, 1)


def finish(axes: Any, title: str) -> None:
    axes.set_ylabel(title, fontsize=8)
    axes.grid(True, color="#dddddd", linewidth=0.5)
    axes.tick_params(labelsize=8)
    axes.ticklabel_format(axis="y", useOffset=False, style="plain")


def moments(seconds: Array) -> Array:
    """matplotlib's days since 1970, which know no time zone."""
    return np.asarray(seconds) / 86400.0


def short(text: str, longest: int) -> str:
    """In one line, without what cannot be drawn."""
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
