"""Each recording of tests/recordings/ reads as what stands beside it, each capture as what was captured."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from make_recordings import NAMES, Exchange, exchanges, main, recordings
from support import ROOT

from dalybms import DalyError, open_bms
from dalybms.device import PROTOCOLS, open_tape
from dalybms.getters import presentable

FOLDER = ROOT / "tests" / "recordings"
RECORDINGS = sorted(FOLDER.glob("*.jsonl"))
CAPTURED = recordings()


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_it_reads_as_what_stands_beside_it(path: Path) -> None:
    beside = path.with_suffix(".json")
    assert beside.is_file(), f"put what {path.name} reads as beside it: {beside.name}"
    expected = json.loads(beside.read_text())
    with open_bms(f"replay:{path}?pace=0") as bms:
        read = presentable(bms.read(tuple(expected)))
    assert json.loads(json.dumps(read)) == expected


def test_there_are_recordings() -> None:
    assert {path.stem.partition("-")[0] for path in RECORDINGS} >= {"a5", "d2", "p81", "sinowealth"}


@pytest.mark.parametrize("name", CAPTURED)
def test_a_capture_as_a_recording_gives_the_captured_bytes(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.jsonl"
    path.write_text(CAPTURED[name])
    tape = open_tape(f"replay:{path}?pace=0", pytest.fail)
    wire = tape.open()
    asked: list[Exchange] = [
        each for source in NAMES for each in exchanges(source) if f"{each.board}-{each.protocol}" == name
    ]
    assert asked
    for each in asked:
        wire.write(each.question)
        assert wire.read(1.0, len(b"".join(each.pieces))) == b"".join(each.pieces)


@pytest.mark.parametrize("name", [name for name in CAPTURED if name.rpartition("-")[2] in PROTOCOLS])
def test_a_capture_can_be_read_or_says_why_not(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.jsonl"
    path.write_text(CAPTURED[name])
    with open_bms(f"replay:{path}?pace=0") as bms, suppress(DalyError):
        assert presentable(bms.read(("soc", "status", "cell_voltages", "info")))


def test_a_captured_pack_of_14_cells_reads_as_its_owner_says(tmp_path: Path) -> None:
    """diysolarforum 21898."""
    path = tmp_path / "x"
    path.write_text(CAPTURED["a5-diysolar-a5"])
    with open_bms(f"replay:{path}?pace=0") as bms:
        assert bms.get_soc()["total_voltage"] == 52.8
        assert bms.get_soc()["soc_percent"] == 50.0


@pytest.mark.parametrize(
    ("name", "voltage", "soc"),
    [
        ("third-esphome12445-board-2-a5", 13.0, 50.0),
        ("fourth-d2-empty-d2", 51.1, 8.7),
        ("fifth-d2-24-cells-d2", 79.0, 33.3),
        ("fifth-p81-806-p81", 12.9, 8.9),
    ],
)
def test_captures_without_questions_are_played_too(
    name: str, voltage: float, soc: float, tmp_path: Path
) -> None:
    """Values as the captures have them."""
    path = tmp_path / "x"
    path.write_text(CAPTURED[name])
    with open_bms(f"replay:{path}?pace=0") as bms:
        found = bms.get_soc()
    assert (found["total_voltage"], found["soc_percent"]) == (voltage, soc)


def test_every_file_of_captures_is_turned_into_recordings() -> None:
    assert set(NAMES) == {path.stem for path in (ROOT / "tests" / "captures").glob("*.json")}
    assert {name.partition("-")[0] for name in CAPTURED} == set(NAMES)


def test_the_script_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "new" / "folder"
    monkeypatch.setattr("sys.argv", ["make_recordings.py", str(folder)])
    main()
    assert {path.stem for path in folder.iterdir()} == set(CAPTURED)
    monkeypatch.setattr("sys.argv", ["make_recordings.py"])
    with pytest.raises(SystemExit):
        main()
