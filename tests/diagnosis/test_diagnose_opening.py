"""Devices that do not open, each by the real error of the system."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from processes import raw_pty
from support import PATIENCE

from dalybms.diagnosis.diagnose import diagnose

ROOT = Path(__file__).resolve().parents[2]


def causes_of(device: str) -> list[str]:
    options: dict[str, Any] = {"protocol": "auto", "address": None, "board": None, "baudrate": 9600}
    return [each["code"] for each in diagnose(device, options, lambda _: None)["causes"]]


@pytest.mark.parametrize(
    ("device", "cause"),
    [
        ("socket://no-such-host.invalid:4001", "host"),
        ("rfc2217://no-such-host.invalid:4001", "host"),
        ("socket://127.0.0.1:9", "refused"),
        ("192.168.1.2:4001", "name"),
        ("null", "name"),
        ("/dev/ttyUSB98", "missing"),
        ("/dev/null", "not-a-port"),
        ("/dev", "not-a-port"),
        ("rfc2217://127.0.0.1:99999", "name"),
        ("rfc2217://127.0.0.1:9", "refused"),
        ("hwgrep://no-such-port", "other"),
    ],
)
def test_what_does_not_open_has_its_one_cause(device: str, cause: str) -> None:
    assert causes_of(device) == [cause]


def test_a_file_without_a_device_behind_it_is_no_port(tmp_path: Path) -> None:
    path = str(tmp_path / "end")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(path)
        assert causes_of(path) == ["not-a-port"]


AS_NOBODY = """
import json, os, sys
from dalybms.cli import diagnose
import dalybms.transports.serial, dalybms.diagnosis.findings, serial.tools.list_ports, grp, pwd
if sys.argv[1] == "nobody":
    diagnose.main(["-d", "/dev/ttyUSB98", "--json"])
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
else:
    sys.modules["serial"] = None
raise SystemExit(diagnose.main(["-d", sys.argv[2]]))
"""


def last_line(who: str, device: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, who, device],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "Traceback" not in run.stderr, run.stderr
    assert run.returncode == 1
    return run.stdout.splitlines()[-1]


def test_a_user_who_may_not_open_it_is_told_so() -> None:
    with raw_pty() as (_, name):
        os.chmod(name, 0o600 if os.geteuid() == 0 else 0)
        assert last_line("nobody" if os.geteuid() == 0 else "own", name).startswith(
            "cause: this user may not open the port"
        )


def test_without_pyserial_that_is_the_cause() -> None:
    with raw_pty() as (_, name):
        assert last_line("without", name).startswith("cause: the package pyserial is missing")


def test_wrong_usage_has_a_line_of_its_own() -> None:
    run = subprocess.run(
        [sys.executable, "daly-bms-cli.py", "diagnose", "-d", "socket://127.0.0.1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].startswith("daly-bms-cli diagnose: error: ")
