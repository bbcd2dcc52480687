"""Data ID 0x98 beside the vendor's table, bit by bit (Daly UART/RS485 protocol V1.2, 2020)."""

from __future__ import annotations

import pytest
from support import attach, captures, reply, talk

VENDOR_TABLE = {
    0: "cell_voltage_high_1 cell_voltage_high_2 cell_voltage_low_1 cell_voltage_low_2 "
    "pack_voltage_high_1 pack_voltage_high_2 pack_voltage_low_1 pack_voltage_low_2",
    1: "charge_temperature_high_1 charge_temperature_high_2 "
    "charge_temperature_low_1 charge_temperature_low_2 "
    "discharge_temperature_high_1 discharge_temperature_high_2 "
    "discharge_temperature_low_1 discharge_temperature_low_2",
    2: "charge_overcurrent_1 charge_overcurrent_2 discharge_overcurrent_1 discharge_overcurrent_2 "
    "soc_high_1 soc_high_2 soc_low_1 soc_low_2",
    3: "cell_voltage_difference_1 cell_voltage_difference_2 "
    "temperature_difference_1 temperature_difference_2 "
    "byte3_bit4 byte3_bit5 byte3_bit6 byte3_bit7",
    4: "charge_mosfet_hot discharge_mosfet_hot charge_mosfet_sensor discharge_mosfet_sensor "
    "charge_mosfet_stuck discharge_mosfet_stuck charge_mosfet_open discharge_mosfet_open",
    5: "afe cell_sense_wire temperature_sensor eeprom rtc precharge "
    "vehicle_communication internal_communication",
    6: "current_module pack_voltage_measurement short_circuit charge_forbidden "
    "mosfet_switched_off byte6_bit5 byte6_bit6 byte6_bit7",
}
"""Byte 6 bit 4 is not the vendor's: it was recorded on packs at rest with a MOSFET switched off."""
BITS = [(at, bit, code) for at, codes in VENDOR_TABLE.items() for bit, code in enumerate(codes.split())]


def level_of(at: int, code: str) -> int:
    if code.startswith("byte"):
        return 0
    if code == "mosfet_switched_off":
        return 1
    return 3 if at >= 4 else int(code[-1])


@pytest.mark.parametrize(("at", "bit", "code"), BITS)
def test_a_bit_has_its_code_level_and_text(at: int, bit: int, code: str) -> None:
    data = bytearray(8)
    data[at] = 1 << bit
    (fault,) = attach(talk({0x98: reply(0x98, bytes(data))})).get_faults()
    assert fault["code"] == code
    assert fault["level"] == level_of(at, code)
    assert fault["text"].endswith(f"(level {code[-1]})") == code.endswith(("_1", "_2"))
    assert fault["text"].isascii()


@pytest.mark.parametrize("name", ["a5h2-01-98", "b2-12-a5-bit52"])
def test_a_recorded_pack_at_rest_with_discharge_switched_off(name: str) -> None:
    record = next(record for record in captures("second") if record["id"] == name)
    (fault,) = attach(talk({0x98: bytes.fromhex(record["responses"][0])})).get_faults()
    assert (fault["code"], fault["level"]) == ("mosfet_switched_off", 1)


def test_what_two_of_them_say_in_words() -> None:
    bms = attach(talk({0x98: reply(0x98, "00000000000210")}))
    assert bms.get_errors() == [
        "measuring a cell failed, perhaps its sense wire is lost",
        "a MOSFET was switched off by command",
    ]


def test_all_texts_differ() -> None:
    faults = attach(talk({0x98: reply(0x98, "ff" * 7)})).get_faults()
    assert len({fault["text"] for fault in faults}) == len(faults) == 56
