"""`read(["info"], info_keys=...)` asks for no more than these keys need."""

from __future__ import annotations

from typing import Any

import pytest
from support import attach

from dalybms.emulator.a5.board import A5Board
from dalybms.emulator.line import Line
from dalybms.emulator.modbus.d2 import D2Board
from dalybms.emulator.modbus.p81 import P81Board
from dalybms.emulator.pack import Pack

CAPACITY = ("rated_capacity_ah",)
KINDS = [
    (A5Board(Pack()), "a5", {"host_address"}, 1),
    (P81Board(Pack(), 1), "p81", {"board"}, 1),
    (D2Board(Pack()), "d2", set(), 1),
]


@pytest.mark.parametrize(("board", "protocol", "more", "questions"), KINDS)
def test_only_what_is_needed_is_asked(board: Any, protocol: str, more: set[str], questions: int) -> None:
    bms = attach(Line([board]), protocol=protocol)
    whole = bms.get_info()
    link: Any = bms._link
    before = link.counters["sent"]
    found = bms.read(["info"], CAPACITY)["info"]
    assert link.counters["sent"] - before == questions
    assert found["rated_capacity_ah"] == whole["rated_capacity_ah"]  # type: ignore[typeddict-item]
    assert {"protocol", "rated_capacity_ah"} <= found.keys()
    assert more <= found.keys()
    assert "battery_code" not in found


@pytest.mark.parametrize(
    ("board", "protocol"),
    [(A5Board(Pack(), unsupported=(0x50,)), "a5"), (P81Board(Pack(), 1, unsupported=(0x100,)), "p81")],
)
def test_what_a_board_does_not_answer_costs_two_questions(board: Any, protocol: str) -> None:
    bms = attach(Line([board]), protocol=protocol, request_retries=5)
    bms.get_soc()
    link: Any = bms._link
    before = link.counters["sent"]
    found = bms.read(["soc", "info"], CAPACITY)
    assert link.counters["sent"] - before == 1 + 2
    assert found["soc"]["total_voltage"] == 53.0
    assert "rated_capacity_ah" not in (found["info"] if isinstance(found["info"], dict) else {})
