"""A5 on a line that spoils answers: each reading is what two answers say, or the middle of three."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from support import HEALTHY, Script, attach, reply, talk

from dalybms import BadReply
from dalybms.protocols.a5.certainty import MEMORY, Roughness, settled
from dalybms.protocols.a5.frame import Frame

CODES = {
    "soc": 0x90,
    "cell_voltage_range": 0x91,
    "temperature_range": 0x92,
    "mosfet_status": 0x93,
    "status": 0x94,
    "cell_voltages": 0x95,
    "temperatures": 0x96,
    "faults": 0x98,
}
WHOLE = attach(talk(HEALTHY)).read(tuple(CODES))


class Line(Script):
    """`spoilt`: so many answers lose their last byte.

    `odd`: what comes once each, in place of the next answers to a command; None: silence.
    """

    def __init__(self, spoilt: int = 0) -> None:
        super().__init__(self._reply)
        self.spoilt = spoilt
        self.odd: dict[int, list[bytes | None]] = {}

    def _reply(self, asked: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        code = asked[2]
        if self.spoilt:
            self.spoilt -= 1
            return [(0.04, HEALTHY[code][:-1])]
        odd = self.odd.get(code, [])
        data = odd.pop(0) if odd else HEALTHY[code]
        return [(0.04, data)] if data else []

    def asked(self, code: int) -> int:
        return sum(request[2] == code for request in self.requests)


def rough() -> Any:
    """A battery on a line that has spoilt two answers."""
    line = Line(spoilt=2)
    bms: Any = attach(line, address=4)
    assert bms.get_soc() == WHOLE["soc"]
    line.sent.clear()
    bms.line = line
    return bms


@pytest.mark.parametrize("spoilt", [0, 1])
def test_a_line_that_spoils_nothing_or_once_is_asked_once(spoilt: int) -> None:
    line = Line(spoilt)
    assert attach(line, address=4).get_all()["soc"] == WHOLE["soc"]
    assert len(line.requests) == 9 + spoilt


MODE_B = {"mode": "b", "on": True}
ODD = {
    "soc": reply(0x90, "0215000075300084"),
    "cell_voltage_range": reply(0x91, "0cf3080cec03"),
    "temperature_range": reply(0x92, "40013c02"),
    "mosfet_status": reply(0x93, "0100019e0002eaf8"),
    "status": reply(0x94, "10020100020003"),
    "cell_voltages": HEALTHY[0x95][:13].replace(b"\x0c\xf1", b"\x0c\x71"),
    "temperatures": reply(0x96, "013d42"),
    "faults": reply(0x98, "0040"),
}
ODD["cell_voltages"] = Frame(1, 0x95, ODD["cell_voltages"][4:12]).encode() + HEALTHY[0x95][13:]
"""Believable, with a good sum."""


@pytest.mark.parametrize("section", ODD)
def test_what_one_answer_says_is_no_reading_on_a_line_that_spoils(section: str) -> None:
    bms = rough()
    for place in range(3):
        bms.line.odd = {CODES[section]: [*[HEALTHY[CODES[section]]] * place, ODD[section]]}
        assert bms.read([section]) == {section: WHOLE[section]}
    clean = attach(Line(), address=4)
    clean.get_soc()
    clean._link._transport.line.odd = {CODES[section]: [ODD[section]]}  # type: ignore[union-attr]
    assert clean.read([section]) != {section: WHOLE[section]}, "nothing tells it from the truth there"


@pytest.mark.parametrize("section", CODES)
def test_two_answers_that_agree_are_enough(section: str) -> None:
    bms = rough()
    assert bms.read([section]) == {section: WHOLE[section]}
    assert bms.line.asked(CODES[section]) == 2


def test_the_heartbeat_is_not_waited_for() -> None:
    bms = rough()
    bms.line.odd = {0x93: [reply(0x93, f"010101{n:02x}0003eaf8") for n in (7, 8, 9)]}
    assert bms.get_mosfet_status()["heartbeat"] == 8
    assert bms.line.asked(0x93) == 2


def test_of_a_value_that_moves_the_middle_counts() -> None:
    bms = rough()
    bms.line.odd = {0x90: [reply(0x90, f"0212000{raw}0384") for raw in ("075b0", "05000", "075c0")]}
    assert bms.get_soc() == {**WHOLE["soc"], "current": 12.8}


def test_a_status_that_was_wrong_has_its_lists_read_anew() -> None:
    bms = attach(Line(spoilt=2), address=4)
    bms._link._transport.line.odd = {0x94: [reply(0x94, "0f020000020003")]}  # type: ignore[union-attr]
    found: Any = bms.get_all()
    assert found["cell_voltages"] == WHOLE["cell_voltages"]
    assert found["status"] == WHOLE["status"]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize(
    ("code", "odd", "key"),
    [(0x50, "000445c100000c80", "rated_capacity_ah"), (0x94, "0f020000020003", "cells")],
)
def test_nor_is_it_what_the_board_says_of_itself(code: int, odd: str, key: str, place: int) -> None:
    usual = {**HEALTHY, 0x50: reply(0x50, "000445c000000c80")}[code]
    bms = rough()
    bms.line.odd = {code: [*[usual] * place, reply(code, odd), *[usual] * 3]}
    found = bms.read(["info"], [key])["info"]
    assert found[key] == {"rated_capacity_ah": 280.0, "cells": 16}[key]
    assert bms.line.asked(code) in (2, 3)


def test_answers_that_fail_make_a_line_rough_too() -> None:
    line = Line()
    bms = attach(line, address=4)
    bms.get_soc()
    for _ in range(2):
        line.odd = {0x90: [reply(0x90, "00")] * 8}
        with pytest.raises(BadReply):
            bms.get_soc()
    line.sent.clear()
    line.odd = {0x90: [reply(0x90, "0212000075b00384")]}
    assert bms.get_soc() == WHOLE["soc"]
    assert line.asked(0x90) == 3


def test_what_is_spoilt_of_the_information_makes_a_line_rough_too() -> None:
    bms = attach(Line(spoilt=2), address=4)
    bms.read(["info"], ["cells"])
    line = bms._link._transport.line  # type: ignore[union-attr]
    line.sent.clear()
    assert bms.get_soc() == WHOLE["soc"]
    assert line.asked(0x90) == 2


def test_where_no_second_answer_comes_the_first_one_stays() -> None:
    bms = rough()
    bms.line.odd = {0x90: [reply(0x90, "02120000753003e9")] * 2 + [None] * 4}
    found = bms.get_soc()
    assert found == {"total_voltage": 53.0, "current": 0.0}
    assert list(bms.unusable) == ["soc.soc_percent"]


def test_an_error_stays_one() -> None:
    bms = rough()
    bms.line.odd = {0x90: [reply(0x90, "00")] * 8}
    with pytest.raises(BadReply):
        bms.get_soc()
    assert bms.line.asked(0x90) == 8


def test_damage_is_forgotten_in_the_end() -> None:
    roughness = Roughness()
    roughness.answered(spoilt=1)
    assert not roughness
    roughness.answered(spoilt=1)
    assert roughness
    for _ in range(10):
        roughness.failed(BadReply("noise"))
    answers = 0
    while roughness:
        roughness.answered(spoilt=0)
        answers += 1
    assert MEMORY < answers <= 2 * MEMORY


@pytest.mark.parametrize(
    ("told", "reading"),
    [
        ([[], []], []),
        ([["a"], [], []], []),
        ([["a"], ["b"], ["c"]], ["c"]),
        ([{1: 3.3, 2: 3.2}, {1: 3.3, 2: 4.2}, {1: 1.3, 2: 3.2}], {1: 3.3, 2: 3.2}),
        ([{1: 3.3}, {1: 3.3, 2: 4.2}, {1: 3.3, 2: 3.2}], {1: 3.3, 2: 3.2}),
        ([{"mode": "a", "on": True}, {"mode": "b", "on": False}, {"mode": "b", "on": True}], MODE_B),
        ([{"DI": {"1": True}}, {"DI": {"1": False}}, {"DI": {"1": False}}], {"DI": {"1": False}}),
        ([1.0, BadReply("")], 1.0),
        ([1.0, 2.0, BadReply("")], 2.0),
    ],
)
def test_what_is_concluded(told: list[Any], reading: Any) -> None:
    rest = iter(told[1:])
    assert settled(told[0], lambda: next(rest)) == reading
