"""Ends of real wires for tests: a fake board as a process, a pseudo terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from support import PATIENCE, ROOT


@contextmanager
def board(*arguments: str) -> Iterator[str]:
    """A fake board as a process; yields the text to connect to."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dalybms.emulator", *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        process.stdout.close()


@contextmanager
def raw_pty() -> Iterator[tuple[int, str]]:
    """Both ends of a pseudo terminal: our file descriptor and the name of the other end."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    try:
        yield ours, os.ttyname(theirs)
    finally:
        os.close(theirs)
        try:
            os.close(ours)
        except OSError:
            assert sys.exc_info()  # a test may have unplugged it
