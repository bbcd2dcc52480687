"""What boards say of themselves: texts that some store backwards, serial numbers, dates, blank blocks."""

from __future__ import annotations

from typing import Any

import pytest
from register_replay import RECORDS, board, data_of, registers
from support import attach, captures, reply, talk

from dalybms.protocols.identity import upright

SECOND: dict[str, dict[str, Any]] = {record["id"]: record for record in captures("second")}
QUIET = registers(RECORDS["d2-syssi-test-status_frame_62_reg_no_alarms"])
SETTINGS = registers(RECORDS["d2-syssi-test-settings_frame_1"])
BACKWARDS = {
    "T00K_218042_11": "11_240812_K00T",
    "T00K_321042_11": "11_240123_K00T",
    "3T10_423052_06": "60_250324_01T3",
    "B002_111132_03": "30_231111_200B",
    "6T10_613062_07": "70_260316_01T6",
    "E303-030TS-SMB": "BMS-ST030-303E",
    "E303-032DG-SMB": "BMS-GD230-303E",
    "F903_E301_1.2H": "H2.1_103E_309F",
    "F9F903_R301_0.2H": "H2.0_103R_309F9F",
    "3.1V-KT42R-BHJ": "JHB-R24TK-V1.3",
    "A2001-92701202": "20210729-1002A",
}
FORWARDS = [
    *BACKWARDS.values(),
    "11_230331_IN0T",
    "12_231025_001T",
    "12_260120_K00T",
    "20_230401_T01X",
    "41_260321_0323",
    "70_260625_01T4",
    "BMS-ST103-309E",
    "BMS-ST103-303E",
    "DL-BMS-R32-01E",
    "ESS-DL-BMS",
    "ESS41_0323",
    "DL_HKMS_3.2.E",
    "H2.1_103E_30XF",
    "JHB-R24TM-V2.2",
    "SH39F003",
    "401012",
    "204012",
    "BMS",
    "20230406",
    "R24TK1A-8S100A",
]
"""Texts of captures and documents as they are meant."""


@pytest.mark.parametrize(("stored", "meant"), BACKWARDS.items())
def test_backwards_is_turned(stored: str, meant: str) -> None:
    assert upright(stored) == meant


@pytest.mark.parametrize("text", FORWARDS)
def test_forwards_stays(text: str) -> None:
    assert upright(text) == text


def test_what_looks_like_a_version_both_ways_stays() -> None:
    for text in ("11_111111_11", "BMS-X-BMS", "11_230131_20_131032_11"):
        assert upright(text) == text


def d2(software: bytes, hardware: bytes = b"", more: dict[int, int] | None = None) -> Any:
    raw = software.ljust(16, b"\0") + hardware.ljust(16, b" ") + bytes(32)
    known = {0xA9 + n: int.from_bytes(raw[2 * n : 2 * n + 2], "big") for n in range(32)}
    return attach(board(0xD2, 0xD2, {**QUIET, **SETTINGS, **known, **(more or {})}), protocol="d2")


@pytest.mark.parametrize(("stored", "meant"), [*BACKWARDS.items(), *((text, text) for text in FORWARDS)])
def test_both_versions_of_d2(stored: str, meant: str) -> None:
    info = d2(stored.encode(), stored.encode()).get_info()
    assert (info["software_version"], info["hardware_version"]) == (meant, meant)


@pytest.mark.parametrize("tail", [b"\0\x32", b"\x05A", b"\0\0", b"\xff\xff", b"\x80\x81"])
def test_the_last_register_of_a_version_need_not_be_text(tail: bytes) -> None:
    info = d2(b"T00K_218042_11" + tail, b"3.1V-KT42R-BHJ" + tail).get_info()
    assert (info["software_version"], info["hardware_version"]) == ("11_240812_K00T", "JHB-R24TK-V1.3")


@pytest.mark.parametrize("name", ["b2-04-version-1", "b2-04-version-2"])
def test_recorded_versions_of_an_lto_pack(name: str) -> None:
    record = SECOND[name]
    raw = data_of({"notifications": record["responses"]})
    info = d2(raw, raw).get_info()
    assert {info["software_version"], info["hardware_version"]} == {record["expected"]["text"]}


def test_recorded_chemistry_of_a_sodium_pack() -> None:
    record = SECOND["b2-05-chem3"]
    raw = data_of({"notifications": record["responses"]})
    settings = {0x80 + n: int.from_bytes(raw[2 * n : 2 * n + 2], "big") for n in range(len(raw) // 2)}
    info = d2(b"", b"", settings).get_info()
    assert (info["chemistry"], info["rated_capacity_ah"]) == ("sodium-ion", 100.0)


SERIAL = b"DL240100230000"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (SERIAL, SERIAL.decode()),
        (bytes(14), None),
        (b"\xff" * 14, None),
        (SERIAL[:13] + b"\0", None),  # 14 characters, or the numbers of a modem
        (b"\0A" * 7, None),
        (b"\x01\x02" * 7, None),
    ],
)
def test_serial_number_of_d2(raw: bytes, shown: str | None) -> None:
    words = {0x57 + n: int.from_bytes(raw[2 * n : 2 * n + 2], "big") for n in range(7)}
    assert d2(b"11_240812_K00T", b"", words).get_info().get("serial_number") == shown


def test_a_board_that_is_silent_about_its_serial_number() -> None:
    bms = d2(b"11_240812_K00T")
    assert bms.get_info()["software_version"] == "11_240812_K00T"
    before = bms.clock()
    for _ in range(3):
        assert "serial_number" not in bms.get_info()
    script = bms._link._transport.line
    assert [request[3] for request in script.requests].count(0x57) == 2, "silent in two readings"
    assert before - 100 > 0.25


@pytest.mark.parametrize("block", [(0x80, 41), (0xA9, 32), (0xCC, 2), (0x57, 7)])
def test_a_block_of_ffff_costs_nothing_but_itself(block: tuple[int, int]) -> None:
    start, size = block
    whole = d2(b"T00K_218042_11", b"E303-030TS-SMB", {0xCC: 0x1705, 0xCD: 0x0900})
    bms = d2(
        b"T00K_218042_11",
        b"E303-030TS-SMB",
        {0xCC: 0x1705, 0xCD: 0x0900, **dict.fromkeys(range(start, start + size), 0xFFFF)},
    )
    found, all_of_it = bms.get_info(), whole.get_info()
    assert found.items() <= all_of_it.items()
    assert len(found) >= len(all_of_it) - 3
    assert bms.unusable == {}


@pytest.mark.parametrize(
    ("register", "raw", "key"),
    [
        (0x81, 6001, "nominal_cell_voltage"),
        (0x31, 33, "cells"),
        (0x31, 0, "cells"),
        (0x32, 9, "temperature_sensors"),
    ],
)
def test_one_value_that_cannot_be(register: int, raw: int, key: str) -> None:
    whole, bms = d2(b"T00K_218042_11"), d2(b"T00K_218042_11", b"", {register: raw})
    expected = {name: value for name, value in whole.get_info().items() if name != key}
    assert bms.get_info() == expected
    assert list(bms.unusable) == [f"info.{key}"]


@pytest.mark.parametrize(
    ("date", "shown"),
    [
        ("190c05", "2025-12-05"),
        ("18021d", "2024-02-29"),
        ("19021d", None),
        ("19041f", None),
        ("190d01", None),
        ("19011f", "2025-01-31"),
        ("000101", None),
        ("ffffff", None),
    ],
)
def test_dates(date: str, shown: str | None) -> None:
    bms = attach(talk({0x94: reply(0x94, "0801"), 0x53: reply(0x53, "0000" + date)}), request_retries=0)
    assert bms.get_info().get("production_date") == shown


A5_TEXTS = [record for record in SECOND.values() if record["id"].startswith(("a5h2-03", "a5h2-04"))]


@pytest.mark.parametrize("record", A5_TEXTS, ids=lambda record: record["id"])
def test_recorded_a5_answers(record: dict[str, Any]) -> None:
    """Rebuilt from what scripts and tools of other people printed."""
    command = int(record["request"][4:6], 16)
    stream = bytes.fromhex("".join(record["responses"]))
    bms = attach(talk({0x94: reply(0x94, "1304"), command: stream}), protocol="a5", request_retries=0)
    info: dict[str, Any] = dict(bms.get_info())
    told = {key: value for key, value in record["expected"].items() if key in KNOWN}
    assert told
    assert told.items() <= info.items()
    assert bms.unusable == {}


@pytest.mark.parametrize(("stored", "meant"), [*BACKWARDS.items(), *((text, text) for text in FORWARDS)])
def test_both_versions_of_a5(stored: str, meant: str) -> None:
    raw = stored.encode()[:14].ljust(14, b"\0")

    def frames(command: int) -> bytes:
        return b"".join(reply(command, bytes((n + 1,)) + raw[7 * n : 7 * n + 7]) for n in range(2))

    bms = attach(talk({0x94: reply(0x94, "0801"), 0x62: frames(0x62), 0x63: frames(0x63)}), request_retries=0)
    info = bms.get_info()
    shown = upright(stored[:14])
    assert (info["software_version"], info["hardware_version"]) == (shown, shown)
    assert shown == meant or len(stored) > 14


KNOWN = {"rated_capacity_ah", "nominal_cell_voltage", "measuring_boards", "charged_ah", "discharged_ah"}
KNOWN |= {
    "chemistry",
    "production_date",
    "firmware_index",
    "battery_code",
    "software_version",
    "hardware_version",
}
