"""Sections of a Sinowealth board out of its registers.

Source: see registers.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable

from dalybms.errors import BadReply
from dalybms.protocols.derived import power
from dalybms.protocols.doubts import Doubt, Doubts, examine, examine_list, refuse_blank
from dalybms.protocols.faults import Fault, named, unknown
from dalybms.protocols.fields import Number, Series, raw_value
from dalybms.protocols.reading import Reading
from dalybms.protocols.sinowealth.registers import (
    BATTERY_STATE,
    BY_REGISTER,
    CHARGE_MOSFET,
    CHARGING,
    CONFIG,
    DISCHARGE_MOSFET,
    DISCHARGING,
    FAULT_BITS,
    MOST_MILLIVOLTS,
    PACK_STATE,
    PACK_STATES,
    ROWS,
    TOTAL,
)


def millivolts(reading: Reading, register: int) -> int:
    return raw_value(reading.get(register), 0, 2)


def is_small(reading: Reading) -> bool:
    """At least two of the first three cells have to be believable: one could be as high as a lone cell."""
    total = millivolts(reading, TOTAL)
    cells = [mv for mv in (millivolts(reading, cell) for cell in (1, 2, 3)) if mv <= MOST_MILLIVOLTS]
    return len(cells) > 1 and total >= 0.9 * sum(cells)


def values_of(reading: Reading, section: str, doubts: Doubts) -> dict[str, Any]:
    """What the bits of a section say, and those of its numbers that can be."""
    read = [(row.field, reading.get(row.register)) for row in ROWS if row.section == section]
    refuse_blank(section, (data for _, data in read))
    said = _BITS[section](reading) if section in _BITS else {}
    numbers, doubtful = _examined((field, data) for field, data in read if field)
    found = doubts.settle({**said, **numbers}, doubtful, reading.age)
    if "remaining_capacity_ah" in found:
        found["capacity_ah"] = found["remaining_capacity_ah"]
    return power(found)


def _examined(fields: Iterable[tuple[Number, bytes]]) -> tuple[dict[str, Any], dict[str, Doubt]]:
    """As examine(), of fields that stand in a register each."""
    values: dict[str, Any] = {}
    doubts: dict[str, Doubt] = {}
    for field, data in fields:
        value, doubt = examine((field,), data)
        values.update(value)
        doubts.update(doubt)
    return values, doubts


def counts(reading: Reading) -> tuple[int, int]:
    """Cells and sensors: a cell of 0 mV is not the end of the pack."""
    config = _bits(reading, CONFIG)
    return (config & 0x07) + 3, 2 if config >> 6 & 1 else 1


def list_of(reading: Reading, section: str, doubts: Doubts) -> dict[int, Any]:
    cells, sensors = counts(reading)
    rows = [row for row in ROWS if row.section == section][: cells if section == "cell_voltages" else sensors]
    slots = b"".join(reading.get(row.register) for row in rows)
    refuse_blank(section, (slots,))
    field = rows[0].field
    assert field is not None
    return doubts.settle(*examine_list(Series(field, len(rows)), slots, len(rows)), reading.age)


def _bits(reading: Reading, register: int) -> int:
    """BadReply for all bits at once: so reads a register that is not there."""
    bits = raw_value(reading.get(register), 0, 2)
    if bits == 0xFFFF:
        raise BadReply(f"{BY_REGISTER[register].section} of ffff cannot be", reading.get(register))
    return bits


def _mosfet_status(reading: Reading) -> dict[str, Any]:
    bits = _bits(reading, PACK_STATE)
    on = {bit for bit in range(16) if bits >> bit & 1}
    if {CHARGING, DISCHARGING} <= on:
        raise BadReply("charging and discharging at once cannot be", reading.get(PACK_STATE))
    mode = "charging" if CHARGING in on else "discharging" if DISCHARGING in on else "stationary"
    return {
        "mode": mode,
        "charging_mosfet": CHARGE_MOSFET in on,
        "discharging_mosfet": DISCHARGE_MOSFET in on,
        "pack_state": [text for bit, text in PACK_STATES.items() if bit in on],
    }


def _status(reading: Reading) -> dict[str, Any]:
    cells, sensors = counts(reading)
    return {"cells": cells, "temperature_sensors": sensors}


_BITS: dict[str, Callable[[Reading], dict[str, Any]]] = {"mosfet_status": _mosfet_status, "status": _status}


def faults_of(reading: Reading) -> list[Fault]:
    """Active faults, the lowest bit first."""
    bits = raw_value(reading.get(BATTERY_STATE), 0, 2)
    return [
        named(FAULT_BITS[bit])
        if bit in FAULT_BITS
        else unknown(f"battery_status_bit{bit}", f"unknown fault (battery status, bit {bit})")
        for bit in range(16)
        if bits >> bit & 1
    ]
