"""A board that keeps its readings in numbered registers: what D2 and P81 share.

One block read fills many sections. Source: see d2.py and p81.py.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any, Callable

from dalybms.errors import BadReply, DalyError, NoReply, NotSupported
from dalybms.protocols.derived import ends, power, unknown_ends
from dalybms.protocols.doubts import COUNTS, Doubt, Doubts, examine, examine_list, gaps_of, refuse_blank, told
from dalybms.protocols.faults import Fault, texts
from dalybms.protocols.fields import Field, Series, decode
from dalybms.protocols.modbus.asking import Asking
from dalybms.protocols.modbus.optional import OptionalBlocks
from dalybms.protocols.modbus.pieces import Pieces
from dalybms.protocols.modbus.power import fits, moved
from dalybms.protocols.modbus.register_map import Block, Row, holds, image
from dalybms.protocols.plausible import extremes, named_cells, unfitted
from dalybms.protocols.reading import Lost, Outcome, Reading, attempt, read_sections
from dalybms.protocols.request import Ask, Request

LISTS = {"cell_voltages": "cells", "temperatures": "temperature_sensors"}
"""Sections of one value per cell or sensor, and the count of each."""
RANGES = {
    "cell_voltage_range": ("cell_voltages", "voltage", "cell"),
    "temperature_range": ("temperatures", "temperature", "sensor"),
}
"""Sections with the ends of a list: the list, what is measured, what has a number."""
_FRAMES = 1
"""A CRC-16: what stands in a good frame is what the board says."""


class RegisterBoard(Asking):
    """One board with registers, on one connection.

    asked, source: its address in a question and in an answer. bluetooth: answers take longer.
    """

    def __init__(self, asked: int, source: int, bluetooth: bool = False) -> None:
        super().__init__(asked, source)
        self._optional = OptionalBlocks(self.map.optional, bluetooth)
        self._power = Doubts("soc", 2)
        self._contradicted: tuple[float, float] | None = None
        self._lost, self._pieces = Lost(), Pieces()
        self._blocks: set[Block] = set()
        self.unusable: dict[str, str] = {}

    def read(self, ask: Ask, sections: Sequence[str]) -> dict[str, Outcome]:
        """The reading of each section, or the error that it ended with."""
        self.unusable = {}
        self._power, self._contradicted = Doubts("soc", 2), None
        self._blocks = {block for name in sections for block in self.map.blocks(self.map.of(name))}
        return read_sections(self._reading(ask), self._judged, sections, self._gaps)

    def info(self, ask: Ask, only: Collection[str] = ()) -> dict[str, Any]:
        """What the board says of itself; a part that it does not answer is absent.

        only: keys; nothing but the blocks that hold these is asked for, and only twice.
        """
        if only:
            return self._some_info(ask, only)
        reading = self._reading(ask)
        found: dict[str, Any] = {}
        failure: DalyError
        self.unusable = {}
        for rows in self._info_rows():
            doubts = Doubts("info", _FRAMES)
            try:
                found.update(self._settled(reading, rows, doubts))
            except (NoReply, NotSupported) as error:
                failure = error
            except BadReply as error:
                failure = error
                doubts.left_out = {field.name: str(error) for field in _values(rows)}
            self.unusable.update({f"info.{key}": why for key, why in doubts.left_out.items()})
        if not found:
            raise failure
        return found

    def _some_info(self, ask: Ask, only: Collection[str]) -> dict[str, Any]:
        reading = Reading(
            lambda block: ask(self.question(block)._replace(tries=2, optional=True)).value, self._lost
        )
        found: dict[str, Any] = {}
        for block in (*self.map.info, *self.map.optional):
            fields = [field for field in self._fields_of(block) if field.name in only]
            try:
                found.update(examine(fields, image(reading, [block]))[0] if fields else {})
            except (NoReply, NotSupported, BadReply):
                continue
        return found

    def _fields_of(self, block: Block) -> list[Field]:
        return list(_values([row for row in self.map.of("info") if holds(block, row)]))

    @abstractmethod
    def faults(self, words: dict[str, list[int]]) -> list[Fault]:
        """The faults of the alarm words, by the name of their row."""

    @abstractmethod
    def balancing(self, reading: Reading) -> dict[int, bool]:
        """{cell from 1: is it being balanced?}; NotSupported where that is not certain."""

    def _reading(self, ask: Ask) -> Reading:
        def fetch(block: Block) -> bytes:
            return bytes(ask(self._worded(block)).value)

        return Reading(partial(self._fetched, fetch), self._lost)

    def _fetched(self, fetch: Callable[[Block], bytes], block: Block) -> bytes:
        """Who answers a part of the poll has the rest of it too: a refusal of that is told, and no lack."""
        try:
            return self._pieces.read(block, fetch)
        except NotSupported as error:
            if block not in self.map.live[1:]:
                raise
            raise BadReply(str(error)) from None

    def _worded(self, block: Block) -> Request:
        return self._optional.brief(block, self.question(block))

    def _info_rows(self) -> Iterator[list[Row]]:
        """The counts, then what each block says for get_info()."""
        yield self._count_rows()
        for block in (*self.map.info, *self.map.optional):
            yield [row for row in self.map.of("info") if holds(block, row)]

    def _decoded(self, reading: Reading, rows: Sequence[Row]) -> dict[str, Any]:
        return decode(_values(rows), image(reading, self.map.blocks(rows)))

    def _count_rows(self) -> list[Row]:
        rows = self.map.of("status")
        return [row for row in rows if not isinstance(row.field, Series) and row.field.name in COUNTS]

    def _count(self, reading: Reading, name: str) -> int:
        """One of the two counts: what cannot be of the other does no harm."""
        rows = [row for row in self._count_rows() if getattr(row.field, "name", "") == name]
        return int(self._decoded(reading, rows)[name])

    def _judged(self, reading: Reading, section: str) -> Any:
        """A section, and what it goes without."""
        doubts = Doubts(section, _FRAMES)
        self.unusable = told(self.unusable, section, doubts)
        found = self._section(reading, section, doubts)
        self.unusable = told(self.unusable, section, doubts)
        return found

    def _gaps(self, section: str) -> bool:
        return gaps_of(self.unusable, section)

    def _section(self, reading: Reading, section: str, doubts: Doubts) -> Any:
        if section in LISTS:
            return self._list(reading, section, doubts)
        if section in RANGES:
            return self._range(reading, section, doubts)
        if section == "balancing_status":
            return self.balancing(reading)
        if section in ("faults", "errors"):
            faults = self.faults(self._decoded(reading, self.map.of("faults")))
            return texts(faults) if section == "errors" else faults
        found = self._stated(reading, section, doubts)
        return self._powered(reading, found, doubts) if section == "soc" else found

    def _stated(self, reading: Reading, section: str, doubts: Doubts) -> dict[str, Any]:
        """The values of a section's own registers; those of a poll are not all zero."""
        rows = self.map.of(section)
        if not rows:
            raise NotSupported(f"{self.name.upper()} boards have no {section}")
        polled = [row for row in rows if not any(holds(block, row) for block in self.map.optional)]
        data = image(reading, self.map.blocks(polled))
        refuse_blank(section, (data[field.at : field.at + field.size] for field in _values(polled)))
        return self._settled(reading, rows, doubts)

    def _settled(self, reading: Reading, rows: Sequence[Row], doubts: Doubts) -> dict[str, Any]:
        """The values of these registers, without those that cannot be."""
        rows, lost = self._optional.without(reading, rows)
        found = doubts.settle(*examine(_values(rows), image(reading, self.map.blocks(rows))))
        doubts.left_out.update(lost)
        return found

    def _powered(self, reading: Reading, found: dict[str, Any], doubts: Doubts) -> dict[str, Any]:
        """With `power`; without it and the current where the board states quite another power, twice, and not
        one on the way between the two."""
        found = power(found)
        rows = self.map.of("power")
        if "power" not in found or not self._blocks.issuperset(self.map.blocks(rows)):
            return found
        stated = attempt(partial(self._decoded, reading, rows))
        if isinstance(stated, DalyError) or not stated.get("power"):
            return found
        watts = stated["power"]
        if fits(found["power"], watts):
            return found
        before, self._contradicted = self._contradicted, (found["power"], watts)
        if before and moved(*before, found["power"]):
            return found
        why = f"current of {found['current']:g} A at {found['total_voltage']:g} V beside {watts} W cannot be"
        self._power.settle(found, {"current": Doubt(b"", why)}, reading.age)
        doubts.left_out.update(current=why, power=why)
        return {key: value for key, value in found.items() if key not in ("current", "power")}

    def _list(self, reading: Reading, section: str, doubts: Doubts) -> dict[int, Any]:
        rows = self.map.of(section)
        series = rows[0].field
        assert isinstance(series, Series)
        count = self._count(reading, LISTS[section])
        slots = series.slots(image(reading, self.map.blocks(rows)))[: count * series.item.size]
        refuse_blank(section, (slots,))
        values = doubts.settle(*examine_list(series, slots, count))
        if section == "cell_voltages" and 0 in values.values():
            stated = attempt(partial(self._stated, reading, "cell_voltage_range", Doubts(section, _FRAMES)))
            message = None if isinstance(stated, DalyError) else unfitted(stated, values)
            if message:
                raise BadReply(f"{message}; read again, then check the count of cells")
        return values

    def _range(self, reading: Reading, section: str, doubts: Doubts) -> dict[str, Any]:
        listed, quantity, thing = RANGES[section]
        of_list = Doubts(listed, _FRAMES)
        values = self._list(reading, listed, of_list)
        stated = self._stated(reading, section, doubts)
        if of_list.left_out:  # the end of the list may be the value that is missing
            doubts.left_out.update(unknown_ends(stated, of_list.left_out, quantity, thing))
            return stated
        found = ends(stated, values, quantity, thing)
        found = {key: value for key, value in found.items() if key not in doubts.left_out}
        message = None
        if section == "cell_voltage_range":
            message = extremes(found, values) or named_cells(found, values)
        if message:
            raise BadReply(f"{message}; read again, then check the sense wires")
        return found


def _values(rows: Sequence[Row]) -> tuple[Field, ...]:
    """The fields of single values."""
    return tuple(row.field for row in rows if not isinstance(row.field, Series))
