"""From which number a board counts its frames: learnt at once, and unlearnt when it was damage."""

from __future__ import annotations

from typing import Any

import pytest
from support import HEALTHY, attach, reply, talk

from dalybms import DalyError
from dalybms.protocols.a5.frame import Frame
from dalybms.protocols.a5.numbering import Numbering

SIZES = {"cell_voltages": 0x95, "temperatures": 0x96}
TRUE: dict[str, Any] = {"cell_voltages": dict.fromkeys(range(1, 17), 3.313), "temperatures": {1: 21, 2: 20}}


def numbered(code: int, number: int) -> bytes:
    """The healthy reply, its first frame with another number and a good sum."""
    healthy = HEALTHY[code]
    return reply(code, bytes((number,)) + healthy[5:12]) + healthy[13:]


@pytest.mark.parametrize("section", SIZES)
def test_a_frame_that_was_damaged_to_number_0_is_unlearnt(section: str) -> None:
    """One such frame left both lists dead for as long as the connection lasted."""
    replies = {**HEALTHY, SIZES[section]: numbered(SIZES[section], 0)}
    bms = attach(talk(replies), protocol="a5")
    bms.read(tuple(TRUE))
    replies.update(HEALTHY)
    outcomes = [bms.read(tuple(TRUE)) for _ in range(3)]
    assert outcomes[-1] == TRUE
    for outcome in outcomes:
        assert all(isinstance(found, DalyError) or found == TRUE[name] for name, found in outcome.items())


def frame(number: int) -> Frame:
    return Frame(1, 0x95, bytes((number, *range(7))))


def seen(numbering: Numbering, needed: int, *numbers: int) -> int:
    """One question, and what the frames of its answer say of the first number."""
    numbering.begin(needed)
    return [numbering.first([frame(number)]) for number in numbers][-1]


@pytest.mark.parametrize(
    ("needed", "numbers", "first"),
    [
        (6, (1, 2, 3, 4, 5, 6), 1),
        (6, (6,), 1),
        (6, tuple(range(1, 17)), 1),
        (6, (1, 2, 3, 4, 5), 0),  # counts from 0 and lost the first one
        (6, tuple(range(1, 16)), 0),  # 16 of them, counted from 0
        (6, (0, 1, 2, 3, 4, 5), 0),
        (6, (1, 2, 3, 4, 5, 6, 7), 0),
        (15, tuple(range(1, 16)), 0),  # either: what was learnt stays
        (16, tuple(range(1, 17)), 1),
        (16, tuple(range(1, 16)), 0),
    ],
)
def test_what_a_question_without_a_first_frame_shows(
    needed: int, numbers: tuple[int, ...], first: int
) -> None:
    numbering = Numbering()
    assert seen(numbering, needed, *numbers[1:], 0) == 0
    seen(numbering, needed, *numbers)
    assert seen(numbering, needed, 2) == first


def test_one_that_was_not_answered_shows_nothing() -> None:
    numbering = Numbering()
    assert seen(numbering, 6, 0) == 0
    numbering.begin(6)
    assert seen(numbering, 6, 1) == 0
