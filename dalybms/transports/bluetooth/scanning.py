"""The Bluetooth devices nearby, as a blocking call."""

from __future__ import annotations

import time
from typing import Any, Callable

from dalybms.transports.bluetooth.errors import SCAN, explain
from dalybms.transports.bluetooth.limits import LIMITS, Deadline, Limits
from dalybms.transports.bluetooth.radio import Radio, import_bleak, survey
from dalybms.transports.bluetooth.thread import nothing, start


def scan(
    timeout: float = LIMITS.scan,
    adapter: str | None = None,
    progress: Callable[[str], None] | None = None,
    limits: Limits = LIMITS,
) -> list[dict[str, Any]]:
    """The Bluetooth devices nearby, the nearest first; listens for `timeout` seconds.

    Each: `address`, `name` (None if it sends none), `rssi` (dBm; None for a device connected to this
    machine, which is silent), `daly` (True or False) and `why` in words. `progress` is called with a line
    whenever that line changes. Raises BluetoothError.
    """
    library, thread, limits = import_bleak(), start(), limits._replace(scan=timeout)
    radio = Radio(thread, library, adapter, "scan", limits, Deadline(None))
    tick = nothing if progress is None else _counter(radio, timeout, progress)
    try:
        return thread.run(survey(thread, radio, limits), limits.opening(), limits.cleanup, tick)
    except Exception as error:
        raise explain(error, SCAN, "scan") from error


def _counter(radio: Radio, timeout: float, progress: Callable[[str], None]) -> Callable[[], None]:
    end, shown = time.monotonic() + timeout, [""]

    def tick() -> None:
        dalys = sum(row["daly"] for row in radio.heard.values())
        left = max(0.0, end - time.monotonic())
        line = f"scanning, {left:.0f} s left: {len(radio.heard)} devices, Daly: {dalys}"
        if line != shown[0]:
            shown[0] = line
            progress(line)

    return tick
