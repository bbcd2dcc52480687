"""The serial ports of this machine: which there are, which this program holds, why one does not open."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from dalybms.errors import TransportError


class Held:
    """A port that this program has opened, or is opening; give_back() when it is closed."""

    def __init__(self, name: str) -> None:
        self._port = _real(name)
        _held.add(self)

    def elsewhere(self) -> bool:
        """Does another object of this program hold the same port, perhaps under another name?"""
        return any(other is not self and other._port == self._port for other in list(_held))

    def give_back(self) -> None:
        _held.discard(self)


_held: WeakSet[Held] = WeakSet()


def _real(name: str) -> str:
    """The file behind a name; the name where the working folder is gone."""
    try:
        return os.path.realpath(name)
    except OSError:
        return name


def unlock(port: Any) -> None:
    """Give the lock of an open port back: a process that was forked off meanwhile has the port open too."""
    try:
        import fcntl
    except ImportError:  # Windows has neither
        return
    if getattr(port, "fd", None) is not None:
        with suppress(OSError):  # closed already
            fcntl.flock(port.fd, fcntl.LOCK_UN)


def import_pyserial() -> Any:
    """The module `serial` of the package pyserial. TransportError where there is another one."""
    try:
        import serial
    except ImportError:
        raise TransportError(
            "the package pyserial is missing: pip install pyserial "
            "(Debian, Ubuntu: sudo apt install python3-serial)",
            "pyserial",
        ) from None
    except RuntimeError:  # serialx-compat over the files of pyserial
        raise TransportError(_IMPOSTOR.format(what="is a mixture of two packages"), "pyserial") from None
    if not hasattr(serial, "SerialBase"):
        raise TransportError(_IMPOSTOR.format(what="belongs to another package"), "pyserial")
    return serial


_IMPOSTOR = (
    "the module serial {what}, where pyserial is needed: pip uninstall serialx-compat serial, "
    "then pip install --force-reinstall pyserial"
)


def why(name: str, error: OSError, held: Held) -> TransportError:
    """What is wrong with the port, and what to try. pyserial gives errno only on POSIX."""
    number, text = error.errno, str(error)
    if "://" in name:
        reason = _reason(error).partition(" [")[0].rstrip(":")  # no objects of pyserial
        said = f"cannot open {name}: {reason}; check host, port and that the server runs"
        return TransportError(said, _far(name, error))
    if number in (errno.EACCES, errno.EPERM):
        return TransportError(f"no permission for {name}: {_permission(name)}", "permission")
    if number in (errno.EAGAIN, errno.EBUSY) or "PermissionError" in text:
        return TransportError(_busy(name, held), "busy")
    no_driver = number in (errno.ENODEV, errno.ENXIO) and os.path.exists(name)
    if "configure port" in text or no_driver:
        said = f"{name} is not a serial port: {_existing()}"
        if os.path.isfile(name):
            said = f"{name} is not a serial port: to play a recording write replay:{name}"
        return TransportError(said, "not-a-port")
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or "FileNotFoundError" in text:
        return _nowhere(name)
    cause = "not-a-port" if number == errno.EISDIR else ""
    return TransportError(f"cannot open {name}: {_reason(error)}; {_existing()}", cause)


def _far(name: str, error: OSError) -> str:
    """The word for a far port that does not open; other schemes of pyserial have none."""
    text, cause = str(error), error.__cause__ or error.__context__
    if not name.lower().startswith("rfc2217:"):
        return ""
    if "expected a string in the form" in text:
        return "name"
    if "RFC2217" in text:
        return "rfc2217"
    if isinstance(cause, ConnectionRefusedError) or "refused" in text:
        return "refused"
    from socket import gaierror

    return "host" if isinstance(cause, (gaierror, UnicodeError)) else "unreachable"


def _busy(name: str, held: Held) -> str:
    if held.elsewhere():
        return f"{name} is open in this program already: use that object, or disconnect it first"
    return f"{name} is in use by another program: stop it (fuser {name} shows which on Linux)"


def _nowhere(name: str) -> TransportError:
    """There is no such port: perhaps the name lacks its beginning."""
    if name != name.strip():
        return TransportError(f"{name!r} does not exist: take the blanks or line ends around it away", "name")
    if name == "demo":
        return TransportError(f"{name} does not exist: the fake battery is demo: with its colon", "name")
    if os.path.exists(f"/dev/{name}"):
        return TransportError(f"{name} does not exist: the port is named /dev/{name}", "name")
    host, _, port = name.rpartition(":")
    if host and not {"/", ":"} & set(host) and port.isdigit():
        return TransportError(f"{name} does not exist: for a network gateway write socket://{name}", "name")
    return TransportError(f"{name} does not exist: {_existing()}{_taken_away(name)}", "missing")


def gone(name: str) -> str:
    """One sentence: why an open port fails. pyserial says the same of all causes."""
    there = "://" in name or os.path.exists(name)
    hint = "" if there else _taken_away(name)
    return f"{name} is gone: the adapter was unplugged, or another program reads the same port{hint}"


def _taken_away(name: str) -> str:
    """Ubuntu's brltty takes CH340, CP210x and FTDI adapters for Braille displays."""
    adapter = "tty" in os.path.basename(name) or "/serial/" in name
    if not (adapter and sys.platform.startswith("linux")):
        return ""
    return (
        "; where it vanishes within seconds of plugging in, brltty or ModemManager takes it: "
        "sudo apt remove brltty modemmanager"
    )


def _reason(error: BaseException) -> str:
    """The system's own words, without the numbers and names that pyserial puts around them."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.strerror and "[Errno" not in cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error)


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
    import_pyserial()
    from serial.tools.list_ports import comports

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
