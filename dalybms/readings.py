"""What a battery tells: one reading per section, the same for every protocol.

A key whose value the board cannot tell is absent, never null and never a guess. So is one whose value the
board means but that cannot be (0 V, 3200 %): `DalyBMS.unusable` then says why. Keys that are
declared as required are always there.
Units stand beside each key, and the protocols that have it where not all do.
Source: Daly UART/RS485 protocol V1.2 (2020) and the register maps of d2.py and p81.py.
"""

from __future__ import annotations

from typing import TypedDict

from dalybms.parameter_names import Parameters as Parameters


class Soc(TypedDict, total=False):
    """At least one key is there; nothing of it is there where a pack of 0 V measures nothing."""

    total_voltage: float
    """V, the pack"""
    current: float
    """A, with the board's own sign: boards differ, `mode` in the MOSFET status tells the direction"""
    soc_percent: float
    """%, 0.0 to 100.0"""
    power: float
    """W = voltage * current, with the sign of the current; D2, P81, Sinowealth"""


class CellVoltageRange(TypedDict, total=False):
    """Where a protocol names no cell, or no extreme, it is taken from a whole list read with it."""

    highest_voltage: float
    """V"""
    highest_cell: int
    """number of that cell, from 1"""
    lowest_voltage: float
    """V"""
    lowest_cell: int
    """number of that cell, from 1"""
    average_voltage: float
    """V, as the board computes it; D2, P81"""
    delta_voltage: float
    """V, highest less lowest as the board computes it; D2, P81"""


class TemperatureRange(TypedDict, total=False):
    """Empty for a board without a sensor."""

    highest_temperature: float
    """C, with a decimal where the board tells one"""
    highest_sensor: int
    """number of that sensor, from 1"""
    lowest_temperature: float
    """C"""
    lowest_sensor: int
    """number of that sensor, from 1"""
    mosfet_temperature: int
    """C; D2, P81, where it is fitted"""
    board_temperature: int
    """C; D2, P81, where it is fitted"""
    heater_temperature: int
    """C; P81, where it is fitted"""


class MosfetStatus(TypedDict, total=False):
    mode: str
    """one of the words stationary, charging, discharging; absent for a state that nobody can explain"""
    charging_mosfet: bool
    """on; the transistor's real state, which may differ from the switch the user set"""
    discharging_mosfet: bool
    """on; the transistor's real state, which may differ from the switch the user set"""
    capacity_ah: float
    """Ah remaining"""
    heartbeat: int
    """0 to 255, rolls on while the board lives; A5, P81"""
    precharging_mosfet: bool
    """on; P81"""
    heating: bool
    """the heater's transistor is on; P81"""
    fan: bool
    """the fan's transistor is on; P81"""
    balancing: bool
    """some cell is being balanced; D2, P81"""
    balance_current: float
    """A; D2, P81, where the board measures it"""
    balancing_cells: int
    """how many cells are being balanced; D2, on some boards"""
    full_capacity_ah: float
    """Ah when full; Sinowealth"""
    remaining_capacity_ah: float
    """Ah remaining, the same as capacity_ah; Sinowealth"""
    pack_state: list[str]
    """texts of the states that are on; Sinowealth"""


class States(TypedDict):
    """Digital inputs and outputs, on or off."""

    DI1: bool
    DI2: bool
    DI3: bool
    DI4: bool
    DO1: bool
    DO2: bool
    DO3: bool
    DO4: bool


class StatusExtras(TypedDict, total=False):
    charger_running: bool
    """most boards never say so, one did while it discharged: go by `mode`; A5, P81"""
    load_running: bool
    """boards seen so far always say no; A5, P81"""
    states: States
    """A5"""
    cycles: int
    """charge cycles"""
    fault_words: list[int]
    """the 16-bit alarm words as they came, also those that no fault is known for; D2, P81"""
    old_fault_words: list[int]
    """the alarm words of an older layout that P81 boards keep beside it"""


class Status(StatusExtras):
    cells: int
    """1 to 48"""
    temperature_sensors: int
    """0 to 16"""


CellVoltages = dict[int, float]
"""{cell number from 1: V}; a cell whose voltage cannot be is left out, the numbering stays"""
Temperatures = dict[int, float]
"""{sensor number from 1: C}, whole degrees except for Sinowealth; a sensor that is not fitted is left out"""
BalancingStatus = dict[int, bool]
"""{cell number from 1: being balanced}, only where that is certain for every cell"""
Errors = list[str]
"""texts of the active faults, empty when there is none"""


class Fault(TypedDict):
    code: str
    """stable name for programs, for instance cell_voltage_low_2"""
    level: int
    """1 warning, 2 protection, 3 hardware, 0 unknown"""
    text: str
    """plain English"""


class Info(TypedDict, total=False):
    """What a board says of itself, as far as its protocol has it. Passwords are never asked for."""

    protocol: str
    """one of the words a5, d2, p81, sinowealth"""
    board: int
    """the number that answered, from 1; A5, P81"""
    host_address: int
    """the address that this board answers to; A5"""
    cells: int
    """1 to 48"""
    temperature_sensors: int
    """0 to 16"""
    chemistry: str
    """one of the words LFP, NMC, LTO, sodium-ion; A5, D2"""
    rated_capacity_ah: float
    """Ah; A5, D2, P81"""
    nominal_cell_voltage: float
    """V; A5, D2, P81"""
    measuring_boards: int
    """how many boards measure the cells; A5"""
    charged_ah: float
    """Ah in total since it was made; A5, P81"""
    discharged_ah: float
    """Ah in total since it was made; A5, P81"""
    production_date: str
    """YYYY-MM-DD; A5, D2, P81"""
    software_version: str
    """A5, D2, P81"""
    hardware_version: str
    """A5, D2, P81"""
    firmware_index: str
    """A5"""
    platform: str
    """P81"""
    serial_number: str
    """D2, P81"""
    battery_code: str
    """A5, D2, P81"""


class Written(TypedDict, total=False):
    """What became of a write."""

    action: str
    """one of the words charge_mosfet, discharge_mosfet, soc, restart"""
    requested: bool | float | None
    """True or False for a MOSFET, % for the state of charge, None for a restart"""
    before: bool | float | None
    """as it was read before: the switch (A5: the transistor), %, or s since power-on (P81)"""
    after: bool | float | None
    """as it was read last; None when it could not be read"""
    outcome: str
    """one of the words done, unchanged; in an error's `result` also refused, unverified"""
    protocol: str
    """one of the words a5, d2, p81"""
    board: int
    """number of the board on its cable; A5, P81"""
    mosfet: bool
    """the transistor, beside the switch; D2, P81"""
    held_by: str
    """why the transistor stands otherwise than the switch, where it does; D2, P81"""
    frame: str
    """what was sent, as hex; absent when nothing was"""


class Failed(TypedDict):
    """Stands in `get_all()` for a section that could not be read."""

    error: str


class All(TypedDict, total=False):
    """A section that could not be read holds {"error": why}; one that the board does not have is absent."""

    soc: Soc | Failed
    cell_voltage_range: CellVoltageRange | Failed
    temperature_range: TemperatureRange | Failed
    mosfet_status: MosfetStatus | Failed
    status: Status | Failed
    cell_voltages: CellVoltages | Failed
    temperatures: Temperatures | Failed
    balancing_status: BalancingStatus | Failed
    errors: Errors | Failed


class Boards(TypedDict):
    answering: int
    """how many packs have told anything"""
    of: int
    """how many there are"""


class Bank(TypedDict, total=False):
    """What `bank()` makes of several packs in parallel; values stand for the packs that answer."""

    boards: Boards
    total_voltage: float
    """V, mean of the packs"""
    voltage_spread: float
    """V, highest less lowest pack voltage"""
    current: float
    """A, the sum, positive while discharging"""
    power: float
    """W, the sum, positive while discharging"""
    capacity_ah: float
    """Ah remaining, the sum"""
    soc_percent: float
    """%, 0.0 to 100.0, weighted by the capacity when full"""
    highest_voltage: float
    """V, of the highest cell"""
    highest_cell: int
    """number of that cell, from 1"""
    highest_cell_board: str
    """name of its pack"""
    lowest_voltage: float
    """V, of the lowest cell"""
    lowest_cell: int
    """number of that cell, from 1"""
    lowest_cell_board: str
    """name of its pack"""
    highest_temperature: float
    """C"""
    highest_sensor: int
    """number of that sensor, from 1"""
    highest_sensor_board: str
    """name of its pack"""
    lowest_temperature: float
    """C"""
    lowest_sensor: int
    """number of that sensor, from 1"""
    lowest_sensor_board: str
    """name of its pack"""
    errors: list[str]
    """texts of the active faults, each with the name of its pack in front"""
    left_out: dict[str, str]
    """{name: why} of the packs that do not count for the state of charge"""
    total_voltage_unknown: str
    """why there is no total_voltage"""
    current_unknown: str
    """why there is neither current nor power"""
    power_unknown: str
    """why there is no power beside a current"""
    capacity_unknown: str
    """why there is no capacity_ah"""
    soc_percent_unknown: str
    """why there is no soc_percent"""
    cell_extremes_unknown: str
    """why there is no highest or lowest cell"""
    sensor_extremes_unknown: str
    """why there is no highest or lowest temperature"""
    errors_unknown: str
    """whose errors were not read; without any error known, `errors` is absent then"""


class Energy(TypedDict, total=False):
    """What was counted of one battery since its energy file was begun; the counters never fall."""

    energy_in_wh: float
    """Wh into the battery"""
    energy_out_wh: float
    """Wh out of the battery"""
    charge_in_ah: float
    """Ah into the battery"""
    charge_out_ah: float
    """Ah out of the battery"""
    gap_seconds: float
    """s between samples too far apart to be counted"""
    unassigned_seconds: float
    """s in which a current flowed whose direction was not known yet"""
    runtime_hours: float
    """h until empty or full, at the current of the last five minutes"""
    runtime_to: str
    """one of the words empty, full"""
