"""The Sinowealth registers, a row each.

Source: the notes of dreadnought/python-daly-bms and dbus-serialbattery (the list of
the PC program BMStool); only cell and pack voltages were ever recorded.
"""

from __future__ import annotations

from typing import NamedTuple

from dalybms.protocols.fields import Number


class Row(NamedTuple):
    """One register: how many bytes are asked for, its section and its value (None: bits)."""

    register: int
    length: int
    section: str
    field: Number | None = None
    proven: bool = False


MOST_CELLS = 10
MOST_MILLIVOLTS = 6000
"""A cell never has more."""
_CELL = Number("cell", "V", at=0, size=2, per_unit=1000, most=MOST_MILLIVOLTS)
_TOTAL = Number("total_voltage", "V", at=0, size=2, per_unit=1000, least=1, most=MOST_CELLS * MOST_MILLIVOLTS)
_SENSOR = Number("sensor", "C", at=0, size=2, per_unit=10, zero=2731, least=2331, most=4031, absent=(0,))
_MOST_MA = 2_000_000
_MOST_MAH = 10_000_000
TOTAL, PACK_STATE, BATTERY_STATE, CONFIG = 0x0B, 0x15, 0x16, 0x17


def _capacity(name: str) -> Number:
    return Number(name, "Ah", at=0, size=4, per_unit=1000, most=_MOST_MAH)


ROWS: tuple[Row, ...] = (
    *(Row(register, 2, "cell_voltages", _CELL, proven=True) for register in range(0x01, 0x0B)),
    Row(TOTAL, 2, "soc", _TOTAL, proven=True),
    Row(0x0C, 2, "temperatures", _SENSOR),
    Row(0x0D, 2, "temperatures", _SENSOR),
    Row(
        0x10,
        4,
        "soc",
        Number("current", "A", at=0, size=4, per_unit=1000, least=-_MOST_MA, most=_MOST_MA, signed=True),
    ),
    Row(0x11, 4, "mosfet_status", _capacity("full_capacity_ah")),
    Row(0x12, 4, "mosfet_status", _capacity("remaining_capacity_ah")),
    Row(0x13, 2, "soc", Number("soc_percent", "%", at=1, size=1, most=100)),
    Row(0x14, 2, "status", Number("cycles", "", at=0, size=2, absent=(0xFFFF,))),
    Row(PACK_STATE, 2, "mosfet_status"),
    Row(BATTERY_STATE, 2, "faults"),
    Row(CONFIG, 2, "status"),
)
BY_REGISTER = {row.register: row for row in ROWS}

CHARGE_MOSFET, DISCHARGE_MOSFET, CHARGING, DISCHARGING = range(4)
PACK_STATES = {
    15: "calibrating (CAL)",
    10: "qualified discharge (VDQ)",
    9: "fully discharged (FD)",
    8: "fully charged (FC)",
    6: "fast discharge",
    5: "medium discharge",
    4: "slow discharge",
    DISCHARGING: "discharging",
    CHARGING: "charging",
    DISCHARGE_MOSFET: "discharge MOSFET on",
    CHARGE_MOSFET: "charge MOSFET on",
}
"""Bits of register 0x15, bit 15 = most significant."""
FAULT_BITS = {
    14: "cell_sense_wire",
    13: "afe_short_circuit",
    12: "afe_overvoltage",
    11: "discharge_temperature_low_2",
    10: "charge_temperature_low_2",
    9: "discharge_temperature_high_2",
    8: "charge_temperature_high_2",
    3: "discharge_overcurrent_2",
    2: "charge_overcurrent_2",
    1: "cell_voltage_low_2",
    0: "cell_voltage_high_2",
}
"""Bits of register 0x16; all of them are protections or failures."""
