"""Sinowealth: boards of 3 to 10 cells with the chips SH39F003, SH367303, SH367305 or SH367306.

Only used when it is named: its questions disturb other devices. Units of 16 cells
answer the same questions with other values, so they are recognised and refused.
Source: see sinowealth_registers.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from dalybms.errors import BadReply, NotSupported
from dalybms.protocols.derived import ends, power
from dalybms.protocols.faults import Fault, named, texts, unknown
from dalybms.protocols.fields import raw_value
from dalybms.protocols.reading import Outcome, Reading, attempt, read_sections
from dalybms.protocols.request import Answer, Ask, Request
from dalybms.protocols.sinowealth.frame import AnswerReader, answer, question
from dalybms.protocols.sinowealth.registers import (
    BATTERY_STATE,
    BY_REGISTER,
    CHARGE_MOSFET,
    CHARGING,
    CONFIG,
    DISCHARGE_MOSFET,
    DISCHARGING,
    FAULT_BITS,
    MOST_CELLS,
    PACK_STATE,
    PACK_STATES,
    ROWS,
    TOTAL,
    Row,
)


class Sinowealth:
    """The one Sinowealth board of a line."""

    name = "sinowealth"

    def __init__(self) -> None:
        self._small = False

    def probe(self, sections: Sequence[str], round_: int = 0) -> Request:
        """The total, in every round: an answer shows its question only by the check byte."""
        return _question(BY_REGISTER[TOTAL])

    def learn(self, answer: Answer) -> None:
        """Nothing: a line has one board, which has no address."""
        return

    def read(self, ask: Ask, sections: Sequence[str]) -> dict[str, Outcome]:
        """The reading of each section, or the error that it ended with."""
        reading = self._reading(ask)
        refused = attempt(partial(self._refuse_16_cells, reading))
        if refused:
            return dict.fromkeys(sections, refused)
        return read_sections(reading, self._section, sections)

    def info(self, ask: Ask) -> dict[str, Any]:
        """The counts are all that it says of itself."""
        reading = self._reading(ask)
        self._refuse_16_cells(reading)
        cells, sensors = _counts(reading)
        return {"cells": cells, "temperature_sensors": sensors}

    def request(self, ask: Ask, command: int, data: bytes) -> list[bytes]:
        """Raises NotSupported: raw commands are a thing of A5."""
        raise NotSupported("raw commands are for A5, this board speaks Sinowealth")

    def _reading(self, ask: Ask) -> Reading:
        return Reading(lambda register: bytes(ask(_question(BY_REGISTER[register])).value))

    def _refuse_16_cells(self, reading: Reading) -> None:
        """Raises NotSupported where the total is, twice, no total but one more cell."""
        if self._small or _is_small(reading):
            self._small = True
            return
        reading.forget()
        if not _is_small(reading):
            total = _millivolts(reading, TOTAL) / 1000
            raise NotSupported(
                f"the total of {total:g} V is less than three of its cells: a unit of more than "
                f"{MOST_CELLS} cells, whose values would be misread"
            )

    def _section(self, reading: Reading, section: str) -> Any:
        if section in ("cell_voltages", "temperatures"):
            return _list(reading, section)
        if section == "cell_voltage_range":
            return ends({}, _list(reading, "cell_voltages"), "voltage", "cell")
        if section == "temperature_range":
            return ends({}, _list(reading, "temperatures"), "temperature", "sensor")
        if section in ("faults", "errors"):
            faults = _faults(reading)
            return texts(faults) if section == "errors" else faults
        if section == "balancing_status":
            raise NotSupported("Sinowealth boards do not say which cells are being balanced")
        found = {name: value for name, value in _values(reading, section).items() if value is not None}
        return _EXTRAS[section](reading, found)


def _question(row: Row) -> Request:
    asked = question(row.register, row.length)
    return Request(
        name=f"register {row.register:02x}",
        writes=(asked,),
        reader=AnswerReader(asked),
        wanted=bool,
        parse=partial(answer, asked),
        longest=len(asked) + row.length + 1,
        open_end=True,
    )


def _millivolts(reading: Reading, register: int) -> int:
    return raw_value(reading.get(register), 0, 2)


def _is_small(reading: Reading) -> bool:
    return _millivolts(reading, TOTAL) >= 0.9 * sum(_millivolts(reading, cell) for cell in (1, 2, 3))


def _values(reading: Reading, section: str) -> dict[str, Any]:
    rows = [row for row in ROWS if row.section == section]
    return {row.field.name: row.field.decode(reading.get(row.register)) for row in rows if row.field}


def _counts(reading: Reading) -> tuple[int, int]:
    """Cells and sensors: a cell of 0 mV is not the end of the pack."""
    config = raw_value(reading.get(CONFIG), 0, 2)
    return (config & 0x07) + 3, 2 if config >> 6 & 1 else 1


def _list(reading: Reading, section: str) -> dict[int, Any]:
    cells, sensors = _counts(reading)
    rows = [row for row in ROWS if row.section == section][: cells if section == "cell_voltages" else sensors]
    found = {}
    for number, row in enumerate(rows, 1):
        assert row.field is not None
        value = row.field._replace(name=f"{row.field.name} {number}").decode(reading.get(row.register))
        if value is not None:
            found[number] = value
    return found


def _soc(reading: Reading, found: dict[str, Any]) -> dict[str, Any]:
    return power(found)


def _mosfet_status(reading: Reading, found: dict[str, Any]) -> dict[str, Any]:
    bits = raw_value(reading.get(PACK_STATE), 0, 2)
    on = {bit for bit in range(16) if bits >> bit & 1}
    if {CHARGING, DISCHARGING} <= on:
        raise BadReply("charging and discharging at once cannot be", reading.get(PACK_STATE))
    mode = "charging" if CHARGING in on else "discharging" if DISCHARGING in on else "stationary"
    return {
        "mode": mode,
        "charging_mosfet": CHARGE_MOSFET in on,
        "discharging_mosfet": DISCHARGE_MOSFET in on,
        "capacity_ah": found["remaining_capacity_ah"],
        **found,
        "pack_state": [text for bit, text in PACK_STATES.items() if bit in on],
    }


def _status(reading: Reading, found: dict[str, Any]) -> dict[str, Any]:
    cells, sensors = _counts(reading)
    return {"cells": cells, "temperature_sensors": sensors, **found}


_EXTRAS = {"soc": _soc, "mosfet_status": _mosfet_status, "status": _status}


def _faults(reading: Reading) -> list[Fault]:
    """Active faults, the lowest bit first."""
    bits = raw_value(reading.get(BATTERY_STATE), 0, 2)
    return [
        named(FAULT_BITS[bit])
        if bit in FAULT_BITS
        else unknown(f"battery_status_bit{bit}", f"unknown fault (battery status, bit {bit})")
        for bit in range(16)
        if bits >> bit & 1
    ]
