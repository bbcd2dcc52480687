"""A log -> tracks: what was written is what is read, and nothing else is believed."""

from __future__ import annotations

import json
import math
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from outputs.plot.logs import START, failed, sample, write_csv, write_json
from samples import BANK, ENERGY, FAILED, PROTOCOLS, read

from dalybms.errors import DalyError
from dalybms.outputs.flat import Shape, flat
from dalybms.outputs.plot import log

DRAWN = ("cell_voltage_", "temperature_")
WRITERS = [pytest.param(write_json, id="jsonl"), pytest.param(write_csv, id="csv")]


def drawn(each: dict[str, Any]) -> dict[str, float]:
    """What is to be drawn of a sample, by the flat table."""
    values = flat(each, Shape().grown(each))
    listed = [key for key in values if key.startswith(DRAWN) and key.rpartition("_")[2].isdigit()]
    return {key: values[key] for key in (*log.VALUES, *listed) if values[key] is not None}  # type: ignore[misc]


def column(track: log.Track, key: str) -> list[float | None]:
    return [None if math.isnan(value) else round(value, 4) for value in track.values[key]]


def only(path: str) -> log.Track:
    found = log.read(path)
    assert (found.bad, found.odd, len(found.tracks)) == (0, 0, 1)
    return found.tracks[0]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_track_is_what_the_flat_table_says(write: Any, protocol: str, tmp_path: Path) -> None:
    each = read(protocol, faults=True, energy=ENERGY)
    track = only(write(tmp_path / "log", [each]))
    assert {key: column(track, key)[0] for key in track.values} == {
        key: pytest.approx(value, rel=1e-6) for key, value in drawn(each).items()
    }
    assert len(track.values) >= 8
    assert track.faults.known == [flat(each)["faults"]]


@pytest.mark.parametrize("write", WRITERS)
def test_what_was_not_read_is_nothing(write: Any, tmp_path: Path) -> None:
    rows = [sample(0), sample(10, soc={"error": "x"}, state="partial"), failed(20), sample(30)]
    track = only(write(tmp_path / "log", rows))
    assert column(track, "current") == [10.0, None, None, 10.0]
    assert column(track, "cell_voltage_2") == [3.31, 3.31, None, 3.31]
    assert list(track.times) == [START, START + 10, START + 20, START + 30]
    assert [track.states.known[code] for code in track.states.codes] == ["ok", "partial", "asleep", "ok"]


def test_a_failed_sample_has_no_readings_whatever_stands_in_it(tmp_path: Path) -> None:
    track = only(write_json(tmp_path / "log", [sample(0), sample(10, state="frozen")]))
    assert column(track, "total_voltage") == [13.2, None]
    assert column(track, "energy_in_wh") == [5.0, 5.0]


@pytest.mark.parametrize("write", WRITERS)
def test_batteries_boards_and_the_bank_are_tracks(write: Any, tmp_path: Path) -> None:
    rows = [sample(0, name="van"), sample(0, name="van", board=2), sample(1, name="van", board=10), BANK]
    found = log.read(write(tmp_path / "log", rows)).tracks
    assert [track.name for track in found] == ["bank", "van", "van board 2", "van board 10"]
    assert column(found[0], "power") == [1087.5]
    assert column(found[0], "soc_percent") == [76.5]


def test_cells_that_come_later_are_nothing_before(tmp_path: Path) -> None:
    more = {str(number): 3.3 for number in range(1, 17)}
    track = only(write_json(tmp_path / "log", [sample(0), sample(10, cell_voltages=more)]))
    assert column(track, "cell_voltage_16") == [None, 3.3]
    assert [number for number, _ in track.numbered("cell_voltage")] == list(range(1, 17))


def test_faults_that_were_not_read_are_none(tmp_path: Path) -> None:
    fault = [{"code": "x", "text": "too hot"}, {"code": "y", "text": "too low"}]
    rows = [sample(0, faults=fault), sample(10, faults=None, errors=None), failed(20), sample(30)]
    track = only(write_json(tmp_path / "log", rows))
    assert [track.faults.known[code] for code in track.faults.codes] == ["too hot; too low", "", "", ""]


BAD_LINES = [
    '{"time":"2026-11-26T00:00:00.000Z","state":"o', "hello", "[1, 2]", "{}", "\x00\x00", '"time"', "null",
    '{"time":"2026-11-26T00:00:00.000Z","state":"new"}', '{"time":"yesterday","state":"ok"}',
    '{"time":"0001-01-01T00:00:00Z","state":"ok"}', '{"time":"9999-12-31T23:59:59Z","state":"ok"}',
    '{"time":1795651200,"state":"ok"}', '{"time":null,"state":"ok"}', "{" * 5000, '{"a":' * 100_000,
    '{"time":"2026-11-26T00:00:00Z","state":["ok"]}',
    '{"time":"2026-11-26T00:00:00Z","state":"ok","faults":[5]}',
    '{"time":"2026-11-26T00:00:00Z","state":"ok","bank":{"boards":7}}',
    '{"time":"2026-11-26T00:00:00Z","state":"ok","soc":{"current":1' + "0" * 5000 + "}}",
    '{"time":"2026-11-26T00:00:00Z","state":"ok","soc":{"current":1' + "0" * 400 + "}}",
    "x" * 3_000_000,
]  # fmt: skip


@pytest.mark.parametrize("line", BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_line_that_is_no_sample_is_counted_and_stops_nothing(line: str, tmp_path: Path) -> None:
    good = json.dumps(sample(0)), json.dumps(sample(10))
    path = tmp_path / "log"
    path.write_text(f"{good[0]}\n{line}\n\n{good[1]}\n", encoding="utf-8")
    found = log.read(str(path))
    assert found.bad == 1
    assert list(found.tracks[0].times) == [START, START + 10]


def test_bytes_that_are_no_text_stop_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\xff\xfe\x80\n" + json.dumps(sample(0)).encode() + b"\n")
    assert log.read(str(path)).bad == 1


def test_broken_rows_of_a_table_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "log"
    header, first, second = Path(write_csv(path, [sample(0), sample(10)])).read_text().splitlines()
    path.write_text("\n".join([header, first, '"never closed', first[:20], "a,b", second]))
    found = log.read(str(path))
    assert (found.bad, list(found.tracks[0].times)) == (3, [START, START + 10])


def test_tables_put_together_keep_their_own_columns(tmp_path: Path) -> None:
    more = {str(number): 3.4 for number in range(1, 9)}
    parts = [[sample(0)], [sample(10, name="van", cell_voltages=more)], [sample(20)]]
    text = "".join(Path(write_csv(tmp_path / "part", part)).read_text() for part in parts)
    (tmp_path / "all").write_text("\ufeff" + text + json.dumps(sample(30)) + "\n", encoding="utf-8")
    found = log.read(str(tmp_path / "all"))
    assert found.bad == 0
    assert [(track.name, len(track.times)) for track in found.tracks] == [("house", 3), ("van", 1)]
    assert column(found.tracks[1], "cell_voltage_8") == [3.4]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "true", '"12"', "null", "[1]"])
def test_what_is_no_number_is_not_read(number: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(json.dumps(sample(0)).replace('"current": 10.0', f'"current": {number}') + "\n")
    track = log.read(str(path)).tracks[0]
    assert "current" not in track.values
    assert column(track, "total_voltage") == [13.2]


@pytest.mark.parametrize("write", WRITERS)
def test_a_number_that_no_battery_has_is_left_out_and_counted(write: Any, tmp_path: Path) -> None:
    huge = {"total_voltage": 1e300, "current": -1e12, "soc_percent": 50.0}
    found = log.read(write(tmp_path / "log", [sample(0, soc=huge, polarity=None)]))
    assert found.odd == 2
    assert math.isnan(found.tracks[0].values["current"][0])
    assert column(found.tracks[0], "soc_percent") == [50.0]


def test_samples_before_since_are_left_out(tmp_path: Path) -> None:
    path = write_json(tmp_path / "log", [sample(at) for at in range(0, 100, 10)])
    assert list(log.read(path, START + 80).tracks[0].times) == [START + 80, START + 90]


def test_a_clock_that_goes_back_loses_nothing(tmp_path: Path) -> None:
    path = write_json(tmp_path / "log", [sample(at) for at in (0, 10, 900_000, 20, 30)])
    track = only(path)
    assert [at - START for at in track.times] == [0, 10, 900_000, 20, 30]
    assert track.setbacks() == 1


def test_a_time_without_a_zone_is_utc_and_others_are_obeyed(tmp_path: Path) -> None:
    times = ("2026-11-26T00:00:10", "2026-11-26T01:00:20+01:00", "2026-11-26T00:00:30Z")
    track = only(write_json(tmp_path / "log", [sample(0, time=time) for time in times]))
    assert [at - START for at in track.times] == [10, 20, 30]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        ("hello\nworld\n", "none of its 2 lines is a sample"),
        ("time,current\n1,2\n", "none of its 1 lines is a sample"),
    ],
)
def test_a_log_without_samples_says_why(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(text)
    with pytest.raises(DalyError, match=why):
        log.read(str(tmp_path / "log"))


def test_a_log_that_is_older_than_since_says_so(tmp_path: Path) -> None:
    path = write_json(tmp_path / "log", [sample(0), sample(10)])
    with pytest.raises(DalyError, match="all 2 samples are older than --since"):
        log.read(path, START + 1000)


@pytest.mark.parametrize("name", ["", "missing"])
def test_a_log_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(DalyError, match=r"^cannot read .*: .*; check its name and permissions$"):
        log.read(str(tmp_path / name))


def test_batteries_are_not_without_number(tmp_path: Path) -> None:
    path = write_json(tmp_path / "log", [{**FAILED, "name": f"n{number}"} for number in range(65)])
    with pytest.raises(DalyError, match="more than 64 batteries"):
        log.read(path)


def test_a_sample_takes_little_memory(tmp_path: Path) -> None:
    """So a million of 16 cells fit into 200 MB."""
    path = write_json(tmp_path / "log", [read("a5", energy=ENERGY)] * 2000)
    tracemalloc.start()
    try:
        log.read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2000 * 200 + 300_000
