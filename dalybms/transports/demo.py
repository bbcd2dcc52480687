"""`demo:`: the emulator as a wire. Needs no hardware, no permission and no package."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from dalybms.errors import TransportError

if TYPE_CHECKING:
    from dalybms.emulator.line import Line


def open_demo(options: str) -> DemoTransport:
    """A fake board; options as the emulator takes them, for instance "cells=16&fault=drop:0.2"."""
    from dalybms.emulator.options import build

    return DemoTransport(build(options))


class DemoTransport:
    """A line of the emulator in real time."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._closed = threading.Event()

    def write(self, data: bytes) -> None:
        self._check()
        self._line.write(data, time.monotonic())

    def read(self, timeout: float, enough: int = 1) -> bytes:
        end, data = time.monotonic() + timeout, b""
        while True:
            now = time.monotonic()
            data += self._line.take(now)
            if len(data) >= enough or now >= end:
                return data
            self._check()
            arrives = self._line.next_time()
            until = end if arrives is None else min(end, arrives)
            self._closed.wait(max(0.0, until - now))

    def drain(self) -> None:
        self._line.take(time.monotonic())

    def close(self) -> None:
        self._closed.set()

    def _check(self) -> None:
        if self._closed.is_set() or not self._line.alive(time.monotonic()):
            raise TransportError("the demo board was unplugged: connect again")
