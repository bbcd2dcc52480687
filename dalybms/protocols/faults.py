"""Every alarm the boards know, by a stable code; each protocol says where its bit stands.

Level 1 is a warning, 2 a protection that acts, 3 a hardware fault, 0 unknown.
Source: Daly UART/RS485 protocol V1.2 (2020), data ID 0x98; the D2 and P81
register notes name the same alarms. That a failed measurement of a cell need not be
its wire, and that `mosfet_switched_off` is a state, was seen on R24TK boards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Union

Fault = dict[str, Union[str, int]]
"""{"code": str, "level": int, "text": str}"""

_LEVELLED = {
    "cell_voltage_high": "cell voltage too high",
    "cell_voltage_low": "cell voltage too low",
    "pack_voltage_high": "pack voltage too high",
    "pack_voltage_low": "pack voltage too low",
    "charge_temperature_high": "temperature too high for charging",
    "charge_temperature_low": "temperature too low for charging",
    "discharge_temperature_high": "temperature too high for discharging",
    "discharge_temperature_low": "temperature too low for discharging",
    "charge_overcurrent": "charge current too high",
    "discharge_overcurrent": "discharge current too high",
    "soc_high": "state of charge too high",
    "soc_low": "state of charge too low",
    "cell_voltage_difference": "cell voltages too far apart",
    "temperature_difference": "temperatures too far apart",
    "soh_low": "state of health too low",
    "mosfet_temperature_high": "MOSFETs too hot",
    "thermal_runaway": "thermal runaway",
}

_HARDWARE = {
    "charge_mosfet_hot": "charge MOSFET too hot",
    "discharge_mosfet_hot": "discharge MOSFET too hot",
    "charge_mosfet_sensor": "temperature sensor of the charge MOSFET failed",
    "discharge_mosfet_sensor": "temperature sensor of the discharge MOSFET failed",
    "charge_mosfet_stuck": "charge MOSFET does not switch off",
    "discharge_mosfet_stuck": "discharge MOSFET does not switch off",
    "charge_mosfet_open": "charge MOSFET does not switch on",
    "discharge_mosfet_open": "discharge MOSFET does not switch on",
    "afe": "measuring chip (AFE) failed",
    "cell_sense_wire": "measuring a cell failed, perhaps its sense wire is lost",
    "temperature_sensor": "temperature sensor failed",
    "eeprom": "settings memory (EEPROM) failed",
    "rtc": "clock (RTC) failed",
    "precharge": "precharge failed",
    "vehicle_communication": "communication with the vehicle failed",
    "internal_communication": "internal communication failed",
    "current_module": "current measurement failed",
    "pack_voltage_measurement": "pack voltage measurement failed",
    "short_circuit": "short circuit",
    "charge_forbidden": "charging forbidden, voltage too low",
    "charging_cabinet_offline": "charging cabinet offline",
    "charger_connection": "connection to the charger lost",
    "discharger_connection": "connection to the discharger lost",
    "charge_undervoltage": "voltage too low while charging",
    "discharge_overvoltage": "voltage too high while discharging",
    "afe_communication": "communication with the measuring chip (AFE) failed",
    "afe_sampling": "measuring chip (AFE) does not sample",
    "voltage_measurement": "cell voltage measurement failed",
    "temperature_sensor_lost": "temperature sensor lost",
    "flash": "program memory (flash) failed",
    "charge_mosfet": "charge MOSFET failed",
    "discharge_mosfet": "discharge MOSFET failed",
    "precharge_mosfet": "precharge MOSFET failed",
    "heating": "heating failed",
    "afe_short_circuit": "measuring chip (AFE) stopped a short circuit",
    "afe_overvoltage": "measuring chip (AFE) stopped an overvoltage",
}

_STATES = {
    "mosfet_switched_off": "a MOSFET was switched off by command",
    "mosfet_switched_off_by_switch": "a MOSFET was switched off by a switch",
    "forced_start": "a forced start is armed: protections are bypassed",
    "temperature_sensors_unreadable": "temperature sensors cannot be read",
}
"""Nothing is broken, but somebody should know."""
SWITCHED_OFF = ("mosfet_switched_off", "mosfet_switched_off_by_switch")
"""The state of a MOSFET, which is told beside it: nothing to say where it is as its owner wants it."""

FAULTS: dict[str, Fault] = {
    f"{code}_{level}": {"code": f"{code}_{level}", "level": level, "text": f"{text} (level {level})"}
    for code, text in _LEVELLED.items()
    for level in (1, 2)
}
FAULTS.update({code: {"code": code, "level": 3, "text": text} for code, text in _HARDWARE.items()})
FAULTS.update({code: {"code": code, "level": 1, "text": text} for code, text in _STATES.items()})


def pairs(*codes: str) -> tuple[str, ...]:
    """The codes of level 1 and level 2 of each alarm, as the protocols lay them out: bit by bit."""
    return tuple(f"{code}_{level}" for code in codes for level in (1, 2))


def named(code: str) -> Fault:
    return dict(FAULTS[code])


def unknown(code: str, text: str) -> Fault:
    """A fault whose meaning is not known: never swallowed, level 0."""
    return {"code": code, "level": 0, "text": text}


def texts(faults: Iterable[Fault]) -> list[str]:
    return [str(fault["text"]) for fault in faults]
