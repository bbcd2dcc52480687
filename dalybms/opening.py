"""The text after -d becomes a connected battery of the right class."""

from __future__ import annotations

import os
from typing import Any

from dalybms.bms import DalyBMS
from dalybms.device import is_bluetooth


def open_bms(device: str, **options: Any) -> DalyBMS:
    """A connected battery, for `with`; the text picks the class, options are the constructor's.

    device: as for connect(); over Bluetooth a MAC, a CoreBluetooth UUID or ble:NAME.
    Raises as the constructor and connect() do.
    """
    name = os.fspath(device)
    bms = battery_class(name)(**options)
    bms.connect(name)
    return bms


def battery_class(device: str) -> type[DalyBMS]:
    """The class whose connect() takes this text; Bluetooth's is loaded only for its own."""
    if not is_bluetooth(device):
        return DalyBMS
    from dalybms.bms_bluetooth import DalyBMSBluetooth

    return DalyBMSBluetooth
