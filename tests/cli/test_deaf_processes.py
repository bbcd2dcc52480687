"""The command line as a process on a pseudo terminal, before boards that are deaf after their answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from processes import board
from support import PATIENCE, ROOT

BOARDS = {"a5": "cells=14&sensors=1", "d2": "protocol=d2", "p81": "protocol=p81"}
REQUESTS = {"a5": 9, "d2": 2, "p81": 2}


def run(device: str, *arguments: str) -> tuple[str, float]:
    """What it prints, and the seconds that it takes; it must succeed and have nothing to say."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(ROOT / "daly-bms-cli.py"), "-d", device, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={name: value for name, value in os.environ.items() if not name.startswith("DALY_BMS")},
    )
    took = time.monotonic() - began
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, took


def keys(printed: str) -> dict[str, list[str]]:
    return {section: sorted(map(str, reading)) for section, reading in json.loads(printed).items()}


@pytest.mark.parametrize("gap", [20, 60, 250])
@pytest.mark.parametrize("protocol", ["a5", "p81", pytest.param("d2", marks=pytest.mark.alone)])
def test_each_command_is_complete_in_its_first_run(protocol: str, gap: int) -> None:
    """Each run is a connection of its own, which knows nothing of the board.

    D2 alone is waited for briefly, where it may lack what is asked for.
    """
    with board("--pty", BOARDS[protocol]) as healthy:
        whole, least = run(healthy, "--all")
    with board("--pty", f"{BOARDS[protocol]}&deaf={gap}") as device:
        found, took = run(device, "--all")
        checked, _ = run(device, "--check")
        paused, rested = run(device, "--all", "--pause", "0.3")
    assert keys(found) == keys(paused) == keys(whole)
    assert not any("error" in section for section in keys(whole).values())
    assert checked.startswith("DALY OK")
    limit = least + REQUESTS[protocol] * 0.3 + 3
    assert took <= limit
    assert rested <= limit
