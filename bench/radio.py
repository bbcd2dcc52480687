"""What Bluetooth costs on top of bleak and BlueZ: prints one JSON object of lists of seconds.

The real bleak talks to the tests' stand-in for BlueZ on a private message bus, behind which an emulated
board answers at once. "handover": from the caller's thread to the Bluetooth thread and back, no bus in it.
"session": scan, connect, get_soc(), close, with the protocol named.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from board import ROOT

sys.path.insert(0, str(ROOT / "tests"))


async def nothing() -> None:
    """Work that takes no time."""


def handover(mac: str, count: int) -> list[float]:
    from dalybms.transports.bluetooth.transport import BluetoothTransport

    taken = []
    link: Any = BluetoothTransport(mac)
    for _ in range(count):
        start = time.perf_counter()
        link._thread.run(nothing(), 1.0, 1.0, lambda: None)
        link._thread.loop.call_soon_threadsafe(link._session.inbox.put, b"x")
        link.read(1)
        taken.append(time.perf_counter() - start)
    link.close()
    return taken


def session(mac: str) -> float:
    from dalybms import DalyBMSBluetooth

    start = time.perf_counter()
    with DalyBMSBluetooth(protocol="a5") as bms:
        bms.connect(mac)
        bms.get_soc()
    return time.perf_counter() - start


def main() -> None:
    from bluez import MAC
    from bluez.battery import battery
    from bluez.bus import Bus
    from bluez.standin import BlueZ

    handovers, sessions = map(int, sys.argv[1:3])
    with Bus() as bus:
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
        os.environ["PATH"] = f"{bus.programs}{os.pathsep}{os.environ['PATH']}"
        with BlueZ(bus.address) as standin:
            standin.add(battery("cells=16"))
            session(MAC)
            taken = {"session": [session(MAC) for _ in range(sessions)], "handover": handover(MAC, handovers)}
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
