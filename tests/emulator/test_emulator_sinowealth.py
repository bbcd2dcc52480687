"""The fake Sinowealth board against real exchanges: dreadnought/python-daly-bms #1 (4S) and #9 (16S)."""

from __future__ import annotations

import pytest

from dalybms.emulator.line import Line
from dalybms.emulator.pack import Pack
from dalybms.emulator.sinowealth import SinowealthBoard, crc8


def ask(board: SinowealthBoard, text: str) -> str:
    replies = board.feed(bytes.fromhex(text))
    assert [len(reply) for reply in replies] == [1]
    return replies[0][0].hex()


@pytest.mark.parametrize(
    ("cells", "request_", "reply"),
    [
        ([3331, 3331, 3331, 3332], "0a0102", "0d03fd"),
        ([3331, 3331, 3331, 3332], "0a0b02", "340d0f"),
        ([3709] * 16, "0a0102", "0e7dbf"),
        ([3709] * 16, "0a0202", "0e7d85"),
        ([3709] * 16, "0a0302", "0e7d93"),
        ([3710] * 16, "0a0302", "0e7e9a"),
        ([3710] * 16, "0a0402", "0e7ef8"),
    ],
)
def test_real_exchanges(cells: list[int], request_: str, reply: str) -> None:
    assert ask(SinowealthBoard(Pack.of(cells)), request_) == reply


VALUES = {
    0x01: "0ce4",
    0x04: "0000",
    0x05: "0000",
    0x0A: "0000",
    0x0B: "26ac",
    0x0C: "0b7d",
    0x0D: "0000",
    0x0E: "0ba5",
    0x0F: "0000",
    0x10: "ffffcff4",
    0x11: "000445c0",
    0x12: "00022e08",
    0x13: "0032",
    0x14: "002a",
    0x15: "000b",
    0x16: "0102",
    0x17: "0041",
    0x18: "0000",
}


@pytest.mark.parametrize("register", VALUES)
def test_registers(register: int) -> None:
    pack = Pack.of(
        [3300, 3300, 3300, 0], [61, 0], soc=505, capacity=142856, mosfet_temperature=65, battery_status=0x102
    )
    length = len(VALUES[register]) // 2
    request = bytes((0x0A, register, length))
    reply = SinowealthBoard(pack).feed(request)[0][0]
    assert reply[:-1].hex() == VALUES[register]
    assert crc8(request + reply[:-1]) == reply[-1]


def test_two_byte_registers_may_be_asked_with_length_four() -> None:
    request = bytes.fromhex("0a0104")
    reply = SinowealthBoard(Pack.of([3331] * 4)).feed(request)[0][0]
    assert reply[:4].hex() == "0d030000"
    assert crc8(request + reply[:4]) == reply[4]


def test_a_unit_of_16_cells_has_cells_where_others_have_more() -> None:
    board = SinowealthBoard(Pack.of([3300 + number for number in range(16)]))
    assert ask(board, "0a0b02")[:4] == "0cee"
    assert ask(board, "0a0f02")[:4] == "0cf2"


def test_states() -> None:
    charging = Pack.of(4, 1, state=1, charge_mosfet=1, discharge_mosfet=0)
    assert ask(SinowealthBoard(charging), "0a1502")[:4] == "0005"
    assert ask(SinowealthBoard(charging), "0a1702")[:4] == "0001"
    assert ask(SinowealthBoard(Pack.of(4, pack_status=0x8000, pack_config=0x47)), "0a1502")[:4] == "8000"
    assert ask(SinowealthBoard(Pack.of(4, pack_config=0x47)), "0a1702")[:4] == "0047"
    assert ask(SinowealthBoard(Pack.of(4, registers={0x0B: 12})), "0a0b02")[:4] == "000c"


def test_unknown_and_unsupported_registers_are_not_answered() -> None:
    board = SinowealthBoard(Pack.of(4), unsupported=(0x16,))
    assert board.feed(bytes.fromhex("0a00020a19020a1602")) == [[], [], []]


def test_requests_survive_any_cut_and_junk() -> None:
    sent = bytes.fromhex("ff0a0900" + "0a0102" + "00" + "0a0202")
    for at in range(len(sent)):
        board = SinowealthBoard(Pack.of([3331, 3332, 3333, 3334]))
        replies = board.feed(sent[:at]) + board.feed(sent[at:])
        assert [reply[0][:2].hex() for reply in replies] == ["0d03", "0d04"]


def test_foreign_and_zero_replies_have_their_checksums() -> None:
    board = SinowealthBoard(Pack.of([3331] * 4))
    own = board.feed(bytes.fromhex("0a0102"))[0]
    zero, foreign = board.zeroed(own)[0], board.foreign(own)[0]
    assert zero == bytes(2) + bytes((crc8(bytes.fromhex("0a01020000")),))
    assert crc8(bytes.fromhex("0a0002") + foreign) == 0
    assert crc8(bytes.fromhex("0a0102") + foreign) != 0


def test_a_short_request_echoes_in_part() -> None:
    line = Line([SinowealthBoard(Pack.of([3331] * 4))], faults=["echo-partial"], latency=0.02)
    line.write(bytes.fromhex("0a0102"), 0.0)
    assert line.take(0.01) in (b"\x01\x02", b"\x02")
    assert line.injected["echo-partial"] == 1
