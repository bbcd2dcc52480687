"""P81 boards: every recorded answer through the public methods, and what no recording shows."""

from __future__ import annotations

from typing import Any

import pytest
from register_replay import RECORDS, WIRES, answer_to, board, pieces, registers
from support import Script, attach, read_without

from dalybms import BadReply, DalyBMS, DalyError, NoReply
from dalybms.protocols.faults import FAULTS
from dalybms.protocols.modbus import p81

FIRST, SECOND, SETTINGS, VERSION = (
    "8103000000405bfa",
    "81030041003e8bce",
    "8103010000519a0a",
    "81030178004a5a18",
)
P81 = [record for record in RECORDS.values() if record["protocol"] == "p81"]
PAIRS = list(
    zip(
        [record for record in P81 if record["request"] == FIRST],
        [record for record in P81 if record["request"] == SECOND],
    )
)
ALL_SETTINGS = [record for record in P81 if record["request"] == SETTINGS]
VERSIONS = next(record for record in P81 if record["request"] == VERSION)
BASE = registers(*PAIRS[0])
"""16 cells, 4 sensors, 53.0 V, -8.9 A."""
PASSWORD = range(0x126, 0x129)


def p81_board(known: dict[int, int], *records: dict[str, Any], number: int = 1) -> Script:
    return board(0x80 + number, 0x50 + number, known, *records)


def changed(*changes: tuple[int, int]) -> DalyBMS:
    return attach(p81_board({**BASE, **dict(changes)}), protocol="p81")


@pytest.mark.parametrize("kind", WIRES)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0]["id"])
def test_recorded_polls_decode_to_what_was_computed_elsewhere(
    kind: type[DalyBMS], pair: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    one, two = (record["computed"][0] for record in pair)
    script = p81_board(registers(*pair), *pair)
    found: Any = attach(script, kind()).get_all()
    assert found["soc"] == {
        "total_voltage": one["voltage"],
        "current": one["current_raw_minus_30000_x01"],
        "soc_percent": one["soc"],
        "power": round(one["voltage"] * one["current_raw_minus_30000_x01"], 2),
    }
    assert abs(-found["soc"]["power"] - two["power_w"]) <= 16, "the board's own power, sampled a little later"
    cells = one["cells_v"]
    assert found["cell_voltages"] == dict(enumerate(cells, 1))
    assert found["cell_voltage_range"] == {
        "highest_voltage": one["max_cell_v"],
        "highest_cell": one["max_cell_no"],
        "lowest_voltage": min(cells),
        "lowest_cell": cells.index(min(cells)) + 1,
        "delta_voltage": two["delta_v"],
        "average_voltage": two["avg_cell_v"],
    }
    assert found["temperatures"] == dict(enumerate(one["temps_c"], 1))
    assert found["temperature_range"] == {
        "highest_temperature": 22,
        "highest_sensor": 4,
        "lowest_temperature": 22,
        "lowest_sensor": 1,
        "mosfet_temperature": two["mos_temp_c"],
        "board_temperature": two["board_temp_raw"] - 40,
    }
    assert found["mosfet_status"] == {
        "mode": ("stationary", "charging", "discharging")[two["state"]],
        "charging_mosfet": bool(two["chg_mos"]),
        "discharging_mosfet": bool(two["dsg_mos"]),
        "precharging_mosfet": bool(two["prechg"]),
        "heating": bool(two["heat"]),
        "fan": False,
        "heartbeat": one["reg_3B"],
        "capacity_ah": two["remaining_ah"],
    }
    assert found["status"] == {
        "cells": one["cells"],
        "temperature_sensors": one["temp_sensors"],
        "charger_running": False,
        "load_running": False,
        "cycles": two["cycles"],
        "fault_words": [int(word, 16) for word in two["err_6D_73"]],
        "old_fault_words": [int(word, 16) for word in two["alarm_words"]],
    }
    assert "balancing_status" not in found, "a state of balancing that nobody can explain: 7"
    assert found["errors"] == [], "a healthy pack"
    asked = [request.hex() for request in script.requests if request[0] == 0x81]
    assert asked == [FIRST, SECOND]


def test_the_source_states_the_same() -> None:
    record = RECORDS["p81-ess-00"]
    bms = attach(p81_board(registers(*PAIRS[0]), *PAIRS[0]))
    stated, soc = record["decoded"], bms.get_soc()
    found = {"cells": bms.get_status()["cells"], "voltage": soc["total_voltage"]}
    assert {**found, "current": soc["current"], "soc": soc["soc_percent"]} == stated


@pytest.mark.parametrize("record", ALL_SETTINGS, ids=lambda record: record["id"])
def test_recorded_settings(record: dict[str, Any]) -> None:
    script = p81_board(registers(*PAIRS[0], record))
    info: Any = attach(script).get_info()
    asked = [(request[2] << 8 | request[3], request[5]) for request in script.requests if request[0] == 0x81]
    assert list(dict.fromkeys(asked)) == [(0x00, 64), (0x100, 21), (0x129, 2), (0x178, 74)]
    assert info["rated_capacity_ah"] == 314.0
    assert (info["nominal_cell_voltage"], info["production_date"]) == (3.2, "2026-03-26")
    assert info["charged_ah"] == 2151.308
    assert info["discharged_ah"] == pytest.approx(2228.8, abs=1)
    assert (info["protocol"], info["board"], info["cells"], info["temperature_sensors"]) == ("p81", 1, 16, 4)
    assert "software_version" not in info


def test_recorded_versions() -> None:
    """The source glues software and hardware together: 14 + 14 + 14 characters are three texts."""
    script = p81_board(registers(*PAIRS[0], VERSIONS), VERSIONS)
    info: Any = attach(script).get_info()
    assert VERSION in [request.hex() for request in script.requests], "as recorded"
    assert info["software_version"] + info["hardware_version"] == VERSIONS["decoded"]["sw"]
    assert info["platform"] == VERSIONS["decoded"]["hw"]
    assert (info["software_version"], info["hardware_version"]) == ("41_260321_0323", "ESS-DL-BMS")
    assert (info["serial_number"], info["battery_code"]) == ("210LC210900005", "20260326")


def test_texts_may_fill_their_place() -> None:
    text = bytes(range(0x21, 0x21 + 28)) + bytes(range(0x41, 0x41 + 42)) + bytes(range(0x21, 0x21 + 32))
    known = {0x178 + n: int.from_bytes(text[2 * n : 2 * n + 2].ljust(2, b"~"), "big") for n in range(74)}
    info: Any = attach(p81_board({**BASE, **known}), protocol="p81").get_info()
    keys = ("software_version", "hardware_version", "platform", "serial_number", "battery_code")
    assert [len(info[key]) for key in keys] == [14, 14, 14, 28, 32]
    assert "".join(info[key] for key in keys).encode() == text


@pytest.mark.parametrize("word", [0, 0xFFFF])
def test_settings_that_were_never_made_are_absent(word: int) -> None:
    unset = dict.fromkeys((0x109, 0x10A, 0x10D, 0x10E, 0x10F, 0x110, 0x114), word)
    known = {**registers(*PAIRS[0], ALL_SETTINGS[0]), **unset, 0x129: word, 0x12A: word}
    info = attach(p81_board(known), protocol="p81").get_info()
    assert not {"rated_capacity_ah", "nominal_cell_voltage", "production_date"} & info.keys()
    assert (info.get("charged_ah"), info.get("discharged_ah")) == ((None, None) if word else (0.0, 0.0))


@pytest.mark.parametrize("raw", [0, 0xFFFF])
def test_settings_that_were_never_made_are_nothing_to_tell(raw: int) -> None:
    known = {**registers(*PAIRS[0], ALL_SETTINGS[0]), 0x109: raw, 0x10A: raw, 0x114: raw}
    bms = attach(p81_board(known), protocol="p81")
    info = bms.get_info()
    assert not {"rated_capacity_ah", "nominal_cell_voltage"} & info.keys()
    assert bms.unusable == {}


@pytest.mark.parametrize(
    ("changes", "key"),
    [({0x109: 0x0098, 0x10A: 0x9681}, "rated_capacity_ah"), ({0x114: 6001}, "nominal_cell_voltage")],
)
def test_a_setting_that_cannot_be_loses_itself_alone(changes: dict[int, int], key: str) -> None:
    known = registers(*PAIRS[0], ALL_SETTINGS[0])
    whole = attach(p81_board(known), protocol="p81").get_info()
    bms = attach(p81_board({**known, **changes}), protocol="p81")
    assert bms.get_info() == {name: value for name, value in whole.items() if name != key}
    assert list(bms.unusable) == [f"info.{key}"]


def test_versions_stored_backwards_are_turned() -> None:
    text = b"T00K_021062_21" + b"E303-030TS-SMB" + bytes(120)
    known = {0x178 + n: int.from_bytes(text[2 * n : 2 * n + 2], "big") for n in range(74)}
    info = attach(p81_board({**BASE, **known}), protocol="p81").get_info()
    assert (info["software_version"], info["hardware_version"]) == ("12_260120_K00T", "BMS-ST030-303E")


def test_the_password_is_never_asked_for_nor_shown() -> None:
    """Not even when another program has just asked for it on the same line."""
    record = ALL_SETTINGS[0]
    good = p81_board(registers(*PAIRS[0], record, VERSIONS))
    script = Script(lambda request, n: [(0.01, pieces(record)[0]), *good._answer(request, n)])
    bms = attach(script, protocol="p81")
    shown = [str(bms.get_info()), str(bms.get_all())]
    asked = [(int.from_bytes(request[2:4], "big"), request[5]) for request in script.requests]
    assert not any(start <= register < start + size for register in PASSWORD for start, size in asked)
    script._answer = lambda request, n: [(0.01, pieces(record)[0])]
    for call in (bms.get_info, bms.get_all, bms.get_soc):
        with pytest.raises(DalyError) as caught:
            call()
        shown += [str(caught.value), repr(getattr(caught.value, "raw", b""))]
    assert not any("123456" in text for text in shown)


def test_no_block_holds_the_password() -> None:
    for block in (*p81.MAP.live, *p81.MAP.info):
        assert not any(block.start <= register < block.start + block.size for register in PASSWORD)
        assert block.size <= 80, "larger answers were reported impossible over Bluetooth"


@pytest.mark.parametrize("number", [1, 2, 9, 16])
@pytest.mark.parametrize("protocol", ["auto", "p81"])
def test_a_board_is_asked_by_its_number(number: int, protocol: str) -> None:
    script = p81_board(BASE, number=number)
    bms = attach(script, board=number, protocol=protocol)
    assert bms.get_soc()["soc_percent"] == 86.4
    assert bms.get_info()["board"] == number
    assert {request[0] for request in script.requests if request[0] >= 0x81 and request[0] < 0xA0} == {
        0x80 + number
    }


def test_another_board_is_no_answer() -> None:
    other = answer_to(0x52, BASE, bytes.fromhex(FIRST))
    with pytest.raises(NoReply, match=r"only another board answered.*heard: 2") as caught:
        attach(Script(lambda *_: [(0.05, other)]), protocol="p81").get_soc()
    assert caught.value.seen == "another board"


# The level-coded words and flags as the notes list them, lowest bit first, written out once more by hand.
LEVELS = {
    0x6D: {
        0: "cell_voltage_high",
        3: "cell_voltage_low",
        8: "cell_voltage_difference",
        11: "charge_temperature_high",
    },
    0x6E: {
        0: "charge_temperature_low",
        3: "discharge_temperature_high",
        8: "discharge_temperature_low",
        11: "temperature_difference",
    },
    0x6F: {
        0: "pack_voltage_high",
        3: "pack_voltage_low",
        8: "charge_overcurrent",
        11: "discharge_overcurrent",
    },
    0x70: {0: "soc_low", 3: "soh_low", 8: "mosfet_temperature_high", 11: "thermal_runaway"},
}
FLAGS = {
    0x6D: {7: "charger_connection", 15: "discharger_connection"},
    0x6E: {
        6: "charge_mosfet_hot",
        7: "charge_mosfet_sensor",
        14: "discharge_mosfet_hot",
        15: "discharge_mosfet_sensor",
    },
    0x6F: {6: "short_circuit", 14: "charge_undervoltage", 15: "discharge_overvoltage"},
    0x72: dict(
        enumerate(
            [
                "afe",
                "afe_communication",
                "afe_sampling",
                "voltage_measurement",
                "cell_sense_wire",
                "pack_voltage_measurement",
                "current_module",
            ],
            8,
        )
    ),
    0x73: {
        **dict(
            enumerate(
                [
                    "temperature_sensor_lost",
                    "eeprom",
                    "flash",
                    "rtc",
                    "charge_mosfet",
                    "discharge_mosfet",
                    "precharge_mosfet",
                    "precharge",
                ]
            )
        ),
        15: "heating",
    },
}
NO_ALARM = ((0x70, 0), (0x68, 0))


@pytest.mark.parametrize("level", [1, 2, 3, 7])
@pytest.mark.parametrize(
    ("register", "bit", "code"), [(r, b, c) for r, row in LEVELS.items() for b, c in row.items()]
)
def test_each_level_is_its_fault(register: int, bit: int, code: str, level: int) -> None:
    bms = changed(*NO_ALARM, (register, level << bit))
    assert bms.get_faults() == [FAULTS[f"{code}_{min(level, 2)}"]]
    assert bms.get_status()["fault_words"][register - 0x6D] == level << bit


@pytest.mark.parametrize(
    ("register", "bit", "code"), [(r, b, c) for r, row in FLAGS.items() for b, c in row.items()]
)
def test_each_flag_is_its_fault(register: int, bit: int, code: str) -> None:
    assert changed(*NO_ALARM, (register, 1 << bit)).get_faults() == [FAULTS[code]]


STATES = {
    0x72: {2: "forced_start", 15: "temperature_sensors_unreadable"},
    0x73: {
        8: "mosfet_switched_off",
        9: "mosfet_switched_off",
        10: "mosfet_switched_off_by_switch",
        11: "mosfet_switched_off_by_switch",
    },
}
QUIET = {0x6D: (6, 14), 0x6F: (7,), 0x70: (6, 7), 0x73: (12, 13, 14)}
"""Connected chargers, an update, parallel packs, fan, heating, current limit."""
NAMELESS = [
    (register, bit)
    for register in range(0x6D, 0x74)
    for bit in range(16)
    if bit not in (*FLAGS.get(register, {}), *STATES.get(register, {}), *QUIET.get(register, ()))
    and not any(low <= bit < low + 3 for low in LEVELS.get(register, {}))
]


@pytest.mark.parametrize(("register", "bit"), [(r, bit) for r, bits in QUIET.items() for bit in bits])
def test_bits_that_say_no_alarm_are_kept_as_words_only(register: int, bit: int) -> None:
    """0x70 bit 7 was set on a healthy pack."""
    bms = changed(*NO_ALARM, (register, 1 << bit))
    assert bms.get_faults() == []
    assert bms.get_status()["fault_words"][register - 0x6D] == 1 << bit


@pytest.mark.parametrize(
    ("register", "bit", "code"), [(r, b, c) for r, row in STATES.items() for b, c in row.items()]
)
def test_each_state_is_told_and_silences_no_old_word(register: int, bit: int, code: str) -> None:
    """Whoever expects a MOSFET off has not said that anything may be broken."""
    assert changed(*NO_ALARM, (register, 1 << bit)).get_faults() == [FAULTS[code]]
    assert FAULTS[code]["level"] == 1
    both = changed(*NO_ALARM, (0x66, 1), (register, 1 << bit)).get_faults()
    assert [fault["code"] for fault in both] == ["register66_bit0", code]


def test_both_mosfets_switched_off_are_told_once() -> None:
    assert changed(*NO_ALARM, (0x73, 0x0300)).get_faults() == [FAULTS["mosfet_switched_off"]]
    assert [fault["code"] for fault in changed(*NO_ALARM, (0x73, 0x0F00)).get_faults()] == [
        "mosfet_switched_off",
        "mosfet_switched_off_by_switch",
    ]


@pytest.mark.parametrize(("register", "bit"), NAMELESS)
def test_bits_of_which_nobody_knows_the_meaning_are_unknown_faults(register: int, bit: int) -> None:
    """Beside a named one, and beside an old word, which a bit without a name does not silence."""
    reserved = {
        "code": f"register{register:02x}_bit{bit}",
        "level": 0,
        "text": f"unknown fault (register {register:02x}, bit {bit})",
    }
    assert changed(*NO_ALARM, (register, 1 << bit)).get_faults() == [reserved]
    named = changed(*NO_ALARM, (0x6D, 1), (register, 1 << bit)).get_faults()
    assert named == [FAULTS["cell_voltage_high_1"], reserved]
    old = changed(*NO_ALARM, (0x66, 1), (register, 1 << bit)).get_faults()
    assert [fault["code"] for fault in old] == ["register66_bit0", reserved["code"]]


def test_every_bit_of_the_new_words_has_its_place() -> None:
    levels = sum(3 * len(row) for row in LEVELS.values())
    assert (
        levels + sum(map(len, (*FLAGS.values(), *STATES.values(), *QUIET.values()))) + len(NAMELESS) == 7 * 16
    )


NEW, OLD = range(0x6D, 0x74), range(0x66, 0x6A)


@pytest.mark.parametrize("register", NEW)
def test_an_alarm_word_that_the_board_has_not_names_no_alarm(register: int) -> None:
    """FFFF would be too high and too low at once; the other words keep their voice."""
    other = 0x6D if register != 0x6D else 0x6E
    faults = changed(*NO_ALARM, (register, 0xFFFF), (other, 1)).get_faults()
    assert [fault["level"] for fault in faults] == [1, 0]
    assert faults[1]["text"] == f"unknown fault (register {register:02x} holds ffff)"


def test_a_board_without_new_alarm_words_is_heard_by_its_old_ones() -> None:
    lacking = [(register, 0xFFFF) for register in NEW]
    assert changed((0x68, 0), *lacking).get_faults() == []
    assert [fault["code"] for fault in changed((0x68, 1), *lacking).get_faults()] == ["register68_bit0"]


def test_an_old_word_that_is_not_there_is_told_where_the_old_words_speak() -> None:
    lacking = [(register, 0xFFFF) for register in NEW]
    assert [fault["code"] for fault in changed((0x66, 0xFFFF), *NO_ALARM[1:], *lacking).get_faults()] == [
        "register66_ffff"
    ]
    assert changed(*NO_ALARM, (0x66, 0xFFFF)).get_faults() == []


def test_a_board_without_any_alarm_word_has_no_list_of_faults() -> None:
    bms = changed(*((register, 0xFFFF) for register in (*NEW, *OLD)))
    with pytest.raises(BadReply, match="faults of nothing but ff cannot be"):
        bms.get_faults()


@pytest.mark.parametrize("register", [0x66, 0x67, 0x68, 0x69])
@pytest.mark.parametrize("bit", range(16))
def test_old_words_are_unknown_faults_where_the_new_ones_are_silent(register: int, bit: int) -> None:
    bms = changed(*NO_ALARM, (register, 1 << bit))
    code, text = f"register{register:02x}_bit{bit}", f"unknown fault (register {register:02x}, bit {bit})"
    assert bms.get_faults() == [{"code": code, "level": 0, "text": text}]
    both = changed(*NO_ALARM, (register, 1 << bit), (0x6D, 1))
    assert both.get_errors() == ["cell voltage too high (level 1)"]
    assert both.get_status()["old_fault_words"][register - 0x66] == 1 << bit


def test_the_two_bits_of_a_single_pack_are_no_alarm_together_only() -> None:
    """Recorded on healthy packs: both or neither."""
    both = ((0x68, 1 << 7), (0x70, 1 << 7))
    assert changed(*both).get_faults() == []
    assert [fault["code"] for fault in changed(*both, (0x68, 1 << 7 | 1)).get_faults()] == ["register68_bit0"]


@pytest.mark.parametrize("number", [17, 48])
def test_a_cell_that_is_named_is_one_of_the_list(number: int) -> None:
    found: Any = changed((0x3F, number)).get_all()
    assert f"highest cell {number} of a list of 16 cannot be" in found["cell_voltage_range"]["error"]
    assert len(found["cell_voltages"]) == 16


def test_a_cell_that_is_named_has_about_the_voltage_that_is_named() -> None:
    found: Any = changed((0x05, 3100), (0x3F, 6)).get_all()
    assert "highest cell 6 of 3.317 V has 3.100 V in the list" in found["cell_voltage_range"]["error"]


def test_legal_extremes() -> None:
    bms = changed(
        *((register, 5000) for register in range(48)),
        *((0x30 + n, 40 + n) for n in range(8)),
        (0x38, 2400),
        (0x39, 27000),
        (0x3A, 0),
        (0x3C, 48),
        (0x3D, 8),
        (0x3E, 5000),
        (0x3F, 48),
        (0x43, 240),
        (0x44, 8),
        (0x45, 1),
        (0x46, 1),
        (0x48, 1),
        (0x49, 1),
        (0x4A, 1),
        (0x4B, 65534),
        (0x4C, 40000),
        (0x5C, 140),
        (0x58, 0),
    )
    found: Any = bms.get_all()
    assert found["soc"] == {"total_voltage": 240.0, "current": -300.0, "soc_percent": 0.0, "power": -72000.0}
    assert found["cell_voltages"] == dict.fromkeys(range(1, 49), 5.0)
    assert found["temperatures"] == dict(enumerate(range(8), 1))
    temperatures = found["temperature_range"]
    assert (temperatures["highest_temperature"], temperatures["lowest_temperature"]) == (200, -39)
    assert (temperatures["highest_sensor"], temperatures["lowest_sensor"]) == (8, 1)
    assert temperatures["heater_temperature"] == 100
    assert found["status"]["cycles"] == 40000
    assert found["status"]["charger_running"] is found["status"]["load_running"] is True
    assert found["mosfet_status"]["capacity_ah"] == 6553.4


@pytest.mark.parametrize("raw", [0, 0xFF, 0xFFFF])
def test_a_sensor_that_is_not_fitted_is_absent(raw: int) -> None:
    bms = changed(*((register, raw) for register in (0x31, 0x43, 0x45, 0x5A, 0x5B, 0x5C)))
    assert bms.get_temperatures() == {1: 22, 3: 22, 4: 22}
    assert bms.get_temperature_range() == {
        "highest_temperature": 22,
        "highest_sensor": 4,
        "lowest_temperature": 22,
        "lowest_sensor": 1,
    }


@pytest.mark.parametrize("raw", [0, 0xFF, 0xFFFF])
def test_sensors_of_which_none_can_be_read(raw: int) -> None:
    """Recorded: two configured, 00FF in all slots, 0x72 bit 15; what stood in the range was not."""
    slots = [(register, raw) for register in (*range(0x30, 0x38), *range(0x43, 0x47), 0x5A, 0x5B, 0x5C)]
    bms = changed((0x3D, 2), *slots, *NO_ALARM, (0x72, 0x8000))
    assert bms.get_temperatures() == bms.get_temperature_range() == {}
    assert bms.unusable == {}
    assert bms.get_faults() == [FAULTS["temperature_sensors_unreadable"]]
    assert bms.get_status()["temperature_sensors"] == 2


def test_registers_that_the_board_has_not_are_no_pack() -> None:
    """FFFF would be 6553.5 V and 3553.5 A."""
    bms = changed((0x38, 0xFFFF), (0x39, 0xFFFF))
    assert bms.get_soc() == {"soc_percent": 86.4}
    assert set(bms.unusable) == {"soc.total_voltage", "soc.current"}


@pytest.mark.parametrize("raw", [0, 0xFF, 0xFFFF])
@pytest.mark.parametrize("register", [0x44, 0x46])
def test_a_sensor_without_a_number_has_that_of_the_list(register: int, raw: int) -> None:
    bms = changed((0x30, 61), (0x31, 62), (0x43, 62), (0x45, 61), (register, raw))
    found = bms.get_temperature_range()
    key, number = {0x44: ("highest_sensor", 2), 0x46: ("lowest_sensor", 1)}[register]
    assert found[key] == number  # type: ignore[literal-required]
    assert bms.unusable == {}


def test_without_sensors_there_is_no_range() -> None:
    bms = changed((0x3D, 0), *((register, 0) for register in (0x43, 0x44, 0x45, 0x46, 0x5A, 0x5B)))
    assert bms.get_temperatures() == bms.get_temperature_range() == {}


@pytest.mark.parametrize(
    ("register", "key"),
    [
        (0x3B, "heartbeat"),
        (0x4B, "capacity_ah"),
        (0x52, "charging_mosfet"),
        (0x53, "discharging_mosfet"),
        (0x54, "precharging_mosfet"),
        (0x55, "heating"),
        (0x56, "fan"),
    ],
)
def test_what_the_board_has_not_is_absent(register: int, key: str) -> None:
    assert key not in changed((register, 0xFFFF)).get_mosfet_status()
    on = changed((register, 1)).get_mosfet_status()
    assert on[key] == (0.1 if key == "capacity_ah" else 1)  # type: ignore[literal-required]


@pytest.mark.parametrize(
    ("register", "key"), [(0x49, "charger_running"), (0x4A, "load_running"), (0x4C, "cycles")]
)
def test_what_the_status_has_not_is_absent(register: int, key: str) -> None:
    assert key not in changed((register, 0xFFFF)).get_status()


@pytest.mark.parametrize(
    ("raw", "amperes"), [(30000, 0.0), (31500, 1.5), (29000, -1.0), (0, None), (0xFFFF, None)]
)
def test_balance_current(raw: int, amperes: float | None) -> None:
    assert changed((0x4E, raw)).get_mosfet_status().get("balance_current") == amperes


@pytest.mark.parametrize(("raw", "amperes"), [(9999, None), (10000, -20.0), (50000, 20.0), (50001, None)])
def test_what_is_no_balance_current_is_told(raw: int, amperes: float | None) -> None:
    bms = changed((0x4E, raw))
    assert bms.get_mosfet_status().get("balance_current") == amperes
    assert set(bms.unusable) == (set() if amperes else {"mosfet_status.balance_current"})


@pytest.mark.parametrize(
    ("raw", "balancing"), [(0, False), (1, True), (2, True), (3, None), (7, None), (0xFFFF, None)]
)
def test_balancing_state(raw: int, balancing: bool | None) -> None:
    assert changed((0x4D, raw)).get_mosfet_status().get("balancing") is balancing


FAR_OFF = 3317 + 201
"""A highest cell 201 mV above that of the list."""
IMPOSSIBLE = [
    ("status", 0x3C, 0),
    ("status", 0x3C, 49),
    ("status", 0x3D, 9),
    ("cell_voltage_range", 0x3E, FAR_OFF),
]
LOSE_THEMSELVES = [
    ("soc", 0x38, 0),
    ("soc", 0x38, 2881),
    ("soc", 0x39, 0),
    ("soc", 0x39, 0xFFFF),
    ("soc", 0x3A, 1001),
    ("mosfet_status", 0x48, 3),
    ("cell_voltages", 0x01, 6001),
    ("temperatures", 0x30, 256),
    ("temperature_range", 0x43, 256),
    ("temperature_range", 0x44, 9),
    ("temperature_range", 0x45, 256),
    ("temperature_range", 0x46, 9),
    ("temperature_range", 0x5A, 256),
    ("temperature_range", 0x5B, 256),
    ("temperature_range", 0x5C, 256),
    ("cell_voltage_range", 0x3E, 0),
    ("cell_voltage_range", 0x3E, 6001),
    ("cell_voltage_range", 0x3F, 0),
    ("cell_voltage_range", 0x3F, 49),
    ("cell_voltage_range", 0x42, 6001),
    ("cell_voltage_range", 0x57, 6001),
]


@pytest.mark.parametrize(("section", "register", "raw"), LOSE_THEMSELVES)
def test_a_value_that_cannot_be_loses_itself_alone(section: str, register: int, raw: int) -> None:
    script = p81_board(BASE)
    whole = getattr(attach(script, protocol="p81"), f"get_{section}")()
    bad = p81_board({**BASE, register: raw})
    assert read_without(attach(bad, protocol="p81"), section, whole)
    assert len(bad.sent) == len(script.sent), "a CRC-16 needs no second frame"


@pytest.mark.parametrize(("section", "register", "raw"), IMPOSSIBLE)
def test_a_value_that_cannot_be_is_asked_again_then_an_error(section: str, register: int, raw: int) -> None:
    bad, good = p81_board({**BASE, register: raw}), p81_board(BASE)
    words = "contradict" if raw == FAR_OFF else "cannot be"
    with pytest.raises(BadReply, match=words):
        getattr(attach(bad, protocol="p81"), f"get_{section}")()
    once = len(bad.sent) // 2
    healing = Script(lambda request, n: (bad if n < once else good)._answer(request, n))
    expected = getattr(attach(p81_board(BASE), protocol="p81"), f"get_{section}")()
    assert getattr(attach(healing, protocol="p81"), f"get_{section}")() == expected


def test_a_lost_second_block_leaves_the_first() -> None:
    good = p81_board(BASE)
    script = Script(lambda request, n: good._answer(request, n) if request.hex() == FIRST else [])
    found: Any = attach(script, protocol="p81", request_retries=1).get_all()
    assert found["soc"]["soc_percent"] == 86.4
    assert found["cell_voltages"][16] == 3.317
    for section in ("mosfet_status", "status", "errors", "cell_voltage_range"):
        assert "no answer to status and faults in 2 attempts" in found[section]["error"]


def test_a_poll_that_tells_nothing_is_no_reading() -> None:
    script = p81_board({**BASE, **dict.fromkeys(range(0x41, 0x7F), 0xFFFF)})
    found: Any = attach(script, protocol="p81", request_retries=1).get_all()
    assert "nothing but ff cannot be" in found["mosfet_status"]["error"]
    assert found["soc"]["soc_percent"] == 86.4


@pytest.mark.parametrize(("watts", "believed"), [(472, True), (0, True), (0xFFFF, True), (5000, False)])
def test_a_power_of_its_own_that_contradicts_costs_the_current(watts: int, believed: bool) -> None:
    """53.0 V and -8.9 A. 0 and ffff: this board does not measure it."""
    bms = changed((0x58, watts))
    found: Any = bms.get_all()["soc"]
    assert found.get("current") == (-8.9 if believed else None)
    assert set(bms.unusable) == (set() if believed else {"soc.current", "soc.power"})


@pytest.mark.parametrize("value", [0, 0xFFFF])
@pytest.mark.parametrize(
    ("register", "section", "name"),
    [(0x57, "cell_voltage_range", "average_voltage"), (0x4E, "mosfet_status", "balance_current")],
)
def test_what_the_board_does_not_state_is_absent(register: int, section: str, name: str, value: int) -> None:
    bms = changed((register, value))
    assert name not in getattr(bms, f"get_{section}")()
    assert bms.unusable == {}
