"""The picture itself: its pixels, its words, its size."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import image
from outputs.plot.logs import START, failed, sample, slim, write_json

from dalybms.outputs.plot.draw import draw
from dalybms.outputs.plot.log import read
from dalybms.outputs.plot.track import Track


def picture(tmp_path: Path, samples: list[dict[str, Any]], ending: str = "png") -> Path:
    path = tmp_path / f"picture.{ending}"
    draw(read(write_json(tmp_path / "log", samples)).tracks, str(path))
    return path


def words(tmp_path: Path, samples: list[dict[str, Any]]) -> list[str]:
    """What is written in the picture: matplotlib puts each text into a comment of SVG."""
    return re.findall(r"<!-- (.*?) -->", picture(tmp_path, samples, "svg").read_text(encoding="utf-8"))


def coloured(path: Path, start: float, stop: float) -> bool:
    """Whether anything but grey stands between these parts of the width."""
    pixels = image.imread(path)[:, :, :3]
    part = pixels[:, int(start * pixels.shape[1]) : int(stop * pixels.shape[1])]
    return bool((part.max(2) - part.min(2) > 0.05).any())


@pytest.mark.parametrize(
    ("ending", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")]
)
def test_formats(ending: str, magic: bytes, tmp_path: Path) -> None:
    assert picture(tmp_path, [sample(at) for at in range(0, 600, 10)], ending).read_bytes().startswith(magic)


HOLES = {
    "no sample": [],
    "asleep": [failed(at) for at in range(1200, 5000, 10)],
    "sections failed": [
        sample(at, state="partial", soc=None, cell_voltages=None, temperatures={"error": "x"}, energy=None)
        for at in range(1200, 5000, 10)
    ],
}  # fmt: skip


@pytest.mark.parametrize("hole", HOLES)
def test_nothing_is_drawn_over_a_hole(hole: str, tmp_path: Path) -> None:
    fault = [{"code": "x", "text": "too hot"}]
    ends = [sample(at, faults=fault) for at in (*range(0, 1200, 10), *range(5000, 6200, 10))]
    path = picture(tmp_path, sorted(ends + HOLES[hole], key=lambda each: str(each["time"])))
    assert not coloured(path, 0.4, 0.6)
    assert coloured(path, 0.1, 0.2)


def test_a_single_value_in_a_hole_is_seen(tmp_path: Path) -> None:
    ends = [slim(at) for at in (*range(0, 1200, 10), 3100, *range(5000, 6200, 10))]
    assert coloured(picture(tmp_path, ends), 0.4, 0.6)


def test_a_short_outage_of_a_long_log_is_seen(tmp_path: Path) -> None:
    rows = [slim(at * 10) for at in range(3000)]
    whole = image.imread(picture(tmp_path, rows))
    rows[1500] = failed(15000)
    assert (image.imread(picture(tmp_path, rows)) != whole).any()


def test_batteries_faults_and_units_are_named(tmp_path: Path) -> None:
    fault = [{"code": "x", "text": "too hot"}, {"code": "y", "text": "too low"}]
    found = words(tmp_path, [sample(0, name="left"), sample(5, name="right", faults=fault)])
    assert {"left", "right", "too hot", "too low", "cell 4", "sensor 1"} <= set(found)
    assert {"(kWh)", "(°C)", "(mV from the mean)"} <= set(found)


def test_of_many_cells_the_outermost_are_named(tmp_path: Path) -> None:
    cells = {str(n): round(3.3 + n / 1000, 3) for n in range(1, 49)}
    found = words(tmp_path, [sample(0, cell_voltages=cells), sample(10, cell_voltages=cells)])
    assert [word for word in found if re.fullmatch(r"cell \d+|\d+ others", word)] == [
        "cell 48", "cell 47", "44 others", "cell 2", "cell 1",
    ] * 2  # fmt: skip


def test_faults_beyond_the_lanes_are_counted(tmp_path: Path) -> None:
    faults = [{"code": str(n), "text": f"fault {n}"} for n in range(12)]
    found = words(tmp_path, [slim(0, faults=faults)])
    assert "fault 6" in found
    assert "5 more faults" in found


@pytest.mark.parametrize(
    "name", ["$\\frac{", "a_b^c", "電池 \U0001f50b", "\\", "x" * 500, "<b>&amp;", "\x07bell"]
)
def test_any_name_is_drawn(name: str, tmp_path: Path) -> None:
    fault = [{"code": "x", "text": name}]
    picture(tmp_path, [slim(0, name=name, faults=fault), slim(10, name=name)])


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_short_log(count: int, tmp_path: Path) -> None:
    assert coloured(picture(tmp_path, [sample(at * 10) for at in range(count)]), 0.1, 0.9)


def test_a_battery_that_was_never_read(tmp_path: Path) -> None:
    assert "never read" in words(tmp_path, [failed(0), failed(10), sample(0, name="other")])
    assert "never read" in words(tmp_path, [failed(0), failed(10)])


def test_times_are_local_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """00:00 UTC is 01:00 in winter and 02:00 in summer there, whatever it is now."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        winter = words(tmp_path, [slim(at) for at in range(0, 3 * 3600, 60)])
        summer = words(tmp_path, [slim(at - 140 * 86400) for at in range(0, 3 * 3600, 60)])
        both = words(tmp_path, [slim(at * 86400) for at in range(-200, 0)])
    finally:
        monkeypatch.undo()
        time.tzset()
    assert {"local time (CET)", "01:00", "04:00"} <= set(winter)
    assert {"local time (CEST)", "02:00", "05:00"} <= set(summer)
    assert "01:00" not in summer
    assert "local time (CEST, CET)" in both


@pytest.mark.parametrize(
    ("first", "last", "span"),
    [
        (0, 3600, "2026-11-26 00:00 to 01:00"),
        (0, 0, "2026-11-26 00:00:00"),
        (0, 30, "2026-11-26 00:00:00 to 00:00:30"),
        (-7200, 7200, "2026-11-25 22:00 to 2026-11-26 02:00"),
        (0, 7 * 86400, "2026-11-26 00:00 to 2026-12-03 00:00"),
        (0, 900 * 86400, "2026-11-26 00:00 to 2029-05-14 00:00"),
    ],
)
def test_the_day_that_labels_leave_out_is_said(
    first: float, last: float, span: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels of a week say 26 ... 30, Dec, 2, 3, and nothing else which month the 26 is of."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert span in words(tmp_path, [slim(first), slim(last)])


@pytest.mark.parametrize("last", [0, 0.4, 2, 10, 45])
def test_labels_of_seconds_are_times_of_a_clock(
    last: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not 19.5, which may be anything."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    found = words(tmp_path, [slim(at + 20) for at in sorted({0, last})])
    labels = [word for word in found if re.fullmatch(r"00:00:\d\d", word)]
    assert len(labels) == len(set(labels)) >= 3
    if last in (0, 2):
        assert "00:00:20" in labels


def test_a_name_of_several_lines_is_one(tmp_path: Path) -> None:
    fault = [{"code": "x", "text": "too\thot\x07 inside"}]
    found = words(tmp_path, [slim(at, name="new\nline\tand tab", faults=fault) for at in (0, 10)])
    assert {"new line and tab", "too hot inside"} <= set(found)


def test_the_same_log_makes_the_same_picture(tmp_path: Path) -> None:
    for ending in ("png", "pdf"):
        first = picture(tmp_path, [sample(0), sample(10)], ending).read_bytes()
        assert picture(tmp_path, [sample(0), sample(10)], ending).read_bytes() == first


def test_many_batteries(tmp_path: Path) -> None:
    tracks = []
    for number in range(24):
        track = Track(f"pack {number}")
        track.add(START, "ok", "", {"current": 1.0})
        tracks.append(track)
    draw(tracks, str(tmp_path / "x.svg"))


def test_a_million_samples_and_states_that_flap(tmp_path: Path) -> None:
    count = 1_000_000
    track = Track("long")
    track.add(START, "ok", "", {"total_voltage": 53.0, "cell_voltage_1": 3.3, "cell_voltage_2": 3.4})
    track.add(START + 1, "asleep", "too hot", {})
    track.times.extend((START + 2 + np.arange(count)).tolist())
    for column in track.values.values():
        column.extend([3.3, 3.4] * (count // 2))
    for told in (track.states, track.faults):
        told.codes.extend([0, 1] * (count // 2))
    start = time.process_time()
    draw([track], str(tmp_path / "x.svg"))
    assert time.process_time() - start < 25
    assert (tmp_path / "x.svg").stat().st_size < 3_000_000
