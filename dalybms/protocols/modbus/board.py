"""A board that keeps its readings in numbered registers: what D2 and P81 share.

One block read fills many sections. Source: see d2.py and p81.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any

from dalybms.errors import BadReply, DalyError, NoReply, NotSupported
from dalybms.protocols.derived import ends, power
from dalybms.protocols.faults import Fault, texts
from dalybms.protocols.fields import Series, decode
from dalybms.protocols.modbus.frame import ERROR, READ, ModbusReader, Registers, read_request
from dalybms.protocols.modbus.register_map import Block, RegisterMap, Row, holds, image
from dalybms.protocols.plausible import extremes
from dalybms.protocols.reading import Outcome, Reading, read_sections
from dalybms.protocols.request import Answer, Ask, Request

COUNTS = ("cells", "temperature_sensors")
LISTS = {"cell_voltages": "cells", "temperatures": "temperature_sensors"}
"""Sections of one value per cell or sensor, and the count of each."""
RANGES = {
    "cell_voltage_range": ("cell_voltages", "voltage", "cell"),
    "temperature_range": ("temperatures", "temperature", "sensor"),
}
"""Sections with the ends of a list: the list, what is measured, what has a number."""
_OVERHEAD = 5
"""Bytes of an answer around its data."""


class RegisterBoard(ABC):
    """One board with registers, on one connection.

    asked, answers: its address in a question and in an answer.
    """

    name = ""
    map: RegisterMap

    def __init__(self, asked: int, answers: int) -> None:
        self._asked, self._answers = asked, answers

    def probe(self, sections: Sequence[str], round_: int = 0) -> Request:
        """The read that every such board answers: pack, cells and counts."""
        return self._question(self.map.live[0])

    def learn(self, answer: Answer) -> None:
        """Nothing: the addresses are all that must be known, and they are."""
        return

    def read(self, ask: Ask, sections: Sequence[str]) -> dict[str, Outcome]:
        """The reading of each section, or the error that it ended with."""
        return read_sections(self._reading(ask), self._section, sections)

    def info(self, ask: Ask) -> dict[str, Any]:
        """What the board says of itself; a part that it does not answer is absent."""
        reading = self._reading(ask)
        found = dict(self._counts(reading))
        for block in self.map.info:
            rows = [row for row in self.map.of("info") if holds(block, row)]
            try:
                found.update(self._decoded(reading, rows))
            except (NoReply, NotSupported):
                continue
        return found

    def request(self, ask: Ask, command: int, data: bytes) -> list[bytes]:
        """Raises NotSupported: raw commands are a thing of A5."""
        raise NotSupported(f"raw commands are for A5, this board speaks {self.name.upper()}")

    @abstractmethod
    def faults(self, words: dict[str, list[int]]) -> list[Fault]:
        """The faults of the alarm words, by the name of their row."""

    @abstractmethod
    def balancing(self, reading: Reading) -> int:
        """Bit 0 = cell 1: which cells are being balanced."""

    def _reading(self, ask: Ask) -> Reading:
        return Reading(lambda block: ask(self._question(block)).value)

    def _decoded(self, reading: Reading, rows: Sequence[Row]) -> dict[str, Any]:
        fields = tuple(row.field for row in rows if not isinstance(row.field, Series))
        return decode(fields, image(reading, self.map.blocks(rows)))

    def _counts(self, reading: Reading) -> dict[str, int]:
        rows = [
            row
            for row in self.map.of("status")
            if not isinstance(row.field, Series) and row.field.name in COUNTS
        ]
        return self._decoded(reading, rows)

    def _section(self, reading: Reading, section: str) -> Any:
        if section in LISTS:
            return self._list(reading, section)
        if section in RANGES:
            return self._range(reading, section)
        if section == "balancing_status":
            return self._balancing(reading)
        if section in ("faults", "errors"):
            faults = self.faults(self._decoded(reading, self.map.of("faults")))
            return texts(faults) if section == "errors" else faults
        found = self._decoded(reading, self.map.of(section))
        return power(found) if section == "soc" else found

    def _list(self, reading: Reading, section: str) -> dict[int, Any]:
        rows = self.map.of(section)
        series = rows[0].field
        assert isinstance(series, Series)
        count = self._counts(reading)[LISTS[section]]
        return series.values(series.raws(image(reading, self.map.blocks(rows)))[:count])

    def _range(self, reading: Reading, section: str) -> dict[str, Any]:
        listed, quantity, thing = RANGES[section]
        values = self._list(reading, listed)
        found = ends(self._decoded(reading, self.map.of(section)), values, quantity, thing)
        message = extremes(found, values) if section == "cell_voltage_range" else None
        if message:
            raise BadReply(f"{message}; read again, then check the sense wires")
        return found

    def _balancing(self, reading: Reading) -> dict[int, bool]:
        cells, bits = self._counts(reading)["cells"], self.balancing(reading)
        if bits >> cells:
            raise BadReply(f"balancing of a cell above {cells} cannot be")
        return {cell: bool(bits >> cell - 1 & 1) for cell in range(1, cells + 1)}

    def _question(self, block: Block) -> Request:
        return Request(
            name=f"registers {block.start:02x}-{block.start + block.size - 1:02x}",
            writes=(read_request(self._asked, block.start, block.size),),
            reader=ModbusReader((self._answers,), 2 * block.size),
            wanted=_is_read,
            parse=partial(self._parse, block),
            longest=2 * block.size + _OVERHEAD,
        )

    def _parse(self, block: Block, frames: Sequence[Registers]) -> bytes:
        frame = frames[-1]
        if frame.refusal is not None:
            raise _refused(block, frame)
        if block in self.map.live and len(set(frame.data)) == 1:
            raise BadReply(f"registers of nothing but {frame.data[0]:02x} cannot be", frame.data)
        return frame.data


def _is_read(frame: Registers) -> bool:
    return frame.function & ~ERROR == READ


def _refused(block: Block, frame: Registers) -> DalyError:
    what = f"registers {block.start:02x}-{block.start + block.size - 1:02x}"
    if frame.not_there:
        return NotSupported(f"this board has no {what} (exception {frame.refusal})")
    return BadReply(f"the board refuses {what} (exception {frame.refusal})", frame.data)
