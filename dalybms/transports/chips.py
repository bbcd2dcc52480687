"""Which chip an adapter has: what USB says of it, without its serial number."""

from __future__ import annotations

import os
from typing import NamedTuple

from dalybms.errors import TransportError
from dalybms.transports.ports import import_pyserial


class Chip(NamedTuple):
    """numbers: of maker and product, "1a86:7523". words: what it calls itself, perhaps nothing."""

    numbers: str
    words: str


def chip_of(name: str) -> Chip | None:
    """Of the port called `name`; None for what is no port, or where USB says nothing."""
    try:
        import_pyserial()
    except TransportError:
        return None
    from serial.tools.list_ports import comports

    for port in comports():
        if port.vid is not None and port.device in (name, os.path.realpath(name), name.upper()):
            words = ", ".join(filter(None, (port.manufacturer, port.product)))
            secret = port.serial_number
            return Chip(f"{port.vid:04x}:{port.pid:04x}", words.replace(secret, "") if secret else words)
    return None
