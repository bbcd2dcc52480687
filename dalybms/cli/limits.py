"""How a command ends when it is told to: time limit, Ctrl-C, SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

from dalybms.cli.output import FAILED

GRACE = 0.5
"""Seconds between the polite end (the wire is closed) and the hard one."""


class Terminated(BaseException):
    """SIGTERM came."""


class Deadline:
    """A limit for the whole command, kept also when a driver hangs; None: no limit.

    At `seconds` the wire is closed by `stop`, which ends every wait; where even that
    does not help, the process ends GRACE later with the code that `farewell` returns.
    """

    def __init__(self, seconds: float | None, stop: Callable[[], None], farewell: Callable[[], int]) -> None:
        self.expired = False
        self._stop, self._farewell = stop, farewell
        self._timers: list[threading.Timer] = []
        if seconds is not None:
            self._timers = [
                threading.Timer(seconds, self._expire),
                threading.Timer(seconds + GRACE, self._leave),
            ]

    def __enter__(self) -> Deadline:
        for timer in self._timers:
            timer.daemon = True
            timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()

    def _expire(self) -> None:
        self.expired = True
        self._stop()

    def _leave(self) -> None:
        code = FAILED
        try:
            code = self._farewell()
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
        finally:
            os._exit(code)


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Inside, SIGTERM raises Terminated, so that the wire is closed on the way out."""

    def raise_it(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, raise_it)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
