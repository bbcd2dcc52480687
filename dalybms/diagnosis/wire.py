"""A device and how it is opened; the open wire with a limit on its time and an ear on its bytes."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import Any, Callable

from dalybms.device import (
    Target,
    candidates,
    is_bluetooth,
    is_replay,
    kind,
    likely_host,
    open_bluetooth,
    open_wire,
)
from dalybms.errors import TransportError
from dalybms.taping import Record, as_recorded, taping_of, told
from dalybms.timing import BLUETOOTH, WIRE, Timing

_KEPT, _PASSED = 8192, 65536
_RADIO = "bluetooth"
RADIO_BUDGET = 16.0
"""Seconds until a Bluetooth link stands: what connects takes less, and the questions need the rest."""
LONGEST_SILENCE = 1.5
"""Seconds: with more, a silent line leaves no time for other questions."""


class TimeUp(TransportError):
    """The time that a diagnosis may take is over."""


class Ear:
    """A transport that remembers what passed since mark(), and ends every use of it at a time."""

    def __init__(
        self, transport: Any, clock: Callable[[], float], ends: float, byte: float = WIRE.byte
    ) -> None:
        self.heard, self.question = b"", b""
        self.passed = bytearray()
        """All that was heard, up to a limit."""
        self.asked: Counter[bytes] = Counter()
        """Our own questions, and how often each was asked."""
        self.first: float | None = None
        """Seconds from the last question to the first byte behind it; None: none came yet."""
        self.ends = ends
        self._written = clock()
        self._transport, self._clock, self._byte = transport, clock, byte

    def mark(self) -> None:
        self.heard = b""

    def left(self) -> float:
        """Seconds that may still be used."""
        return self.ends - self._clock()

    def write(self, data: bytes) -> None:
        self._check()
        self.question, self.first = data, None
        self.asked[data] += 1
        self._written = self._clock()
        self._transport.write(data)

    def read(self, timeout: float, enough: int = 1) -> bytes:
        self._check()
        chunk: bytes = self._transport.read(min(timeout, max(0.0, self.left())), enough)
        self.heard = (self.heard + chunk)[-_KEPT:]
        self.passed += chunk[: _PASSED - len(self.passed)]
        if chunk and self.first is None:
            self.first = max(0.0, self._clock() - self._written - len(chunk) * self._byte)
        return chunk

    def drain(self) -> None:
        self._transport.drain()

    def close(self) -> None:
        self._transport.close()

    def go_on(self, transport: Any) -> None:
        """With a wire that was opened anew."""
        self._transport = transport

    def _check(self) -> None:
        if self.left() <= 0:
            raise TimeUp("the time of the diagnosis is over")


class Place:
    """A device and how it is opened: again with another rate where that is tried."""

    def __init__(
        self, device: str, target: Target, timing: Timing, record: Record, adapter: str | None = None
    ) -> None:
        self.device, self.target, self.timing, self.adapter = device, target, timing, adapter
        self.kind = self.wire = kind(device)
        self.clock: Callable[[], float] = time.monotonic
        self._taping = taping_of(record)
        self._tape: Any = None
        if is_replay(device):
            self._tape = self._taping.tape_of(device)
            self.target, self.timing = as_recorded(self._tape.about, target, timing)
            self.clock = self._tape.clock
            self.wire = str(self._tape.about.get("wire", self.kind))
        self.timing = self.timing._replace(timeout=min(self.timing.timeout, LONGEST_SILENCE))

    @property
    def is_port(self) -> bool:
        """Is it a port of this machine, which the system knows by a name?"""
        return self.kind == "serial" and "://" not in self.device

    @property
    def name(self) -> str:
        """Address or advertised name of a Bluetooth device."""
        return self.device.partition("ble:")[2] or self.device

    @property
    def baudrate(self) -> int:
        return round(10 / self.timing.byte)

    def open(self, baudrate: int | None = None) -> Any:
        """The transport. Raises TransportError, or ValueError for a text that is no wire."""
        rate = baudrate or self.baudrate
        opened = self._tape.open if self._tape else partial(open_wire, self.device, rate)
        if self.kind == _RADIO:
            opened = partial(open_bluetooth, self.device, adapter=self.adapter, budget=RADIO_BUDGET)
        about = told(self.device, self.target, self.timing._replace(byte=10 / rate))
        return self._taping.opened(self.device, opened, about)


def place_of(device: str, options: dict[str, Any]) -> Place:
    """From the options of the command line, as settings() gives them. ValueError for what cannot be."""
    rate = options["baudrate"]
    if rate < 1:
        raise ValueError(f"a baud rate of {rate} cannot be: 9600 is usual")
    radio = is_bluetooth(device)
    usual = BLUETOOTH if radio else WIRE
    timing = usual._replace(timeout=options.get("timeout", usual.timeout), byte=10 / rate)
    target = Target(options["protocol"], options["address"], options.get("board"), likely_host(radio))
    candidates(target)
    return Place(device, target, timing, options.get("record"), options.get("adapter"))
