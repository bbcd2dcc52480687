"""`daly-bms-cli diagnose` as a process, on real wires: each cause of docs/diagnose.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from processes import board

ROOT = Path(__file__).resolve().parents[2]
CLI = [sys.executable, str(ROOT / "daly-bms-cli.py"), "diagnose"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "DALY_BMS_DEVICE"}
    return subprocess.run([*CLI, *arguments], capture_output=True, text=True, timeout=28, cwd=ROOT, env=clean)


def result(*arguments: str) -> tuple[int, list[str], dict[str, Any]]:
    """(exit code, codes of the causes, the document)."""
    done = run(*arguments, "--json")
    document = json.loads(done.stdout)
    return done.returncode, [each["code"] for each in document["causes"]], document


def writes(log: Path) -> list[dict[str, Any]]:
    return [entry for entry in map(json.loads, log.read_text().splitlines()) if entry["writes"]]


def test_a_board_that_is_well(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with board("--pty", f"log={log}") as port:
        done = run("-d", port)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("cause: nothing is wrong on the wire: board 1 speaks A5")
    assert [line.split()[0] for line in done.stderr.splitlines()][:5] == [
        "there",
        "permission",
        "busy",
        "opens",
        "listens",
    ]
    assert len(log.read_text().splitlines()) > 20
    assert writes(log) == []


def test_a_board_that_sleeps_is_not_told_from_a_wire_that_is_off(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with board("--tcp", "0", f"awake=0&log={log}") as device:
        code, causes, _ = result("-d", device)
    assert (code, causes) == (1, ["asleep", "wires", "gateway-settings"])
    assert writes(log) == []
