"""The alarms of P81: levels of three bits and single bits, by patagonaa's notes."""

from __future__ import annotations

from collections.abc import Sequence

from dalybms.protocols.faults import Fault, named
from dalybms.protocols.modbus.alarm_words import lacking, reserved, told

LEVELS: dict[tuple[int, int], str] = {
    (0x6D, 0): "cell_voltage_high",
    (0x6D, 3): "cell_voltage_low",
    (0x6D, 8): "cell_voltage_difference",
    (0x6D, 11): "charge_temperature_high",
    (0x6E, 0): "charge_temperature_low",
    (0x6E, 3): "discharge_temperature_high",
    (0x6E, 8): "discharge_temperature_low",
    (0x6E, 11): "temperature_difference",
    (0x6F, 0): "pack_voltage_high",
    (0x6F, 3): "pack_voltage_low",
    (0x6F, 8): "charge_overcurrent",
    (0x6F, 11): "discharge_overcurrent",
    (0x70, 0): "soc_low",
    (0x70, 3): "soh_low",
    (0x70, 8): "mosfet_temperature_high",
    (0x70, 11): "thermal_runaway",
}
"""(register, lowest bit) of the 3-bit levels: 0 none, 1 warning, above it a protection acts."""
FLAGS: dict[tuple[int, int], str] = {
    (0x6D, 7): "charger_connection",
    (0x6D, 15): "discharger_connection",
    (0x6E, 6): "charge_mosfet_hot",
    (0x6E, 7): "charge_mosfet_sensor",
    (0x6E, 14): "discharge_mosfet_hot",
    (0x6E, 15): "discharge_mosfet_sensor",
    (0x6F, 6): "short_circuit",
    (0x6F, 14): "charge_undervoltage",
    (0x6F, 15): "discharge_overvoltage",
    (0x72, 8): "afe",
    (0x72, 9): "afe_communication",
    (0x72, 10): "afe_sampling",
    (0x72, 11): "voltage_measurement",
    (0x72, 12): "cell_sense_wire",
    (0x72, 13): "pack_voltage_measurement",
    (0x72, 14): "current_module",
    (0x73, 0): "temperature_sensor_lost",
    (0x73, 1): "eeprom",
    (0x73, 2): "flash",
    (0x73, 3): "rtc",
    (0x73, 4): "charge_mosfet",
    (0x73, 5): "discharge_mosfet",
    (0x73, 6): "precharge_mosfet",
    (0x73, 7): "precharge",
    (0x73, 15): "heating",
}
"""(register, bit) of what is on or off."""
STATES: dict[tuple[int, int], str] = {
    (0x72, 2): "forced_start",
    (0x72, 15): "temperature_sensors_unreadable",
    (0x73, 8): "mosfet_switched_off",
    (0x73, 9): "mosfet_switched_off",
    (0x73, 10): "mosfet_switched_off_by_switch",
    (0x73, 11): "mosfet_switched_off_by_switch",
}
"""(register, bit) of a state that somebody should know, and that does not silence the old words.

0x73: the charge and the discharge MOSFET. 0x72 bit 15 was set on a pack of which no sensor was readable;
0x72 bit 2 is by the notes of antonkostryukov/daly-bms-protocol, the others by three projects.
"""
QUIET: frozenset[tuple[int, int]] = frozenset(
    {
        *((0x6D, bit) for bit in (6, 14)),  # a smart charger, a smart discharger is connected
        (0x6F, 7),  # update of the firmware
        *((0x70, bit) for bit in (6, 7)),  # parallel packs: bit 7 was set on a healthy single pack
        *((0x73, bit) for bit in (12, 13, 14)),  # fan, heating, limited current
    }
)
"""(register, bit) of what is no alarm: left to `fault_words`. All other nameless ones are unknown faults."""
_OLD = 0x66
_NO_SECOND_PACK, _NO_SECOND_PACK_NEW = (0x68, 7), (0x70, 7)
"""The bit of the old words that goes with a bit of the new ones on a healthy pack: alone it is unknown."""


def faults_of(new: Sequence[int], old: Sequence[int]) -> list[Fault]:
    """Active faults in the order of their bits; the old words speak only where the new ones are silent.

    The bits of the old words are not known for sure, so theirs are unknown faults. By Sundaya's register
    table ("Protocol 8 6 16") they are the words of D2, in each the high byte first: so 0x68 bit 7 would be a
    failed internal communication, and on a single pack it goes with 0x70 bit 7, one of parallel packs.
    """
    values, old_values = dict(enumerate(new, 0x6D)), dict(enumerate(old, _OLD))
    there = told({**values, **old_values})
    found = {place: _level(code, _bits(there, place, 3)) for place, code in LEVELS.items()}
    found.update({place: code for place, code in FLAGS.items() if _bits(there, place, 1)})
    faults = [named(code) for _, code in sorted(found.items()) if code] or _old_faults(there)
    states = dict.fromkeys(code for place, code in STATES.items() if _bits(there, place, 1))
    nameless = [reserved(*place) for place in _NAMELESS if _bits(there, place, 1)]
    return [
        *faults,
        *map(named, states),
        *nameless,
        *lacking(values if values.keys() & there.keys() else old_values),
    ]


def _bits(values: dict[int, int], place: tuple[int, int], count: int) -> int:
    register, lowest = place
    return values.get(register, 0) >> lowest & (1 << count) - 1


def _level(code: str, level: int) -> str:
    return f"{code}_{min(level, 2)}" if level else ""


def _old_faults(values: dict[int, int]) -> list[Fault]:
    places = [(register, bit) for register in range(_OLD, _OLD + 4) for bit in range(16)]
    healthy = _NO_SECOND_PACK if _bits(values, _NO_SECOND_PACK_NEW, 1) else None
    return [reserved(*place) for place in places if _bits(values, place, 1) and place != healthy]


_NAMELESS = sorted(
    {(register, bit) for register in range(0x6D, 0x74) for bit in range(16)}
    - {(register, bit + part) for register, bit in LEVELS for part in range(3)}
    - FLAGS.keys()
    - STATES.keys()
    - QUIET
)
