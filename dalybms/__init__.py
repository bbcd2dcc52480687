"""Read, check and control Daly battery management systems.

    from dalybms import open_bms

    with open_bms("/dev/ttyUSB0") as bms:
        print(bms.get_soc())

open_bms() opens a battery, open_cable() several on one cable, watch() reads for years, bank() joins
packs in parallel. A failed reading raises a DalyError. Names are loaded when they are first used, so that
`import dalybms` costs nothing.
"""

from __future__ import annotations

import sys

__version__ = "1.1.0"

TYPE_CHECKING = False  # as typing has it, which takes ten times as long to load as this module
if TYPE_CHECKING:
    from dalybms.banking import bank
    from dalybms.bms import DalyBMS
    from dalybms.bms_bluetooth import DalyBMSBluetooth
    from dalybms.bms_sinowealth import DalyBMSSinowealth
    from dalybms.cable import open_cable
    from dalybms.errors import (
        BadReply,
        DalyError,
        NoReply,
        NotSupported,
        TransportError,
        WriteRefused,
        WriteUnverified,
    )
    from dalybms.opening import open_bms
    from dalybms.watching import watch

_HOMES = {
    "dalybms.banking": ("bank",),
    "dalybms.bms": ("DalyBMS",),
    "dalybms.cable": ("open_cable",),
    "dalybms.bms_bluetooth": ("DalyBMSBluetooth",),
    "dalybms.opening": ("open_bms",),
    "dalybms.watching": ("watch",),
    "dalybms.bms_sinowealth": ("DalyBMSSinowealth",),
    "dalybms.errors": (
        "BadReply",
        "DalyError",
        "NoReply",
        "NotSupported",
        "TransportError",
        "WriteRefused",
        "WriteUnverified",
    ),
}
__all__ = [
    "BadReply",
    "DalyBMS",
    "DalyBMSBluetooth",
    "DalyBMSSinowealth",
    "DalyError",
    "NoReply",
    "NotSupported",
    "TransportError",
    "WriteRefused",
    "WriteUnverified",
    "bank",
    "open_bms",
    "open_cable",
    "watch",
]


def __dir__() -> list[str]:
    """What tab completion and help() show, loaded or not."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            __import__(home)
            return getattr(sys.modules[home], name)
    raise AttributeError(f"module 'dalybms' has no attribute {name!r}")
