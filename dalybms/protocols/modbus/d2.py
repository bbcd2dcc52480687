"""D2: the registers of H, K, M and S boards on their UART and Bluetooth port.

A question goes to address 0xD2 and is answered from it, so one line holds one board.
Source: Daly's Modbus sheet (docs of syssi/esphome-daly-bms) and recorded traffic;
rows that only a source states are marked. Negative current = discharge on all
boards recorded. The password (0xC9-0xCB) lies in no block.
"""

from __future__ import annotations

from dalybms.errors import NotSupported
from dalybms.protocols.balancing import of_mask, unsaid
from dalybms.protocols.faults import Fault, named, pairs
from dalybms.protocols.fields import Choice, Date, Flag, Number, Series, Text, Words
from dalybms.protocols.identity import CHEMISTRIES
from dalybms.protocols.modbus.alarm_words import lacking, reserved, told
from dalybms.protocols.modbus.board import RegisterBoard
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

ADDRESS = 0xD2
MOST_CELLS = 32
MOST_SENSORS = 8


def _cell(name: str, register: int, least: int = 0) -> Number:
    return Number(name, "V", at=2 * register, size=2, per_unit=1000, least=least, most=6000)


def _stated(name: str, register: int, least: int = 0) -> Number:
    """What follows from the cells, where the board has a register for it."""
    return _cell(name, register, least)._replace(absent=NONE)


def _temperature(name: str, register: int) -> Number:
    return Number(name, "C", at=2 * register, size=2, zero=40, most=0xFF, absent=NO_SENSOR)


_BALANCE_CURRENT = Number(
    "balance_current",
    "A",
    at=2 * 0x40,
    size=2,
    per_unit=10,
    zero=30000,
    least=29800,
    most=30200,
    absent=(0, 0xFFFF),
)
"""Recorded in 0.1 A. What would be above 20 A is no such current, perhaps mA as in P81."""

ROWS: tuple[Row, ...] = (
    Row("cell_voltages", Series(_cell("cell", 0x00), each=MOST_CELLS)),
    Row("temperatures", Series(_temperature("sensor", 0x20), each=MOST_SENSORS)),
    Row("soc", total_voltage(2 * 0x28)),
    Row("soc", current(2 * 0x29)),
    Row("power", Number("power", "W", at=2 * 0x39, size=2, absent=NONE)),
    Row("soc", Number("soc_percent", "%", at=2 * 0x2A, size=2, per_unit=10, most=1000)),
    Row("cell_voltage_range", _stated("highest_voltage", 0x2B, least=1)),
    Row("cell_voltage_range", _stated("lowest_voltage", 0x2C)),
    Row("temperature_range", _temperature("highest_temperature", 0x2D)),
    Row("temperature_range", _temperature("lowest_temperature", 0x2E)),
    Row(
        "mosfet_status", Choice("mode", at=2 * 0x2F, words=("stationary", "charging", "discharging"), size=2)
    ),
    Row("mosfet_status", Flag("charging_mosfet", at=2 * 0x35, size=2, absent=NONE)),
    Row("mosfet_status", Flag("discharging_mosfet", at=2 * 0x36, size=2, absent=NONE)),
    Row("mosfet_status", Number("capacity_ah", "Ah", at=2 * 0x30, size=2, per_unit=10, absent=NONE)),
    Row("mosfet_status", Flag("balancing", at=2 * 0x34, size=2, absent=NONE)),
    Row("balancing_status", Flag("balancing", at=2 * 0x34, size=2, absent=NONE)),
    Row("status", Number("cells", "", at=2 * 0x31, size=2, least=1, most=MOST_CELLS)),
    Row("status", Number("temperature_sensors", "", at=2 * 0x32, size=2, most=MOST_SENSORS)),
    Row("status", Number("cycles", "", at=2 * 0x33, size=2, absent=NONE)),
    Row("status", Words("fault_words", at=2 * 0x3A, each=4)),
    Row("cell_voltage_range", _cell("average_voltage", 0x37)._replace(absent=UNSET)),
    Row("cell_voltage_range", _stated("delta_voltage", 0x38)),
    Row("faults", Words("words", at=2 * 0x3A, each=4)),
    Row("temperature_range", _temperature("mosfet_temperature", 0x42)),
    Row("temperature_range", _temperature("board_temperature", 0x43), proven=False),
    Row("mosfet_status", _BALANCE_CURRENT),
    Row("mosfet_status", Number("balancing_cells", "", at=2 * 0x41, size=2, most=MOST_CELLS, absent=NONE)),
    Row("info", Text("serial_number", at=2 * 0x57, size=14, secret=True, whole=True)),
    Row("info", Number("rated_capacity_ah", "Ah", at=2 * 0x80, size=2, per_unit=10, absent=(0, 0xFFFF))),
    Row("info", nominal_cell_voltage(2 * 0x81)),
    Row("info", Choice("chemistry", at=2 * 0x89, words=CHEMISTRIES, size=2, unknown=True)),
    Row("info", Text("software_version", at=2 * 0xA9, size=16, secret=False, mirrored=True, sure=14)),
    Row("info", Text("hardware_version", at=2 * 0xB1, size=16, secret=False, mirrored=True, sure=14)),
    Row("info", Text("battery_code", at=2 * 0xB9, size=32, secret=True)),
    Row("info", Date("production_date", at=2 * 0xCC), proven=False),
)
MAP = RegisterMap(
    live=(Block(0x00, 62, "cells, pack and status"),),
    info=(Block(0x80, 41, "rated values"), Block(0xA9, 32, "versions"), Block(0xCC, 2, "production date")),
    rows=ROWS,
    filled=(0x00, 0x28, 0x31),
    proof=Block(0x28, 13, "pack and counts"),
    optional=(Block(0x3E, 9, "balancing and MOSFET temperature"), Block(0x57, 7, "serial number")),
    hidden=(Block(0x5E, 5, "position, SIM card, or more of a serial number"), Block(0xC9, 3, "password")),
)


FAULT_REGISTER = 0x3A
FAULT_BITS: tuple[tuple[str, ...], ...] = (
    pairs(
        "cell_voltage_high",
        "cell_voltage_low",
        "pack_voltage_high",
        "pack_voltage_low",
        "charge_temperature_high",
        "charge_temperature_low",
        "discharge_temperature_high",
        "discharge_temperature_low",
    ),
    pairs(
        "charge_overcurrent",
        "discharge_overcurrent",
        "soc_high",
        "soc_low",
        "cell_voltage_difference",
        "temperature_difference",
    ),
    (
        "charge_mosfet_hot",
        "discharge_mosfet_hot",
        "charge_mosfet_sensor",
        "discharge_mosfet_sensor",
        "charge_mosfet_stuck",
        "discharge_mosfet_stuck",
        "charge_mosfet_open",
        "discharge_mosfet_open",
        "afe",
        "cell_sense_wire",
        "temperature_sensor",
        "eeprom",
        "rtc",
        "precharge",
        "vehicle_communication",
        "internal_communication",
    ),
    (
        "current_module",
        "pack_voltage_measurement",
        "short_circuit",
        "charge_forbidden",
        "mosfet_switched_off",
        "charging_cabinet_offline",
    ),
)
"""Registers 0x3A-0x3D, bit 0 first; bits without a name are reserved.

One public decoder counts from bit 15. A recorded pack at 8.7 %, its cells 12 mV apart, sets bit 7 of
0x3B alone: "state of charge too low" from bit 0, "cell voltages too far apart" from bit 15.
"""


class D2(RegisterBoard):
    """The one D2 board of a line."""

    name = "d2"
    map = MAP

    def __init__(self, bluetooth: bool = False) -> None:
        super().__init__(ADDRESS, ADDRESS, bluetooth)

    def faults(self, words: dict[str, list[int]]) -> list[Fault]:
        """Active faults in the order of their bits."""
        values = dict(enumerate(words["words"], FAULT_REGISTER))
        faults = [
            _fault(register, bit)
            for register, word in told(values).items()
            for bit in range(16)
            if word >> bit & 1
        ]
        return faults + lacking(values)

    def balancing(self, reading: Reading) -> dict[int, bool]:
        """It tells that it balances (0x34), never which cells: 0x3F was recorded as the same flag once more,
        where one project expected bits."""
        balances = self._decoded(reading, self.map.of("balancing_status")).get("balancing")
        if balances is None:
            raise NotSupported("this board does not say whether it balances")
        if balances:
            raise unsaid()
        return of_mask(0, self._count(reading, "cells"))


def _fault(register: int, bit: int) -> Fault:
    codes = FAULT_BITS[register - FAULT_REGISTER]
    return named(codes[bit]) if bit < len(codes) else reserved(register, bit)
