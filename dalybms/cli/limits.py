"""How a command ends when it is told to: time limit, Ctrl-C, SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

from dalybms.cli.output import FAILED

GRACE = 0.5
"""Seconds between the polite end (the wire is closed) and the hard one."""


class Terminated(BaseException):
    """SIGTERM came, or while something is written the terminal has gone."""


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
def hangup_raises() -> Iterator[None]:
    """Inside, a terminal that goes away raises Terminated, but where that is ignored, as under nohup."""
    number = getattr(signal, "SIGHUP", None)
    if number is None or signal.getsignal(number) is not signal.SIG_DFL:
        yield
        return
    with _raises(number):
        yield


@contextmanager
def undisturbed(code: int) -> Iterator[None]:
    """Inside, the first signal is put aside, so that what must be told is told; the next one is the end.

    code: what it ends with then. Behind it none counts any more: what was told stands, with its exit code.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def put_aside(number: int, _: object) -> None:
        came.append(number)
        if len(came) > 1:
            os._exit(code)

    _handle(put_aside)
    try:
        yield
    finally:
        _handle(_nothing)


def settle() -> None:
    """No signal counts any more, also while Python clears up, which undoes its own handlers but not this."""
    _handle(signal.SIG_IGN)


def handlers() -> dict[signal.Signals, Any]:
    """What each of the signals that end a command does now."""
    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    return {number: signal.getsignal(number) for number in numbers}


def restore(before: dict[signal.Signals, Any]) -> None:
    for number, handler in before.items():
        if handler is not None:
            signal.signal(number, handler)


def _handle(handler: Any) -> None:
    for number, present in handlers().items():
        if present is not signal.SIG_IGN:
            signal.signal(number, handler)


def _nothing(*_: object) -> None:
    return


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Inside, SIGTERM raises Terminated, so that the wire is closed on the way out."""
    with _raises(signal.SIGTERM):
        yield


@contextmanager
def _raises(number: int) -> Iterator[None]:
    def raise_it(*_: object) -> None:
        raise Terminated

    before = signal.signal(number, raise_it)
    try:
        yield
    finally:
        if signal.getsignal(number) is raise_it:  # else something has been told meanwhile
            signal.signal(number, before)
