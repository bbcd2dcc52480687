"""A frame that lost bytes and was completed by what follows it: one in 256 passes A5's sum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from support import HEALTHY, Script, attach, reply

from dalybms import DalyBMS

MIXTURE = bytes.fromhex("a50193080101016a001201460753a2")
"""Seen in a long run: 143.9 Ah became 1180 Ah. Behind the sum stands the rest of another program's frame."""


def board(bad: dict[int, list[bytes]]) -> Script:
    """HEALTHY, but the first answers to some commands are others."""
    left = {code: list(answers) for code, answers in bad.items()}

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        code = request[2]
        if request[1] != 0x40 or code not in HEALTHY:
            return []
        data = left[code].pop(0) if left.get(code) else HEALTHY[code]
        return [(0.04 + at * 10 / 9600, data[at : at + 1]) for at in range(len(data))]

    return Script(answer)


def asked(line: Script, code: int) -> int:
    return sum(request[2] == code for request in line.requests)


def test_whoever_wants_no_pause_waits_for_nothing_behind_an_answer() -> None:
    ends: dict[float | None, float] = {}
    for pause in (0.0, None):
        bms: Any = attach(board({}), address=4, pause=pause)
        bms.get_soc()
        ends[pause] = bms.clock() - bms._link._last_heard
    assert ends[0.0] < 0.0001
    assert ends[None] > 0.003


def test_the_recorded_mixture_passes_the_sum() -> None:
    assert sum(MIXTURE[:12]) & 0xFF == MIXTURE[12]


@pytest.mark.parametrize(
    "sections", [["mosfet_status"], ["mosfet_status", "status"], ["soc", "mosfet_status"]]
)
@pytest.mark.parametrize("times", [1, 2])
def test_a_mixture_is_asked_again(sections: list[str], times: int) -> None:
    line = board({0x93: [MIXTURE, reply(0x93, "0101016a00120053") + b"\xa2"][:times]})
    bms = attach(line)
    found = bms.read(sections)["mosfet_status"]
    assert found["capacity_ah"] == pytest.approx(256.76)
    assert asked(line, 0x93) == times + 1


def test_each_section_is_guarded_wherever_it_stands_in_the_call() -> None:
    """Stray bytes behind any answer: it is asked for once more, the others are not."""
    healthy = attach(board({})).get_all()
    for code in HEALTHY:
        line = board({code: [HEALTHY[code] + b"\x53\xa2"]})
        assert attach(line).get_all() == healthy
        assert {each: asked(line, each) for each in HEALTHY} == {each: 1 + (each == code) for each in HEALTHY}


@pytest.mark.parametrize("strays", [b"\x00", b"\x53\xa2", b"\xa5\x53\xa2\x00", b"\xa5\x01\x93\x07"])
def test_strays_that_begin_like_a_frame_are_none(strays: bytes) -> None:
    line = board({0x93: [HEALTHY[0x93] + strays]})
    attach(line).get_mosfet_status()
    assert asked(line, 0x93) == 2


@pytest.mark.parametrize("before", [0, 1, 5])
def test_strays_that_an_adapter_kept_until_the_next_question_are_seen(before: int) -> None:
    """The rest of a mixture comes 9 ms after the next question. before: so many readings were sound."""
    state = {"spoilt": False, "late": False}

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        code = request[2]
        if request[1] != 0x40 or code not in HEALTHY:
            return []
        if code == 0x93 and state.pop("spoilt", False):
            state["late"] = True
            return [(0.04, MIXTURE[:13])]
        late = [(0.009, MIXTURE[13:])] if state.pop("late", False) else []
        return [*late, (0.04, HEALTHY[code])]

    line = Script(answer)
    bms = attach(line, address=4)
    for _ in range(before):
        bms.get_all()
    asked_before = asked(line, 0x93)
    state["spoilt"] = True
    assert bms.read(["mosfet_status", "status"])["mosfet_status"]["capacity_ah"] == pytest.approx(256.76)
    assert asked(line, 0x93) == asked_before + 2


def test_noise_before_answers_proves_nothing_where_each_byte_comes_by_itself() -> None:
    """What followed an answer there came at once, and was heard before the next question."""

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        if request[1] != 0x40 or request[2] not in HEALTHY:
            return []
        data = b"\xff\xff" + HEALTHY[request[2]]
        return [(0.009 + at * 10 / 9600, data[at : at + 1]) for at in range(len(data))]

    line = Script(answer)
    attach(line, address=4).get_all()
    assert len(line.sent) == len(HEALTHY)


def test_the_end_of_an_echo_is_no_stray() -> None:
    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        known = request[1] == 0x40 and request[2] in HEALTHY
        return [(0.003, request[4:]), (0.04, HEALTHY[request[2]])] if known else []

    line = Script(answer)
    attach(line, address=4).get_all()
    assert len(line.sent) == len(HEALTHY)


def test_a_sound_line_is_asked_once() -> None:
    line = board({})
    bms = attach(line)
    bms.get_all()
    assert len(line.sent) == len(HEALTHY)


@pytest.mark.parametrize(
    "junk",
    [b"\xff", b"\x00\xff", b"\xa5\x40", b"\x53\xa2\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"],
)
@pytest.mark.parametrize("where", ["before", "behind"])
def test_a_line_with_bytes_around_every_answer_is_read_and_not_slowed_for_ever(
    junk: bytes, where: str
) -> None:
    changing = iter(range(1, 10000))

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        code = request[2]
        if request[1] != 0x40 or code not in HEALTHY:
            return []
        data = HEALTHY[code]
        if code == 0x90:
            data = reply(
                0x90,
                (530).to_bytes(2, "big")
                + bytes(2)
                + (30000 + next(changing)).to_bytes(2, "big")
                + b"\x03\x84",
            )
        data = junk + data if where == "before" else data + junk
        return [
            ((0.01 if where == "before" else 0.04) + at * 10 / 9600, data[at : at + 1])
            for at in range(len(data))
        ]

    line = Script(answer)
    bms: DalyBMS = attach(line)
    for _ in range(3):
        assert not [name for name, found in bms.get_all().items() if "error" in str(found)]
    sent = len(line.sent)
    bms.get_all()
    assert len(line.sent) == sent + len(HEALTHY)
    bms.get_soc()
    assert len(line.sent) == sent + len(HEALTHY) + 1


def test_the_same_twice_is_believed() -> None:
    wrong = [HEALTHY[0x93] + b"\x53"] * 5
    line = board({0x93: wrong})
    assert attach(line).read(["mosfet_status", "soc"])["mosfet_status"]["capacity_ah"] == pytest.approx(
        256.76
    )
    assert asked(line, 0x93) == 2


def test_a_status_that_was_a_mixture_does_not_leave_its_count() -> None:
    """14 cells for 16: the list is asked for again with the right count."""
    line = board({0x94: [reply(0x94, "0e020000020003") + b"\x53\xa2"]})
    found = attach(line).read(["status", "cell_voltages"])
    assert (found["status"]["cells"], len(found["cell_voltages"])) == (16, 16)


def test_any_mixture_with_a_rest_behind_it_is_no_value() -> None:
    """Every way to lose bytes of a frame, completed by each of three other programs."""
    healthy = attach(board({})).get_mosfet_status()
    frame, tried = HEALTHY[0x93], 0
    for at in range(4, 13):
        for lost in range(1, 13 - at + 1):
            for other in ("01460753a2", "fefffffdfd", "d203c9000003ab99ff"):
                data = bytearray(frame[:at] + frame[at + lost :] + bytes.fromhex(other))
                if len(data) <= 13:
                    continue
                for last in range(256):  # whatever makes the sum right
                    data[11] = last
                    if sum(data[:12]) & 0xFF == data[12]:
                        break
                tried += 1
                assert attach(board({0x93: [bytes(data)]})).get_mosfet_status() == healthy
    assert tried > 50


def test_what_the_board_says_of_itself_is_guarded_too() -> None:
    known = {**HEALTHY, 0x50: reply(0x50, "00022ee000000ce4"), 0x53: reply(0x53, "02120300000000ff")}
    mixture = [reply(0x50, "0012000000000ce4") + b"\x53\xa2"]

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        if request[1] != 0x40 or request[2] not in known:
            return []
        return [(0.04, mixture.pop() if request[2] == 0x50 and mixture else known[request[2]])]

    line = Script(answer)
    assert attach(line).read(["info"])["info"]["rated_capacity_ah"] == pytest.approx(143.072)
    assert asked(line, 0x50) == 2
