"""Sinowealth boards: recorded exchanges, the check byte, units that must be refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Script, attach, captures, read_without

import dalybms
from dalybms import BadReply, DalyBMS, DalyBMSSinowealth, NoReply, NotSupported
from dalybms.protocols.faults import FAULTS
from dalybms.protocols.sinowealth.frame import AnswerReader, Judge, answer, crc8, question

RECORDS = captures("sinowealth")
GOOD = {
    0x0B: 13325,
    0x01: 3331,
    0x02: 3332,
    0x03: 3330,
    0x04: 3332,
    **dict.fromkeys(range(0x05, 0x0B), 0),
    0x0C: 2731 + 215,
    0x0D: 2731 - 35,
    0x10: -12345,
    0x11: 250000,
    0x12: 123456,
    0x13: 49,
    0x14: 4321,
    0x15: 0b1011,
    0x16: 0,
    0x17: 0x41,
}
"""4 cells (cell 1 and total as recorded), two sensors, discharging with 12.345 A."""


TEN = [(register, 3000) for register in range(0x01, 0x0B)] + [(0x0B, 30000), (0x17, 0x47)]
"""Ten cells instead."""


def sealed(asked: bytes, data: bytes) -> bytes:
    return data + bytes((crc8(asked + data),))


def board(values: dict[int, int], echoed: int = 0) -> Script:
    """Answers 40 ms after a question with 16- or 32-bit values; its last `echoed` bytes come back first."""

    def reply(asked: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        if asked[0] != 0x0A or asked[1] not in values:
            return []
        echo = asked[len(asked) - echoed :]
        data = values[asked[1]].to_bytes(asked[2], "big", signed=values[asked[1]] < 0)
        return [(0.003, echo), (0.04, sealed(asked, data))]

    return Script(reply)


def battery(*changes: tuple[int, int], **options: Any) -> DalyBMS:
    return attach(board({**GOOD, **dict(changes)}), DalyBMSSinowealth(**options))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_recorded_check_bytes(record: dict[str, Any]) -> None:
    asked, heard = bytes.fromhex(record["request"]), bytes.fromhex(record["response"])
    assert int.from_bytes(answer(asked, [heard]), "big") == record["decoded"]["mv"]
    other = bytes((asked[0], asked[1] ^ 1, asked[2]))
    with pytest.raises(BadReply):
        answer(other, [heard])


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_recorded_values_through_the_public_methods(record: dict[str, Any], size: int) -> None:
    asked, heard = bytes.fromhex(record["request"]), bytes.fromhex(record["response"])
    millivolts = record["decoded"]["mv"]
    usual = board({**GOOD, 0x0B: 4 * 3709 if millivolts < 13000 and millivolts > 3400 else 13325})

    def reply(request: bytes, n: int) -> Iterable[tuple[float, bytes]]:
        if request != asked:
            return usual._answer(request, n)
        return [(0.04 + at / 100, heard[at : at + size]) for at in range(0, len(heard), size)]

    bms = attach(Script(reply), DalyBMSSinowealth())
    if asked[1] == 0x0B:
        assert bms.get_soc()["total_voltage"] == millivolts / 1000
    else:
        assert bms.get_cell_voltages()[asked[1]] == millivolts / 1000


def test_all_sections() -> None:
    found: Any = battery().get_all()
    assert found == {
        "soc": {"total_voltage": 13.325, "current": -12.345, "soc_percent": 49, "power": -164.5},
        "cell_voltage_range": {
            "highest_voltage": 3.332,
            "highest_cell": 2,
            "lowest_voltage": 3.33,
            "lowest_cell": 3,
        },
        "temperature_range": {
            "highest_temperature": 21.5,
            "highest_sensor": 1,
            "lowest_temperature": -3.5,
            "lowest_sensor": 2,
        },
        "mosfet_status": {
            "mode": "discharging",
            "charging_mosfet": True,
            "discharging_mosfet": True,
            "capacity_ah": 123.456,
            "full_capacity_ah": 250.0,
            "remaining_capacity_ah": 123.456,
            "pack_state": ["discharging", "discharge MOSFET on", "charge MOSFET on"],
        },
        "status": {"cells": 4, "temperature_sensors": 2, "cycles": 4321},
        "cell_voltages": {1: 3.331, 2: 3.332, 3: 3.33, 4: 3.332},
        "temperatures": {1: 21.5, 2: -3.5},
        "errors": [],
    }


def test_each_register_is_asked_once() -> None:
    script = board(GOOD)
    attach(script, DalyBMSSinowealth()).get_all()
    registers = [asked[1] for asked in script.requests]
    assert sorted(registers) == sorted(set(registers))
    assert set(registers) == {0x01, 0x02, 0x03, 0x04, *range(0x0B, 0x0E), *range(0x10, 0x18)}


def test_what_it_cannot_tell_is_not_supported() -> None:
    with pytest.raises(NotSupported, match="which cells are being balanced"):
        battery().get_balancing_status()
    with pytest.raises(NotSupported, match="speaks Sinowealth"):
        battery().request(0x90)
    info = battery().get_info()
    assert info == {"protocol": "sinowealth", "cells": 4, "temperature_sensors": 2}


@pytest.mark.parametrize("cells", range(3, 11))
def test_the_configuration_tells_the_cells(cells: int) -> None:
    values = dict.fromkeys(range(1, cells + 1), 3300)
    bms = battery(*values.items(), (0x0B, 3300 * cells), (0x17, 0xFF00 | cells - 3))
    assert bms.get_cell_voltages() == dict.fromkeys(range(1, cells + 1), 3.3)
    assert bms.get_status()["cells"] == cells


def test_a_cell_of_0_mv_is_not_the_end_of_the_pack() -> None:
    bms = battery((0x02, 0), (0x0B, 9993))
    assert bms.get_cell_voltages() == {1: 3.331, 2: 0.0, 3: 3.33, 4: 3.332}
    cells = bms.get_cell_voltage_range()
    assert (cells["lowest_cell"], cells["lowest_voltage"]) == (2, 0.0)


def test_without_the_second_sensor_it_is_not_asked() -> None:
    script = board({**GOOD, 0x17: 0x01})
    bms = attach(script, DalyBMSSinowealth())
    assert bms.get_temperatures() == {1: 21.5}
    assert bms.get_status()["temperature_sensors"] == 1
    assert 0x0D not in [asked[1] for asked in script.requests]


def test_a_sensor_that_is_not_fitted_is_absent() -> None:
    bms = battery((0x0C, 0))
    assert bms.get_temperatures() == {2: -3.5}
    assert bms.get_temperature_range()["highest_sensor"] == 2
    assert battery((0x0D, 0)).get_temperatures() == {1: 21.5}
    assert battery((0x0C, 0), (0x0D, 0)).get_temperature_range() == {}


# Units of 16 cells answer 0x01-0x0F with cells: the total would be cell 11.


@pytest.mark.parametrize("call", ["get_all", "get_soc", "get_cell_voltages", "get_status", "get_info"])
def test_a_unit_of_16_cells_is_refused(call: str) -> None:
    values = {**GOOD, **{number: 3709 + number % 3 for number in range(1, 16)}}
    script = board(values)
    with pytest.raises(NotSupported, match="a unit of more than 10 cells"):
        getattr(attach(script, DalyBMSSinowealth()), call)()
    assert {asked[1] for asked in script.requests} == {0x0B, 0x01, 0x02, 0x03}


def test_a_total_that_was_misread_once_refuses_nothing() -> None:
    bad, good = board({**GOOD, 0x0B: 52}), board(GOOD)
    script = Script(lambda asked, n: (good if n > 3 else bad)._answer(asked, n))
    assert attach(script, DalyBMSSinowealth()).get_all() == battery().get_all()


@pytest.mark.parametrize("millivolts", [2000, 2500, 3000, 4200])
def test_a_small_pack_is_not_taken_for_one(millivolts: int) -> None:
    values = [(number, millivolts) for number in (1, 2, 3)]
    bms = battery(*values, (0x04, 0), (0x0B, 3 * millivolts), (0x17, 0))
    assert bms.get_soc()["total_voltage"] == 3 * millivolts / 1000


# Faults and states, bit by bit, as the list of the PC program has them.

FAULT_BITS = {
    14: "cell_sense_wire",
    13: "afe_short_circuit",
    12: "afe_overvoltage",
    11: "discharge_temperature_low_2",
    10: "charge_temperature_low_2",
    9: "discharge_temperature_high_2",
    8: "charge_temperature_high_2",
    3: "discharge_overcurrent_2",
    2: "charge_overcurrent_2",
    1: "cell_voltage_low_2",
    0: "cell_voltage_high_2",
}


@pytest.mark.parametrize("bit", range(16))
def test_each_fault_bit(bit: int) -> None:
    (fault,) = battery((0x16, 1 << bit)).get_faults()
    if bit in FAULT_BITS:
        assert fault == FAULTS[FAULT_BITS[bit]]
    else:
        text = f"unknown fault (battery status, bit {bit})"
        assert fault == {"code": f"battery_status_bit{bit}", "level": 0, "text": text}
    assert battery((0x16, 1 << bit)).get_errors() == [fault["text"]]


STATE_BITS = {
    15: "CAL",
    10: "VDQ",
    9: "FD",
    8: "FC",
    6: "fast",
    5: "medium",
    4: "slow",
    3: "discharging",
    2: "charging",
    1: "discharge MOSFET",
    0: "charge MOSFET",
}


@pytest.mark.parametrize("bit", range(16))
def test_each_state_bit(bit: int) -> None:
    mosfets = battery((0x15, 1 << bit)).get_mosfet_status()
    texts = mosfets["pack_state"]
    assert [STATE_BITS[bit] in text for text in texts] == ([True] if bit in STATE_BITS else [])
    assert mosfets["charging_mosfet"] is (bit == 0)
    assert mosfets["discharging_mosfet"] is (bit == 1)
    assert mosfets["mode"] == {2: "charging", 3: "discharging"}.get(bit, "stationary")


def test_class_attributes_count_from_the_most_significant_bit() -> None:
    assert {15 - bit for bit in STATE_BITS} == set(DalyBMSSinowealth.PACK_STATUS)
    assert DalyBMSSinowealth.PACK_STATUS[15] == "charge MOSFET on"
    assert {15 - bit for bit in FAULT_BITS} == set(DalyBMSSinowealth.BATTERY_STATUS)
    assert DalyBMSSinowealth.BATTERY_STATUS[15] == "cell voltage too high (level 2)"
    assert "DalyBMSSinowealth" in dalybms.__all__


@pytest.mark.parametrize(
    ("section", "register", "raw"),
    [
        ("soc", 0x10, 2_000_001),
        ("soc", 0x10, -2_000_001),
        ("soc", 0x10, (1 << 24) + 1),
        ("soc", 0x13, 101),
        *(("cell_voltages", register, 6001) for register in range(0x01, 0x0B)),
        *(("temperatures", register, raw) for register in (0x0C, 0x0D) for raw in (2330, 4032)),
        *(("mosfet_status", register, raw) for register in (0x11, 0x12) for raw in (10_000_001, 1 << 24)),
    ],
)
def test_a_value_that_cannot_be_twice_loses_itself_alone(section: str, register: int, raw: int) -> None:
    whole = getattr(battery(*TEN), f"get_{section}")()
    assert read_without(battery(*TEN, (register, raw)), section, whole)
    bad, good = board({**GOOD, **dict(TEN), register: raw}), board({**GOOD, **dict(TEN)})
    seen: list[int] = []

    def reply(asked: bytes, n: int) -> Iterable[tuple[float, bytes]]:
        seen.append(asked[1])
        return (bad if seen.count(register) < 2 else good)._answer(asked, n)

    expected = getattr(battery(*TEN), f"get_{section}")()
    assert getattr(attach(Script(reply), DalyBMSSinowealth()), f"get_{section}")() == expected


def test_no_total_is_no_reading() -> None:
    with pytest.raises(NotSupported):
        battery((0x0B, 0)).get_soc()
    bms = battery((0x0B, 0), *((cell, 0) for cell in range(1, 5)))
    assert "total_voltage" not in bms.get_soc()
    assert bms.unusable == {"soc.total_voltage": "total_voltage of 0 V cannot be"}


def test_capacities_that_cannot_be_do_not_take_the_mosfets_along() -> None:
    bms = battery((0x11, 0xFFFFFFFF), (0x12, 0xFFFFFFFF))
    found: Any = bms.get_mosfet_status()
    assert (found["mode"], found["charging_mosfet"], found["discharging_mosfet"]) == (
        "discharging",
        True,
        True,
    )
    assert not {"capacity_ah", "full_capacity_ah", "remaining_capacity_ah"} & set(found)
    assert set(bms.unusable) == {"mosfet_status.full_capacity_ah", "mosfet_status.remaining_capacity_ah"}


@pytest.mark.parametrize("cell", [1, 2, 3, 4])
def test_a_cell_that_cannot_be_makes_no_unit_of_16_cells(cell: int) -> None:
    bms = battery((cell, 0xFFFF))
    assert sorted(bms.get_cell_voltages()) == sorted({1, 2, 3, 4} - {cell})
    assert bms.unusable == {f"cell_voltages.{cell}": f"cell {cell} of 65.535 V cannot be"}
    assert bms.get_soc()["total_voltage"] == 13.325


def test_one_believable_cell_cannot_tell_a_small_unit() -> None:
    """The "total" of a unit of 16 cells is a cell like that one."""
    with pytest.raises(NotSupported, match="more than 10 cells"):
        battery((0x0B, 3331), (1, 0xFFFF), (2, 0xFFFF)).get_soc()


def test_a_total_above_ten_full_cells_is_left_out() -> None:
    bms = battery((0x0B, 0xFFFF))
    assert bms.get_soc() == {"current": -12.345, "soc_percent": 49}
    assert bms.unusable == {"soc.total_voltage": "total_voltage of 65.535 V cannot be"}


@pytest.mark.parametrize(
    ("register", "section"),
    [(0x15, "mosfet_status"), (0x17, "status"), (0x17, "cell_voltages")],
)
def test_all_bits_at_once_are_no_state(register: int, section: str) -> None:
    with pytest.raises(BadReply, match=r"(mosfet_status|faults|status) of ffff cannot be"):
        getattr(battery((register, 0xFFFF)), f"get_{section}")()


def test_cycles_of_a_register_that_is_not_there_are_absent() -> None:
    bms = battery((0x14, 0xFFFF))
    assert bms.get_status() == {"cells": 4, "temperature_sensors": 2}
    assert bms.unusable == {}


def test_cells_that_contradict_the_total() -> None:
    found: Any = battery((0x0B, 20000)).get_all()
    assert "contradict each other" in found["soc"]["error"]


@pytest.mark.parametrize(("raw", "percent"), [(0, 0), (100, 100), (0xFF00 | 57, 57)])
def test_state_of_charge_is_the_low_byte(raw: int, percent: int) -> None:
    assert battery((0x13, raw)).get_soc()["soc_percent"] == percent


@pytest.mark.parametrize(
    ("raw", "amperes"), [(0, 0.0), (1, 0.001), (-1, -0.001), (2_000_000, 2000.0), (-70_000, -70.0)]
)
def test_current_is_signed(raw: int, amperes: float) -> None:
    assert battery((0x10, raw)).get_soc()["current"] == amperes


# The exchange: nothing marks the beginning of an answer.


@pytest.mark.parametrize("echoed", [1, 2, 3])
def test_an_echo_before_the_answer_is_passed_over(echoed: int) -> None:
    script = board(GOOD, echoed)
    assert attach(script, DalyBMSSinowealth()).get_all() == battery().get_all()
    assert len(script.requests) == len(set(script.requests))


@pytest.mark.parametrize("noise", ["ff", "00", "a5", "ffff00"])
def test_noise_is_asked_again(noise: str) -> None:
    good = board(GOOD)
    seen: list[bytes] = []

    def reply(asked: bytes, n: int) -> Iterable[tuple[float, bytes]]:
        seen.append(asked)
        pieces = list(good._answer(asked, n))
        return [(0.001, bytes.fromhex(noise)), *pieces] if seen.count(asked) == 1 else pieces

    assert attach(Script(reply), DalyBMSSinowealth()).get_all() == battery().get_all()


def test_echo_only_is_no_reading() -> None:
    with pytest.raises(NoReply, match="only our own request came back") as caught:
        attach(Script(lambda asked, _: [(0.003, asked)]), DalyBMSSinowealth()).get_soc()
    assert caught.value.seen == "echo"


def test_no_echo_is_an_answer() -> None:
    for register in range(0x01, 0x19):
        for length in (2, 4):
            asked = question(register, length)
            reader = AnswerReader(asked)
            assert reader.feed(asked) == reader.feed(asked[:1]) == []


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("register", sorted(GOOD))
def test_an_answer_with_something_around_it_is_none(register: int, where: str) -> None:
    """Checked for every byte: some make a check byte that fits what is left of the answer."""
    asked = question(register, 4 if register in (0x10, 0x11, 0x12) else 2)
    value = GOOD[register]
    whole = sealed(asked, value.to_bytes(asked[2], "big", signed=value < 0))
    for byte in set(range(256)) - {asked[2]}:
        noise = bytes((byte,))
        with pytest.raises(BadReply):
            answer(asked, [noise + whole if where == "before" else whole + noise])


def test_an_answer_to_another_register_is_not_believed() -> None:
    late = sealed(question(0x02, 2), (3332).to_bytes(2, "big"))
    with pytest.raises(BadReply, match="the check byte is wrong"):
        attach(Script(lambda *_: [(0.04, late)]), DalyBMSSinowealth()).get_soc()


@given(st.binary(min_size=2, max_size=2), st.integers(0, 23), st.integers(0, 255))
def test_every_flipped_bit_is_noticed(data: bytes, bit: int, register: int) -> None:
    asked = question(register, 2)
    heard = bytearray(sealed(asked, data))
    heard[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadReply):
        answer(asked, [bytes(heard)])


def test_it_is_never_tried_unless_it_is_named() -> None:
    script = Script(lambda *_: [])
    with pytest.raises(NoReply):
        attach(script).get_all()
    assert not any(request[0] == 0x0A for request in script.requests)


def test_arguments_of_dalybms_0_5() -> None:
    bms = DalyBMSSinowealth(2, None)
    assert isinstance(bms, DalyBMS)
    with pytest.raises(ValueError, match="sinowealth boards have no number"):
        DalyBMSSinowealth(board=2)
    with pytest.raises(NoReply, match="in 3 attempts"):
        attach(Script(lambda *_: []), bms).get_soc()


def test_an_answer_among_stray_bytes_counts_only_the_second_time_and_only_alone() -> None:
    asked = question(0x0B, 2)
    sealed = [data + bytes((crc8(asked + data),)) for data in (b"\x33\xc0", b"\x33\xc1")]
    judge = Judge(asked)
    both = sealed[0] + sealed[1]
    for heard in (b"\0" + sealed[0], b"\0" + sealed[1], both, both, b"\0" + sealed[1]):
        with pytest.raises(BadReply, match="check byte"):
            judge([heard])
    assert judge([sealed[1] + b"\xff"]) == b"\x33\xc1"
    assert judge([sealed[0]]) == b"\x33\xc0"
    assert judge([sealed[0] * 3]) == b"\x33\xc0"
