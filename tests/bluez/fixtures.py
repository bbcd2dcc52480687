"""What the Bluetooth tests share: the stand-in, on a message bus of its own for every test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from bluez import close_sockets, use_bus

if TYPE_CHECKING:
    from bluez.bus import Bus
    from bluez.standin import BlueZ


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    """A message bus without BlueZ; bleak takes it for the system's."""
    from bluez.bus import Bus
    from dalybms.transports.bluetooth.thread import shutdown

    with Bus() as made:
        use_bus(made, monkeypatch)
        yield made
        shutdown()
    close_sockets()


@pytest.fixture
def bluez(bus: Bus) -> Iterator[BlueZ]:
    """BlueZ with one adapter and no device nearby."""
    from bluez.standin import BlueZ
    from dalybms.transports.bluetooth.thread import shutdown

    with BlueZ(bus.address) as standin:
        yield standin
        shutdown()
