"""stdout that is closed, full, or whose reader has gone: the same for every format, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support import PATIENCE, ROOT

CLI = [sys.executable, str(ROOT / "daly-bms-cli.py")]
ONE = [*CLI, "-d", "demo:", "--all"]
WATCH = [*CLI, "watch", "-d", "demo:", "--interval", "0.1", "--count", "3"]
COMMANDS = [
    ONE,
    [*ONE, "--format", "table"],
    [*ONE[:-1], "--get", "soc.current"],
    [*CLI, "parameters", "-d", "demo:"],
    WATCH,
    [*WATCH, "--format", "csv"],
    [*WATCH, "--format", "influx"],
    [*WATCH, "--format", "table"],
]
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no sh"),
    pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[2:])),
]


def through(ending: str, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f'"$@" {ending}', "sh", *command], capture_output=True, text=True, timeout=PATIENCE
    )


def test_a_closed_stdout_is_one_line_and_1(command: list[str]) -> None:
    done = through(">&-", command)
    assert (done.returncode, done.stderr) == (1, "daly-bms-cli: stdout is closed: nothing can be written\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_stdout_is_one_line_and_1(command: list[str]) -> None:
    done = through(">/dev/full", command)
    reason = "cannot write to stdout: No space left on device"
    assert (done.returncode, done.stderr) == (1, f"daly-bms-cli: {reason}\n")


def test_a_reader_that_has_gone_is_no_error(command: list[str]) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")
