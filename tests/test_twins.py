"""Two boards under one number: their readings are mixed, so none is given once that is proven."""

from __future__ import annotations

from typing import Any

import pytest
from support import Script, attach, reply

from dalybms.emulator.options import build
from dalybms.errors import BadReply, DalyError

ONE, OTHER = {"soc": 90.0, "cell": 3.4}, {"soc": 20.0, "cell": 3.2}


def two(first: int, second: int, seed: int) -> Any:
    """Two boards 1 that answer after so many ms."""
    return build(
        f"board=1&latency={first}&paced=1&soc=90&cell=3.4&seed={seed};"
        f"board=1&latency={second}&soc=20&cell=3.2"
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("first", "second"), [(25, 45), (25, 60), (25, 80), (80, 25)])
def test_what_two_boards_say_is_not_given_as_one(first: int, second: int, seed: int) -> None:
    with pytest.raises(BadReply, match="two boards answer as board 1, so these readings are mixed"):
        attach(two(first, second, seed)).get_all()


def test_one_section_is_the_word_of_one_board() -> None:
    found = attach(two(25, 80, 1)).get_soc()
    assert (found["soc_percent"], found["total_voltage"]) in ((90.0, 54.4), (20.0, 51.2))


@pytest.mark.parametrize(
    "fault",
    ["late", "late:0.5", "double", "double:1", "reorder", "stale", "stale:1", "slow", "foreign", "echo"],
)
def test_a_disturbed_line_is_no_proof(fault: str) -> None:
    said: list[str] = []
    for seed in range(10):
        bms = attach(build(f"fault={fault}&seed={seed}&paced=1&latency=25"))
        for _ in range(3):
            try:
                bms.get_all()
            except DalyError as error:
                said.append(str(error))
    assert not [error for error in said if "two boards" in error]


@pytest.mark.parametrize("times", [0, 1, 2])
def test_the_proof_is_two_questions_in_a_row(times: int) -> None:
    """A second, different answer raises the suspicion, and is there for so many questions of the proof."""
    first, second = reply(0x90, "0212000075300384"), reply(0x90, "0212000075300385")
    asked: list[bytes] = []

    def answer(request: bytes, _: int) -> list[tuple[float, bytes]]:
        if request[1] != 0x40 or request[2] not in (0x90, 0x98):
            return []
        if request[2] == 0x98:
            return [(0.03, reply(0x98, "00"))]
        asked.append(request)
        both = len(asked) == 1 or len(asked) - 1 <= times
        return [(0.03, first), (0.06, second)] if both else [(0.03, first)]

    bms = attach(Script(answer))
    if times == 2:
        with pytest.raises(BadReply, match="two boards"):
            bms.read(["soc", "faults"])
    else:
        assert bms.read(["soc", "faults"])["soc"]["soc_percent"] == 90.0
    assert len(asked) == 1 + min(2, times + 1)
