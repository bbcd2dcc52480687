"""What Bluetooth troubles mean for a user: one line, with the next step.

bleak and dbus-fast report one trouble in many ways (a class of their own, a
D-Bus error name, a bare OSError, an empty TimeoutError), and the ways differ
between their versions; so the words are looked for, not the classes. What is shown of them is
what the system said, never how Python writes it; the whole error is in the log.
"""

from __future__ import annotations

import logging
import re

from dalybms.errors import TransportError

BUS, SCAN, CONNECT, SUBSCRIBE = "bus", "scan", "connect", "subscribe"
WRITE, OPEN, CLOSED = "write", "open", "closed"
_log = logging.getLogger(__name__)


class BluetoothError(TransportError):
    """The Bluetooth wire failed.

    `stage` says how far it had come: "import" (bleak is missing), "bus" (the system's Bluetooth service),
    "scan", "connect", "subscribe", "write", "open" (the link was up and was lost) or "closed".
    `passing`: the same write may be tried once more. `cause`: what it was, in a word; "" for others.
    """

    def __init__(self, message: str, stage: str = "", passing: bool = False, cause: str = "") -> None:
        super().__init__(message)
        self.stage, self.passing, self.cause = stage, passing, cause


MISSING = "Bluetooth needs the package bleak ({what}); install it with: pip install 'dalybms[bluetooth]'"
LOST = ("the Bluetooth link was lost; the dongle went out of range, fell asleep, lost power, "
        "or the adapter was switched off: connect again")  # fmt: skip
OWN_THREAD = "blocking call from inside the Bluetooth thread itself; call it from another thread"
STUCK = "the Bluetooth thread does not answer; end this program and start it again"

# (cause, words, message): the first row with a word in the error's text wins.
_CAUSES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "off",
        ("powered_off", "no powered", "error.notready", "turned off", "not ready for use"),
        "the Bluetooth adapter is off; switch it on: bluetoothctl power on (or rfkill unblock bluetooth)",
    ),
    (
        "adapter",
        ("no_bluetooth", "no bluetooth adapter", "no_ble_central", "adapter '", "unknownmethod"),
        "no such Bluetooth LE adapter on this machine; plug one in, or name another one (bluetoothctl list)",
    ),
    (
        "permission",
        ("denied", "not authorized", "autherror", "permissionerror", "operation not permitted"),
        "not allowed to use Bluetooth; Linux: add yourself to the group (sudo usermod -aG bluetooth $USER) "
        "and log in again, macOS: System Settings, Privacy, Bluetooth",
    ),
    (
        "service",
        ("serviceunknown", "namehasnoowner", "spawn.", "could not get owner"),
        "the Bluetooth service is not running; start it: sudo systemctl start bluetooth "
        "(in a container: on the host)",
    ),
    (
        "bus",
        ("filenotfounderror", "connectionrefusederror", "invalidaddresserror", "no such file"),
        "no Bluetooth service on this machine (no system message bus); install BlueZ and start it, "
        "in a container mount /run/dbus",
    ),
    (
        "old",
        ("requires bluez",),
        "the Bluetooth service of this machine is too old; install BlueZ 5.55 or newer",
    ),
    (
        "busy",
        ("error.inprogress",),
        "another program scans or connects with this Bluetooth adapter; end it or wait until it is done, "
        "if there is none: sudo systemctl restart bluetooth",
    ),
    (
        "taken",
        ("notify acquired", "notpermitted"),
        "the dongle's notifications are taken; end the other program that uses it, or free it with: "
        "bluetoothctl disconnect",
    ),
    (
        "disturbed",
        ("abort-by-local", "connection abort", "canceled", "failed to discover services", "not connected"),
        "the connection broke off, often by radio disturbance; come closer, "
        "use a USB adapter on an extension lead, on a Raspberry Pi try without WiFi",
    ),
    (
        "vanished",
        ("devicenotfounderror", "unknownobject"),
        "the device vanished before it could be connected; come closer and try again",
    ),
    (
        "refused",
        ("gatt protocol error", "att error"),
        "the dongle refused the bytes; close the phone app and other programs that use it, "
        "then unplug it for a moment and connect again",
    ),
    (
        "broken",
        ("eoferror", "brokenpipe", "connectionreset", "dbus connection", "nonetype"),
        "the connection to the Bluetooth service broke; start it: sudo systemctl restart bluetooth",
    ),
)
_TIMEOUTS: dict[str, str] = {
    BUS: "the Bluetooth service does not answer; start it anew: sudo systemctl restart bluetooth",
    SCAN: "the Bluetooth adapter does not start or stop scanning; reset it: sudo systemctl restart bluetooth",
    CONNECT: "the dongle was heard but no connection came about; close the phone app, come closer, "
    "unplug the dongle for a moment",
    SUBSCRIBE: "the dongle does not switch on its notifications; unplug it for a moment and try again",
    WRITE: "the Bluetooth link does not take data any more; connect again",
}


def explain(error: BaseException, stage: str, target: str) -> BluetoothError:
    """The error to raise for `error` (of bleak, dbus-fast or the system), met at `stage` with `target`."""
    if isinstance(error, BluetoothError):
        return error
    _log.debug("%s, at %s: %r", target, stage, error)
    searched, said = _searched(error), _said(error)
    shown = f" ({said})" if said else ""
    for cause, words, text in _CAUSES:
        if any(word in searched for word in words):
            return BluetoothError(f"{target}: {text}{shown}", stage, cause=cause)
    if "timeout" in type(error).__name__.lower():
        return late(stage, target)
    return BluetoothError(f"{target}: Bluetooth failed{shown}; connect again, "
                          "if it stays: sudo systemctl restart bluetooth", stage)  # fmt: skip


def _searched(error: BaseException) -> str:
    """All that an error tells, for words to be looked for in it."""
    parts = (type(error).__name__, getattr(error, "type", ""), *error.args)
    return " ".join(map(str, parts)).lower()


def _said(error: BaseException) -> str:
    """What the system or the device said, for people; "" where there is nothing but Python's words."""
    if isinstance(error, _PYTHONS):
        return ""
    texts = (
        [error.strerror or ""]
        if isinstance(error, OSError)
        else [x for x in error.args if isinstance(x, str)]
    )
    if len(texts) > 1 and _DBUS_NAME.fullmatch(texts[0]):
        texts = [text for text in texts[1:] if text] or texts[:1]
    plain = " ".join(" ".join(texts).split())
    return _REPRESENTATION.sub("", plain)[:_LONGEST].strip(" ,:;.")


_PYTHONS = (ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, TypeError)
"""Mistakes in a program, whose words are about its insides."""
_DBUS_NAME = re.compile(r"\w+(\.\w+)+")
_REPRESENTATION = re.compile(r"<[^<>]*>|\bb(?='|\")|[\[\]]")
_LONGEST = 200
"""Characters: macOS and Windows send whole structures."""


def late(stage: str, target: str, cut: bool = False) -> BluetoothError:
    """The error for a wait at `stage` that reached its limit; `cut`: the caller's overall time ended it."""
    hint = " (the overall time limit ended this wait early; allow more)" if cut else ""
    return BluetoothError(f"{target}: {_TIMEOUTS[stage]}{hint}", stage, cause="late")


def transient(error: BaseException) -> bool:
    """Whether trying to connect again may help: radio disturbance or a busy BlueZ, not a refusal."""
    if isinstance(error, BluetoothError):
        return False
    said = _searched(error)
    passing = ("error.failed", "inprogress", "failed to discover services", "not connected", "devicenotfound")
    return any(word in said for word in passing) or isinstance(error, (EOFError, BrokenPipeError))


def busy(error: BaseException) -> bool:
    """Whether BlueZ is at it already, for this program or another one."""
    return "error.inprogress" in _searched(error)


def unlikely(error: BaseException) -> bool:
    """Whether the dongle gave ATT error 0x0e, "Unlikely Error": seen on the first write and on subscribing
    when two dongles are connected at once, where the next try works."""
    return re.search(r"unlikely error|att error: 0x0e", _searched(error)) is not None
