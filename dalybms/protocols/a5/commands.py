"""The A5 messages, a row each, as in Daly's table (UART/RS485 protocol V1.2, 2020).

Positions count within the 8 data bytes. Bytes that no field names are not
defined: old firmware repeats bytes of its previous reply there, so they are
never read. Checked against recorded traffic of real boards.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from dalybms.errors import BadReply
from dalybms.protocols.faults import Fault, named, pairs, unknown
from dalybms.protocols.fields import Bits, Choice, Date, Field, Flag, Number, Series, Text
from dalybms.protocols.identity import CHEMISTRIES

MOST_CELLS = 48
MOST_SENSORS = 16
NO_SENSOR = (0, 0xFF)
"""Raw temperatures of a sensor that is not fitted."""


class Command(NamedTuple):
    """One message: its data ID, the section it fills, and what its bytes mean.

    A reply is one frame with `fields`, or, where `series` is set, as many frames as
    the count named by `counted` needs, each led by its number. An odd message has
    `special`, which makes the reading of the data. Of a text in
    `frames` numbered frames, positions count within the joined text.
    `check` raises BadReply for a reading that cannot be.
    """

    code: int
    section: str
    fields: tuple[Field, ...] = ()
    series: Series | None = None
    counted: str = ""
    special: Callable[[bytes], Any] | None = None
    check: Callable[[dict[str, Any]], None] | None = None
    frames: int = 1


def _cells_in_order(reading: dict[str, Any]) -> None:
    if reading.get("lowest_voltage", 0) > reading.get("highest_voltage", 65.535):
        raise BadReply("a lowest cell above the highest cell cannot be")


def _sensors_in_order(reading: dict[str, Any]) -> None:
    """A sensor that is not fitted has no number either."""
    for end in ("highest", "lowest"):
        if f"{end}_temperature" not in reading:
            reading.pop(f"{end}_sensor", None)
    if reading.get("lowest_temperature", -40) > reading.get("highest_temperature", 215):
        raise BadReply("a lowest temperature above the highest cannot be")


def as_it_is(data: bytes) -> bytes:
    """For messages whose meaning needs more than their frame: see balancing.py."""
    return data


FAULT_BITS: tuple[tuple[str, ...], ...] = (
    pairs("cell_voltage_high", "cell_voltage_low", "pack_voltage_high", "pack_voltage_low"),
    pairs(
        "charge_temperature_high",
        "charge_temperature_low",
        "discharge_temperature_high",
        "discharge_temperature_low",
    ),
    pairs("charge_overcurrent", "discharge_overcurrent", "soc_high", "soc_low"),
    pairs("cell_voltage_difference", "temperature_difference"),
    (
        "charge_mosfet_hot",
        "discharge_mosfet_hot",
        "charge_mosfet_sensor",
        "discharge_mosfet_sensor",
        "charge_mosfet_stuck",
        "discharge_mosfet_stuck",
        "charge_mosfet_open",
        "discharge_mosfet_open",
    ),
    (
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
    ),
)
"""Bytes 0-6 of data ID 0x98, bit 0 first; bits without a name are reserved. `mosfet_switched_off` is not in
the vendor's table: an 8-cell pack at rest was recorded with it, and the same bit of D2 has that name."""


def _faults(data: bytes) -> list[Fault]:
    """Active faults in the order of their bits; byte 7 is a number, not bits."""
    faults = []
    for at, codes in enumerate(FAULT_BITS):
        for bit in range(8):
            if data[at] >> bit & 1:
                known = bit < len(codes)
                faults.append(named(codes[bit]) if known else _reserved(at, bit))
    if data[7]:
        faults.append(unknown(f"fault_code_{data[7]}", f"fault code {data[7]}"))
    return faults


def _reserved(at: int, bit: int) -> Fault:
    return unknown(f"byte{at}_bit{bit}", f"unknown fault (byte {at}, bit {bit})")


COMMANDS: tuple[Command, ...] = (
    Command(
        0x90,
        "soc",
        (
            Number("total_voltage", "V", at=0, size=2, per_unit=10, least=1, most=60 * MOST_CELLS),
            Number("current", "A", at=4, size=2, per_unit=10, zero=30000, least=1, most=0xFFFE),
            Number("soc_percent", "%", at=6, size=2, per_unit=10, most=1000),
        ),
    ),
    Command(
        0x91,
        "cell_voltage_range",
        (
            Number("highest_voltage", "V", at=0, size=2, per_unit=1000, least=1, most=6000),
            Number("highest_cell", "", at=2, size=1, least=1, most=MOST_CELLS),
            Number("lowest_voltage", "V", at=3, size=2, per_unit=1000, most=6000),
            Number("lowest_cell", "", at=5, size=1, least=1, most=MOST_CELLS),
        ),
        check=_cells_in_order,
    ),
    Command(
        0x92,
        "temperature_range",
        (
            Number("highest_temperature", "C", at=0, size=1, zero=40, absent=NO_SENSOR),
            Number("highest_sensor", "", at=1, size=1, most=MOST_SENSORS, absent=NO_SENSOR),
            Number("lowest_temperature", "C", at=2, size=1, zero=40, absent=NO_SENSOR),
            Number("lowest_sensor", "", at=3, size=1, most=MOST_SENSORS, absent=NO_SENSOR),
        ),
        check=_sensors_in_order,
    ),
    Command(
        0x93,
        "mosfet_status",
        (
            Choice("mode", at=0, words=("stationary", "charging", "discharging")),
            Flag("charging_mosfet", at=1),
            Flag("discharging_mosfet", at=2),
            Number("heartbeat", "", at=3, size=1),
            Number("capacity_ah", "Ah", at=4, size=4, per_unit=1000, most=10_000_000),
        ),
    ),
    Command(
        0x94,
        "status",
        (
            Number("cells", "", at=0, size=1, least=1, most=MOST_CELLS),
            Number("temperature_sensors", "", at=1, size=1, most=MOST_SENSORS),
            Flag("charger_running", at=2),
            Flag("load_running", at=3),
            Bits("states", at=4, names=("DI1", "DI2", "DI3", "DI4", "DO1", "DO2", "DO3", "DO4")),
            Number("cycles", "", at=5, size=2, absent=(0xFFFF,)),
        ),
    ),
    Command(
        0x95,
        "cell_voltages",
        series=Series(Number("cell", "V", at=1, size=2, per_unit=1000, most=6000), each=3),
        counted="cells",
    ),
    Command(
        0x96,
        "temperatures",
        series=Series(Number("sensor", "C", at=1, size=1, zero=40, absent=NO_SENSOR), each=7),
        counted="temperature_sensors",
    ),
    Command(0x97, "balancing_status", counted="cells", special=as_it_is),
    Command(0x98, "faults", special=_faults),
)

BY_SECTION = {command.section: command for command in COMMANDS}

_UNSET = (0, 0xFFFFFFFF)


def _total(name: str, at: int) -> Number:
    return Number(name, "Ah", at=at, size=4, most=100_000_000, absent=(0xFFFFFFFF,))


INFO: tuple[Command, ...] = (
    Command(
        0x50,
        "info",
        (
            Number("rated_capacity_ah", "Ah", at=0, size=4, per_unit=1000, most=10_000_000, absent=_UNSET),
            Number("nominal_cell_voltage", "V", at=4, size=4, per_unit=1000, most=6000, absent=_UNSET),
        ),
    ),
    Command(0x51, "info", (Number("measuring_boards", "", at=0, size=1, least=1, most=3, absent=(0xFF,)),)),
    Command(0x52, "info", (_total("charged_ah", 0), _total("discharged_ah", 4))),
    Command(
        0x53,
        "info",
        (Choice("chemistry", at=0, words=CHEMISTRIES, unknown=True), Date("production_date", at=2)),
    ),
    Command(0x54, "info", (Text("firmware_index", at=0, size=8, secret=False),)),
    Command(0x57, "info", (Text("battery_code", at=0, size=35, secret=True),), frames=5),
    Command(0x62, "info", (Text("software_version", at=0, size=14, secret=False, mirrored=True),), frames=2),
    Command(0x63, "info", (Text("hardware_version", at=0, size=14, secret=False, mirrored=True),), frames=2),
)
"""What a board says of itself; many boards answer only some of these."""
HARDWARE = INFO[-1]
HIDDEN = (0x55, 0x56, 0x6A)
"""Texts by the notes on HAIDI V4.0: never asked for, but another program on the line may."""
