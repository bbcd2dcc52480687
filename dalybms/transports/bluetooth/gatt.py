"""Which characteristics of a dongle carry the bytes: by UUID, never by handle.

Handles differ between dongle generations and between operating systems. Sources:
public GATT listings of the HLK-B20, HLK-B40, "Keiser" and DL-F dongles and of
boards of 2025, which have both pairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from dalybms.transports.bluetooth.adverts import uuid16
from dalybms.transports.bluetooth.errors import SUBSCRIBE, BluetoothError

# service, notifications, writing; the first pair that is there is taken
_LAYOUTS = (("fff0", "fff1", "fff2"), ("ff00", "ff01", "ff02"))


class Pair(NamedTuple):
    """bleak's characteristics to listen to and to write to, and whether a write waits for its response."""

    listen: Any
    write: Any
    response: bool


def choose(services: Iterable[Any], target: str) -> Pair:
    """The pair of characteristics of a Daly dongle; BluetoothError lists what was found instead."""
    found: dict[str, dict[str, Any]] = {
        service.uuid.lower(): {each.uuid.lower(): each for each in service.characteristics}
        for service in services
    }
    for layout in _LAYOUTS:
        pair = _pair(found, *layout)
        if pair is not None:
            return pair
    listing = "; ".join(f"{_short(uuid)}: {' '.join(map(_short, each)) or 'empty'}"
                        for uuid, each in sorted(found.items()))  # fmt: skip
    raise BluetoothError(
        f"{target} is no Daly dongle: neither fff1/fff2 nor ff01/ff02, but {listing or 'no services'}; "
        "look for the right address with a scan",
        SUBSCRIBE,
        cause="services",
    )


def _pair(found: dict[str, dict[str, Any]], service: str, listen: str, write: str) -> Pair | None:
    inside = found.get(uuid16(service), {})
    source, sink = inside.get(uuid16(listen)), inside.get(uuid16(write))
    if source is None or sink is None:
        return None
    return Pair(source, sink, "write-without-response" not in sink.properties)


def _short(uuid: str) -> str:
    return uuid[4:8] if uuid == uuid16(uuid[4:8]) else uuid
