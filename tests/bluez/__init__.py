"""A stand-in for org.bluez on a private message bus, so that tests use the real bleak, unmodified."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from tools import needs

from dalybms.transports.bluetooth.limits import LIMITS, Limits

if TYPE_CHECKING:
    from bluez.bus import Bus
    from bluez.peripheral import Peripheral
    from dalybms.transports.bluetooth.transport import BluetoothTransport

_COULD = sys.platform == "linux" and importlib.util.find_spec("bleak")
needs_bus = needs("dbus-daemon") if _COULD else pytest.mark.skip(reason="needs Linux and bleak")

# A tenth of the real limits, and less for the longest: what hangs or is not there ends quickly.
QUICK = Limits(*(seconds / 10 for seconds in LIMITS))._replace(scan=0.5, connect=1.0, thread=LIMITS.thread)
MAC = "AA:BB:CC:00:00:01"


def old_bleak() -> bool:
    """Whether this bleak is older than 3.1: it adopts no link, and leaves sockets open when a loop ends."""
    import bleak

    return not hasattr(bleak, "BleakAdapter")


def close_sockets() -> None:
    """Close what an older bleak left open; a program with one loop until its end does not need this."""
    if old_bleak():
        from dbus_fast.aio import MessageBus

        for each in [each for each in gc.get_objects() if isinstance(each, MessageBus)]:
            for file in (each._stream, each._sock):
                if file is not None:
                    file.close()


def left_open() -> list[pytest.MarkDecorator]:
    """For modules in which the bus refuses: an older bleak may lose its socket before we close it."""
    lost = "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    return [pytest.mark.filterwarnings(lost)] if _COULD and old_bleak() else []


def use_bus(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on bleak takes this bus, and its bluetoothctl, for the system's."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
    monkeypatch.setenv("PATH", str(bus.programs), prepend=os.pathsep)


def wire(target: str = MAC, **options: Any) -> BluetoothTransport:
    """An open link, with quick limits."""
    from dalybms.transports.bluetooth.transport import BluetoothTransport

    return BluetoothTransport(target, **{"limits": QUICK, **options})


def device(**options: Any) -> Peripheral:
    """A dongle, by default at MAC."""
    from bluez.peripheral import Peripheral

    return Peripheral(**options)


def gather(link: BluetoothTransport, size: int) -> bytes:
    """Read until `size` bytes are there or 2 s have passed."""
    data, end = b"", time.monotonic() + 2
    while len(data) < size and time.monotonic() < end:
        data += link.read(0.2)
    return data
