"""Thinned lines: peaks stay, holes stay holes, single values are seen, whatever the length."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalybms.outputs.plot import thin

NAN = float("nan")


def steady(count: int, step: float = 10.0) -> Any:
    return np.arange(count) * step


def thinned(times: Any, values: Any, points: int = 100) -> thin.Line:
    times, values = np.asarray(times, float), np.asarray(values, float)
    return thin.line(times, values, thin.holes(times), points)


def drawn_pairs(line: thin.Line) -> list[tuple[float, float]]:
    """The strokes of a line: from which time to which."""
    return [
        (float(line.times[at]), float(line.times[at + 1]))
        for at in range(len(line.times) - 1)
        if not np.isnan(line.values[at : at + 2]).any()
    ]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0], []),
        ([0, 10], [False]),
        ([0, 10, 20, 500, 510, 520], [False, False, True, False, False]),
        ([0, 10, 5000], [False, True]),
        ([0, 10, 20, 29, 41, 71, 80], [False] * 6),
        ([0, 10, 20, 5, 15], [False, False, True, False]),
        ([0, 10, 10, 20], [False] * 3),
    ],
)
def test_holes(times: list[float], expected: list[bool]) -> None:
    assert thin.holes(np.asarray(times, float)).tolist() == expected


def test_a_log_may_change_its_interval() -> None:
    parts = (np.arange(0, 5000, 1.0), np.arange(5000, 90000, 60.0), np.arange(90000, 91000, 1.0))
    times = np.concatenate(parts)
    assert not thin.holes(times).any()


def test_a_hole_is_measured_by_its_neighbours() -> None:
    """100 s is nothing where samples come each minute, and a hole where they come each second."""
    times = np.concatenate((np.arange(0, 900, 60.0), np.arange(960, 1500, 1.0), np.arange(1599, 1700, 1.0)))
    assert np.flatnonzero(thin.holes(times)).tolist() == [len(np.arange(0, 900, 60.0)) + 539]


def test_single_samples_between_holes_are_alone() -> None:
    times = np.concatenate((steady(50), [5000.0], 10000 + steady(50)))
    line = thinned(times, np.ones(101), 1000)
    assert line.times[line.alone].tolist() == [5000.0]


@pytest.mark.parametrize("count", [50, 5000, 100_000])
def test_peaks_stay(count: int) -> None:
    values = np.sin(np.arange(count) / 50)
    values[count // 3], values[count // 2] = 17.0, -17.0
    line = thinned(steady(count), values)
    assert {17.0, -17.0} <= set(line.values.tolist())
    assert len(line.values) <= max(count, 420)
    assert line.times[0] == 0
    assert line.times[-1] == 10.0 * (count - 1)


def test_the_picture_is_the_same() -> None:
    """Lowest and highest of each stretch of time are those of all values."""
    times, values = steady(40_000), np.cumsum(np.random.default_rng(5).normal(size=40_000))
    line = thinned(times, values, 400)
    for start in range(0, 40_000, 400):
        inside = (line.times >= times[start]) & (line.times <= times[start + 399])
        whole = values[start : start + 400]
        assert line.values[inside].min() == whole.min()
        assert line.values[inside].max() == whole.max()


def test_a_stretch_of_time_has_its_points_whatever_the_interval() -> None:
    """An hour at 10 Hz must not take the points from the month after it."""
    times = np.concatenate((np.arange(0, 3600, 0.1), np.arange(3600, 2_600_000, 60.0)))
    line = thinned(times, np.ones(len(times)), 1000)
    assert np.diff(line.times[1:]).max() < 2 * 2_600_000 / 250


def test_a_clock_that_goes_back_at_each_sample_is_bounded() -> None:
    times = np.where(np.arange(100_000) % 2, steady(100_000), 1e6 + steady(100_000))
    assert len(thinned(times, np.ones(100_000)).values) < 1000


logs = st.lists(
    st.tuples(
        st.sampled_from([1.0, 10.0, 10.0, 10.0, 400.0, -50.0]),
        st.one_of(st.just(NAN), st.floats(-100, 100)),
    ),
    min_size=1,
    max_size=400,
)


@given(logs, st.sampled_from([4, 40, 4000]))
def test_no_line_bridges_what_nobody_knows(log: list[tuple[float, float]], points: int) -> None:
    times, values = np.cumsum([step for step, _ in log]), np.array([value for _, value in log])
    torn = thin.holes(times)
    line = thin.line(times, values, torn, points)
    places = {(at, float(value)): n for n, (at, value) in enumerate(zip(times.tolist(), values))}
    known = np.flatnonzero(~np.isnan(line.values))
    for first, second in zip(known, known[1:]):
        if second == first + 1 and len(places) == len(times):
            start = places[float(line.times[first]), float(line.values[first])]
            stop = places[float(line.times[second]), float(line.values[second])]
            assert not torn[start:stop].any()
            assert not np.isnan(values[start : stop + 1]).any()


@given(logs)
def test_every_value_is_drawn_while_they_are_few(log: list[tuple[float, float]]) -> None:
    times, values = np.cumsum([step for step, _ in log]), np.array([value for _, value in log])
    line = thin.line(times, values, thin.holes(times), 4000)
    assert line.values[~np.isnan(line.values)].tolist() == values[~np.isnan(values)].tolist()
    seen = set(line.alone.tolist()) | {n for n in range(len(line.values)) if near(line.values, n)}
    assert seen == set(np.flatnonzero(~np.isnan(line.values)).tolist())


def near(values: Any, n: int) -> bool:
    """Whether a stroke reaches this point."""
    beside = [values[k] for k in (n - 1, n + 1) if 0 <= k < len(values)]
    return not np.isnan(values[n]) and not np.isnan(beside).all() if beside else False


def test_runs_end_at_a_hole() -> None:
    times = np.array([0.0, 10, 20, 30, 500, 510, 520])
    torn = thin.holes(times)
    chosen = np.array([False, True, True, True, False, False, True])
    assert thin.joined(thin.runs(times, chosen, torn), 0).tolist() == [[10, 30], [520, 520]]
    assert thin.gaps(times, torn).tolist() == [[30, 500]]


def test_a_setback_is_no_gap() -> None:
    times = np.array([0.0, 10, 20, 5, 15])
    assert thin.gaps(times, thin.holes(times)).tolist() == []


def test_spans_that_a_picture_cannot_tell_apart_are_joined() -> None:
    spans = np.array([[5.0, 6], [0, 1], [1.5, 2], [0.5, 9], [20, 21]])
    assert thin.joined(spans, 1.0).tolist() == [[0, 9], [20, 21]]
    assert thin.joined(np.empty((0, 2)), 1.0).tolist() == []
    many = np.stack((steady(100_000), steady(100_000) + 5), 1)
    assert len(thin.joined(many, 1000.0)) == 1


def test_a_million_values_take_little_time() -> None:
    times = steady(1_000_000)
    values = np.sin(times)
    values[::7] = NAN
    start = time.process_time()
    line = thin.line(times, values, thin.holes(times), 4000)
    assert time.process_time() - start < 10
    assert len(line.values) < 9000
