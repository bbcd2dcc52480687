"""Serial ports through pyserial: /dev/ttyUSB0, COM3, rfc2217://host:port.

The port is locked for this process. Modem lines are left as the driver sets them:
on some RS485 adapters RTS drives the transmitter.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import time
from typing import Any
from urllib.parse import urlsplit

from dalybms.errors import TransportError
from dalybms.transports.ports import Held, gone, import_pyserial, unlock, why

try:
    from termios import error as _TerminalError
except ImportError:  # Windows
    _TerminalError = OSError  # type: ignore[misc, assignment]

_TROUBLES = (OSError, _TerminalError, TypeError, AttributeError, ValueError)
"""What pyserial raises for a port that has gone, or that another thread closes meanwhile."""
BAUD = 9600
"""Daly's rate on UART, RS485 and the modules' UART (8 data bits, no parity, 1 stop bit)."""
WRITE = 1.0
"""Seconds that a write may take; pyserial has no such limit for rfc2217://."""
_CHUNK = 4096
_NAPS = 16
"""So often the rest of a reply is slept through before its rhythm is looked at again."""
_STEADY, _STILL_STEADY = 0.8, 2.0
"""Bytes that follow each other after so much of their own time come at the rate of the line."""
_PRECISE = 0.02
"""Longer waits may end early, so that the next need not be set: each costs a look at the port."""
_SLICE = 0.005
"""The one wait of ports that cannot cancel it: rfc2217:// configures the far port for each new one."""


class Rhythm:
    """Do bytes come one by one at the line's own rate? Then the rest of a reply can be slept through.

    A wake-up for each byte costs more than all the rest of a reading. Adapters that gather
    bytes, and lines that are faster, are never slept on: a rhythm must be seen before,
    and is looked at again now and then.
    """

    def __init__(self, byte: float) -> None:
        self._byte = byte
        self._naps = 0
        self._last = 0.0
        self._single = False

    def heard(self, count: int, now: float, rested: bool) -> None:
        """So many bytes came at `now`, at once. rested: they may have come earlier."""
        passed = (now - self._last) / self._byte if self._byte else 0.0
        if count * _STEADY > passed and not rested:
            self._naps = 0
        elif self._single and count == 1 and passed < _STILL_STEADY:
            self._naps = _NAPS
        self._last, self._single = now, count == 1 and not rested

    def nap(self, lacking: int, now: float) -> float:
        """Seconds until so many more bytes have come, after some that have just come."""
        passed = now - self._last
        if lacking < 2 or not self._naps or passed > self._byte:
            return 0.0
        self._naps -= 1
        return lacking * self._byte - passed


class SerialTransport:
    """One serial port, from opening to close."""

    def __init__(self, name: str, baudrate: int = BAUD) -> None:
        self._name = name
        self._closed = False
        self._opener = os.getpid()
        self._held = Held(name)
        try:
            self._port = _open(name, baudrate, self._held)
        except BaseException:
            self._held.give_back()
            raise
        self._cancel = getattr(self._port, "cancel_read", None)
        self._woken: Any = getattr(self._port, "pipe_abort_read_r", None)
        """POSIX: becomes readable when another thread closes."""
        self._rhythm = Rhythm(10 / baudrate if self._woken else 0.0)

    def write(self, data: bytes) -> None:
        try:
            sent = 0 if self._woken is None or self._closed else _write(self._port.fd, data)
            if sent < len(data):
                self._port.write(data[sent:])
        except _TROUBLES as error:
            raise self._gone(error) from error

    def read(self, timeout: float, enough: int = 1) -> bytes:
        """What has come once `enough` bytes are there; rfc2217:// may return earlier."""
        now = time.monotonic()
        end, data = now + timeout, b""
        try:
            while True:
                lacking = enough - len(data)
                nap = min(self._rhythm.nap(lacking, now), end - now)
                chunk = self._slept(nap) if nap > 0 else self._some(max(0.0, end - now), lacking)
                data += chunk
                now = time.monotonic()
                if chunk:
                    self._rhythm.heard(len(chunk), now, rested=nap > 0)
                if len(data) >= enough or now >= end:
                    return data
        except _TROUBLES as error:
            raise self._gone(error) from error

    def drain(self) -> None:
        try:
            if self._cancel:
                self._port.reset_input_buffer()
            else:  # over the network that is a question, which costs time
                self._port.read(self._port.in_waiting)
        except _TROUBLES as error:
            raise self._gone(error) from error

    def close(self) -> None:
        self._closed = True
        self._held.give_back()
        if self._opener == os.getpid():
            unlock(self._port)
        with contextlib.suppress(*_TROUBLES):  # an unplugged port cannot be closed in order
            if self._cancel:
                self._cancel()
            self._port.close()

    def _slept(self, seconds: float) -> bytes:
        """What is there after so long; ends at once when another thread closes."""
        if select.select([self._woken], [], [], seconds)[0]:
            raise OSError("closed")
        try:
            return os.read(self._port.fd, _CHUNK)
        except BlockingIOError:
            return b""

    def _some(self, timeout: float, lacking: int) -> bytes:
        """What is there, waiting at most `timeout` seconds for the first of it."""
        if self._closed:
            raise OSError("closed")
        if self._woken is None:
            return self._read_elsewhere(timeout, lacking)
        ready = select.select([self._port.fd, self._woken], [], [], timeout)[0]
        if not ready:
            return b""
        data = b"" if self._woken in ready else os.read(self._port.fd, _CHUNK)
        if not data:
            raise OSError("closed, or another program took the bytes")
        return data

    def _read_elsewhere(self, timeout: float, lacking: int) -> bytes:
        """The same on Windows and over the network, through pyserial's read()."""
        if self._cancel and not timeout / 2 <= self._port.timeout <= timeout:
            self._port.timeout = timeout if timeout < _PRECISE else 0.75 * timeout
        data: bytes = self._port.read(lacking)
        more = self._port.in_waiting if data else 0
        return data + self._port.read(more) if more else data

    def _gone(self, error: Exception) -> TransportError:
        """pyserial says the same when the adapter is unplugged and when another program reads the port."""
        if self._closed:
            return TransportError(f"{self._name} is closed")
        if str(error) == "Write timeout":
            return TransportError(
                f"{self._name} took no bytes for {WRITE:g} s: unplug the adapter and plug it in again",
                "hangs",
            )
        return TransportError(gone(self._name), "gone")


def _write(fd: int, data: bytes) -> int:
    """How many bytes the port took at once."""
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0


def _open(name: str, baudrate: int, held: Held) -> Any:
    if name.lower().startswith("rfc2217:"):
        _check_form(name)
    if os.name == "posix" and "://" not in name and not os.path.exists(name):
        missing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        raise why(name, missing, held) from missing
    serial = import_pyserial()
    settings: dict[str, Any] = (
        {"timeout": _SLICE} if "://" in name else {"timeout": _SLICE, "write_timeout": WRITE}
    )
    try:
        return serial.serial_for_url(name, baudrate, exclusive=True, **settings)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{name} is no device this library can open: {error}; a gateway is socket://HOST:PORT"
        ) from None
    except OSError as error:
        raise why(name, error, held) from error


def _check_form(url: str) -> None:
    """pyserial tells what is missing in the words of Python."""
    try:
        parts = urlsplit(url)
        complete = bool(parts.hostname and parts.port)
    except ValueError:
        complete = False
    if not complete:
        raise TransportError(f"{url} is not of the form rfc2217://HOST:PORT", "name")
