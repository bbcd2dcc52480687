"""`diagnose` as a process: findings of an emulated pack, and --report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "daly-bms-cli.py"), "diagnose", *arguments]
    clean = {name: value for name, value in os.environ.items() if name != "DALY_BMS_DEVICE"}
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, env=clean)


def found(*arguments: str) -> tuple[int, list[tuple[str, str]], dict[str, Any]]:
    done = run(*arguments, "--json")
    document = json.loads(done.stdout)
    return done.returncode, [(each["severity"], each["area"]) for each in document["findings"]], document


def test_a_healthy_pack_has_no_finding_and_what_was_not_checked_is_said() -> None:
    code, findings, document = found("-d", "demo:?current=0")
    assert (code, findings) == (0, [])
    assert document["unchecked"] == ["sleep time: no polling interval to compare it with"]
    steps = {step["name"]: step for step in document["steps"]}
    assert steps["commands"]["detail"] == "all sections are answered"
    assert steps["twins"]["detail"] == "one board answers"


@pytest.mark.parametrize("protocol", ["a5", "p81"])
def test_a_clock_that_is_years_behind(protocol: str) -> None:
    code, findings, _ = found("-d", f"demo:?current=0&protocol={protocol}&clock=240229123456")
    assert (code, findings) == (0, [("warning", "clock")])


def test_the_clock_in_a_recording_is_not_compared_with_now(tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    found("-d", "demo:?current=0&protocol=p81&clock=240229123456", "--record", str(file))
    _, findings, document = found("-d", f"replay:{file}?pace=0")
    assert "clock" not in [area for _, area in findings]
    assert any(line.startswith("clock: a recording") for line in document["unchecked"])


def test_a_fault_of_level_two_is_an_error_and_the_exit_code() -> None:
    code, findings, _ = found("-d", "demo:?alarms=0800000000000000")
    assert code == 1
    assert findings[0] == ("error", "faults")


def test_a_report_takes_one_command_and_replays_to_the_same_findings(tmp_path: Path) -> None:
    path, bug = tmp_path / "bms.txt", tmp_path / "bms.jsonl"
    done = run("-d", "demo:?alarms=0400000000000000", "--report", str(path))
    assert done.returncode == 0, done.stderr
    text = path.read_text(encoding="utf-8")
    assert "warning, faults: " in text
    bug.write_text("".join(line + "\n" for line in text.splitlines() if line.startswith("{")))
    again = run("-d", f"replay:{bug}?pace=0")
    assert again.stdout.splitlines()[0] == done.stdout.splitlines()[0]


def test_a_port_that_is_not_there_is_reported_as_well_and_without_its_name(tmp_path: Path) -> None:
    path = tmp_path / "bms.txt"
    done = run("-d", "/dev/ttyNOWHERE7", "--report", str(path))
    assert done.returncode == 1
    text = path.read_text(encoding="utf-8")
    assert "missing: the system has no such port" in text
    assert "NOWHERE7" not in text


def test_an_existing_report_stops_it_before_anything_is_sent(tmp_path: Path) -> None:
    path, log = tmp_path / "bms.txt", tmp_path / "log"
    path.write_text("mine")
    done = run("-d", f"demo:?log={log}", "--report", str(path))
    assert done.returncode == 1
    assert "exists already: give the report another name" in done.stderr
    assert path.read_text() == "mine"
    assert not log.exists() or not log.read_text()


@pytest.mark.parametrize("more", [["--record", "x"], ["--record-raw"], ["--record-limit", "3"]])
def test_a_report_has_a_recording_of_its_own(tmp_path: Path, more: list[str]) -> None:
    done = run("-d", "demo:", "--report", str(tmp_path / "r"), *more)
    assert done.returncode == 2
    assert "leave --record and its like out" in done.stderr
    assert list(tmp_path.iterdir()) == []
