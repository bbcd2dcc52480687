"""The frame that D2 and P81 share: every recorded answer, any cut, any noise."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from register_replay import RECORDS, pieces

from dalybms.protocols.modbus.frame import ModbusReader, Registers, crc, find, read_request

MODBUS = [record for record in RECORDS.values() if record["protocol"] in ("d2", "p81")]
GOOD = [record for record in MODBUS if record["crc_ok"]]
D2 = (0xD2,)
LONGEST = 80 * 2 + 5


def whole_frames(record: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(frame) for frame in record["valid_frames"] or ["".join(record["notifications"])]]


def read_all(reader: ModbusReader, chunks: list[bytes]) -> list[Registers]:
    return [frame for chunk in chunks for frame in reader.feed(chunk)]


def source(record: dict[str, Any]) -> int:
    return int("".join(record["notifications"])[:2], 16)


def build(address: int, data: bytes) -> bytes:
    body = bytes((address, 3, len(data))) + data
    return body + crc(body)


@pytest.mark.parametrize("record", GOOD, ids=lambda record: record["id"])
@pytest.mark.parametrize("size", [0, 1, 7, 20])
def test_recorded_answers_are_found(record: dict[str, Any], size: int) -> None:
    stream = b"".join(pieces(record))
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)] if size else pieces(record)
    reader = ModbusReader((source(record),))
    frames = read_all(reader, chunks)
    assert [frame.data for frame in frames] == [
        whole[3:-2] if whole[1] == 3 else whole[2:-2] for whole in whole_frames(record)
    ]
    assert reader.skipped == 0


@pytest.mark.parametrize(
    "record", [record for record in MODBUS if not record["crc_ok"]], ids=lambda r: r["id"]
)
def test_damaged_answers_are_not(record: dict[str, Any]) -> None:
    assert read_all(ModbusReader((source(record),)), pieces(record)) == []


@pytest.mark.parametrize("record", MODBUS, ids=lambda record: record["id"])
def test_recorded_questions_have_our_checksum(record: dict[str, Any]) -> None:
    asked = bytes.fromhex(record["request"])
    assert asked[-2:] == crc(asked[:-2])
    if asked[1] == 3:
        assert asked == read_request(asked[0], int.from_bytes(asked[2:4], "big"), asked[5])


def test_payloads_computed_elsewhere() -> None:
    checked = 0
    for record in GOOD:
        frames = read_all(ModbusReader((source(record),)), pieces(record))
        stated = [part["payload"] for part in record["computed"] if "payload" in part]
        if len(stated) == len(frames):
            assert [frame.data.hex() for frame in frames] == stated
            checked += 1
    assert checked >= 30


frames_ = st.lists(st.binary(min_size=2, max_size=80).filter(lambda data: len(data) % 2 == 0), max_size=5)


@given(frames_, st.integers(1, 300))
def test_any_frames_survive_any_cut(data: list[bytes], size: int) -> None:
    stream = b"".join(build(0xD2, each) for each in data)
    reader = ModbusReader(D2)
    found = read_all(reader, [stream[at : at + size] for at in range(0, len(stream), size)])
    assert [frame.data for frame in found] == data


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_no_input_makes_the_reader_raise_or_grow(chunks: list[bytes]) -> None:
    reader = ModbusReader((0xD2, 0x51))
    for chunk in chunks:
        reader.feed(chunk)
        assert len(reader._buffer) < 256 + 5


@given(st.binary(max_size=60), st.binary(min_size=10, max_size=10))
def test_noise_before_an_answer_is_given_up_byte_by_byte(noise: bytes, data: bytes) -> None:
    answer = build(0xD2, data)
    reader = ModbusReader(D2, length=10)
    found = read_all(reader, [noise, answer, bytes(LONGEST)])
    assert found[-1] == Registers(0xD2, 3, data)


@pytest.mark.parametrize("cut", range(1, 129))
def test_an_answer_that_lost_its_end_does_not_hide_the_next(cut: int) -> None:
    whole = whole_frames(RECORDS["d2-btsnoop-02"])[0]
    reader = ModbusReader(D2, length=124)
    assert read_all(reader, [whole[:cut], whole]) == [Registers(0xD2, 3, whole[3:-2])]


def test_every_flipped_bit_is_noticed() -> None:
    whole = whole_frames(RECORDS["d2-sheet-0"])[0]
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        assert read_all(ModbusReader(D2), [bytes(flipped)]) == []


def test_two_to_four_flipped_bits_are_noticed() -> None:
    whole = whole_frames(RECORDS["p81-ess-00"])[0]
    draw = random.Random(1)
    for _ in range(3000):
        flipped = bytearray(whole)
        for bit in draw.sample(range(8 * len(whole)), draw.randint(2, 4)):
            flipped[bit // 8] ^= 1 << bit % 8
        assert read_all(ModbusReader((0x51,), length=128), [bytes(flipped)]) == []


@pytest.mark.parametrize("wrong", [0, 1, 122, 126, 128, 254])
def test_a_head_with_another_length_is_no_head(wrong: int) -> None:
    reader = ModbusReader(D2, length=124)
    assert reader.feed(bytes((0xD2, 3, wrong))) == []
    assert len(reader._buffer) < 3


def test_an_echo_is_no_answer() -> None:
    for start in range(256):
        asked = read_request(0xD2, start, 62)
        assert ModbusReader(D2, length=124).feed(asked) == []


def test_another_address_is_no_answer() -> None:
    assert ModbusReader((0x51,), length=2).feed(build(0x52, b"\0\1")) == []


def test_reset_forgets() -> None:
    reader = ModbusReader(D2)
    whole = build(0xD2, b"\1\2")
    reader.feed(b"\xff" + whole[:4])
    assert reader.skipped == 1
    reader.reset()
    assert (reader.feed(whole[4:]), reader.skipped) == ([], len(whole[4:]))


@pytest.mark.parametrize(("code", "not_there"), [(1, True), (2, True), (3, True), (4, False), (6, False)])
def test_exception_frames(code: int, not_there: bool) -> None:
    body = bytes((0xD2, 0x83, code))
    (frame,) = ModbusReader(D2, length=124).feed(body + crc(body))
    assert (frame.refusal, frame.not_there) == (code, not_there)
    assert Registers(0xD2, 3, b"\2\2").refusal is None


def test_find_looks_behind_an_unfinished_answer() -> None:
    whole = build(0x53, b"\0\1")
    assert find(b"\xd2\x03\x7c" + whole, (0xD2, 0x53)) == Registers(0x53, 3, b"\0\1")
    assert find(whole, D2) is None
