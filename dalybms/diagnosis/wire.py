"""The device as the system knows it; the open wire with a limit on its time and an ear on its bytes."""

from __future__ import annotations

import errno
import os
import sys
import time
from functools import partial
from typing import Any, Callable

from dalybms.device import Target, is_bluetooth, is_replay, kind, likely_host, open_bluetooth, open_wire
from dalybms.diagnosis.steps import FAILED, NOTED, OK, SKIPPED, Notebook
from dalybms.errors import TransportError
from dalybms.taping import Record, as_recorded, taping_of, told
from dalybms.timing import BLUETOOTH, WIRE, Timing

_KEPT = 8192
_PORT, _RADIO = "serial", "bluetooth"
RADIO_BUDGET = 16.0
"""Seconds until a Bluetooth link stands: what connects takes less, and the questions need the rest."""
_MAKER = "/dev/ptmx"
"""Who holds the other end of a pseudo terminal made it, and holds both."""


class TimeUp(TransportError):
    """The time that a diagnosis may take is over."""


class Ear:
    """A transport that remembers what passed since mark(), and ends every use of it at a time."""

    def __init__(self, transport: Any, clock: Callable[[], float], ends: float) -> None:
        self.heard, self.question = b"", b""
        self.ends = ends
        self._transport, self._clock = transport, clock

    def mark(self) -> None:
        self.heard = b""

    def left(self) -> float:
        """Seconds that may still be used."""
        return self.ends - self._clock()

    def write(self, data: bytes) -> None:
        self._check()
        self.question = data
        self._transport.write(data)

    def read(self, timeout: float, enough: int = 1) -> bytes:
        self._check()
        chunk: bytes = self._transport.read(min(timeout, max(0.0, self.left())), enough)
        self.heard = (self.heard + chunk)[-_KEPT:]
        return chunk

    def drain(self) -> None:
        self._transport.drain()

    def close(self) -> None:
        self._transport.close()

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


def open_place(place: Place, notes: Notebook) -> Any:
    """The transport, or None when it cannot be opened; four steps."""
    here = place.kind == _PORT
    notes.begin("there")
    if here and not os.path.exists(place.device) and os.name == "posix":
        _fail(notes, "there", _error(place), place)
        return None
    notes.note("there", OK if here else SKIPPED, "the device is there" if here else "no serial port")
    notes.begin("permission")
    may = not here or os.name != "posix" or os.access(place.device, os.R_OK | os.W_OK)
    if not may:
        _fail(notes, "permission", _error(place), place)
        return None
    notes.note("permission", OK if here else SKIPPED, "this user may open it" if here else "nothing to ask")
    notes.begin("busy")
    holders = holders_of(place.device) if here else []
    try:
        transport: Any = place.open()
    except TransportError as error:
        transport = error
    if isinstance(transport, TransportError) and _word(transport) == "busy":
        _fail(notes, "busy", transport, place, by=holders)
        return None
    if holders:
        notes.note("busy", NOTED, f"open in {', '.join(holders)} as well", by=holders)
    else:
        notes.note("busy", OK if here else SKIPPED, "no other program seen on it" if here else "no port")
    return _opened(transport, notes, place)


def _opened(transport: Any, notes: Notebook, place: Place) -> Any:
    notes.begin("opens")
    if isinstance(transport, TransportError):
        _fail(notes, "opens", transport, place)
        return None
    notes.note("opens", OK, "it opens")
    return transport


def _error(place: Place) -> TransportError:
    """Why it does not open, in the words of every command."""
    try:
        place.open().close()
    except TransportError as error:
        return error
    return TransportError("the device came just now: try again")


def _fail(notes: Notebook, name: str, error: TransportError, place: Place, **facts: Any) -> None:
    seen = ["brltty", "ModemManager"] if place.kind == _PORT else []
    running = [each for each in seen if any(each.lower() == one.lower() for one in programs())]
    notes.note(name, FAILED, str(error), error=_word(error), takers=running, **facts)


_ERRNO = {
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EAGAIN: "busy",
    errno.EBUSY: "busy",
    errno.ENOENT: "missing",
    errno.ENODEV: "missing",
    errno.ENXIO: "missing",
    errno.EISDIR: "not-a-port",
    errno.ECONNREFUSED: "refused",
}
_WORDS = (
    ("the package pyserial", "pyserial"),
    ("the module serial", "pyserial"),
    ("for a network gateway write", "name"),
    ("the port is named", "name"),
    ("RFC2217", "rfc2217"),
    ("refused", "refused"),
    ("cannot find the host", "host"),
    ("not known", "host"),
    ("getaddrinfo", "host"),
    ("cannot reach", "unreachable"),
    ("is open in this program", "busy"),
    ("in use by another", "busy"),
    ("no permission", "permission"),
    ("does not exist", "missing"),
    ("is not a serial port", "not-a-port"),
    ("host, port", "unreachable"),
)


def _word(error: TransportError) -> str:
    """The kind of an error of opening, in a word."""
    text = f"{error} {error.__cause__ or ''}"
    for part, word in _WORDS:
        if part in text:
            return word
    return _ERRNO.get(getattr(error.__cause__, "errno", None) or 0, "other")


def programs() -> dict[str, list[str]]:
    """{name of a program that runs here: its process numbers}; empty where the system does not tell."""
    found: dict[str, list[str]] = {}
    for number in _numbers():
        name = _name(number)
        if name:
            found.setdefault(name, []).append(number)
    return found


def holders_of(device: str) -> list[str]:
    """Other programs that have this port open, as "name (process 123)", as far as the system tells."""
    port, own = os.path.realpath(device), str(os.getpid())
    return [
        f"{_name(number)} (process {number})"
        for number in _numbers()
        if number != own and port in (files := _files(number)) and _MAKER not in files
    ]


def _numbers() -> list[str]:
    if not sys.platform.startswith("linux"):
        return []
    return sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int)


def _name(number: str) -> str:
    try:
        with open(f"/proc/{number}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _files(number: str) -> set[str]:
    """What a process has open; of other users' processes only root is told."""
    folder, found = f"/proc/{number}/fd", set()
    try:
        for name in os.listdir(folder):
            found.add(os.readlink(f"{folder}/{name}"))
    except OSError:
        return found
    return found


def place_of(device: str, options: dict[str, Any]) -> Place:
    """From the options of the command line, as settings() gives them."""
    rate = options["baudrate"]
    radio = is_bluetooth(device)
    usual = BLUETOOTH if radio else WIRE
    timing = usual._replace(timeout=options.get("timeout", usual.timeout), byte=10 / rate)
    target = Target(options["protocol"], options["address"], options.get("board"), likely_host(radio))
    return Place(device, target, timing, options.get("record"), options.get("adapter"))
