"""Seeded runs of every fault of the emulator: never a wrong value, never another exception, never a hang.

DALY_SEEDS sets the number of seeds (`make faults` runs the full count). Virtual time
with the real limits: nothing waits. Prints no table here; docs/testing.md has one.
"""

from __future__ import annotations

import pytest
from fault_runs import DEAD, MENDABLE, PACKS, SEEDS, WHOLE, is_error, run, truth, wrong_values
from support import attach

from dalybms import DalyError, TransportError
from dalybms.emulator import faults
from dalybms.emulator.options import build
from dalybms.sections import SECTIONS


@pytest.mark.parametrize("fault", [name for name in faults.KINDS if name != "flip2"])
@pytest.mark.parametrize("pack", PACKS)
def test_no_fault_makes_a_wrong_value(pack: str, fault: str) -> None:
    true = truth(pack)
    injected = 0
    for seed in range(SEEDS):
        outcomes, line = run(pack, fault, seed)
        for outcome in outcomes:
            assert wrong_values(outcome, true) == [], f"seed {seed}"
        injected += sum(line.injected.values())
    assert injected, "the fault never happened"


def test_flips_that_cancel_in_the_sum_hardly_ever_count() -> None:
    """They may leave the 8-bit sum as it was: where damage is seen, two answers have to agree."""
    true, wrong, injected = truth(PACKS[0]), 0, 0
    for seed in range(50 * SEEDS):
        outcomes, line = run(PACKS[0], "flip2", seed)
        wrong += sum(len(wrong_values(outcome, true)) for outcome in outcomes)
        injected += line.injected["flip2"]
    print(f"{wrong} wrong values of {injected} replies with 2 to 4 flipped bits")
    assert wrong <= injected / 5000


@pytest.mark.parametrize("fault", [*MENDABLE, *WHOLE])
@pytest.mark.parametrize("pack", PACKS)
def test_what_a_repeated_question_can_heal_is_healed(pack: str, fault: str) -> None:
    for seed in range(SEEDS):
        outcomes, _ = run(pack, fault, seed, request_retries=5)
        errors = [reading for outcome in outcomes for reading in outcome.values() if is_error(reading)]
        assert errors == [], f"seed {seed}"


@pytest.mark.parametrize("fault", DEAD)
def test_a_dead_line_ends_every_call_within_five_seconds(fault: str) -> None:
    for seed in range(SEEDS):
        for section in ("all", *SECTIONS):
            bms = attach(build(f"fault={fault}&seed={seed}"))
            began = bms.clock.now  # type: ignore[attr-defined]
            with pytest.raises(DalyError):
                getattr(bms, f"get_{section}")()
            assert bms.clock.now - began < 5  # type: ignore[attr-defined]


def test_unplugged_is_a_transport_error() -> None:
    for seed in range(10 * SEEDS):
        bms = attach(build(f"fault=unplug:1:{seed % 12 + 1}&seed={seed}"))
        with pytest.raises(TransportError):
            [bms.get_all() for _ in range(3)]
