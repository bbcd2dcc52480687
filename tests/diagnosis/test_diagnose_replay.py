"""A recorded diagnosis, played, names the same causes; and no line keeps it for longer than it says."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20.0
START = 3.0
"""Python itself, on a machine that has other work."""


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    run = subprocess.run(
        [sys.executable, "daly-bms-cli.py", "diagnose", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "Traceback" not in run.stderr
    return run


def printed(*words: str) -> str:
    return ran(*words).stdout


def diagnosed(*words: str) -> tuple[int, str]:
    run = ran(*words)
    return run.returncode, run.stdout.splitlines()[-1]


@pytest.mark.parametrize("options", ["", "protocol=d2", "protocol=p81", "fault=echo-only"])
def test_a_recorded_diagnosis_names_the_same_causes(options: str, tmp_path: Path) -> None:
    recorded = diagnosed("-d", f"demo:{options}", "--record", str(tmp_path / "line.jsonl"))
    assert recorded[1].startswith(("cause: ", "2 causes fit: "))
    assert diagnosed("-d", f"replay:{tmp_path / 'line.jsonl'}?pace=0") == recorded


def test_the_interval_is_compared_with_the_sleep_time(tmp_path: Path) -> None:
    recording = str(tmp_path / "line.jsonl")
    assert "no polling interval" in printed("-d", "demo:", "--record", recording)
    assert "the board sleeps after" in printed("-d", f"replay:{recording}?pace=0", "--interval", "99999")


@pytest.mark.parametrize("options", ["fault=asleep", "fault=noise", "fault=drop-reply:0.5", "deaf=250"])
def test_it_ends_within_twenty_seconds(options: str) -> None:
    began = time.monotonic()
    diagnosed("-d", f"demo:{options}")
    assert time.monotonic() - began < SECONDS + START
