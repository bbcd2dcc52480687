"""Each recording of tests/recordings/ reads as what stands beside it, each capture as what was captured."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from make_recordings import Exchange, exchanges, main, recordings
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
        each
        for source in ("a5", "modbus_and_ble", "second", "sinowealth")
        for each in exchanges(source)
        if f"{each.board}-{each.protocol}" == name
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


def test_the_script_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["make_recordings.py", str(tmp_path)])
    main()
    assert {path.stem for path in tmp_path.iterdir()} == set(CAPTURED)
