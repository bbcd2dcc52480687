"""What a board says of itself: the A5 part; the other protocols have theirs beside their readings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import attach, captures, reply, talk

from dalybms import DalyBMS, NoReply, readings
from dalybms.protocols.a5 import commands as a5_commands
from dalybms.protocols.a5.commands import INFO
from dalybms.protocols.modbus import d2, p81

CAN = {
    int(record["request"][6:8], 16): record
    for record in captures("a5")
    if record["link"] == "can" and record["responses"]
}
STATUS = reply(0x94, "0e01")


def text(command: int, words: str, frames: int) -> bytes:
    raw = words.encode("latin-1").ljust(7 * frames, b"\0")
    return b"".join(reply(command, bytes((n + 1,)) + raw[7 * n : 7 * n + 7]) for n in range(frames))


def battery(replies: dict[int, bytes]) -> DalyBMS:
    return attach(talk({0x94: STATUS, **replies}), protocol="a5", request_retries=0)


def recorded(command: int) -> dict[str, Any]:
    return dict(battery({command: reply(command, CAN[command]["responses"][0])}).get_info())


BARE = {"protocol": "a5", "board": 1, "host_address": 0x40, "cells": 14, "temperature_sensors": 1}


def test_recorded_ratings() -> None:
    stated = CAN[0x50]["decoded"]
    assert recorded(0x50) == {
        **BARE,
        "rated_capacity_ah": stated["rated_mah"] / 1000,
        "nominal_cell_voltage": stated["nominal_cell_mv"] / 1000,
    }


def test_recorded_boards() -> None:
    assert recorded(0x51) == {**BARE, "measuring_boards": CAN[0x51]["decoded"]["boards"]}


def test_recorded_totals() -> None:
    stated = CAN[0x52]["decoded"]
    assert recorded(0x52) == {
        **BARE,
        "charged_ah": stated["charge_ah"],
        "discharged_ah": stated["discharge_ah"],
    }


def test_recorded_kind_and_date() -> None:
    stated = CAN[0x53]["decoded"]
    chemistry = ("LFP", "NMC", "LTO")[stated["type"]]
    assert recorded(0x53) == {**BARE, "chemistry": chemistry, "production_date": stated["date"]}


def test_recorded_firmware_index() -> None:
    assert recorded(0x54) == {**BARE, "firmware_index": CAN[0x54]["decoded"]["firmware_index"]}


def test_recorded_hardware_version() -> None:
    """The two frames of a real board, also in the wrong order and twice."""
    first, second = bytes.fromhex("a501630801444c2d424d532dde"), bytes.fromhex("a5016308025233322d3031459d")
    for stream in (first + second, second + first + second, first + first + second):
        assert battery({0x63: stream}).get_info()["hardware_version"] == "DL-BMS-R32-01E"


@pytest.mark.parametrize(
    ("command", "key", "frames", "words"),
    [
        (0x57, "battery_code", 5, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345678"),
        (0x62, "software_version", 2, "20_230401_T01X"),
        (0x63, "hardware_version", 2, "DL-BMS-R32-01E"),
    ],
)
def test_texts_in_several_frames(command: int, key: str, frames: int, words: str) -> None:
    assert battery({command: text(command, words, frames)}).get_info() == {**BARE, key: words}
    assert battery({command: text(command, words[:9] + "   ", frames)}).get_info() == {**BARE, key: words[:9]}
    for nothing in ("", " " * 14, "\xff" * 7 * frames, "\x07\x01"):
        assert battery({command: text(command, nothing, frames)}).get_info() == BARE
    incomplete = text(command, words, frames)[:-13]
    assert battery({command: incomplete}).get_info() == BARE


def test_legal_extremes() -> None:
    info = battery(
        {
            0x50: reply(0x50, (10_000_000).to_bytes(4, "big") + (6000).to_bytes(4, "big")),
            0x51: reply(0x51, "03"),
            0x52: reply(0x52, (100_000_000).to_bytes(4, "big") + bytes(4)),
            0x53: reply(0x53, "0200630c1f"),
        }
    ).get_info()
    assert (info["rated_capacity_ah"], info["nominal_cell_voltage"]) == (10_000.0, 6.0)
    assert (info["measuring_boards"], info["charged_ah"], info["discharged_ah"]) == (3, 100_000_000, 0)
    assert (info["chemistry"], info["production_date"]) == ("LTO", "2099-12-31")


RATED, NOMINAL = {"rated_capacity_ah": 30.0}, {"nominal_cell_voltage": 3.6}


@pytest.mark.parametrize(
    ("command", "data", "rest", "lost"),
    [
        (0x50, "0098968100000e10", NOMINAL, ["rated_capacity_ah"]),
        (0x50, "0000753000001771", RATED, ["nominal_cell_voltage"]),
        (0x50, "0000753001000e10", RATED, ["nominal_cell_voltage"]),
        (0x50, "ffffffff00000e10", NOMINAL, []),
        (0x50, "00007530ffffffff", RATED, []),
        (0x51, "00", {}, ["measuring_boards"]),
        (0x51, "04", {}, ["measuring_boards"]),
        (0x51, "ff", {}, []),
        (0x52, "05f5e10100000007", {"discharged_ah": 7}, ["charged_ah"]),
        (0x52, "0000000705f5e101", {"charged_ah": 7}, ["discharged_ah"]),
        (0x52, "ffffffff00000007", {"discharged_ah": 7}, []),
        (0x52, "00000007ffffffff", {"charged_ah": 7}, []),
        (0x53, "030016080a", {"chemistry": "sodium-ion", "production_date": "2022-08-10"}, []),
        (0x53, "040016080a", {"production_date": "2022-08-10"}, []),
        (0x53, "ff0016080a", {"production_date": "2022-08-10"}, []),
        (0x53, "010016021e", {"chemistry": "NMC"}, []),
        (0x53, "ffffffffffff", {}, []),
    ],
)
def test_what_cannot_be_loses_itself_alone(
    command: int, data: str, rest: dict[str, Any], lost: list[str]
) -> None:
    """Whether the others are in its message or not; asked again first, as a sum of 8 bits is weak."""
    texts = {0x54: reply(0x54, b"20230406"), 0x63: text(0x63, "DL-BMS-R32-01E", 2)}
    bms = attach(
        talk({0x94: STATUS, command: reply(command, data), **texts}), protocol="a5", request_retries=1
    )
    info = bms.get_info()
    assert info.pop("firmware_index") == "20230406"
    assert info.pop("hardware_version") == "DL-BMS-R32-01E"
    assert info == {**BARE, **rest}
    assert list(bms.unusable) == [f"info.{key}" for key in lost]


@pytest.mark.parametrize(
    ("data", "rest"), [("000100", {"temperature_sensors": 1}), ("0e1100", {"cells": 14})]
)
def test_a_count_that_cannot_be_does_not_cost_the_other(data: str, rest: dict[str, int]) -> None:
    bms = attach(talk({0x94: reply(0x94, data), 0x54: reply(0x54, b"20230406")}), protocol="a5")
    info = bms.get_info()
    assert info["firmware_index"] == "20230406"
    assert {key: info[key] for key in ("cells", "temperature_sensors") if key in info} == rest
    with pytest.raises(ValueError, match="cannot be"):
        bms.get_status()


@pytest.mark.parametrize(
    ("command", "data"), [(0x50, "0000000000000000"), (0x53, "00000000000000")], ids=["ratings", "date"]
)
def test_what_was_never_set_is_absent(command: int, data: str) -> None:
    found = battery({command: reply(command, data)}).get_info()
    assert {key: value for key, value in found.items() if key not in BARE} in ({}, {"chemistry": "LFP"})


def test_a_board_that_answers_nothing_of_it() -> None:
    replies = {0x90: reply(0x90, "0212000075300384")}
    with pytest.raises(NoReply):
        attach(talk(replies), protocol="a5", request_retries=1).get_info()


def test_every_key_is_declared_with_its_unit() -> None:
    fields = [field for row in INFO for field in row.fields]
    fields += [row.field for table in (d2, p81) for row in table.MAP.of("info")]
    declared = readings.Info.__annotations__
    assert {field.name for field in fields} | set(BARE) == set(declared)
    assert a5_commands.INFO[0].section == "info"


def test_info_is_what_json_takes() -> None:
    info = attach(talk({0x94: STATUS, 0x63: text(0x63, "DL-BMS", 2)}), request_retries=0).get_info()
    assert json.loads(json.dumps(info, allow_nan=False)) == info
