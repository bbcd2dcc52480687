"""Serial ports through pyserial: /dev/ttyUSB0, COM3, rfc2217://host:port.

The port is locked for this process. Modem lines are left as the driver sets them:
on some RS485 adapters RTS drives the transmitter.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Any

from dalybms.errors import TransportError

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
        self._port = _open(name, baudrate)
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
        return TransportError(
            f"{self._name} is gone: the adapter was unplugged, or another program reads the same port"
        )


def _open(name: str, baudrate: int) -> Any:
    try:
        import serial
    except ImportError:
        raise TransportError("the package pyserial is missing: pip install pyserial") from None
    settings: dict[str, Any] = (
        {"timeout": _SLICE} if "://" in name else {"timeout": _SLICE, "write_timeout": WRITE}
    )
    try:
        return serial.serial_for_url(name, baudrate, exclusive=True, **settings)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} is no device this library can open: {error}") from None
    except OSError as error:
        raise TransportError(_why(name, error)) from error


def _why(name: str, error: OSError) -> str:
    """One sentence: what is wrong with the port, and what to try. pyserial gives errno only on POSIX."""
    number, text = error.errno, str(error)
    if "://" in name:
        return f"cannot open {name}: {text}; check host, port and that the server runs"
    if number in (errno.EACCES, errno.EPERM):
        return f"no permission for {name}: {_permission(name)}"
    if number in (errno.EAGAIN, errno.EBUSY) or "PermissionError" in text:
        return f"{name} is in use by another program: stop it (fuser {name} shows which on Linux)"
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or "FileNotFoundError" in text:
        return f"{name} does not exist: {_existing()}"
    if "configure port" in text:
        return f"{name} is not a serial port: {_existing()}"
    return f"cannot open {name}: {text}; {_existing()}"


def _permission(name: str) -> str:
    """The group that owns the device is not the same on every system."""
    try:
        import grp
        import pwd

        status = os.stat(name)
        group = grp.getgrgid(status.st_gid).gr_name
        user = pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError, OSError):
        return "ask the owner of the device for access"
    if not status.st_mode & 0o060:
        return f"its group {group} may not use it either, see: ls -l {name}"
    return f"it belongs to group {group}; run: sudo usermod -aG {group} {user}, then log in again"


def _existing() -> str:
    names = [port["device"] for port in list_ports()]
    return (
        f"ports here: {', '.join(names)}" if names else "no serial port was found; is the adapter plugged in?"
    )


def list_ports() -> list[dict[str, Any]]:
    """Serial ports of this machine: {"device", "port", "description", "serial_number"}.

    device is the stable /dev/serial/by-id name where there is one. Raises TransportError
    when pyserial is missing.
    """
    try:
        from serial.tools.list_ports import comports
    except ImportError:
        raise TransportError("the package pyserial is missing: pip install pyserial") from None
    stable = _stable_names()
    return [
        {
            "device": stable.get(port.device, port.device),
            "port": port.device,
            "description": port.description,
            "serial_number": port.serial_number,
        }
        for port in sorted(comports())
    ]


def _stable_names(folder: str = "/dev/serial/by-id") -> dict[str, str]:
    """{port: name that stays when ports are numbered anew}; empty where the system has none."""
    try:
        links = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError:
        return {}
    return {os.path.realpath(link): link for link in links}
