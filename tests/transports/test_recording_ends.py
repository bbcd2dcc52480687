"""How a recording ends: the program ends first, a fork of it ends, nothing could be opened, it was packed."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from processes import board
from support import PATIENCE, ROOT

from dalybms import open_bms
from dalybms.device import open_recording
from dalybms.errors import DalyError, TransportError
from dalybms.transports.record_file import load

PROGRAM = """
import os, sys
from dalybms import open_bms
bms = open_bms("demo:?protocol=d2", protocol="d2", record=sys.argv[1])
bms.get_soc()
if sys.argv[2] == "fork" and os.fork() == 0:
    sys.exit()
if sys.argv[2] == "fork":
    os.wait()
    print(open(sys.argv[1]).read())
"""


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def run(path: Path, how: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM, str(path), how],
        cwd=ROOT,
        timeout=PATIENCE,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_program_that_ends_without_disconnecting_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    run(path, "end")
    assert [line.get("dir") or line["event"] for line in lines(path)[1:]] == ["open", ">", "<", "close"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_the_end_of_a_fork_ends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    told = run(path, "fork")
    assert "close" not in told
    assert [line.get("event") for line in lines(path)[1:]].count("close") == 1


def test_a_watch_that_is_ended_in_the_middle_of_a_reading_loses_nothing(tmp_path: Path) -> None:
    """Its threads are left behind."""
    with board("--pty", "latency=40") as device:
        for turn in range(3):
            path = tmp_path / f"{turn}.jsonl"
            process = subprocess.Popen(
                [
                    sys.executable,
                    "daly-bms-cli.py",
                    "watch",
                    "-d",
                    device,
                    "--protocol",
                    "a5",
                    "--record",
                    str(path),
                ],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
            )
            while not path.exists() or path.read_text().count('"dir": ">"') < 2:
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
            assert lines(path)[-1].get("event") == "close"


@pytest.mark.parametrize("device", ["socket://nowhere:99999", "socket://", "demo:?no=1"])
def test_wrong_arguments_leave_no_file(tmp_path: Path, device: str) -> None:
    path = tmp_path / "x.jsonl"
    recording = open_recording(path)
    with pytest.raises(ValueError, match=r"socket|option"):
        open_bms(device, record=recording)
    assert not path.exists()
    with open_bms("demo:", record=recording) as bms:
        bms.get_soc()
    assert len(load(str(path)).exchanges) == 1


def test_a_wire_that_is_open_keeps_the_file_when_another_one_has_wrong_arguments(tmp_path: Path) -> None:
    recording = open_recording(tmp_path / "x.jsonl")
    with open_bms("demo:", record=recording) as bms:
        with pytest.raises(ValueError, match="socket"):
            open_bms("socket://", record=recording)
        bms.get_soc()
    assert len(load(str(tmp_path / "x.jsonl")).exchanges) == 1


def test_a_limit_that_is_too_low_to_begin_with_leaves_no_file(tmp_path: Path) -> None:
    """And nothing is opened."""
    path = tmp_path / "x.jsonl"
    with pytest.raises(DalyError, match="is too low to begin it: allow more megabytes"):
        open_bms(f"demo:?log={tmp_path / 'log'}", record=open_recording(path, limit=0.0001))
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_was_changed_on_its_way_says_how(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with open_bms("demo:", record=path) as bms:
        bms.get_soc()
    text = path.read_text()
    packed, zipped, wide, bom = (tmp_path / name for name in ("x.gz", "x.zip", "wide", "bom"))
    packed.write_bytes(gzip.compress(text.encode()))
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(path)
    wide.write_text(text, encoding="utf-16")
    bom.write_text(text.replace("\n", "\r\n"), encoding="utf-8-sig")
    for other, says in (
        (packed, "it is packed: unpack it"),
        (zipped, "it is packed"),
        (wide, "it was saved as UTF-16"),
    ):
        with pytest.raises(TransportError, match=says):
            load(str(other))
    assert load(str(bom)) == load(str(path))


def test_nothing_stands_behind_the_end(tmp_path: Path) -> None:
    """Threads that are left behind go on for a moment."""
    path = tmp_path / "x.jsonl"
    recording = open_recording(path)
    bms = open_bms("demo:", record=recording)
    bms.get_soc()
    recording._end()
    bms.get_soc()
    bms.disconnect()
    assert [line.get("dir") or line["event"] for line in lines(path)[1:]] == ["open", ">", "<", "close"]
