"""Who else is heard while we ask: whole frames count, and our own questions that come back do not."""

from __future__ import annotations

import pytest

from dalybms.device import Target
from dalybms.diagnosis.asking import Found, chosen
from dalybms.diagnosis.listening import daly_answers, judge
from dalybms.diagnosis.overheard import overheard
from dalybms.protocols.a5.board import A5
from dalybms.protocols.a5.frame import Frame
from dalybms.protocols.modbus.d2 import D2
from dalybms.protocols.modbus.frame import crc, read_request
from dalybms.protocols.modbus.p81 import P81

OURS = Frame(0x40, 0x90, bytes(8)).encode()
ALSO_OURS = read_request(0xD2, 0, 62)
ASKED = {OURS: 4, ALSO_OURS: 4}
ANSWER = Frame(1, 0x90, bytes.fromhex("0212000075300384")).encode()


def registers(address: int) -> bytes:
    body = bytes((address, 3, 4, 0, 1, 0, 2))
    return body + crc(body)


@pytest.mark.parametrize(
    ("passed", "what"),
    [
        (b"", "nothing"),
        (4 * ANSWER, "nothing"),
        (4 * (OURS + ALSO_OURS), "nothing"),
        (4 * (OURS + ANSWER + ALSO_OURS), "nothing"),
        (OURS, "master"),
        (12 * OURS + 4 * ALSO_OURS, "master"),
        (Frame(0x42, 0x90, bytes(8)).encode(), "master"),
        (ANSWER + read_request(0x81, 0, 8), "master"),
        (ANSWER + bytes.fromhex("dd0300020a0bffe977") + ANSWER, "make"),
        (ANSWER + b"~20024642E00202FD33\r", "inverter"),
        (ANSWER + b"\rAT+GCAP\r\n", "modem"),
        (ANSWER + b"$GPGGA,123519,4807.038,N*47\r\n", "text"),
        (2 * registers(0x0B), "modbus"),
        (registers(0x0B) + 2 * registers(0xD2) + 2 * registers(0x51), "nothing"),
    ],
)
def test_who_else_is_heard(passed: bytes, what: str) -> None:
    assert overheard(passed, ASKED).what == what


def test_which_protocols_a_board_was_heard_in() -> None:
    assert daly_answers(ANSWER + registers(0xD2), 1) == {"a5", "d2"}
    assert daly_answers(ANSWER + registers(0x53), 3) == {"p81"}
    assert daly_answers(OURS, 1) == set()


def test_pieces_of_our_own_question_are_no_modbus_tcp() -> None:
    assert judge(2 * ALSO_OURS[:6]).what == "noise"
    assert judge(bytes.fromhex("d203 0000 0003 d2 83 0b")).what == "modbus-tcp"


def test_of_two_protocols_that_are_answered_the_one_counts_that_a_reading_takes() -> None:
    found = [Found("d2", D2(), 1, None), Found("p81", P81(1), 1, None)]
    assert [chosen(found, target) for target in (Target(), Target("d2"), Target("p81"))] == [
        found[1],
        found[0],
        found[1],
    ]
    both = [Found("a5-pc", A5([0x40]), 1, 0x40), *found]
    assert chosen(both, Target()) == both[0]
    assert chosen(found[:1], Target(board=2)) == found[0]
    assert chosen([], Target()) is None
