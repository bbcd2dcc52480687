"""The settings of an A5 board, data IDs 0x50 to 0x60.

Sources: notes of owners (diysolarforum 21898, 65439), HAIDI V4.0, four independent programs, and Daly's own
PC program read beside the bytes (0x53, 0x5F, 0x60). Not read, because they live or are no setting: 0x52
totals, 0x54 to 0x58 texts and dates.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Callable

from dalybms.errors import BadReply
from dalybms.protocols.parameters import (
    Found,
    Row,
    amperes,
    celsius,
    chemistry,
    collect,
    level_pair,
    refuse_one_byte,
    seconds,
    tenths,
    thousandths,
    unless_zero,
    whole,
)

MESSAGES: dict[int, tuple[Row, ...]] = {
    0x50: (
        Row("rated_capacity", "Ah", 0, partial(unless_zero, thousandths), size=4),
        Row("nominal_cell_voltage", "V", 4, partial(unless_zero, thousandths), size=4),
    ),
    0x51: (
        Row("measuring_boards", "", 0, whole, size=1),
        Row("cells", "", 1, whole, size=1),
        Row("cells_board_2", "", 2, whole, size=1, needs=(0, 2)),
        Row("cells_board_3", "", 3, whole, size=1, needs=(0, 3)),
        Row("sensors", "", 4, whole, size=1),
        Row("sensors_board_2", "", 5, whole, size=1, needs=(0, 2)),
        Row("sensors_board_3", "", 6, whole, size=1, needs=(0, 3)),
    ),
    0x53: (
        Row("chemistry", "", 0, chemistry, size=1),
        Row("operation_mode", "", 1, whole, size=1),
        Row("sleep_time", "s", 5, partial(seconds, 1), full=True),
        Row("current_threshold", "A", 7, tenths, size=1),
    ),
    0x59: (
        *level_pair("cell_voltage_high", "V", 0, thousandths),
        *level_pair("cell_voltage_low", "V", 4, thousandths),
    ),
    0x5A: (
        *level_pair("pack_voltage_high", "V", 0, tenths),
        *level_pair("pack_voltage_low", "V", 4, tenths),
    ),
    0x5B: (
        *level_pair("charge_overcurrent", "A", 0, amperes),
        *level_pair("discharge_overcurrent", "A", 4, amperes),
    ),
    0x5C: (
        *level_pair("charge_temperature_high", "C", 0, celsius, size=1),
        *level_pair("charge_temperature_low", "C", 2, celsius, size=1),
        *level_pair("discharge_temperature_high", "C", 4, celsius, size=1),
        *level_pair("discharge_temperature_low", "C", 6, celsius, size=1),
    ),
    0x5D: (
        *level_pair("soc_high", "%", 0, tenths),
        *level_pair("soc_low", "%", 4, tenths),
    ),
    0x5E: (
        *level_pair("cell_voltage_difference", "V", 0, thousandths),
        *level_pair("temperature_difference", "C", 4, whole, size=1),
    ),
    0x5F: (
        Row("balance_start", "V", 0, thousandths),
        Row("balance_difference", "V", 2, thousandths),
    ),
    0x60: (
        Row("short_circuit", "A", 0, whole),
        Row("shunt", "mOhm", 2, thousandths),
    ),
}
"""Rows by data ID. Bytes that no row names are not defined and may be left over from the previous reply."""
_ANSWERS = 4
"""So many are looked at for two that agree."""


def read(ask: Callable[[int], bytes]) -> Found:
    """Every message that is answered; `ask` gives the 8 data bytes that answer a data ID."""
    return collect(((rows, partial(_steady, ask, code)) for code, rows in MESSAGES.items()))


def _steady(ask: Callable[[int], bytes], code: int) -> bytes:
    """What two answers say alike: the sum misses damage, and a limit has nothing to be checked by."""
    seen: list[bytes] = []
    names = ", ".join(row.name for row in MESSAGES[code])
    for _ in range(_ANSWERS):
        data = _defined(MESSAGES[code], ask(code))
        if data in seen:
            refuse_one_byte(data, names)
            return data
        seen.append(data)
    raise BadReply(f"{names} is answered differently each time: look for disturbances", seen[-1])


def _defined(rows: Sequence[Row], data: bytes) -> bytes:
    """The bytes up to the last that a row names."""
    return data[: max(row.at + row.size for row in rows)]
