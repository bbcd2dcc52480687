"""What the tests of the writing flags share: the command as a process, and a terminal that answers."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Callable

from processes import board
from support import PATIENCE, ROOT

PROGRAM = [sys.executable, str(ROOT / "daly-bms-cli.py")]
OFF = ("--set-discharge-mosfet", "off")
FRAME = "a540d9080000000000000000c6"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DALY_BMS")}
    return subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
        env={**kept, **environment},
    )


def sent(log: Path) -> list[str]:
    """The frames that write which the board's log holds."""
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [line["frame"] for line in lines if line["writes"]]


def on_a_terminal(answer: bytes, *arguments: str, interrupt: bool = False) -> tuple[int, str, str]:
    """(exit code, stdout, what the terminal showed) of a command whose question is answered."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *arguments], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, start_new_session=True
    )
    os.close(theirs)
    shown, end = b"", time.monotonic() + 20
    while b"to send it once" not in shown and time.monotonic() < end and process.poll() is None:
        if select.select([ours], [], [], 0.2)[0]:
            shown += _some(ours)
    if interrupt:
        process.send_signal(signal.SIGINT)
    else:
        os.write(ours, answer)
    assert process.stdout is not None
    output = process.stdout.read().decode()
    code = process.wait(PATIENCE)
    process.stdout.close()
    os.close(ours)
    return code, output, shown.decode()


def _some(end: int) -> bytes:
    try:
        return os.read(end, 4096)
    except OSError:
        return b""


def writing(device: str, kept: Path) -> subprocess.Popen[str]:
    """A write that asks nobody. kept: its write log."""
    return subprocess.Popen(
        [*PROGRAM, "-d", device, *OFF, "--yes", "--write-log", str(kept)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def reading_back(log: Path, kept: Path) -> Iterator[subprocess.Popen[str]]:
    """A write that was sent to a board that ignores it, so that it is looked for. kept: its write log."""
    with board("--pty", f"write=ignore&log={log}") as device:
        process = writing(device, kept)
        until(process, lambda: bool(sent(log)))
        yield process


def until(process: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    """Wait for it, as long as the process runs."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()
        select.select([], [], [], 0.02)
