"""What is drawn: means, distances and counters that are never a number which nobody read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outputs.plot.logs import sample, write_json

from dalybms.outputs.plot.charts import Curve, charts, mean_of, outermost, since_reset
from dalybms.outputs.plot.log import read
from dalybms.outputs.plot.track import Track

NAN = float("nan")


def track(tmp_path: Path, *samples: dict[str, Any]) -> Track:
    return read(write_json(tmp_path / "log", samples)).tracks[0]


def chart(track: Track, beginning: str, cells: tuple[int, ...] = ()) -> dict[str, list[float]]:
    found = next(each for each in charts(track, cells) if each.title.startswith(beginning))
    return {curve.label: np.round(curve.values.astype(float), 3).tolist() for curve in found.curves}


def test_every_chart_has_a_unit_and_its_values(tmp_path: Path) -> None:
    found = charts(track(tmp_path, sample(0), sample(10)))
    assert [each.title.replace("\n", " ") for each in found] == [
        "pack voltage (V)", "current (A, board's sign)", "power (W, + discharging)", "state of charge (%)",
        "cells (V)", "cells (mV from the mean)", "temperature (°C)", "energy counted (kWh)",
    ]  # fmt: skip
    assert [len(each.curves) for each in found] == [1, 1, 1, 1, 4, 4, 1, 2]


def test_power_needs_the_polarity(tmp_path: Path) -> None:
    assert chart(track(tmp_path, sample(0, polarity=-1)), "power") == {"": [-132.0]}
    assert chart(track(tmp_path, sample(0, polarity=None)), "power") == {}


def test_distances_are_from_the_mean_of_the_whole_pack(tmp_path: Path) -> None:
    one = track(tmp_path, sample(0))
    assert chart(one, "cells\n(mV") == {"cell 1": [0.0], "cell 2": [10.0], "cell 3": [-10.0], "cell 4": [0.0]}
    assert chart(one, "cells\n(mV", (2,)) == {"cell 2": [10.0]}
    assert chart(one, "cells\n(V)", (2, 3, 48)) == {"cell 2": [3.31], "cell 3": [3.29]}


def test_a_missing_cell_moves_no_other(tmp_path: Path) -> None:
    less = {"1": 3.3, "2": 3.31, "3": 3.29}
    found = chart(track(tmp_path, sample(0), sample(10, cell_voltages=less), sample(20)), "cells\n(mV")
    assert found["cell 2"] == pytest.approx([10.0, NAN, 10.0], nan_ok=True)


def test_a_cell_that_is_hardly_ever_read_takes_the_mean_from_none() -> None:
    table = np.array([[3.3, 3.3, 3.3, NAN], [3.4, 3.4, 3.4, NAN], [9.9, NAN, NAN, NAN]])
    assert mean_of(table) == pytest.approx([3.35, 3.35, 3.35, NAN], nan_ok=True)


def test_one_cell_has_no_mean(tmp_path: Path) -> None:
    assert chart(track(tmp_path, sample(0, cell_voltages={"1": 3.3})), "cells\n(mV") == {}


@pytest.mark.parametrize(
    ("counted", "shown"),
    [
        ([5, 6, 8], [0, 1, 3]),
        ([NAN, 5, NAN, 8], [NAN, 0, NAN, 3]),
        ([5, 8, 1, 2, 4], [0, 3, NAN, 1, 3]),
        ([5, NAN, 1, 0], [0, NAN, NAN, NAN]),
    ],
)
def test_a_counter_begins_anew_where_it_was_set_back(counted: list[float], shown: list[float]) -> None:
    assert since_reset(np.array(counted, float)) == pytest.approx(np.array(shown, float), nan_ok=True)


def test_energy_is_in_kwh(tmp_path: Path) -> None:
    more = {"energy_in_wh": 1005.0, "energy_out_wh": 7.0}
    assert chart(track(tmp_path, sample(0), sample(10, energy=more)), "energy") == {
        "in": [0.0, 1.0],
        "out": [0.0, 0.0],
    }


def test_the_outermost_lines_from_top_to_bottom() -> None:
    curves = [Curve(str(n), np.array([level, NAN])) for n, level in enumerate([1.0, 5, 3, 2, 9, 0])]
    assert outermost(curves, 2) == [4, 1, 0, 5]


def test_a_battery_that_was_never_read_has_no_curves(tmp_path: Path) -> None:
    one = track(tmp_path, {**sample(0, energy=None), "state": "unplugged"})
    assert [each.curves for each in charts(one)] == [[]] * 8
