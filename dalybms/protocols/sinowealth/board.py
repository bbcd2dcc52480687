"""Sinowealth: boards of 3 to 10 cells with the chips SH39F003, SH367303, SH367305 or SH367306.

Only used when it is named: its questions disturb other devices. Units of 16 cells
answer the same questions with other values, so they are recognised and refused.
Source: see sinowealth_registers.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from dalybms.errors import BadReply, NotSupported
from dalybms.protocols.derived import ends, power
from dalybms.protocols.doubts import Doubt, Doubts, examine, examine_list, gaps_of, refuse_blank, told
from dalybms.protocols.faults import Fault, named, texts, unknown
from dalybms.protocols.fields import Number, Series, raw_value
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
    MOST_MILLIVOLTS,
    PACK_STATE,
    PACK_STATES,
    ROWS,
    TOTAL,
    Row,
)

if TYPE_CHECKING:
    from datetime import datetime

    from dalybms.protocols.parameters import Found

_FRAMES = 2
"""A CRC-8: a value that cannot be is believed when it comes twice."""
RANGES = {"cell_voltage_range": "cell_voltages", "temperature_range": "temperatures"}
"""Sections with the ends of a list, and the list."""


class Sinowealth:
    """The one Sinowealth board of a line."""

    name = "sinowealth"
    asks = "Sinowealth"
    """What it asks, in the words of an error."""

    def __init__(self) -> None:
        self._small = False
        self._doubts: dict[str, Doubts] = {}
        self.unusable: dict[str, str] = {}

    def probe(self, sections: Sequence[str], round_: int = 0) -> Request:
        """The total, in every round: an answer shows its question only by the check byte."""
        row = BY_REGISTER[TOTAL]
        asked = question(row.register, row.length)
        return _question(row)._replace(parse=lambda pieces: answer(asked, pieces) and pieces)

    def learn(self, answer: Answer) -> None:
        """Nothing: a line has one board, which has no address."""
        return

    def read(self, ask: Ask, sections: Sequence[str]) -> dict[str, Outcome]:
        """The reading of each section, or the error that it ended with."""
        self.unusable = {}
        self._doubts = {section: Doubts(section, _FRAMES) for section in (*sections, *RANGES.values())}
        reading = self._reading(ask)
        refused = attempt(partial(self._refuse_16_cells, reading))
        if refused:
            return dict.fromkeys(sections, refused)
        return read_sections(reading, self._judged, sections, lambda name: gaps_of(self.unusable, name))

    def info(self, ask: Ask, only: Collection[str] = ()) -> dict[str, Any]:
        """The counts are all that it says of itself."""
        self.unusable = {}
        reading = self._reading(ask)
        self._refuse_16_cells(reading)
        cells, sensors = _counts(reading)
        return {"cells": cells, "temperature_sensors": sensors}

    def parameters(self, ask: Ask) -> Found:
        """Raises NotSupported: nobody has described where these boards keep their settings."""
        raise NotSupported("parameters are for A5, D2 and P81, this board speaks Sinowealth's protocol")

    def clock(self, ask: Ask) -> datetime | None:
        """Raises NotSupported: they have none that is known."""
        raise NotSupported("Sinowealth boards are not known to tell their clock")

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

    def _judged(self, reading: Reading, section: str) -> Any:
        """A section, and what it goes without."""
        doubts = self._doubts[section]
        doubts.left_out = {}
        try:
            return self._section(reading, section, doubts)
        finally:
            self.unusable = told(self.unusable, section, doubts)

    def _section(self, reading: Reading, section: str, doubts: Doubts) -> Any:
        if section in RANGES.values():
            return _list(reading, section, doubts)
        if section in RANGES:
            return self._range(reading, section)
        if section in ("faults", "errors"):
            faults = _faults(reading)
            return texts(faults) if section == "errors" else faults
        if section == "balancing_status":
            raise NotSupported("Sinowealth boards do not say which cells are being balanced")
        return _values(reading, section, doubts)

    def _range(self, reading: Reading, section: str) -> dict[str, Any]:
        """The ends of a whole list; where a value of it cannot be, it may be the end."""
        of_list = self._doubts[RANGES[section]]
        values = _list(reading, RANGES[section], of_list)
        if of_list.left_out:
            raise BadReply(f"no ends of a list without {', '.join(of_list.left_out.values())}")
        quantity, thing = (
            ("voltage", "cell") if section == "cell_voltage_range" else ("temperature", "sensor")
        )
        return ends({}, values, quantity, thing)


def _question(row: Row) -> Request:
    asked = question(row.register, row.length)
    return Request(
        name=row.field.name if row.field else row.section,
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
    """At least two of the first three cells have to be believable: one could be as high as a lone cell."""
    cells = [mv for mv in (_millivolts(reading, cell) for cell in (1, 2, 3)) if mv <= MOST_MILLIVOLTS]
    return len(cells) > 1 and _millivolts(reading, TOTAL) >= 0.9 * sum(cells)


def _values(reading: Reading, section: str, doubts: Doubts) -> dict[str, Any]:
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


def _counts(reading: Reading) -> tuple[int, int]:
    """Cells and sensors: a cell of 0 mV is not the end of the pack."""
    config = _bits(reading, CONFIG)
    return (config & 0x07) + 3, 2 if config >> 6 & 1 else 1


def _list(reading: Reading, section: str, doubts: Doubts) -> dict[int, Any]:
    cells, sensors = _counts(reading)
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
    cells, sensors = _counts(reading)
    return {"cells": cells, "temperature_sensors": sensors}


_BITS: dict[str, Callable[[Reading], dict[str, Any]]] = {"mosfet_status": _mosfet_status, "status": _status}


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
