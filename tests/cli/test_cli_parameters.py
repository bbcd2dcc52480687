"""`daly-bms-cli parameters` as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from processes import board

ROOT = Path(__file__).resolve().parents[2]
CLI = [sys.executable, str(ROOT / "daly-bms-cli.py"), "parameters"]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "DALY_BMS_DEVICE"}
    settings = {"capture_output": True, "text": True, "timeout": 25, "cwd": ROOT, "env": clean, **options}
    return subprocess.run([*CLI, *arguments], **settings)


@pytest.fixture
def saved(tmp_path: Path) -> str:
    path = tmp_path / "pack.json"
    assert run("save", str(path), "-d", "demo:").returncode == 0
    return str(path)


def test_they_are_printed_as_json() -> None:
    done = run("-d", "demo:?protocol=p81")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["cell_voltage_high_release"] == 3.55


def test_the_device_of_the_environment() -> None:
    done = run(env={**os.environ, "DALY_BMS_DEVICE": "demo:"})
    assert json.loads(done.stdout)["cells"] == 16
    done = run("diff", "demo:", "demo:", env={**os.environ, "DALY_BMS_DEVICE": "demo:"})
    assert (done.returncode, done.stderr) == (0, "")


def test_a_save_prints_nothing(saved: str) -> None:
    document = json.loads(Path(saved).read_text())
    assert document["identity"]["protocol"] == "a5"
    assert document["parameters"]["shunt"] == {"value": 0.333, "unit": "mOhm", "raw": 333}


def test_options_may_stand_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert run("-d", "demo:?boards=2", "save", "--board", "2", str(path)).returncode == 0
    assert json.loads(path.read_text())["identity"]["board"] == 2


def test_equal_is_zero_and_says_nothing(saved: str) -> None:
    done = run("diff", saved, "demo:")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_difference_is_a_row_and_exit_code_3(saved: str, tmp_path: Path) -> None:
    document = json.loads(Path(saved).read_text())
    document["parameters"]["cell_voltage_high_2"]["value"] = 3.6
    document["parameters"]["sleep_time"]["value"] = "never"
    del document["parameters"]["shunt"]
    document["identity"]["software_version"] = "31"
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document))
    done = run("diff", saved, str(other))
    assert done.returncode == 3
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["name", "A", "B", "unit"],
        ["cell_voltage_high_2", "3.65", "3.6", "V"],
        ["sleep_time", "3600", "never", "s"],
    ]
    assert done.stderr.splitlines() == [
        "daly-bms-cli: another firmware: A 20_230401_T01, B 31",
        "daly-bms-cli: shunt: only A has it",
    ]
    done = run("diff", saved, str(other), "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout) == {
        "first": ["another firmware: A 20_230401_T01, B 31"],
        "differences": [
            {"name": "cell_voltage_high_2", "a": 3.65, "b": 3.6, "unit": "V"},
            {"name": "sleep_time", "a": 3600, "b": "never", "unit": "s"},
        ],
        "notes": ["shunt: only A has it"],
    }
    assert done.stderr == ""


def test_two_devices(tmp_path: Path) -> None:
    done = run("diff", "demo:?cells=8", "demo:?cells=16&protocol=p81")
    assert done.returncode == 3
    assert "cells  8  16" in " ".join(done.stdout.split("\n")[1].split()).replace(" ", "  ")
    assert done.stderr.startswith("daly-bms-cli: another protocol: A a5, B p81\n")


def test_two_files_need_no_device_and_no_pyserial(saved: str, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "serial.py").write_text("raise ImportError('no pyserial here')\n")
    done = run("diff", saved, saved, env={**os.environ, "PYTHONPATH": str(blocked)})
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_is_one_that_is_there_or_is_called_so(saved: str, tmp_path: Path) -> None:
    plain = tmp_path / "pack"
    plain.write_text(Path(saved).read_text())
    assert run("diff", str(plain), saved).returncode == 0
    done = run("diff", "no.json", saved)
    assert done.returncode == 1
    assert (
        done.stderr
        == "daly-bms-cli: cannot read no.json: No such file or directory; check its name and permissions\n"
    )
    done = run("diff", "/dev/no-such-port", saved)
    assert done.returncode == 1
    assert "/dev/no-such-port" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bla"], "'bla' is none of save and diff"),
        (["save", "-d", "demo:"], "give one file: parameters save FILE"),
        (["save", "a", "b", "-d", "demo:"], "give one file"),
        (["diff", "a"], "give two files or devices"),
        (["diff", "a", "b", "-d", "demo:"], "without -d"),
        (["-d", "demo:", "--json"], "--json is for parameters diff"),
        ([], "which battery? give -d DEVICE"),
        (["-d", "demo:", "--soc"], "unrecognized arguments: --soc"),
        (["-d", "demo:", "--board", "17"], "board must be 1 to 16"),
        (["-d", "demo:?cels=1"], "unknown option 'cels'"),
    ],
)
def test_wrong_usage_is_at_most_three_lines_and_exit_code_2(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") <= 3
    assert done.stderr.endswith("daly-bms-cli parameters --help says more\n")


def test_failures_are_one_line(saved: str, tmp_path: Path) -> None:
    for arguments in (
        ["-d", "demo:?protocol=sinowealth", "--protocol", "sinowealth"],
        ["-d", "demo:?fault=asleep", "--reply-timeout", "0.02"],
        ["save", str(tmp_path), "-d", "demo:"],
        ["diff", saved, "demo:?fault=asleep", "--reply-timeout", "0.02"],
    ):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1


def test_a_board_that_lacks_parts_is_printed_without_them() -> None:
    done = run("-d", "demo:?unsupported=59,5a", "--reply-timeout", "0.02")
    assert done.returncode == 0
    assert "cell_voltage_high_1" not in json.loads(done.stdout)


def test_the_limit_of_the_whole_command(saved: str) -> None:
    done = run("diff", saved, "demo:?fault=asleep", "-t", "0.2")
    assert done.returncode == 1
    assert "not finished within 0.2 s (-t)" in done.stderr


def test_no_frame_of_it_writes_or_reads_a_password(tmp_path: Path) -> None:
    log = tmp_path / "heard.jsonl"
    for protocol in ("a5", "d2", "p81"):
        with board("--tcp", "0", "--unpaced", f"protocol={protocol}&log={log}") as device:
            assert run("-d", device, "--protocol", protocol).returncode == 0
            assert run("save", str(tmp_path / "x"), "-d", device, "--protocol", protocol).returncode == 0
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert {entry["protocol"] for entry in entries} == {"a5", "d2", "p81"}
    assert not [entry for entry in entries if entry["writes"] or entry["secret"]]


def test_the_help_has_only_what_makes_sense() -> None:
    text = run("--help").stdout
    assert "parameters diff A B" in text
    assert "--soc" not in text
    assert "--check" not in text
