"""Sinowealth: boards of 3 to 10 cells with the chips SH39F003, SH367303, SH367305 or SH367306.

Only used when it is named: its questions disturb other devices. Units of 16 cells
answer the same questions with other values, so they are recognised and refused.
Source: see registers.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from dalybms.errors import BadReply, NotSupported
from dalybms.protocols.derived import ends
from dalybms.protocols.doubts import Doubts, gaps_of, told
from dalybms.protocols.faults import texts
from dalybms.protocols.reading import Lost, Outcome, Reading, attempt, read_sections
from dalybms.protocols.request import Answer, Ask, Request
from dalybms.protocols.sinowealth.frame import AnswerReader, Judge, question
from dalybms.protocols.sinowealth.registers import BY_REGISTER, MOST_CELLS, TOTAL, Row
from dalybms.protocols.sinowealth.sections import counts, faults_of, is_small, list_of, millivolts, values_of

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
        self._lost = Lost()
        self._proof: Callable[[list[bytes]], bytes] | None = None
        self._doubts: dict[str, Doubts] = {}
        self.unusable: dict[str, str] = {}

    def probe(self, sections: Sequence[str], round_: int = 0) -> Request:
        """The total, in every round: an answer shows its question only by the check byte."""
        request = _question(BY_REGISTER[TOTAL])
        self._proof = self._proof or request.parse
        proof = self._proof
        return request._replace(parse=lambda pieces: proof(pieces) and pieces)

    def learn(self, answer: Answer) -> None:
        """Nothing: a line has one board, which has no address."""
        return

    def read(self, ask: Ask, sections: Sequence[str]) -> dict[str, Outcome]:
        """The reading of each section, or the error that it ended with."""
        self.unusable = {}
        self._doubts = {section: Doubts(section, _FRAMES) for section in (*sections, *RANGES.values())}
        reading = self._reading(ask)
        refused = attempt(partial(self._refuse_16_cells, reading))
        if refused and reading.look_again():
            refused = attempt(partial(self._refuse_16_cells, reading))
        if refused:
            return dict.fromkeys(sections, refused)
        return read_sections(reading, self._judged, sections, lambda name: gaps_of(self.unusable, name))

    def info(self, ask: Ask, only: Collection[str] = ()) -> dict[str, Any]:
        """The counts are all that it says of itself."""
        self.unusable = {}
        reading = self._reading(ask)
        self._refuse_16_cells(reading)
        cells, sensors = counts(reading)
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
        return Reading(lambda register: bytes(ask(_question(BY_REGISTER[register])).value), self._lost)

    def _refuse_16_cells(self, reading: Reading) -> None:
        """Raises NotSupported where the total is, twice, no total but one more cell."""
        if self._small or is_small(reading):
            self._small = True
            return
        reading.forget()
        if not is_small(reading):
            total = millivolts(reading, TOTAL) / 1000
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
            return list_of(reading, section, doubts)
        if section in RANGES:
            return self._range(reading, section)
        if section in ("faults", "errors"):
            faults = faults_of(reading)
            return texts(faults) if section == "errors" else faults
        if section == "balancing_status":
            raise NotSupported("Sinowealth boards do not say which cells are being balanced")
        return values_of(reading, section, doubts)

    def _range(self, reading: Reading, section: str) -> dict[str, Any]:
        """The ends of a whole list; where a value of it cannot be, it may be the end."""
        of_list = self._doubts[RANGES[section]]
        values = list_of(reading, RANGES[section], of_list)
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
        parse=Judge(asked),
        longest=len(asked) + row.length + 1,
        open_end=True,
    )
