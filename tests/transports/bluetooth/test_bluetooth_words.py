"""What people read of an error of Bluetooth: the next step and what the system said, no Python."""

from __future__ import annotations

import errno
import re
from typing import Any

import pytest
from bluez import MAC

from dalybms.transports.bluetooth import errors
from dalybms.transports.bluetooth.errors import BluetoothError, explain

STAGES = (errors.BUS, errors.SCAN, errors.CONNECT, errors.SUBSCRIBE, errors.WRITE)
PYTHON = re.compile(
    r"<\w|\('|\['|\", |\bNone\b|NoneType|object has no|Bleak|Error\(|\bb'|\[Errno|args|"
    r"\b(Attribute|Type|Value|Runtime|OS|Key|Index|Assertion|EOF|Timeout|DBus|BrokenPipe)Error\b"
)


class Enum:
    """How an enumeration of bleak is written within a longer text."""

    def __repr__(self) -> str:
        return "<GattCommunicationStatus.UNREACHABLE: 1>"


def ours() -> list[tuple[BaseException, str]]:
    """Errors of Python and the system, and a word of what is to be said of each."""
    return [
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "install BlueZ"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "install BlueZ"),
        (PermissionError(errno.EACCES, "Permission denied"), "not allowed"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "service broke"),
        (EOFError(), "service broke"),
        (AttributeError("'NoneType' object has no attribute 'call'"), "service broke"),
        (TypeError("expected str, got <class 'bytes'>"), "Bluetooth failed;"),
        (KeyError("org.bluez.Device1"), "Bluetooth failed;"),
        (AssertionError(), "Bluetooth failed;"),
        (RuntimeError(f"Unreachable {Enum()!r}", 3), "(Unreachable)"),
        (ValueError("one", ("two", 2), b"three"), "Bluetooth failed (one)"),
        (OSError(errno.EIO, "Input/output error"), "(Input/output error)"),
        (RuntimeError("x" * 5000), "Bluetooth failed (xxx"),
        (RuntimeError("two\nlines"), "(two lines)"),
    ]


def of_bleak() -> list[tuple[BaseException, str]]:
    """The errors of bleak and dbus-fast, as they are made there."""
    bleak = pytest.importorskip("bleak")
    fast = pytest.importorskip("dbus_fast")
    dbus, failed = bleak.exc.BleakDBusError, "org.bluez.Error.Failed"
    made: list[tuple[BaseException, str]] = [
        (dbus("org.bluez.Error.NotReady", ["Resource Not Ready"]), "adapter is off"),
        (dbus("org.bluez.Error.InProgress", ["Operation already in progress"]), "another program scans or"),
        (dbus("org.bluez.Error.InProgress", []), "another program scans or"),
        (dbus("org.bluez.Error.NotPermitted", ["Notify acquired"]), "notifications are taken"),
        (dbus("org.freedesktop.DBus.Error.AccessDenied", ["Rejected send message"]), "not allowed"),
        (dbus("org.freedesktop.DBus.Error.ServiceUnknown", ["The name is not"]), "service is not running"),
        (dbus("org.freedesktop.DBus.Error.UnknownObject", ["Method"]), "vanished"),
        (dbus(failed, ["le-connection-abort-by-local"]), "broke off"),
        (dbus(failed, ["Operation failed with ATT error: 0x0e"]), "refused the bytes"),
        (dbus(failed, ["br-connection-unknown"]), "Bluetooth failed (br-connection-unknown)"),
        (dbus(failed, []), f"Bluetooth failed ({failed})"),
        (dbus("org.bluez.Error.AuthenticationFailed", ["Authentication Failed"]), "(Authentication Failed)"),
        (bleak.exc.BleakDeviceNotFoundError(MAC, f"Device with address {MAC} was not found."), "vanished"),
        (bleak.exc.BleakDeviceNotFoundError(MAC), "vanished"),
        (bleak.exc.BleakCharacteristicNotFoundError("fff1"), "(Characteristic fff1 was not found!)"),
        (bleak.exc.BleakError("failed to discover services, device disconnected"), "broke off"),
        (bleak.exc.BleakError("Not connected"), "broke off"),
        (bleak.exc.BleakError("Bleak requires BlueZ >= 5.55."), "too old; install BlueZ 5.55 or newer"),
        (bleak.exc.BleakError("No Bluetooth adapters found."), "no such Bluetooth LE adapter"),
        (fast.errors.DBusError("org.freedesktop.DBus.Error.Spawn.ChildExited", "died"), "not running"),
        (fast.errors.InvalidAddressError("Invalid address: <x>"), "install BlueZ"),
        (fast.errors.AuthError("authentication failed: REJECTED: ['EXTERNAL']"), "not allowed"),
        (
            fast.errors.InvalidMessageError("invalid header <HeaderField.PATH: 1>"),
            "Bluetooth failed (invalid",
        ),
    ]
    if hasattr(bleak.exc, "BleakGATTProtocolError"):
        made += [(bleak.exc.BleakGATTProtocolError(code), "refused the bytes") for code in (0x03, 0x0E, 0x80)]
    if hasattr(bleak.exc, "BleakBluetoothNotAvailableError"):
        words = {"NO_BLUETOOTH": "no such", "POWERED_OFF": "adapter is off", "DENIED_BY_USER": "not allowed"}
        made += [
            (bleak.exc.BleakBluetoothNotAvailableError("It is not there", reason), words.get(reason.name, ""))
            for reason in bleak.exc.BleakBluetoothNotAvailableReason
        ]
    return made


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("source", [ours, of_bleak])
def test_no_line_speaks_python(source: Any, stage: str) -> None:
    for error, words in source():
        told = str(explain(error, stage, MAC))
        assert words in told, repr(error)
        assert not PYTHON.search(told.replace("(Bleak requires BlueZ", "")), told
        assert told.startswith(f"{MAC}: ")
        assert "\n" not in told
        assert len(told) < 500
        assert "()" not in told


@pytest.mark.parametrize("stage", STAGES)
def test_a_time_that_ran_out_in_bleak_is_told_by_its_stage(stage: str) -> None:
    assert str(explain(TimeoutError(), stage, MAC)) == f"{MAC}: {errors._TIMEOUTS[stage]}"


def test_an_error_of_ours_is_left_alone() -> None:
    error = BluetoothError("said already", errors.SCAN)
    assert explain(error, errors.WRITE, MAC) is error


def test_the_whole_error_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="dalybms"):
        explain(AttributeError("'NoneType' object has no attribute 'call'"), errors.WRITE, MAC)
    assert "at write: AttributeError(\"'NoneType'" in caplog.text
