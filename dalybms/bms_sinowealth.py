"""DalyBMSSinowealth: the class for boards that speak Sinowealth's own protocol."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from dalybms.bms import DalyBMS
from dalybms.protocols.faults import FAULTS
from dalybms.protocols.sinowealth.registers import FAULT_BITS, PACK_STATES

_MSB = 15


class DalyBMSSinowealth(DalyBMS):
    """One battery of 3 to 10 cells with a Sinowealth chip on a wire; readings as DalyBMS has them.

    Arguments as DalyBMS; the same as DalyBMS(protocol="sinowealth"). PACK_STATUS and
    BATTERY_STATUS give the text of each status bit, index 0 = the most significant of 16.
    """

    PACK_STATUS: ClassVar[dict[int, str]] = {_MSB - bit: text for bit, text in PACK_STATES.items()}
    BATTERY_STATUS: ClassVar[dict[int, str]] = {
        _MSB - bit: str(FAULTS[code]["text"]) for bit, code in FAULT_BITS.items()
    }

    def __init__(
        self, request_retries: int = 3, logger: logging.Logger | None = None, **options: Any
    ) -> None:
        super().__init__(request_retries, logger=logger, protocol="sinowealth", **options)
