"""The public methods: shapes, keys, arguments, errors."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from support import HEALTHY, Clock, Script, VirtualWire, attach, reply, talk

import dalybms
from dalybms import (
    BadReply,
    DalyBMS,
    DalyBMSBluetooth,
    DalyBMSSinowealth,
    DalyError,
    NoReply,
    TransportError,
    open_bms,
    readings,
    sections,
)
from dalybms.cable import Cable
from dalybms.protocols.a5.commands import BY_SECTION, COMMANDS
from dalybms.protocols.fields import Number

EXPECTED: dict[str, Any] = {
    "soc": {"total_voltage": 53.0, "current": 0.0, "soc_percent": 90.0},
    "cell_voltage_range": {
        "highest_voltage": 3.315,
        "highest_cell": 10,
        "lowest_voltage": 3.308,
        "lowest_cell": 1,
    },
    "temperature_range": {
        "highest_temperature": 21,
        "highest_sensor": 1,
        "lowest_temperature": 20,
        "lowest_sensor": 2,
    },
    "mosfet_status": {
        "mode": "charging",
        "charging_mosfet": True,
        "discharging_mosfet": True,
        "heartbeat": 158,
        "capacity_ah": 256.76,
    },
    "status": {
        "cells": 16,
        "temperature_sensors": 2,
        "charger_running": False,
        "load_running": False,
        "states": {
            "DI1": False,
            "DI2": True,
            "DI3": False,
            "DI4": False,
            "DO1": False,
            "DO2": False,
            "DO3": False,
            "DO4": False,
        },
        "cycles": 3,
    },
    "cell_voltages": dict.fromkeys(range(1, 17), 3.313),
    "temperatures": {1: 21, 2: 20},
    "balancing_status": {cell: cell in (1, 9) for cell in range(1, 17)},
    "errors": [],
}
REPLIES = {**HEALTHY, 0x94: reply(0x94, "10020000020003")}


def test_get_all_has_the_documented_sections_in_their_order() -> None:
    outcome = attach(talk(REPLIES)).get_all()
    assert outcome == EXPECTED
    assert list(outcome) == list(EXPECTED) == list(sections.SECTIONS)


@pytest.mark.parametrize("section", EXPECTED)
def test_each_getter_gives_its_section(section: str) -> None:
    assert getattr(attach(talk(REPLIES)), f"get_{section}")() == EXPECTED[section]


def test_readings_are_what_json_takes() -> None:
    text = json.dumps(attach(talk(REPLIES)).get_all(), allow_nan=False)
    assert json.loads(text)["cell_voltages"]["16"] == 3.313


@pytest.mark.parametrize("section", [name for name, row in BY_SECTION.items() if row.fields])
def test_each_section_has_the_keys_its_type_declares(section: str) -> None:
    kind = getattr(readings, "".join(word.title() for word in section.split("_")))
    fields = [field.name for field in BY_SECTION[section].fields]
    assert set(fields) <= set(kind.__annotations__)
    assert set(kind.__required_keys__) <= set(fields)


@pytest.mark.parametrize("command", BY_SECTION.values(), ids=lambda command: f"{command.code:02x}")
def test_a_row_has_a_section_a_getter_and_a_place_in_its_frame(command: Any) -> None:
    assert command.section in {**sections.SECTIONS, **sections.MORE_SECTIONS}
    assert getattr(DalyBMS, f"get_{command.section}").__doc__
    taken: set[int] = set()
    for field in command.fields:
        places = set(range(field.at, field.at + getattr(field, "size", 1)))
        assert places <= set(range(8)), field.name
        assert not places & taken, field.name
        taken |= places
    kinds = [command.fields, command.series, command.special]
    assert sum(bool(kind) for kind in kinds) == 1


def test_units_of_the_table_stand_in_the_readings() -> None:
    lines = Path(readings.__file__).read_text().splitlines()
    for field in (field for command in COMMANDS for field in command.fields):
        if isinstance(field, Number) and field.unit:
            place = next(n for n, line in enumerate(lines) if line.startswith(f"    {field.name}: "))
            assert lines[place + 1].strip(' "').split()[0].rstrip(",") == field.unit, field.name


@pytest.mark.parametrize(("cells", "sensors"), [(1, 0), (3, 1), (7, 2), (16, 4), (24, 7), (33, 8), (48, 16)])
def test_legal_sizes(cells: int, sensors: int) -> None:
    millivolts = [5000 if cells == 48 else 3000 + cell for cell in range(cells)]
    celsius = list(range(sensors))
    frames = []
    for n in range(16):
        slots = (millivolts + [0] * 48)[3 * n : 3 * n + 3]
        frames.append(reply(0x95, bytes((n + 1,)) + b"".join(mv.to_bytes(2, "big") for mv in slots)))
    warm = [
        reply(0x96, bytes((n + 1, *(c + 40 for c in celsius[7 * n : 7 * n + 7]), *[0] * 7))[:8])
        for n in range(3)
    ]
    every_second = sum(1 << n for n in range(0, cells, 2))
    bms = attach(
        talk(
            {
                0x94: reply(0x94, bytes((cells, sensors))),
                0x95: b"".join(frames[: -(-cells // 3)]),
                0x96: b"".join(warm[: max(1, -(-sensors // 7))]),
                0x97: reply(0x97, every_second.to_bytes(6, "little")),
            }
        )
    )
    assert bms.get_cell_voltages() == {n: mv / 1000 for n, mv in enumerate(millivolts, 1)}
    assert bms.get_temperatures() == dict(enumerate(celsius, 1))
    assert bms.get_balancing_status() == {n: n % 2 == 1 for n in range(1, cells + 1)}


@pytest.mark.parametrize("cell", range(1, 49))
def test_each_balancing_bit_is_its_cell(cell: int) -> None:
    """Of a board whose hardware text says that it has the layout of the vendor's table."""
    bits = (1 << cell - 1).to_bytes(6, "little")
    text = reply(0x63, b"\1DL-BMS-") + reply(0x63, b"\2R32-01E")
    bms = attach(talk({0x94: reply(0x94, "3001"), 0x97: reply(0x97, bits), 0x63: text}))
    assert [number for number, active in bms.get_balancing_status().items() if active] == [cell]


@pytest.mark.parametrize("raw", ["00", "ff"])
def test_a_sensor_without_a_number(raw: str) -> None:
    bms = attach(talk({0x92: reply(0x92, f"3d{raw}3c02")}))
    assert bms.get_temperature_range() == {
        "highest_temperature": 21,
        "lowest_temperature": 20,
        "lowest_sensor": 2,
    }
    bms = attach(talk({0x92: reply(0x92, f"3d013c{raw}")}))
    assert "lowest_sensor" not in bms.get_temperature_range()
    assert bms.unusable == {}


def test_sensors_of_which_none_can_be_read() -> None:
    bms = attach(talk({0x92: reply(0x92, "ffffffff")}))
    assert (bms.get_temperature_range(), bms.unusable) == ({}, {})


def test_a_highest_cell_of_0_v_is_left_out_and_a_lowest_one_is_told() -> None:
    bms = attach(talk({0x91: reply(0x91, "000001000002")}))
    assert bms.get_cell_voltage_range() == {"highest_cell": 1, "lowest_voltage": 0.0, "lowest_cell": 2}
    assert set(bms.unusable) == {"cell_voltage_range.highest_voltage"}


def test_boards_that_fill_with_ff_count_no_cycles() -> None:
    bms = attach(talk({0x94: reply(0x94, "1004000002ffff")}))
    assert "cycles" not in bms.get_status()
    assert bms.unusable == {}


def test_all_eight_inputs_and_outputs_are_reported() -> None:
    for bit in range(8):
        states = attach(talk({0x94: reply(0x94, bytes((16, 1, 0, 0, 1 << bit)))})).get_status()["states"]
        assert len(states) == 8
        assert [name for name, on in states.items() if on] == [list(states)[bit]]


def test_forty_thousand_cycles() -> None:
    assert attach(talk({0x94: reply(0x94, bytes((16, 1, 1, 1, 0x80, 0x9C, 0x40)))})).get_status() == {
        **EXPECTED["status"],
        "temperature_sensors": 1,
        "charger_running": True,
        "load_running": True,
        "states": {**dict.fromkeys(EXPECTED["status"]["states"], False), "DO4": True},
        "cycles": 40000,
    }


@pytest.mark.parametrize("name", ["charging_mosfet", "discharging_mosfet"])
def test_each_mosfet_has_its_byte(name: str) -> None:
    switches = {"charging_mosfet": "00010005", "discharging_mosfet": "00000105"}
    reading = attach(talk({0x93: reply(0x93, switches[name] + "00001000")})).get_mosfet_status()
    assert [switch for switch in switches if reading[switch] is True] == [name]


@pytest.mark.parametrize("name", ["charger_running", "load_running"])
def test_charger_and_load_have_their_bytes(name: str) -> None:
    signs = {"charger_running": "10010100", "load_running": "10010001"}
    reading = attach(talk({0x94: reply(0x94, signs[name])})).get_status()
    assert [sign for sign in signs if reading[sign] is True] == [name]


def test_faults_and_errors_are_the_same_bits() -> None:
    bms = attach(talk({0x98: reply(0x98, "0200800000000003")}))
    assert bms.get_faults() == [
        {"code": "cell_voltage_high_2", "level": 2, "text": "cell voltage too high (level 2)"},
        {"code": "soc_low_2", "level": 2, "text": "state of charge too low (level 2)"},
        {"code": "fault_code_3", "level": 0, "text": "fault code 3"},
    ]
    assert bms.get_errors() == [
        "cell voltage too high (level 2)",
        "state of charge too low (level 2)",
        "fault code 3",
    ]


def test_a_section_that_failed_says_why_and_the_others_are_there() -> None:
    outcome = attach(talk({command: raw for command, raw in REPLIES.items() if command != 0x92})).get_all()
    assert outcome.pop("temperature_range")["error"].startswith(
        "no answer to temperature_range in 4 attempts: "
    )
    assert outcome == {name: reading for name, reading in EXPECTED.items() if name != "temperature_range"}


def test_get_all_raises_when_nothing_answers() -> None:
    with pytest.raises(NoReply, match="no answer to soc"):
        attach(Script(lambda *_: [])).get_all()


def test_frames_counted_from_0_are_placed_by_number_and_a_lost_first_one_shifts_nothing() -> None:
    slots = [3000 + cell for cell in range(48)]
    frames = [
        reply(0x95, bytes((n,)) + b"".join(mv.to_bytes(2, "big") for mv in slots[3 * n : 3 * n + 3]))
        for n in range(16)
    ]
    replies = {**REPLIES, 0x95: b"".join(frames)}
    bms = attach(talk(replies))
    true = {cell: slots[cell - 1] / 1000 for cell in range(1, 17)}
    assert bms.get_cell_voltages() == true
    replies[0x95] = b"".join(frames[1:])
    with pytest.raises(NoReply):
        bms.get_cell_voltages()


def test_fewer_cells_than_before_are_noticed_after_one_error() -> None:
    replies = dict(REPLIES)
    bms = attach(talk(replies))
    assert len(bms.get_cell_voltages()) == 16
    replies[0x94], replies[0x95] = reply(0x94, "0302"), REPLIES[0x95][:13]
    with pytest.raises(NoReply):
        bms.get_cell_voltages()
    assert len(bms.get_cell_voltages()) == 3


@pytest.mark.parametrize(
    ("section", "command", "data"),
    [("cell_voltages", 0x95, "00"), ("cell_voltages", 0x95, "01"), ("temperatures", 0x96, "00")],
)
def test_a_list_of_nothing_but_zeros_is_an_error(section: str, command: int, data: str) -> None:
    bms = attach(talk({0x94: reply(0x94, "0302"), command: reply(command, data)}))
    with pytest.raises(BadReply, match="of nothing but zeros cannot be"):
        getattr(bms, f"get_{section}")()


def test_paths_and_iterators_are_taken(tmp_path: Path) -> None:
    assert list(attach(talk(REPLIES)).read(iter(["soc", "errors"]))) == ["soc", "errors"]
    with pytest.raises(TransportError):
        open_bms(tmp_path / "ttyUSB0")
    with pytest.raises(TypeError, match="data must be bytes"):
        attach(talk(REPLIES)).request(0x90, "12345678")


def test_a_single_getter_raises() -> None:
    with pytest.raises(NoReply):
        attach(talk({0x94: HEALTHY[0x94]})).get_temperatures()


def test_the_sign_of_the_current_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    bms = attach(talk({**REPLIES, 0x90: reply(0x90, "0212000075940384")}))
    with caplog.at_level(logging.INFO, "dalybms"):
        bms.get_all()
        bms.get_all()
    told = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert [record.getMessage() for record in told] == ["this board says +10.0 A while charging"]
    assert told[0].levelno == logging.INFO


def test_invert_current_turns_the_sign_and_leaves_zero_alone() -> None:
    bms = attach(talk({0x90: reply(0x90, "0212000075940384")}), invert_current=True)
    assert bms.get_soc()["current"] == -10.0
    assert str(attach(talk(REPLIES), invert_current=True).get_soc()["current"]) == "0.0"


@pytest.mark.parametrize(
    "options",
    [
        {"request_retries": -1},
        {"board": 0},
        {"board": 17},
        {"address": 3},
        {"address": 256},
        {"address": 8, "board": 2},
        {"address": 0x41},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": 1e9},
        {"pause": -0.1},
        {"fill": 256},
        {"protocol": "a6"},
    ],
    ids=str,
)
def test_arguments_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        DalyBMS(**options)
    assert not isinstance(caught.value, DalyError)


@pytest.mark.parametrize(
    "options",
    [
        {"request_retries": 1.5},
        {"board": "1"},
        {"timeout": "1"},
        {"pause": True},
        {"address": "4"},
        {"invert_current": "no"},
    ],
    ids=str,
)
def test_arguments_of_the_wrong_type(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(options))):
        DalyBMS(**options)


def test_arguments_of_the_methods() -> None:
    bms = attach(talk(REPLIES))
    with pytest.raises(ValueError, match="sections are soc"):
        bms.read(["sco"])
    with pytest.raises(ValueError, match="sections are"):
        bms.read([])
    with pytest.raises(ValueError, match="8 bytes"):
        bms.request(0x90, b"\x00")
    with pytest.raises(ValueError, match="command must be"):
        bms.request(0x100)


@pytest.mark.parametrize("device", ["AA:BB:CC:DD:EE:FF", "aa-bb-cc-dd-ee-ff", "ble:DL-1234"])
def test_a_bluetooth_device_names_the_right_class(device: str) -> None:
    with pytest.raises(ValueError, match="use DalyBMSBluetooth or open_bms"):
        DalyBMS().connect(device)


def test_an_empty_name_is_told_as_one() -> None:
    with pytest.raises(ValueError, match="no device is named"):
        open_bms("")


def test_without_a_connection_every_call_says_so() -> None:
    bms = DalyBMS()
    bms.disconnect()
    with pytest.raises(TransportError, match="not connected"):
        bms.get_all()
    with pytest.raises(TransportError, match="not connected"):
        bms.request(0x90)


def test_f40_a_link_that_has_gone_deaf_is_renewed_once() -> None:
    first = Script(lambda request, n: [] if n else [(0.04, REPLIES[request[2]])])
    bms = attach(first)
    bms._renew = lambda: VirtualWire(talk(REPLIES), bms.clock)
    bms.get_soc()
    assert bms.get_all() == EXPECTED


def test_f40_a_link_that_stays_deaf_is_let_go() -> None:
    bms = attach(Script(lambda request, n: [] if n else [(0.04, REPLIES[request[2]])]))
    renewed = []
    bms._renew = lambda: renewed.append(VirtualWire(Script(lambda *_: []), bms.clock)) or renewed[-1]
    bms.get_soc()
    with pytest.raises(NoReply, match="nothing was heard"):
        bms.get_soc()
    assert [wire.closed for wire in renewed] == [True]
    with pytest.raises(TransportError, match="not connected"):
        bms.get_soc()


def test_with_closes_and_connect_again_works() -> None:
    with DalyBMS() as bms:
        bms.connect("demo:")
        assert bms.get_status()["cells"] == 16
        bms.connect("demo:?cells=8")
        assert bms.get_status()["cells"] == 8
    with pytest.raises(TransportError):
        bms.get_soc()


def test_open_bms_is_connected_and_takes_options() -> None:
    with open_bms("demo:?current=-12.3", invert_current=True) as bms:
        assert bms.get_soc()["current"] == 12.3


def test_the_error_tree_is_also_of_builtin_kinds() -> None:
    assert issubclass(TransportError, OSError)
    assert issubclass(NoReply, TimeoutError)
    assert issubclass(BadReply, ValueError)
    for error in (TransportError, NoReply, BadReply, dalybms.NotSupported):
        assert issubclass(error, DalyError)


def test_public_names_exist_and_unknown_ones_do_not() -> None:
    for name in dalybms.__all__:
        assert getattr(dalybms, name)
    with pytest.raises(AttributeError, match="no attribute 'ERROR_CODES'"):
        _ = dalybms.ERROR_CODES


def test_types_can_be_resolved() -> None:
    for kind in (readings.Soc, readings.Status, readings.MosfetStatus, readings.Fault):
        assert get_type_hints(kind)


@pytest.mark.parametrize("kind", [DalyBMS, DalyBMSBluetooth, DalyBMSSinowealth])
def test_the_number_of_repeats_can_be_read_and_set(kind: Any) -> None:
    bms = kind(request_retries=2)
    assert bms.request_retries == 2
    bms.request_retries = 0
    assert bms.request_retries == 0
    for wrong, error in ((-1, ValueError), (101, ValueError), (1.5, TypeError), ("2", TypeError)):
        with pytest.raises(error, match="request_retries"):
            bms.request_retries = wrong
        assert bms.request_retries == 0


@pytest.mark.parametrize("repeats", [0, 1, 4])
def test_a_new_number_of_repeats_counts_on_an_open_connection(repeats: int) -> None:
    script = talk({0x90: HEALTHY[0x90]})
    bms = attach(script, request_retries=3)
    bms.get_soc()
    del script.sent[:]
    bms.request_retries = repeats
    with pytest.raises(NoReply):
        bms.get_mosfet_status()
    assert len(script.sent) == 1 + repeats


def test_a_new_number_of_repeats_counts_before_the_first_answer() -> None:
    script = talk({})
    bms = attach(script, request_retries=3, protocol="p81")
    bms.request_retries = 0
    with pytest.raises(NoReply):
        bms.get_soc()
    assert len(script.sent) == 1


def test_boards_of_one_cable_may_differ_in_their_repeats() -> None:
    script = talk({})
    cable = Cable(VirtualWire(script, clock := Clock()), clock, protocol="a5")
    patient, hasty = cable.board(1), cable.board(2)
    hasty.request_retries = 0
    for board in (hasty, patient, hasty):
        del script.sent[:]
        with pytest.raises(NoReply):
            board.get_soc()
        assert (len(script.sent) == 1) is (board is hasty)


def test_what_takes_a_recording_is_a_file() -> None:
    with pytest.raises(TypeError, match="record is a file name or what open_recording"):
        DalyBMS(record=5).connect("demo:")  # type: ignore[arg-type]
