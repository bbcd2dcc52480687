"""Every kind of command over Bluetooth, recorded by the real process, replays to the same output."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bluez import MAC, needs_bus
from bluez.battery import battery
from support import PATIENCE, ROOT
from sweep import leftovers

if TYPE_CHECKING:
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]
pytestmark = needs_bus

COMMANDS = {
    "info": ["--all", "--info"],
    "check": ["--check"],
    "parameters": ["parameters"],
    "watch": ["watch", "--count", "2", "--interval", "0.3"],
    "switch": ["--set-discharge-mosfet", "on", "--yes"],
    "set soc": ["--set-soc", "43", "--yes"],
    "diagnose": ["diagnose", "--json"],
}
SECRETS = ("DL-280AH-16S-000123", "DL24010023000005")
"""Battery code and serial number of the emulated pack."""
CHANGES = re.compile(
    r'("(?:battery_code|serial_number)": ?)"[^"]*"|"(?:time|device|name|seconds|frame)": ?("[^"]*"|[\d.]+)'
)


def run(command: list[str], device: str, *more: str) -> subprocess.CompletedProcess[str]:
    """A verb goes first."""
    verb = [command[0]] if not command[0].startswith("-") else []
    return subprocess.run(
        [sys.executable, "daly-bms-cli.py", *verb, "-d", device, *command[len(verb) :], *more],
        cwd=ROOT, env={**os.environ}, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip


def told(done: subprocess.CompletedProcess[str]) -> str:
    return CHANGES.sub(r"\1", done.stdout)


@pytest.mark.parametrize("protocol", ["a5", "d2", "p81"])
@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "diagnose"])
def test_it_replays_to_the_same_output(bluez: BlueZ, tmp_path: Path, name: str, protocol: str) -> None:
    bluez.add(battery(f"protocol={protocol}"))
    path = tmp_path / "x.jsonl"
    recorded = run(COMMANDS[name], MAC, "--record", str(path))
    assert recorded.returncode == 0, recorded.stderr
    played = run(COMMANDS[name], f"replay:{path}?pace=0")
    assert (played.returncode, told(played)) == (0, told(recorded)), played.stderr
    assert "has no question" not in played.stderr
    assert leftovers(path, SECRETS) == []
    text = path.read_text().lower()
    assert not [each for each in (MAC, MAC.replace(":", ""), MAC.replace(":", "_")) if each.lower() in text]


@pytest.mark.parametrize("protocol", ["a5", "d2"])
def test_a_diagnosis_replays_to_the_same_cause(bluez: BlueZ, tmp_path: Path, protocol: str) -> None:
    bluez.add(battery(f"protocol={protocol}"))
    path = tmp_path / "x.jsonl"
    recorded = run(COMMANDS["diagnose"], MAC, "--record", str(path))
    played = run(COMMANDS["diagnose"], f"replay:{path}?pace=0")
    causes = [[each["code"] for each in json.loads(done.stdout)["causes"]] for done in (recorded, played)]
    assert causes[0] == causes[1] == ["well"]
    assert played.returncode == recorded.returncode == 0
    assert leftovers(path, SECRETS) == []
