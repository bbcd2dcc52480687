"""D2 boards: every recorded answer through the public methods, and what no recording shows."""

from __future__ import annotations

from typing import Any

import pytest
from register_replay import RECORDS, WIRES, answer_to, board, pieces, registers
from support import Script, attach, read_without

from dalybms import BadReply, DalyBMS, DalyError, NoReply, NotSupported
from dalybms.protocols.faults import FAULTS
from dalybms.protocols.modbus import d2
from dalybms.protocols.modbus.frame import crc

POLL, SECOND = "d2030000003ed7b9", "d203003e0009f7a3"
"""What a whole poll asks; the second block is a thing of some boards."""
POLLS = [record for record in RECORDS.values() if record["request"] == POLL and record["crc_ok"]]
QUIET = RECORDS["d2-syssi-test-status_frame_62_reg_no_alarms"]
SETTINGS = RECORDS["d2-syssi-test-settings_frame_1"]
VERSIONS = [record for record in RECORDS.values() if record["request"] == "d20300a900208791"]
BASE = registers(QUIET)
"""8 cells, 1 sensor, 27.1 V, 100 %."""
PASSWORD = range(0xC9, 0xCC)


def d2_board(known: dict[int, int], *records: dict[str, Any]) -> Script:
    return board(0xD2, 0xD2, known, *records)


def changed(*changes: tuple[int, int]) -> DalyBMS:
    return attach(d2_board({**BASE, **dict(changes)}), protocol="d2")


@pytest.mark.parametrize("kind", WIRES)
@pytest.mark.parametrize("record", POLLS, ids=lambda record: record["id"])
def test_recorded_polls_decode_to_what_was_computed_elsewhere(
    kind: type[DalyBMS], record: dict[str, Any]
) -> None:
    stated = record["computed"][0]
    script = d2_board(registers(record), record)
    bms = attach(script, kind())
    found: Any = bms.get_all()
    assert found["soc"] == {
        "total_voltage": stated["voltage"],
        "current": stated["current_raw_minus_30000_x01"],
        "soc_percent": stated["soc"],
        "power": round(stated["voltage"] * stated["current_raw_minus_30000_x01"], 2),
    }
    cells = stated["cells_v"]
    assert found["cell_voltages"] == dict(enumerate(cells, 1))
    assert found["cell_voltage_range"] == {
        "highest_voltage": stated["max_cell_v"],
        "highest_cell": cells.index(max(cells)) + 1,
        "lowest_voltage": stated["min_cell_v"],
        "lowest_cell": cells.index(min(cells)) + 1,
        "average_voltage": stated["avg_cell_v"],
        "delta_voltage": stated["delta_v"],
    }
    assert found["temperatures"] == dict(enumerate(stated["temps_c"], 1))
    assert found["temperature_range"] == {
        "highest_temperature": stated["temps_c"][0],
        "highest_sensor": 1,
        "lowest_temperature": stated["temps_c"][0],
        "lowest_sensor": 1,
    }
    if not any(stated[key] for key in ("state", "chg_mos", "dsg_mos", "remaining_ah", "balance")):
        assert "nothing but zeros" in found["mosfet_status"]["error"]  # a balancer, which has no MOSFETs
        return
    assert found["mosfet_status"] == {
        "mode": ("stationary", "charging", "discharging")[stated["state"]],
        "charging_mosfet": bool(stated["chg_mos"]),
        "discharging_mosfet": bool(stated["dsg_mos"]),
        "capacity_ah": stated["remaining_ah"],
        "balancing": bool(stated["balance"]),
    }
    assert found["status"] == {
        "cells": stated["cells"],
        "temperature_sensors": stated["temp_sensors"],
        "cycles": stated["cycles"],
        "fault_words": [int(word, 16) for word in stated["alarms"]],
    }
    assert found["balancing_status"] == dict.fromkeys(range(1, len(cells) + 1), False)
    asked = [request.hex() for request in script.requests if request[0] == 0xD2]
    if "balancing_cells" in found["mosfet_status"]:
        assert asked == [POLL, SECOND]
    else:
        assert asked in ([POLL, SECOND], [POLL, SECOND, SECOND]), "silent: a deaf board gets another try"


def test_the_source_states_the_same_of_the_pack_without_alarms() -> None:
    bms = attach(d2_board(BASE, QUIET))
    stated = QUIET["decoded"]
    soc, mosfets = bms.get_soc(), bms.get_mosfet_status()
    assert (soc["total_voltage"], soc["current"], soc["soc_percent"]) == (
        stated["voltage"],
        stated["current"],
        stated["soc"],
    )
    assert mosfets["capacity_ah"] == stated["capacity_ah"]
    assert bms.get_status()["cells"] == stated["cells"]
    assert bms.get_cell_voltage_range()["delta_voltage"] == stated["delta"]
    assert bms.get_errors() == []


ALARMS = {
    "WARN_CHARGING_TEMP_HIGH": ["charge_temperature_high_1"],
    "WARN_CELL_VOLTAGE_HIGH": ["cell_voltage_high_1"],
    "WARN_VOLTAGE_DIFF_HIGH": ["cell_voltage_difference_1"],
    "WARN_CHARGING_CURRENT_HIGH": ["charge_overcurrent_1"],
    "AFE_FAILURE": ["afe"],
    "CHARGING_MOS_OVERTEMP": ["charge_mosfet_hot"],
    "TEMP_DIFF_CRITICAL": ["temperature_difference_2"],
    "TEMP_DIFF_BOTH": ["temperature_difference_1", "temperature_difference_2"],
    "TEMP_DIFF_WARNING": ["temperature_difference_1"],
}
ALARMED = [record for record in POLLS if "alarm" in record["decoded"]]


@pytest.mark.parametrize("record", ALARMED, ids=lambda record: record["id"])
def test_alarm_frames_name_the_alarm_their_author_meant(record: dict[str, Any]) -> None:
    name = record["decoded"]["alarm"].replace("STATUS_FRAME_62_REG_ALARM_", "")
    bms = attach(d2_board(registers(record), record))
    assert [fault["code"] for fault in bms.get_faults()] == ALARMS[name]
    assert len(ALARMED) == len(ALARMS)


# The alarm words as the notes on D2 list them (section 3.3), bit 0 first, written out once more by hand.
NOTED = {
    0x3A: "cell_voltage_high_1 cell_voltage_high_2 cell_voltage_low_1 cell_voltage_low_2 "
    "pack_voltage_high_1 pack_voltage_high_2 pack_voltage_low_1 pack_voltage_low_2 "
    "charge_temperature_high_1 charge_temperature_high_2 charge_temperature_low_1 charge_temperature_low_2 "
    "discharge_temperature_high_1 discharge_temperature_high_2 "
    "discharge_temperature_low_1 discharge_temperature_low_2",
    0x3B: "charge_overcurrent_1 charge_overcurrent_2 discharge_overcurrent_1 discharge_overcurrent_2 "
    "soc_high_1 soc_high_2 soc_low_1 soc_low_2 cell_voltage_difference_1 cell_voltage_difference_2 "
    "temperature_difference_1 temperature_difference_2 ? ? ? ?",
    0x3C: "charge_mosfet_hot discharge_mosfet_hot charge_mosfet_sensor discharge_mosfet_sensor "
    "charge_mosfet_stuck discharge_mosfet_stuck charge_mosfet_open discharge_mosfet_open "
    "afe cell_sense_wire temperature_sensor eeprom rtc precharge vehicle_communication "
    "internal_communication",
    0x3D: "current_module pack_voltage_measurement short_circuit charge_forbidden mosfet_switched_off "
    "charging_cabinet_offline ? ? ? ? ? ? ? ? ? ?",
}


@pytest.mark.parametrize(
    ("register", "bit", "code"),
    [(register, bit, code) for register, codes in NOTED.items() for bit, code in enumerate(codes.split())],
)
def test_each_alarm_bit_is_its_fault(register: int, bit: int, code: str) -> None:
    bms = changed((register, 1 << bit))
    if code == "?":
        code = f"register{register:02x}_bit{bit}"
        text = f"unknown fault (register {register:02x}, bit {bit})"
        assert bms.get_faults() == [{"code": code, "level": 0, "text": text}]
    else:
        assert bms.get_faults() == [FAULTS[code]]
    assert bms.get_status()["fault_words"][register - 0x3A] == 1 << bit


def test_all_alarm_bits_but_one_at_once() -> None:
    bms = changed(*((register, 0xFFFE) for register in NOTED))
    assert len(bms.get_faults()) == len({fault["code"] for fault in bms.get_faults()}) == 60


@pytest.mark.parametrize("register", NOTED)
def test_an_alarm_word_that_the_board_has_not_names_no_alarm(register: int) -> None:
    """FFFF would be too high and too low at once; the other words keep their voice."""
    other = 0x3A if register != 0x3A else 0x3B
    faults = changed((register, 0xFFFF), (other, 1)).get_faults()
    assert [fault["level"] for fault in faults] == [1, 0]
    assert faults[1] == {
        "code": f"register{register:02x}_ffff",
        "level": 0,
        "text": f"unknown fault (register {register:02x} holds ffff)",
    }


def test_a_board_without_any_alarm_word_has_no_list_of_faults() -> None:
    with pytest.raises(BadReply, match="faults of nothing but ff cannot be"):
        changed(*((register, 0xFFFF) for register in NOTED)).get_faults()


def test_soc_low_was_seen_with_8_7_percent() -> None:
    """0x3B = 0x0080 came with a state of charge of 8.7 %."""
    bms = changed((0x3B, 0x0080), (0x2A, 87))
    assert bms.get_soc()["soc_percent"] == 8.7
    assert [fault["code"] for fault in bms.get_faults()] == ["soc_low_2"]


@pytest.mark.parametrize("record", VERSIONS, ids=lambda record: record["id"])
def test_recorded_versions(record: dict[str, Any]) -> None:
    info: Any = attach(d2_board(registers(QUIET, SETTINGS, record), record)).get_info()
    computed = record["computed"][0]
    expected = {
        "B002_111132_03": "30_231111_200B",
        "E303-032DG-SMB": "BMS-GD230-303E",
    }
    texts = [
        expected.get(text, text) for text in (computed["sw"], computed["hw"], computed["machine"]) if text
    ]
    found = [info[key] for key in ("software_version", "hardware_version", "battery_code") if key in info]
    assert found == texts
    for text in record["decoded"].values():  # the source calls the text at the battery code's place hardware
        assert text in found


def test_recorded_settings() -> None:
    known = {**registers(QUIET, SETTINGS, VERSIONS[0]), 0xCC: 0x1705, 0xCD: 0x0900}
    script = d2_board(known, SETTINGS, VERSIONS[0])
    info = attach(script).get_info()
    sent = [request.hex() for request in script.requests]
    assert {QUIET["request"], SETTINGS["request"], VERSIONS[0]["request"]} <= set(sent), "as recorded"
    assert info["rated_capacity_ah"] == SETTINGS["decoded"]["rated_capacity_ah"]
    assert info["nominal_cell_voltage"] == SETTINGS["decoded"]["cell_ref_mv"] / 1000
    assert (info["chemistry"], info["production_date"]) == ("LFP", "2023-05-09")
    assert (info["protocol"], info["cells"], info["temperature_sensors"]) == ("d2", 8, 1)


@pytest.mark.parametrize(("raw", "chemistry"), [(0, "LFP"), (1, "NMC"), (2, "LTO"), (3, "sodium-ion")])
def test_chemistry(raw: int, chemistry: str) -> None:
    known = {**registers(QUIET, SETTINGS), 0x89: raw}
    assert attach(d2_board(known), protocol="d2").get_info()["chemistry"] == chemistry


@pytest.mark.parametrize("raw", [4, 255, 0xFFFF])
def test_a_chemistry_that_nobody_knows_is_absent(raw: int) -> None:
    info = attach(d2_board({**registers(QUIET, SETTINGS), 0x89: raw}), protocol="d2").get_info()
    assert "chemistry" not in info
    assert info["rated_capacity_ah"] == SETTINGS["decoded"]["rated_capacity_ah"]


@pytest.mark.parametrize("raw", [0, 0xFFFF])
def test_ratings_that_were_never_set_are_absent(raw: int) -> None:
    info = attach(d2_board({**registers(QUIET, SETTINGS), 0x80: raw, 0x81: raw}), protocol="d2").get_info()
    assert "rated_capacity_ah" not in info
    assert "nominal_cell_voltage" not in info


def test_texts_may_fill_their_place() -> None:
    text = b"11_240123_K00T-X" + b"BMS-GD230-303E-Y" + bytes(range(0x41, 0x61))
    known = {0xA9 + n: int.from_bytes(text[2 * n : 2 * n + 2], "big") for n in range(32)}
    info = attach(d2_board({**BASE, **known}), protocol="d2").get_info()
    found = info["software_version"] + info["hardware_version"] + info["battery_code"]
    assert found.encode() == text


@pytest.mark.parametrize("date", [(0, 0x0101), (0x1700, 0x0100), (0x170D, 0x0100), (0xFFFF, 0xFFFF)])
def test_a_date_that_was_never_set_is_absent(date: tuple[int, int]) -> None:
    known = {**registers(QUIET, SETTINGS), 0xCC: date[0], 0xCD: date[1]}
    assert "production_date" not in attach(d2_board(known), protocol="d2").get_info()


def test_the_balancer_that_was_recorded_whole() -> None:
    """All blocks of one real board, without those that it did not answer by themselves."""
    ids = ("d2-btsnoop-02", "d2-btsnoop-01", "d2-btsnoop-03")
    records = [RECORDS[each] for each in ids]
    info = attach(d2_board(registers(*records), *records)).get_info()
    assert info == {
        "protocol": "d2",
        "cells": 16,
        "temperature_sensors": 1,
        "rated_capacity_ah": 50.0,
        "nominal_cell_voltage": 3.2,
        "chemistry": "LFP",
        "software_version": "30_231111_200B",
        "hardware_version": "BMS-GD230-303E",
    }


def test_the_password_is_never_asked_for_nor_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Not even when another program has just asked for it on the same line."""
    record = RECORDS["d2-syssi-test-password_frame_1"]
    script = d2_board({**registers(QUIET, SETTINGS, VERSIONS[0]), **registers(record)}, record)
    answer = script._answer
    script._answer = lambda request, n: [(0.01, pieces(record)[0]), *answer(request, n)]
    bms = attach(script, protocol="d2")
    shown = [str(bms.get_info()), str(bms.get_all())]
    asked = [range(request[3], request[3] + request[5]) for request in script.requests]
    assert not any(register in block for register in PASSWORD for block in asked)
    script._answer = lambda request, n: [(0.01, pieces(record)[0])]
    for call in (bms.get_info, bms.get_all, bms.get_soc):
        with pytest.raises(DalyError) as caught:
            call()
        shown += [str(caught.value), repr(getattr(caught.value, "raw", b""))]
    assert not any("123456" in text for text in shown)


def test_no_block_holds_the_password() -> None:
    for block in (*d2.MAP.live, *d2.MAP.info):
        assert not any(block.start <= register < block.start + block.size for register in PASSWORD)
        assert block.size <= 80, "larger answers were reported impossible over Bluetooth"


# What no recording shows: extremes, absent values, values that cannot be.


def test_legal_extremes() -> None:
    cells = [(register, 5000) for register in range(32)]
    sensors = [(0x20 + n, 40 + n) for n in range(8)]
    bms = changed(
        *cells,
        *sensors,
        (0x28, 1600),
        (0x29, 40000),
        (0x2A, 1000),
        (0x2B, 5000),
        (0x2C, 5000),
        (0x2D, 240),
        (0x2E, 1),
        (0x31, 32),
        (0x32, 8),
        (0x33, 40000),
        (0x2F, 1),
        (0x30, 65534),
    )
    found: Any = bms.get_all()
    assert found["soc"] == {
        "total_voltage": 160.0,
        "current": 1000.0,
        "soc_percent": 100.0,
        "power": 160000.0,
    }
    assert found["cell_voltages"] == dict.fromkeys(range(1, 33), 5.0)
    assert found["temperatures"] == dict(enumerate(range(8), 1))
    assert found["temperature_range"] == {
        "highest_temperature": 200,
        "highest_sensor": 8,
        "lowest_temperature": -39,
        "lowest_sensor": 1,
    }
    assert found["status"]["cycles"] == 40000
    assert (found["mosfet_status"]["mode"], found["mosfet_status"]["capacity_ah"]) == ("charging", 6553.4)
    assert list(found["balancing_status"]) == list(range(1, 33))


@pytest.mark.parametrize(("raw", "current"), [(27000, -300.0), (30001, 0.1), (29999, -0.1), (1, -2999.9)])
def test_current_keeps_the_boards_sign(raw: int, current: float) -> None:
    soc = changed((0x29, raw)).get_soc()
    assert (soc["current"], soc["power"]) == (current, round(27.1 * current, 2))
    inverted = attach(d2_board({**BASE, 0x29: raw}), protocol="d2", invert_current=True).get_soc()
    assert (inverted["current"], inverted["power"]) == (-current, round(-27.1 * current, 2))


@pytest.mark.parametrize("raw", [0, 0xFF, 0xFFFF])
def test_a_sensor_that_is_not_fitted_is_absent_and_the_others_keep_their_number(raw: int) -> None:
    bms = changed((0x32, 3), (0x20, 61), (0x21, raw), (0x22, 65), (0x2D, 65), (0x2E, raw))
    assert bms.get_temperatures() == {1: 21, 3: 25}
    expected = {
        "highest_temperature": 25,
        "highest_sensor": 3,
        "lowest_temperature": 21,
        "lowest_sensor": 1,
    }
    assert bms.get_temperature_range() == expected
    bms = changed((0x32, 3), (0x20, 61), (0x21, raw), (0x22, 65), (0x2D, raw), (0x2E, 61))
    assert bms.get_temperature_range() == expected


def test_without_sensors_there_is_no_range() -> None:
    bms = changed((0x32, 0), (0x20, 0), (0x2D, 0), (0x2E, 0))
    assert bms.get_temperatures() == bms.get_temperature_range() == {}


def test_registers_that_the_board_has_not_are_absent() -> None:
    bms = changed((0x30, 0xFFFF), (0x33, 0xFFFF), (0x34, 0xFFFF))
    assert "cycles" not in bms.get_status()
    mosfets = bms.get_mosfet_status()
    assert "capacity_ah" not in mosfets
    assert "balancing" not in mosfets
    with pytest.raises(NotSupported, match="whether it balances"):
        bms.get_balancing_status()


@pytest.mark.parametrize(("register", "key"), [(0x35, "charging_mosfet"), (0x36, "discharging_mosfet")])
def test_a_mosfet_that_the_board_does_not_tell_is_not_on(register: int, key: str) -> None:
    assert key not in changed((register, 0xFFFF)).get_mosfet_status()


def test_registers_that_the_board_has_not_are_no_pack() -> None:
    """FFFF would be 6553.5 V and 3553.5 A."""
    bms = changed((0x28, 0xFFFF), (0x29, 0xFFFF))
    assert bms.get_soc() == {"soc_percent": 100.0}
    assert set(bms.unusable) == {"soc.total_voltage", "soc.current"}


@pytest.mark.parametrize(("charge", "discharge"), [(0, 1), (1, 0)])
def test_each_mosfet_is_its_own(charge: int, discharge: int) -> None:
    mosfets = changed((0x35, charge), (0x36, discharge)).get_mosfet_status()
    assert (mosfets["charging_mosfet"], mosfets["discharging_mosfet"]) == (bool(charge), bool(discharge))


def test_a_dead_cell_is_a_reading() -> None:
    bms = changed((0x02, 0), (0x2C, 0), (0x28, 237))
    assert bms.get_cell_voltages()[3] == 0.0
    cells = bms.get_cell_voltage_range()
    assert (cells["lowest_voltage"], cells["lowest_cell"]) == (0.0, 3)


FAR_OFF = (3543 + 201, 3339 - 201)
"""Extremes 201 mV away from those of the list."""
IMPOSSIBLE = [
    ("status", 0x31, 0),
    ("status", 0x31, 33),
    ("status", 0x32, 9),
    ("temperatures", 0x20, 256),  # the only sensor
    *(("cell_voltage_range", register, raw) for register, raw in zip((0x2B, 0x2C), FAR_OFF)),
]
LOSE_THEMSELVES = [
    ("soc", 0x28, 0),
    ("soc", 0x28, 2881),
    ("soc", 0x29, 0),
    ("soc", 0x29, 0xFFFF),
    ("soc", 0x2A, 1001),
    ("mosfet_status", 0x2F, 3),
    ("cell_voltages", 0x01, 6001),
    ("temperature_range", 0x2D, 256),
    ("temperature_range", 0x2E, 256),
    ("cell_voltage_range", 0x2B, 0),
    ("cell_voltage_range", 0x2B, 6001),
    ("cell_voltage_range", 0x2C, 6001),
    ("cell_voltage_range", 0x37, 6001),
    ("cell_voltage_range", 0x38, 6001),
]


@pytest.mark.parametrize(("section", "register", "raw"), IMPOSSIBLE)
def test_a_value_that_cannot_be_is_asked_again_then_an_error(section: str, register: int, raw: int) -> None:
    script = d2_board({**BASE, register: raw})
    with pytest.raises(BadReply, match="contradict" if raw in FAR_OFF else "cannot be"):
        getattr(attach(script, protocol="d2"), f"get_{section}")()
    assert len(script.sent) == 2


@pytest.mark.parametrize(("section", "register", "raw"), LOSE_THEMSELVES)
def test_a_value_that_cannot_be_loses_itself_alone(section: str, register: int, raw: int) -> None:
    whole = getattr(attach(d2_board(BASE), protocol="d2"), f"get_{section}")()
    script = d2_board({**BASE, register: raw})
    assert read_without(attach(script, protocol="d2"), section, whole)
    assert [request.hex() for request in script.requests].count(POLL) == 1, "a CRC-16 needs no second frame"


@pytest.mark.parametrize(("section", "register", "raw"), IMPOSSIBLE)
def test_asking_again_heals_it(section: str, register: int, raw: int) -> None:
    bad, good = d2_board({**BASE, register: raw}), d2_board(BASE)
    script = Script(lambda request, n: (good if n else bad)._answer(request, n))
    expected = getattr(attach(d2_board(BASE), protocol="d2"), f"get_{section}")()
    assert getattr(attach(script, protocol="d2"), f"get_{section}")() == expected


def test_one_bad_section_leaves_the_others() -> None:
    found: Any = changed((0x32, 9)).get_all()
    assert found["status"]["error"].startswith("temperature_sensors of 9 cannot be")
    assert found["soc"]["soc_percent"] == 100.0


def test_cells_that_contradict_the_pack_are_two_errors() -> None:
    found: Any = changed((0x28, 500)).get_all()
    for section in ("soc", "cell_voltages"):
        assert (
            "pack voltage 50 V and sum of the 8 cells 27.188 V contradict each other, twice"
            in found[section]["error"]
        )
    assert found["status"]["cells"] == 8


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_a_block_of_one_byte_is_no_reading(byte: int) -> None:
    script = d2_board(dict.fromkeys(range(62), byte << 8 | byte))
    with pytest.raises(BadReply, match=f"nothing but {byte:02x} cannot be"):
        attach(script, protocol="d2").get_all()


# Damaged streams: an error or a healed reading, never a value.

DAMAGED = ["d2-btsnoop-05", "d2-btsnoop-07", "d2-btsnoop-08", "d2-btsnoop-15"]


@pytest.mark.parametrize("kind", WIRES)
@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_streams_are_no_reading(kind: type[DalyBMS], name: str) -> None:
    stream = b"".join(pieces(RECORDS[name]))
    bms = attach(
        Script(lambda request, _: [(0.05, stream)] if request[0] == 0xD2 else []), kind(protocol="d2")
    )
    with pytest.raises((NoReply, BadReply)):
        bms.get_all()


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_streams_before_the_answer_are_healed(name: str) -> None:
    stream = b"".join(pieces(RECORDS[name]))
    good = d2_board(BASE)
    expected = attach(d2_board(BASE), protocol="d2").get_all()
    for first in (0, 1):
        script = Script(
            lambda request, n, first=first: [
                (0.01, stream),
                *(good._answer(request, n) if n >= first else []),
            ]
        )
        found: Any = attach(script, protocol="d2").get_all()
        for section, reading in expected.items():  # one stream holds an answer of the second block
            assert not isinstance(reading, dict) or reading.items() <= found[section].items()


def test_a_good_answer_to_a_shorter_read_is_no_answer() -> None:
    """A recorded 0x11-byte answer to a read of 62 registers had a good checksum."""
    short = answer_to(0xD2, BASE, bytes.fromhex("d20300000008"))
    script = Script(lambda *_: [(0.05, short)])
    with pytest.raises(NoReply, match="other commands, but not this one") as caught:
        attach(script, protocol="d2").get_all()
    assert caught.value.seen == "another command"


@pytest.mark.parametrize("code", [1, 2, 3])
def test_an_exception_frame_means_the_board_has_it_not(code: int) -> None:
    body = bytes((0xD2, 0x83, code))
    good = d2_board(BASE)
    script = Script(
        lambda request, n: good._answer(request, n) if request.hex() == POLL else [(0.04, body + crc(body))]
    )
    bms = attach(script, protocol="d2")
    assert bms.get_info() == {"protocol": "d2", "cells": 8, "temperature_sensors": 1}
    script._answer = lambda *_: [(0.04, body + crc(body))]
    with pytest.raises(NotSupported, match=f"exception {code}"):
        bms.get_soc()


def test_a_busy_board_is_asked_again() -> None:
    body = bytes((0xD2, 0x83, 6))
    good = d2_board(BASE)
    script = Script(lambda request, n: good._answer(request, n) if n > 1 else [(0.04, body + crc(body))])
    assert attach(script, protocol="d2").get_soc()["soc_percent"] == 100.0
    script._answer = lambda *_: [(0.04, body + crc(body))]
    with pytest.raises(BadReply, match="exception 6"):
        attach(script, protocol="d2").get_soc()


def test_raw_commands_are_for_a5() -> None:
    with pytest.raises(NotSupported, match="this board speaks D2"):
        changed().request(0x90)


@pytest.mark.parametrize("value", [0, 0xFFFF])
def test_an_average_that_the_board_does_not_state_is_absent(value: int) -> None:
    bms = attach(d2_board({**BASE, 0x37: value}), protocol="d2")
    assert "average_voltage" not in bms.get_cell_voltage_range()
    assert bms.unusable == {}
