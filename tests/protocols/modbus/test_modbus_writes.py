"""Recorded writes of the vendor's tool and of a robot: built and read byte for byte. Nothing sends them."""

from __future__ import annotations

from typing import Any

import pytest
from register_replay import RECORDS, words
from support import captures

from dalybms.protocols.modbus.frame import (
    ModbusReader,
    Registers,
    acknowledges,
    write_request,
    write_several_request,
)

WRITES = [record for record in captures("second") if record["request"] and record["request"][2:4] != "03"]
WRITES = [record for record in WRITES if record["protocol"] == "p81"]
ANSWERED = [record for record in WRITES if record["responses"]]
NUMBERS = {"b2-06-keylogic": (0x120, 0x5A)}
NUMBERS.update({"b2-07-write-1": (0x142, 1234), "b2-07-write-3": (0x145, 30129)})
NUMBERS.update({"b2-07-write-6": (0x122, 0)})
SEVERAL = {"b2-07-write-7": (0x109, [0, 23000]), "b2-07-write-11": (0x129, [0x190C, 0x0500])}


def frames(record: dict[str, Any], chunk: int = 99) -> list[Registers]:
    raw = bytes.fromhex("".join(record["responses"]))
    reader = ModbusReader((0x51, 0x52))
    return [frame for at in range(0, len(raw), chunk) for frame in reader.feed(raw[at : at + chunk])]


def test_no_recorded_write_is_left_out() -> None:
    assert {record["id"] for record in WRITES} == {*NUMBERS, *SEVERAL}


@pytest.mark.parametrize("record", WRITES, ids=lambda record: record["id"])
def test_recorded_writes_are_built_byte_for_byte(record: dict[str, Any]) -> None:
    address = int(record["request"][:2], 16)
    if record["id"] in NUMBERS:
        built = write_request(address, *NUMBERS[record["id"]])
    else:
        built = write_several_request(address, *SEVERAL[record["id"]])
    assert built.hex() == record["request"]


@pytest.mark.parametrize(
    "record", [each for each in WRITES if each["responses"]], ids=lambda each: each["id"]
)
@pytest.mark.parametrize("chunk", [1, 3, 99])
def test_recorded_answers_acknowledge_their_write_alone(record: dict[str, Any], chunk: int) -> None:
    (frame,) = frames(record, chunk)
    assert frame.source == 0x51
    others = [other for other in WRITES if acknowledges(frame, bytes.fromhex(other["request"]))]
    assert others == [record]


def test_what_acknowledges_nothing() -> None:
    asked = write_request(0x81, 0x121, 1)
    assert acknowledges(Registers(0x51, 0x06, asked[2:6]), asked)
    assert not acknowledges(Registers(0x51, 0x10, asked[2:6]), asked)
    assert not acknowledges(Registers(0x51, 0x06, write_request(0x81, 0x121, 0)[2:6]), asked)
    assert not acknowledges(Registers(0x51, 0x86, b"\x02"), asked), "a refusal"
    read = bytes.fromhex("8103000000405bfa")
    assert not acknowledges(Registers(0x51, 0x03, read[2:6]), read), "a read"


def test_d2_writes_go_to_the_one_address() -> None:
    """The vendor's sheet and an app: `D2 06`, answered with the same eight bytes."""
    asked = write_request(0xD2, 0x00A6, 0)
    (frame,) = ModbusReader((0xD2,)).feed(asked)
    assert acknowledges(frame, asked)


@pytest.mark.parametrize(
    "asked", sorted({each["request"] for each in RECORDS.values() if each["request"][2:4] in ("06", "10")})
)
def test_writes_of_the_other_records(asked: str) -> None:
    """The vendor's sheet, its tool, and its app, which sets the clock at each connect."""
    raw = bytes.fromhex(asked)
    register, value = words(raw[2:6])
    if raw[1] == 0x06:
        assert write_request(raw[0], register, value) == raw
    elif len(raw) == 8 + 2 * value:
        assert write_several_request(raw[0], register, words(raw[6:-2])) == raw
    else:
        raise AssertionError("a write with a byte count")
