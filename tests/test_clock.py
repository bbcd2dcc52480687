"""The clock of a board: recorded ones, those of the emulator, damage, boards that have none."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from register_replay import RECORDS, board, registers
from support import Script, attach

from dalybms import BadReply, DalyError, NoReply, NotSupported
from dalybms.emulator.options import build

P81 = [record for record in RECORDS.values() if record["protocol"] == "p81"]
PAIRS = list(
    zip(
        [record for record in P81 if record["request"] == "8103000000405bfa"],
        [record for record in P81 if record["request"] == "81030041003e8bce"],
    )
)


def test_recorded_polls_of_a_minute_are_a_minute_apart() -> None:
    clocks = [attach(board(0x81, 0x51, registers(*pair)), protocol="p81").get_clock() for pair in PAIRS]
    assert clocks[0] == datetime(2026, 6, 2, 20, 2, 33)
    steps = [after - before for before, after in zip(clocks, clocks[1:])]  # type: ignore[operator]
    assert len(steps) > 5
    assert all(timedelta(seconds=58) < step < timedelta(seconds=62) for step in steps)


@pytest.mark.parametrize("protocol", ["a5", "p81"])
def test_the_emulated_clock(protocol: str) -> None:
    bms = attach(build(f"protocol={protocol}&clock=240229123456"), protocol=protocol)
    assert bms.get_clock() == datetime(2024, 2, 29, 12, 34, 56)
    before = datetime.now().replace(microsecond=0)
    told = attach(build(f"protocol={protocol}"), protocol=protocol).get_clock()
    assert told
    assert before <= told <= datetime.now()


@pytest.mark.parametrize("protocol", ["a5", "p81"])
@pytest.mark.parametrize(
    "text", ["000000121005", "261301000000", "260230000000", "260101240000", "260101006000"]
)
def test_no_date_was_never_set(protocol: str, text: str) -> None:
    assert attach(build(f"protocol={protocol}&clock={text}"), protocol=protocol).get_clock() is None


@pytest.mark.parametrize("protocol", ["a5", "p81"])
def test_nothing_but_zeros_is_no_clock(protocol: str) -> None:
    bms = attach(build(f"protocol={protocol}&clock=000000000000"), protocol=protocol)
    with pytest.raises(NotSupported, match="does not tell its clock"):
        bms.get_clock()


@pytest.mark.parametrize("protocol", ["d2", "sinowealth"])
def test_boards_that_are_not_known_to_tell_it(protocol: str) -> None:
    with pytest.raises(NotSupported, match="are not known to tell their clock"):
        attach(build(f"protocol={protocol}"), protocol=protocol).get_clock()


def test_a_board_that_lacks_the_command() -> None:
    with pytest.raises(NoReply, match="clock"):
        attach(build("protocol=a5&unsupported=0x61"), protocol="a5").get_clock()


def a5_board(*clocks: str) -> Script:
    """Answers 0x61 with these data in turn, the last one for ever, and all else as the emulator."""
    line, left = build("protocol=a5"), list(clocks)

    def answer(written: bytes, _: int) -> list[tuple[float, bytes]]:
        if written[2] != 0x61:
            line.write(written, 0.0)
            return [(0.0, line.take(60.0))]
        body = bytes.fromhex("a5016108" + (left.pop(0) if len(left) > 1 else left[0]) + "0000")
        return [(0.0, body + bytes((sum(body) & 0xFF,)))]

    return Script(answer)


DAMAGED, GOOD, LATER = "1a0b1a0b0000", "1a0b1a0a0000", "1a0b1a0a0002"


@pytest.mark.parametrize("clocks", [(DAMAGED, GOOD, LATER), (GOOD, DAMAGED, LATER, LATER), (GOOD, GOOD)])
def test_a_damaged_a5_answer_is_outvoted(clocks: tuple[str, ...]) -> None:
    told = attach(a5_board(*clocks), protocol="a5").get_clock()
    assert told
    assert (told.hour, told.minute) == (10, 0)


def test_a5_answers_that_never_agree() -> None:
    with pytest.raises(BadReply, match="differently each time"):
        attach(
            a5_board(*(f"1a0b1a0a{minute:02x}00" for minute in (1, 9, 3, 20, 5))), protocol="a5"
        ).get_clock()


def test_two_a5_clocks_never_set_agree() -> None:
    assert attach(a5_board("00000c0a0000", "00000c0a0001"), protocol="a5").get_clock() is None


def test_a_clock_goes_forward_between_two_answers() -> None:
    with pytest.raises(DalyError):
        attach(a5_board(LATER, GOOD, "1a0b1a0b0000", "1a0b1a0a0000"), protocol="a5").get_clock()
