"""The settings of a board by name, with units: the same names for all protocols.

Limits have the code of the fault that they cause and its level: 1 warns, 2 protects (3 of P81's overcurrents
acts sooner). `_release`: where the fault ends. `_delay`: how long it must last. Currents are positive, their
direction is in the name. What the board does not tell is absent.
Source: see protocols/a5/parameters.py and protocols/modbus/parameters.py.
"""

from __future__ import annotations

from typing import TypedDict


class Parameters(TypedDict, total=False):
    """Temperatures are whole degrees."""

    board_number: int
    """on a shared cable; P81"""
    measuring_boards: int
    """how many boards measure the cells; A5, D2"""
    cells: int
    """of the first measuring board; P81: in all; A5, D2, P81"""
    cells_board_1: int
    """of the first measuring board; P81"""
    cells_board_2: int
    """of the second; A5, D2, P81"""
    cells_board_3: int
    """of the third; A5, D2, P81"""
    sensors: int
    """of the first measuring board; A5, D2, P81"""
    sensors_board_2: int
    """of the second; A5, D2, P81"""
    sensors_board_3: int
    """of the third; A5, D2, P81"""
    chemistry: str
    """one of the words LFP, NMC, LTO, sodium-ion; A5, D2"""
    rated_capacity: float
    """Ah, of the pack; A5, D2, P81"""
    actual_capacity: float
    """Ah, of the pack, as it was set; P81"""
    nominal_cell_voltage: float
    """V; A5, D2, P81"""
    operation_mode: int
    """a number; what it means is not known; A5"""
    sleep_time: float | str
    """s, without current, until it sleeps; the word "never"; A5, D2, P81"""
    current_threshold: float
    """A, smaller currents count as none; A5"""
    shunt: float
    """mOhm, resistance; A5"""
    key_logic: str
    """what the key switches: off, discharge, ..., in words; P81"""
    balancing_enabled: bool
    """balancing is allowed; D2, P81"""
    balance_start: float
    """V, cells below it are not balanced; A5, D2, P81"""
    balance_difference: float
    """V, smaller differences are not balanced; A5, D2, P81"""
    cell_voltage_high_1: float
    """V; A5, D2, P81"""
    cell_voltage_high_2: float
    """V; A5, D2, P81"""
    cell_voltage_low_1: float
    """V; A5, D2, P81"""
    cell_voltage_low_2: float
    """V; A5, D2, P81"""
    pack_voltage_high_1: float
    """V; A5, D2, P81"""
    pack_voltage_high_2: float
    """V; A5, D2, P81"""
    pack_voltage_low_1: float
    """V; A5, D2, P81"""
    pack_voltage_low_2: float
    """V; A5, D2, P81"""
    charge_overcurrent_1: float
    """A; A5, D2, P81"""
    charge_overcurrent_2: float
    """A; A5, D2, P81"""
    discharge_overcurrent_1: float
    """A; A5, D2, P81"""
    discharge_overcurrent_2: float
    """A; A5, D2, P81"""
    charge_temperature_high_1: int
    """C; A5, D2, P81"""
    charge_temperature_high_2: int
    """C; A5, D2, P81"""
    charge_temperature_low_1: int
    """C; A5, D2, P81"""
    charge_temperature_low_2: int
    """C; A5, D2, P81"""
    discharge_temperature_high_1: int
    """C; A5, D2, P81"""
    discharge_temperature_high_2: int
    """C; A5, D2, P81"""
    discharge_temperature_low_1: int
    """C; A5, D2, P81"""
    discharge_temperature_low_2: int
    """C; A5, D2, P81"""
    soc_high_1: float
    """%; A5"""
    soc_high_2: float
    """%; A5"""
    soc_low_1: float
    """%; A5, P81"""
    soc_low_2: float
    """%; A5, P81"""
    cell_voltage_difference_1: float
    """V; A5, D2, P81"""
    cell_voltage_difference_2: float
    """V; A5, D2, P81"""
    temperature_difference_1: int
    """C; A5, D2, P81"""
    temperature_difference_2: int
    """C; A5, D2, P81"""
    short_circuit: int
    """A, current that counts as a short circuit; A5, P81"""
    cell_voltage_high_release: float
    """V; P81"""
    cell_voltage_high_delay: float
    """s; P81"""
    cell_voltage_low_release: float
    """V; P81"""
    cell_voltage_low_delay: float
    """s; P81"""
    pack_voltage_high_release: float
    """V; P81"""
    pack_voltage_high_delay: float
    """s; P81"""
    pack_voltage_low_release: float
    """V; P81"""
    pack_voltage_low_delay: float
    """s; P81"""
    charge_overcurrent_2_delay: float
    """s; P81"""
    charge_overcurrent_3: float
    """A; P81"""
    charge_overcurrent_3_delay: float
    """s; P81"""
    discharge_overcurrent_2_delay: float
    """s; P81"""
    discharge_overcurrent_3: float
    """A; P81"""
    discharge_overcurrent_3_delay: float
    """s; P81"""
    charge_temperature_high_release: int
    """C; P81"""
    charge_temperature_high_delay: float
    """s; P81"""
    charge_temperature_low_release: int
    """C; P81"""
    charge_temperature_low_delay: float
    """s; P81"""
    discharge_temperature_high_release: int
    """C; P81"""
    discharge_temperature_high_delay: float
    """s; P81"""
    discharge_temperature_low_release: int
    """C; P81"""
    discharge_temperature_low_delay: float
    """s; P81"""
    cell_voltage_difference_release: float
    """V; P81"""
    cell_voltage_difference_delay: float
    """s; P81"""
    temperature_difference_release: int
    """C; P81"""
    temperature_difference_delay: float
    """s; P81"""
    soc_low_release: float
    """%; P81"""
    soc_low_delay: float
    """s; P81"""
    mosfet_temperature_high_1: int
    """C; P81"""
    mosfet_temperature_high_2: int
    """C; P81"""
    mosfet_temperature_high_release: int
    """C; P81"""
    mosfet_temperature_high_delay: float
    """s; P81"""
