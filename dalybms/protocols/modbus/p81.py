"""P81 (81/51): the registers of H, K, M and S boards on RS485, of the newest also on Bluetooth.

Board N (1 to 16) is asked at 0x80 + N and answers from 0x50 + N.
Source: the notes of patagonaa/esphome-daly-hkms-bms, syssi/esphome-daly-bms and
Sundaya/python-daly-16S, checked against recorded traffic of one board; rows that
only a source states are marked. Negative current = discharge on that board.
The password (0x126-0x128) lies in no block.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from dalybms.errors import NotSupported
from dalybms.protocols.balancing import of_mask, unsaid
from dalybms.protocols.faults import Fault
from dalybms.protocols.fields import Choice, Date, Flag, Number, Series, Text, Words
from dalybms.protocols.modbus.board import RegisterBoard
from dalybms.protocols.modbus.p81_faults import faults_of
from dalybms.protocols.modbus.register_map import (
    NO_SENSOR,
    NONE,
    UNSET,
    Block,
    RegisterMap,
    Row,
    current,
    nominal_cell_voltage,
    total_voltage,
)
from dalybms.protocols.reading import Reading
from dalybms.protocols.request import Ask

ASKED = 0x80
ANSWERS = 0x50
MOST_CELLS = 48
MOST_SENSORS = 8
MOST_STATE = 2
"""Balancing: 0 no, 1 passive, 2 active. Nobody can explain more; 7 came from a healthy pack."""


def _cell(name: str, register: int, least: int = 0) -> Number:
    return Number(name, "V", at=2 * register, size=2, per_unit=1000, least=least, most=6000)


def _stated(name: str, register: int, least: int = 0) -> Number:
    """What follows from the cells, where the board has a register for it."""
    return _cell(name, register, least)._replace(absent=NONE)


def _temperature(name: str, register: int) -> Number:
    return Number(name, "C", at=2 * register, size=2, zero=40, most=0xFF, absent=NO_SENSOR)


def _count(name: str, register: int, most: int, least: int = 0) -> Number:
    return Number(name, "", at=2 * register, size=2, least=least, most=most)


def _sensor(name: str, register: int) -> Number:
    """Its number, where a sensor was read."""
    return _count(name, register, most=MOST_SENSORS)._replace(absent=NO_SENSOR)


def _flag(name: str, register: int) -> Flag:
    return Flag(name, at=2 * register, size=2, absent=NONE)


_RATED = Number(
    "rated_capacity_ah",
    "Ah",
    at=2 * 0x109,
    size=4,
    per_unit=1000,
    most=10_000_000,
    absent=(0, 0xFFFFFFFF),
)
_BALANCE_CURRENT = Number(
    "balance_current",
    "A",
    at=2 * 0x4E,
    size=2,
    per_unit=1000,
    zero=30000,
    least=10000,
    most=50000,
    absent=(0, 0xFFFF),
)
"""In mA. What would be above 20 A is no such current."""

ROWS: tuple[Row, ...] = (
    Row("cell_voltages", Series(_cell("cell", 0x00), each=MOST_CELLS)),
    Row("temperatures", Series(_temperature("sensor", 0x30), each=MOST_SENSORS)),
    Row("soc", total_voltage(2 * 0x38)),
    Row("soc", current(2 * 0x39)),
    Row("power", Number("power", "W", at=2 * 0x58, size=2, absent=NONE)),
    Row("soc", Number("soc_percent", "%", at=2 * 0x3A, size=2, per_unit=10, most=1000)),
    Row("cell_voltage_range", _stated("highest_voltage", 0x3E, least=1)),
    Row("cell_voltage_range", _count("highest_cell", 0x3F, most=MOST_CELLS, least=1)._replace(absent=NONE)),
    Row("cell_voltage_range", _stated("delta_voltage", 0x42)),
    Row("cell_voltage_range", _cell("average_voltage", 0x57)._replace(absent=UNSET)),
    Row("temperature_range", _temperature("highest_temperature", 0x43)),
    Row("temperature_range", _sensor("highest_sensor", 0x44)),
    Row("temperature_range", _temperature("lowest_temperature", 0x45)),
    Row("temperature_range", _sensor("lowest_sensor", 0x46)),
    Row("temperature_range", _temperature("mosfet_temperature", 0x5A)),
    Row("temperature_range", _temperature("board_temperature", 0x5B)),
    Row("temperature_range", _temperature("heater_temperature", 0x5C), proven=False),
    Row(
        "mosfet_status", Choice("mode", at=2 * 0x48, words=("stationary", "charging", "discharging"), size=2)
    ),
    Row("mosfet_status", _flag("charging_mosfet", 0x52)),
    Row("mosfet_status", _flag("discharging_mosfet", 0x53)),
    Row("mosfet_status", _flag("precharging_mosfet", 0x54), proven=False),
    Row("mosfet_status", _flag("heating", 0x55), proven=False),
    Row("mosfet_status", _flag("fan", 0x56), proven=False),
    Row("mosfet_status", Number("heartbeat", "", at=2 * 0x3B, size=2, absent=NONE)),
    Row("mosfet_status", Number("capacity_ah", "Ah", at=2 * 0x4B, size=2, per_unit=10, absent=NONE)),
    Row("mosfet_status", Flag("balancing", at=2 * 0x4D, size=2, most=MOST_STATE), proven=False),
    Row(
        "mosfet_status",
        _BALANCE_CURRENT,
        proven=False,
    ),
    Row("status", _count("cells", 0x3C, most=MOST_CELLS, least=1)),
    Row("status", _count("temperature_sensors", 0x3D, most=MOST_SENSORS)),
    Row("status", _flag("charger_running", 0x49), proven=False),
    Row("status", _flag("load_running", 0x4A), proven=False),
    Row("status", Number("cycles", "", at=2 * 0x4C, size=2, absent=NONE)),
    Row("status", Words("fault_words", at=2 * 0x6D, each=7)),
    Row("status", Words("old_fault_words", at=2 * 0x66, each=4)),
    Row("balancing_status", Words("bits", at=2 * 0x4D, each=5), proven=False),
    Row("faults", Words("words", at=2 * 0x6D, each=7), proven=False),
    Row("faults", Words("old_words", at=2 * 0x66, each=4), proven=False),
    Row("info", _RATED),
    Row("info", Number("charged_ah", "Ah", at=2 * 0x10D, size=4, per_unit=1000, absent=(0xFFFFFFFF,))),
    Row("info", Number("discharged_ah", "Ah", at=2 * 0x10F, size=4, per_unit=1000, absent=(0xFFFFFFFF,))),
    Row("info", nominal_cell_voltage(2 * 0x114)),
    Row("info", Date("production_date", at=2 * 0x129)),
    Row("info", Text("software_version", at=2 * 0x178, size=14, secret=False, mirrored=True)),
    Row("info", Text("hardware_version", at=2 * 0x178 + 14, size=14, secret=False, mirrored=True)),
    Row("info", Text("platform", at=2 * 0x178 + 28, size=14, secret=False)),
    Row("info", Text("serial_number", at=2 * 0x178 + 42, size=28, secret=True)),
    Row("info", Text("battery_code", at=2 * 0x178 + 70, size=32, secret=True), proven=False),
)
MAP = RegisterMap(
    # The second begins with the number of the lowest cell: 62 registers from 0x00 begin with its millivolts.
    live=(Block(0x00, 64, "cells and pack"), Block(0x41, 62, "status and faults", MOST_CELLS)),
    info=(Block(0x100, 21, "rated values"), Block(0x129, 2, "production date"), Block(0x178, 74, "versions")),
    rows=ROWS,
    filled=(0x00, 0x38, 0x3C, 0x41),
    proof=Block(0x38, 10, "pack and counts"),
    hidden=(Block(0x126, 3, "password"),),
    clock=0x61,  # a second one in 0x123 was recorded two hours apart; it stands beside the password
)


class P81(RegisterBoard):
    """Board `board` (1 to 16) of a line."""

    name = "p81"
    map = MAP

    def __init__(self, board: int = 1) -> None:
        super().__init__(ASKED + board, ANSWERS + board)
        self.number = board

    @property
    def asks(self) -> str:
        """What it asks, in the words of an error."""
        return f"P81 as board {self.number}"

    def info(self, ask: Ask, only: Collection[str] = ()) -> dict[str, Any]:
        """As all boards with registers, with the number that it answered to."""
        return {"board": self.number, **super().info(ask, only)}

    def faults(self, words: dict[str, list[int]]) -> list[Fault]:
        """Active faults in the order of their bits."""
        return faults_of(words["words"], words["old_words"])

    def balancing(self, reading: Reading) -> dict[int, bool]:
        """Up to 8 cells the byte of 0x4F that is not 0 tells the layout; above that nothing does.

        The low byte has bit 0 for cell 1 by patagonaa's notes. On R24TK boards it is the high byte: there
        cell 8 was confirmed with a clamp meter.
        """
        cells = self._count(reading, "cells")
        state, _, *words = self._decoded(reading, self.map.of("balancing_status"))["bits"]
        if state in NONE:
            raise NotSupported("this board does not say whether it balances")
        if not state:
            return of_mask(0, cells)
        low, high = words[0] & 0xFF, words[0] >> 8
        bits = low or high
        certain = state <= MOST_STATE and cells <= 8 and bool(low) != bool(high) and not any(words[1:])
        if not certain or bits >> cells:
            raise unsaid()
        return of_mask(bits, cells)
