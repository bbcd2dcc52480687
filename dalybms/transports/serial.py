"""Serial ports through pyserial: /dev/ttyUSB0, COM3, rfc2217://host:port.

The port is locked for this process. Modem lines are left as the driver sets them:
on some RS485 adapters RTS drives the transmitter.
"""

from __future__ import annotations

import contextlib
from typing import Any

from dalybms.errors import TransportError
from dalybms.transports.ports import Held, gone, import_pyserial, why

try:
    from termios import error as _TerminalError
except ImportError:  # Windows
    _TerminalError = OSError  # type: ignore[misc, assignment]

_TROUBLES = (OSError, _TerminalError, TypeError, AttributeError)
"""What pyserial raises for a port that has gone, or that another thread closes meanwhile."""
BAUD = 9600
"""Daly's rate on UART, RS485 and the modules' UART (8 data bits, no parity, 1 stop bit)."""
WRITE = 1.0
"""Seconds that a write may take; pyserial has no such limit for rfc2217://."""
_PRECISE = 0.02
"""Longer waits may end early, so that the next need not be set: each costs a look at the port."""
_SLICE = 0.005
"""The one wait of ports that cannot cancel it: rfc2217:// configures the far port for each new one."""


class SerialTransport:
    """One serial port, from opening to close."""

    def __init__(self, name: str, baudrate: int = BAUD) -> None:
        self._name = name
        self._closed = False
        self._held = Held(name)
        try:
            self._port = _open(name, baudrate, self._held)
        except BaseException:
            self._held.give_back()
            raise
        self._cancel = getattr(self._port, "cancel_read", None)

    def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except _TROUBLES as error:
            raise self._gone(error) from error

    def read(self, timeout: float) -> bytes:
        """One byte is waited for; what came with it is taken too."""
        try:
            self._wait(timeout)
            data: bytes = self._port.read(1)
            more = self._port.in_waiting if data else 0
            return data + self._port.read(more) if more else data
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
        with contextlib.suppress(*_TROUBLES):  # an unplugged port cannot be closed in order
            if self._cancel:
                self._cancel()
            self._port.close()

    def _wait(self, timeout: float) -> None:
        if self._closed:
            raise OSError("closed")
        if self._cancel and not timeout / 2 <= self._port.timeout <= timeout:
            self._port.timeout = timeout if timeout < _PRECISE else 0.75 * timeout

    def _gone(self, error: Exception) -> TransportError:
        """pyserial says the same when the adapter is unplugged and when another program reads the port."""
        if self._closed:
            return TransportError(f"{self._name} is closed")
        if str(error) == "Write timeout":
            return TransportError(
                f"{self._name} took no bytes for {WRITE:g} s: unplug the adapter and plug it in again"
            )
        return TransportError(gone(self._name))


def _open(name: str, baudrate: int, held: Held) -> Any:
    serial = import_pyserial()
    settings: dict[str, Any] = (
        {"timeout": _SLICE} if "://" in name else {"timeout": _SLICE, "write_timeout": WRITE}
    )
    try:
        return serial.serial_for_url(name, baudrate, exclusive=True, **settings)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} is no device this library can open: {error}") from None
    except OSError as error:
        raise TransportError(why(name, error, held)) from error
