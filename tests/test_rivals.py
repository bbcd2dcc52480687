"""Another program asks the same board on the same line: its questions, and what answers them, are not ours.

Boards and masters are written by hand from the documents; virtual time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from support import HEALTHY, Script, attach, reply

from dalybms import BadReply, NotSupported, WriteUnverified
from dalybms.protocols.a5.frame import Frame
from dalybms.protocols.modbus.frame import Registers
from dalybms.protocols.modbus.questions import read_of
from dalybms.protocols.modbus.register_map import Block
from dalybms.protocols.rivals import Stream, is_repeated

Pieces = list[tuple[float, bytes]]
LATENCY = 0.04


def sealed(*body: int) -> bytes:
    value = 0xFFFF
    for byte in body:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return bytes(body) + value.to_bytes(2, "little")


def read(asked: int, start: int, count: int) -> bytes:
    return sealed(asked, 3, start >> 8, start & 255, 0, count)


class Board:
    """Board 1 of P81 with 16 cells of 3.3 V. Its other registers hold what no reading of it may show."""

    def __init__(self) -> None:
        self.registers = dict.fromkeys(range(0x300), 0x1234)
        self.registers.update({at: 3300 if at < 16 else 0 for at in range(0x30)})
        self.registers.update({0x30: 60, 0x31: 61, **dict.fromkeys(range(0x32, 0x38), 0)})
        self.registers.update({0x38: 528, 0x39: 30000, 0x3A: 701, 0x3B: 1, 0x3C: 16, 0x3D: 2})
        self.registers.update({0x3E: 3300, 0x3F: 1, 0x40: 3300, **dict.fromkeys(range(0x41, 0x80), 0)})
        self.registers.update(
            {0x41: 1, 0x43: 61, 0x44: 2, 0x45: 60, 0x46: 1, 0x4B: 1500, 0x4C: 77, 0x4E: 30000}
        )
        self.registers.update({0x52: 1, 0x53: 1, 0x57: 3300, 0x121: 1, 0x122: 1, 0xAB: 1, 0xAC: 0})

    def answer(self, request: bytes) -> bytes:
        start = int.from_bytes(request[2:4], "big")
        if request[:2] == b"\x81\x06":
            self.registers[start] = int.from_bytes(request[4:6], "big")
            return sealed(0x51, 6, *request[2:6])
        if request[:2] != b"\x81\x03":
            return b""
        words = [self.registers[start + at].to_bytes(2, "big") for at in range(request[5])]
        return sealed(0x51, 3, 2 * request[5], *b"".join(words))


class Line:
    """A board that is asked by us, and by somebody else whenever `beside` says so.

    beside(request, n): what else comes in answer to our question n: pieces, and does the board answer us?
    """

    def __init__(self, beside: Any, board: Any = None) -> None:
        self.board, self._beside = board or Board(), beside
        self.script = Script(self._answer)

    def _answer(self, request: bytes, n: int) -> Pieces:
        pieces, heard = self._beside(request, n)
        own = self.board.answer(request) if heard else b""
        return [*pieces, *([(LATENCY, own)] if own else [])]


STATUS, OTHER = read(0x81, 0x41, 62), read(0x81, 0x200, 62)
"""Ours, and a rival's of the same length."""


def likeness() -> Board:
    """Its other registers would pass for the status, with 99.9 Ah in the place of 150."""
    board = Board()
    board.registers.update({0x200 + at: board.registers[0x41 + at] for at in range(62)})
    board.registers[0x200 + 0x4B - 0x41] = 999
    return board


@pytest.mark.parametrize("heard", [True, False])
@pytest.mark.parametrize("first", ["before", "behind"])
def test_an_answer_that_somebody_else_may_have_asked_for_is_none(heard: bool, first: str) -> None:
    """heard: the board answers both, else only him. first: his answer comes before or behind ours."""
    his = likeness().answer(OTHER)
    asked: list[bytes] = []

    def beside(request: bytes, n: int) -> tuple[Pieces, bool]:
        asked.append(request)
        if asked.count(STATUS) != 1 or request != STATUS:
            return [], True
        return [(0.01, OTHER), (0.03 if first == "before" else 0.3, his)], heard

    found = attach(Line(beside).script, board=1, protocol="p81").get_all()
    assert found["mosfet_status"]["capacity_ah"] == 150.0
    assert found["status"]["cycles"] == 77
    assert found["errors"] == []


def test_whoever_was_asked_right_before_us_answers_first() -> None:
    """His question lies in the buffer, its answer is on its way: asked now, the board would not hear."""
    line = Line(lambda request, n: ([], True)).script
    bms: Any = attach(line, board=1, protocol="p81")
    bms.get_soc()
    bms.clock.now += 10
    line._pieces += [(bms.clock.now, OTHER), (bms.clock.now + 0.06, Board().answer(OTHER))]
    came = bms.clock.now + 0.06
    assert bms.get_mosfet_status()["capacity_ah"] == 150.0
    assert came < line.sent[-2][0] < came + 0.15


def test_who_was_asked_right_before_us_and_answers_late_answers_him() -> None:
    """The board has not heard us."""
    board = likeness()
    asked: list[bytes] = []

    def beside(request: bytes, n: int) -> tuple[Pieces, bool]:
        asked.append(request)
        return [], request != STATUS or asked.count(STATUS) != 2

    line = Line(beside, board).script
    bms: Any = attach(line, board=1, protocol="p81")
    assert bms.get_mosfet_status()["capacity_ah"] == 150.0
    bms.clock.now += 10
    line._pieces += [(bms.clock.now, OTHER), (bms.clock.now + 0.2, board.answer(OTHER))]
    assert bms.get_mosfet_status()["capacity_ah"] == 150.0
    assert asked.count(STATUS) == 3


@pytest.mark.parametrize("echo", [True, False])
def test_two_that_ask_the_same_take_the_same_answer(echo: bool) -> None:
    """The same board, the same registers: whoever asked, it is true, and nothing is asked again."""

    def beside(request: bytes, n: int) -> tuple[Pieces, bool]:
        return [(0.01, request), *([(0.02, request)] if echo else [])] if request[1] == 3 else [], True

    line = Line(beside).script
    attach(line, board=1, protocol="p81").get_all()
    assert len(line.requests) == len(set(line.requests))


@pytest.mark.parametrize("shown", [True, False])
def test_a_refusal_of_what_somebody_else_asked_takes_no_reading(shown: bool) -> None:
    """shown: his question is heard too, twice; behind a gateway it is not."""
    asked: list[bytes] = []

    def beside(request: bytes, n: int) -> tuple[Pieces, bool]:
        asked.append(request)
        if asked.count(request) > (2 if shown else 1):
            return [], True
        return [*([(0.01, read(0x81, 0x400, 3))] if shown else []), (0.03, sealed(0x51, 0x83, 2))], True

    found = attach(Line(beside).script, board=1, protocol="p81").get_all()
    assert found == attach(Line(lambda request, n: ([], True)).script, board=1, protocol="p81").get_all()


def test_his_reading_of_one_switch_is_not_the_other_switch() -> None:
    """A gateway hands his answers to us as well: one register, and ours comes later."""

    def beside(request: bytes, n: int) -> tuple[Pieces, bool]:
        return [(0.02, Board().answer(read(0x81, 0x122, 1)))], True

    board = Board()
    board.registers[0x121] = 0
    bms = attach(Line(beside, board).script, board=1, protocol="p81")
    assert bms.set_charge_mosfet(True)["outcome"] == "done"
    assert board.registers[0x121] == 1


@pytest.mark.parametrize("answer", ["00000001", "00010001", "00000000", "1a0b0f00"])
def test_two_other_registers_are_no_proof_of_a_restart(answer: str) -> None:
    """They may look like a counter that has begun anew; but a counter runs."""
    board, sent = Board(), []

    def beside(request: bytes, n: int) -> tuple[Pieces, bool]:
        sent.append(request)
        restarted = any(each[1] == 6 for each in sent)
        his = [(0.02, sealed(0x51, 3, 4, *bytes.fromhex(answer)))] if restarted and request[5] == 2 else []
        return his, True

    with pytest.raises(WriteUnverified):
        attach(Line(beside, board).script, board=1, protocol="p81").restart()


@pytest.mark.parametrize(("host", "echo"), [(0x80, True), (0x80, False), (0x40, True)])
def test_what_another_program_is_told_acknowledges_nothing(host: int, echo: bool) -> None:
    """A5 tells no switch: what stands so already is sent, and here it never arrives. He writes the same."""
    his, yes = Frame(host, 0xDA, b"\1" + bytes(7)).encode(), reply(0xDA, "01")

    def answer(request: bytes, n: int) -> Iterable[tuple[float, bytes]]:
        if request[2] == 0xDA:
            return [*([(0.014, request)] if echo else []), (0.03, his), (0.08, yes)]
        return [(LATENCY, HEALTHY[request[2]])] if request[1] == 0x40 and request[2] in HEALTHY else []

    bms = attach(Script(answer), address=4)
    with pytest.raises(WriteUnverified):
        bms.set_charge_mosfet(True)


WRITE = sealed(0x81, 6, 1, 0x21, 0, 1)


@pytest.mark.parametrize(
    ("before", "since", "repeated"),
    [
        (b"", b"", False),
        (b"", WRITE, False),  # our own echo
        (b"", WRITE + WRITE, True),
        (b"", WRITE + sealed(0x81, 6, 1, 0x21, 0, 0), True),  # the same switch, the other way
        (WRITE, b"", True),
        (sealed(0x81, 6, 1, 0x22, 0, 1), b"", False),
    ],
)
def test_a_register_that_somebody_else_writes(before: bytes, since: bytes, repeated: bool) -> None:
    assert is_repeated(WRITE, None, Stream(before, since)) is repeated


def test_a_refusal_is_certain_when_it_comes_twice_in_a_row() -> None:
    """An answer in between, even one that cannot be, shows that the registers are there."""
    judge = read_of(0x81, 0x51, Block(0x41, 2, "status"), True).parse
    no, blank = Registers(0x51, 0x83, b"\2"), Registers(0x51, 3, bytes(4))
    for frame in (no, blank, no):
        with pytest.raises(BadReply):
            judge([frame])
    with pytest.raises(NotSupported):
        judge([no])


def test_our_own_echo_is_no_rival() -> None:
    def answer(request: bytes, n: int) -> Iterable[tuple[float, bytes]]:
        if request[2] == 0xDA:
            return [(0.014, request), (0.06, reply(0xDA, "01"))]
        return [(LATENCY, HEALTHY[request[2]])] if request[1] == 0x40 and request[2] in HEALTHY else []

    assert attach(Script(answer), address=4).set_charge_mosfet(True)["outcome"] == "done"


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("what", ["read", "write"])
def test_another_program_is_no_second_board(shown: bool, what: str) -> None:
    """He asks the same, and current flows: two different answers to each of our questions, from one board.

    shown: his questions are heard; behind a gateway only the answers are, also while we ask nothing.
    """
    his = Frame(0x40, 0x90, bytes(8)).encode()

    def soc(n: int) -> bytes:
        return reply(0x90, bytes.fromhex("02120000") + (30000 + n % 50).to_bytes(2, "big") + b"\x03\x84")

    def answer(request: bytes, n: int) -> Iterable[tuple[float, bytes]]:
        if request[1] != 0x40 or request[2] not in (0x90, 0xD9, *HEALTHY):
            return []
        if request[2] == 0xD9:
            return [(LATENCY, reply(0xD9, "01"))]
        if request[2] != 0x90:
            return [(LATENCY, HEALTHY[request[2]])]
        beside = [(0.06, his)] if shown else [(0.45, soc(n + 2))]
        return [(LATENCY, soc(n)), (0.1, soc(n + 1)), *beside]

    bms = attach(Script(answer), address=4)
    if what == "read":
        assert bms.read(["soc", "status"])["status"]["cells"] == 16
    else:
        assert bms.set_discharge_mosfet(True)["outcome"] == "done"
