"""A recorded diagnosis, played, names the same causes; and no line keeps it for longer than it says."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20.0
START = 3.0
"""Python itself, on a machine that has other work."""


def diagnosed(*words: str) -> tuple[int, str]:
    run = subprocess.run(
        [sys.executable, "daly-bms-cli.py", "diagnose", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=28,
        check=False,
    )
    assert "Traceback" not in run.stderr
    return run.returncode, run.stdout.splitlines()[-1]


@pytest.mark.parametrize("options", ["", "protocol=d2", "protocol=p81", "fault=echo-only"])
def test_a_recorded_diagnosis_names_the_same_causes(options: str, tmp_path: Path) -> None:
    recorded = diagnosed("-d", f"demo:{options}", "--record", str(tmp_path / "line.jsonl"))
    assert recorded[1].startswith(("cause: ", "2 causes fit: "))
    assert diagnosed("-d", f"replay:{tmp_path / 'line.jsonl'}?pace=0") == recorded


@pytest.mark.parametrize("options", ["fault=asleep", "fault=noise", "fault=drop-reply:0.5", "deaf=250"])
def test_it_ends_within_twenty_seconds(options: str) -> None:
    began = time.monotonic()
    diagnosed("-d", f"demo:{options}")
    assert time.monotonic() - began < SECONDS + START
