"""Public records of whole boards that the third search found: every value is the one worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from support import Script, attach, captures, reply

from dalybms import DalyBMS, DalyBMSBluetooth, NoReply
from dalybms.protocols.modbus.frame import crc

RECORDS = {record["id"]: record for record in captures("third")}
SPOILT = "louis165"
A5 = [name for name, record in RECORDS.items() if record["protocol"] == "a5" and name != SPOILT]
TOLD = ("soc", "cell_voltage_range", "temperature_range", "status", "mosfet_status")
KINDS = [DalyBMS, DalyBMSBluetooth]


def a5_board(record: dict[str, Any]) -> Script:
    """Answers each command with the recorded frames of it, as its board; 16 cells if no frame says it."""
    frames: dict[int, bytes] = {}
    for text in record["responses"]:
        frame = bytes.fromhex(text)
        frames[frame[2]] = frames.get(frame[2], b"") + frame
    frames.setdefault(0x94, reply(0x94, b"\x10\x01", record["board"]))

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        mine = request[1] == 0x3F + record["board"]
        return [(0.04, frames[request[2]])] if mine and request[2] in frames else []

    return Script(answer)


def register_board(asked: int, answers: int, first: int, words: bytes) -> Script:
    """Holds the recorded registers and answers any question that stays within them."""

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        start, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        at = 2 * (start - first)
        if request[:2] != bytes((asked, 3)) or at < 0 or at + 2 * count > len(words):
            return []
        body = bytes((answers, 3, 2 * count)) + words[at : at + 2 * count]
        return [(0.04, body + crc(body))]

    return Script(answer)


def words_of(record: dict[str, Any]) -> bytes:
    """What the recorded answer carries; its own checksum has to be right."""
    frame = bytes.fromhex(record["responses"][0])
    assert frame[-2:] == crc(frame[:-2])
    return frame[3:-2]


def place(words: bytearray, record: dict[str, Any]) -> None:
    first, recorded = record.get("first_register", 0), words_of(record)
    words[2 * first : 2 * first + len(recorded)] = recorded


def numbered(values: dict[str, Any]) -> dict[int, Any]:
    return {int(number): value for number, value in values.items()}


@pytest.mark.parametrize("name", A5)
def test_what_a_recorded_a5_board_says(name: str) -> None:
    record = RECORDS[name]
    bms = attach(a5_board(record), protocol="a5", board=record["board"], request_retries=1)
    for section, expected in record["expected"].items():
        found = getattr(bms, f"get_{section}")()
        if section in ("cell_voltages", "temperatures"):
            assert found == numbered(expected), section
        elif section == "faults":
            assert [fault["code"] for fault in found] == expected
        else:
            assert {key: found[key] for key in expected} == expected, section


def test_a_list_with_a_spoilt_frame_is_an_error() -> None:
    """Two bytes and the sum of the fifth frame are lost: no cell moves to another's place."""
    record = RECORDS[SPOILT]
    with pytest.raises(NoReply, match="damaged or incomplete"):
        attach(a5_board(record), protocol="a5", request_retries=1).get_cell_voltages()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in RECORDS if name.startswith("d2-blue-")])
def test_a_blue_board_with_80_registers(kind: type[DalyBMS], name: str) -> None:
    """Three packs; in the last record the lowest of the list is 1 mV below the lowest of the range."""
    record = RECORDS[name]
    expected = dict(record["expected"])
    found: Any = attach(register_board(0xD2, 0xD2, 0, words_of(record)), kind()).get_all()
    assert list(found["cell_voltages"].values()) == expected.pop("cells")
    assert list(found["temperatures"].values()) == expected.pop("temperatures")
    assert found["soc"] == {**found["soc"], **expected.pop("soc")}
    told = {key: value for section in TOLD for key, value in found[section].items()}
    assert abs(abs(told["power"]) - expected.pop("power_w")) < 1  # the board's own product of the two
    assert {key: told[key] for key in expected} == expected
    assert found["errors"] == []


@pytest.mark.parametrize("name", ["d2-mosfet-1", "d2-mosfet-2", "d2-mosfet-3"])
def test_a_block_of_the_mosfets_with_registers_of_nothing_but_ff(name: str) -> None:
    record = RECORDS[name]
    words = bytearray(words_of(RECORDS["d2-blue-1"]))
    place(words, record)
    found: Any = attach(register_board(0xD2, 0xD2, 0, bytes(words)), protocol="d2").get_all()
    told = {key: value for section in TOLD for key, value in found[section].items()}
    assert {key: told[key] for key in record["expected"]} == record["expected"]
    assert found["errors"] == []


@pytest.mark.parametrize("name", ["p81-806-status-1", "p81-806-status-2"])
def test_a_p81_board_with_four_cells_and_broken_sensors(name: str) -> None:
    """Both sensors are connected and give no temperature: 00FF, and the board names it as a fault."""
    live, status = RECORDS["p81-806-live"], RECORDS[name]
    words = bytearray(2 * 0x7F)
    for record in (live, status):
        place(words, record)
    bms = attach(register_board(0x81, 0x51, 0, bytes(words)), protocol="p81")
    expected = {**live["expected"], **status["expected"]}
    found: Any = bms.get_all()
    assert list(found["cell_voltages"].values()) == expected.pop("cells")
    assert found["temperatures"] == expected.pop("temperatures")
    assert found["soc"] == {**found["soc"], **expected.pop("soc")}
    assert [fault["code"] for fault in bms.get_faults()] == expected.pop("faults")
    told = {key: value for section in TOLD for key, value in found[section].items()}
    assert {key: told[key] for key in expected} == expected
