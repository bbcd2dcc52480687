"""What the monitoring tests share: the examples of docs/monitoring.md and a bounded wait for a process."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parent.parent
DOC = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
PROGRAM = [sys.executable, str(ROOT / "daly-bms-cli.py")]
INSTALLED = "/usr/local/bin/daly-bms-cli"
PORT = "/dev/ttyUSB0"


def example(language: str) -> str:
    """The one fenced example in this language."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", DOC, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, f"{len(blocks)} examples in {language}"
    return blocks[0]


def here(text: str, device: str) -> str:
    """An example with the program of this tree and another device in it."""
    assert text.count(INSTALLED) == 1
    return text.replace(INSTALLED, shlex.join(PROGRAM)).replace(PORT, device)


def wait_for(process: subprocess.Popen[str], happened: Callable[[], bool], seconds: float = 20) -> None:
    """Returns when it happened; fails when the process ends before, or the time is over."""
    end = time.monotonic() + seconds
    while not happened():
        try:
            code = process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            assert time.monotonic() < end, f"did not happen within {seconds} s"
        else:
            raise AssertionError(f"{process.args} ended with {code} before it happened")
