"""The other end of the wire: the emulator as a process of its own, and what 9600 8N1 allows at best."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FRAME_TIME = 13 * 10 / 9600
COMMANDS = 9


class Pack(NamedTuple):
    """The size of an emulated pack."""

    cells: int
    sensors: int

    def __str__(self) -> str:
        return f"{self.cells} cells, {self.sensors} sensor{'s' * (self.sensors > 1)}"

    def options(self, latency_ms: int) -> str:
        return f"cells={self.cells}&sensors={self.sensors}&latency={latency_ms}"


def wire_limit(pack: Pack, latency_ms: int) -> float:
    """Seconds that nine requests, all their reply frames and the board's own delays take at 9600 8N1."""
    replies = (COMMANDS - 2) + ceil(pack.cells / 3) + max(1, ceil(pack.sensors / 7))
    return (COMMANDS + replies) * FRAME_TIME + COMMANDS * latency_ms / 1000


@contextmanager
def emulator(options: str) -> Iterator[str]:
    """A board on a pty, paced as 9600 8N1; gives the path of the port."""
    command = [sys.executable, "-m", "dalybms.emulator", "--pty", options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        path = process.stdout.readline().strip()
        if not path:
            raise RuntimeError(f"the emulator ended at once: try {' '.join(command)}")
        yield path
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()
