"""Seeded runs of every fault on D2, P81 and Sinowealth boards, on a wire and over Bluetooth.

What test_fault_runs.py asks of A5 is asked of the others: never a wrong value, never
another exception, never a hang, and what a repeated question can heal is healed.
"""

from __future__ import annotations

from typing import Any

import pytest
from fault_runs import DEAD, MENDABLE, SEEDS, WHOLE, calls, is_error
from support import attach

from dalybms import DalyBMS, DalyBMSBluetooth, DalyError, NotSupported, TransportError
from dalybms.emulator import faults
from dalybms.emulator.options import build
from dalybms.sections import SECTIONS

BOARDS = (
    "protocol=d2&cells=16",
    "protocol=p81&cells=48&sensors=8&paced=1&latency=25",
    "protocol=sinowealth&cells=4&latency=25",
)
KINDS = (DalyBMS, DalyBMSBluetooth)
SECOND_BLOCK = ("mosfet_temperature", "board_temperature", "balance_current", "balancing_cells")
"""What D2 tells in an answer that is asked for once: lost, it is absent."""


def battery(board: str, kind: type[DalyBMS], **options: Any) -> DalyBMS:
    protocol = "sinowealth" if "sinowealth" in board else "auto"
    return kind(protocol=protocol, **options)


def truth(board: str) -> dict[str, Any]:
    bms = attach(build(board), battery(board, DalyBMS))
    return {**bms.get_all(), "info": bms.get_info()}


def wrong_values(found: dict[str, Any], true: dict[str, Any]) -> list[str]:
    wrong = []
    for section, reading in found.items():
        if is_error(reading):
            continue
        expected = dict(true[section]) if isinstance(true[section], dict) else true[section]
        if section == "info":  # a part that was lost too often is as absent as one the board has not
            expected = {key: expected[key] for key in reading}
        if section == "mosfet_status":
            reading.pop("heartbeat", None)
            expected.pop("heartbeat", None)
        if isinstance(expected, dict):
            expected = {
                key: value for key, value in expected.items() if key in reading or key not in SECOND_BLOCK
            }
        if reading != expected:
            wrong.append(f"{section}: {reading} instead of {expected}")
    return wrong


def run(
    board: str, kind: type[DalyBMS], fault: str, seed: int, **options: Any
) -> tuple[list[dict[str, Any]], Any]:
    """The info, then every section; a board with one block has nothing stale without the info."""
    line = build(f"{board}&fault={fault}&seed={seed}")
    bms = attach(line, battery(board, kind, **options))
    try:
        outcomes = [{"info": dict(bms.get_info())}]
    except DalyError:
        outcomes = []
    return outcomes + calls(bms), line


# An answer of a single frame has no order, and CRC-8 lets some of flip2 through (see below).
POSSIBLE = [name for name in faults.KINDS if name not in ("reorder", "flip2")]
CASES = [(board, fault) for board in BOARDS for fault in POSSIBLE]
CASES += [(board, "flip2") for board in BOARDS[:2]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("board", "fault"), CASES)
def test_no_fault_makes_a_wrong_value(board: str, fault: str, kind: type[DalyBMS]) -> None:
    true = truth(board)
    injected = 0
    for seed in range(SEEDS):
        outcomes, line = run(board, kind, fault, seed)
        for outcome in outcomes:
            assert wrong_values(outcome, true) == [], f"seed {seed}"
        injected += sum(line.injected.values())
    assert injected, "the fault never happened"


def test_flips_that_cancel_in_crc_8_are_rare() -> None:
    """Four flipped bits may leave the check byte as it was; what is then believable gets through."""
    true, wrong, injected = truth(BOARDS[2]), 0, 0
    for seed in range(10 * SEEDS):
        outcomes, line = run(BOARDS[2], DalyBMS, "flip2", seed)
        wrong += sum(len(wrong_values(outcome, true)) for outcome in outcomes)
        injected += line.injected["flip2"]
    print(f"{wrong} wrong values of {injected} replies with 2 to 4 flipped bits")
    assert wrong <= injected / 100


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", [*MENDABLE, *WHOLE])
@pytest.mark.parametrize("board", BOARDS)
def test_what_a_repeated_question_can_heal_is_healed(board: str, fault: str, kind: type[DalyBMS]) -> None:
    """Nineteen Sinowealth questions share the silence allowed in a call: fewer may be lost there."""
    rare = ":0.1" if "sinowealth" in board and fault in MENDABLE else ""
    for seed in range(SEEDS):
        outcomes, _ = run(board, kind, fault + rare, seed, request_retries=5)
        errors = [reading for outcome in outcomes for reading in outcome.values() if is_error(reading)]
        assert [error for error in errors if not isinstance(error, NotSupported)] == [], f"seed {seed}"


@pytest.mark.parametrize("fault", DEAD)
@pytest.mark.parametrize("board", BOARDS)
def test_a_dead_line_ends_every_call_in_time(board: str, fault: str) -> None:
    for seed in range(SEEDS):
        for section in ("all", "info", *SECTIONS):
            bms = attach(build(f"{board}&fault={fault}&seed={seed}"), battery(board, DalyBMS))
            began = bms.clock.now  # type: ignore[attr-defined]
            with pytest.raises(DalyError):
                getattr(bms, f"get_{section}")()
            assert bms.clock.now - began < 5  # type: ignore[attr-defined]


@pytest.mark.parametrize("board", BOARDS)
def test_unplugged_is_a_transport_error(board: str) -> None:
    for seed in range(10 * SEEDS):
        line = build(f"{board}&fault=unplug:1:{seed % 12 + 1}&seed={seed}")
        bms = attach(line, battery(board, DalyBMS))
        with pytest.raises(TransportError):
            read_on(bms)


def read_on(bms: DalyBMS) -> None:
    for _ in range(20):
        bms.get_all()
