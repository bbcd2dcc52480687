"""What failing may cost in one call, counted without a wire or a clock."""

from __future__ import annotations

import pytest

from dalybms.budget import Budget
from dalybms.timing import WIRE

TRY = WIRE.timeout


def allows(budget: Budget, attempts: int = 0, unheard: bool = False, optional: bool = False) -> bool:
    return budget.allows(TRY, attempts, unheard, optional)


def fail(budget: Budget, times: int, silent: bool = True) -> None:
    for _ in range(times):
        budget.failed(TRY, silent)


def spent() -> Budget:
    budget = Budget(WIRE)
    budget.answered()
    fail(budget, WIRE.silences)
    return budget


@pytest.mark.parametrize("error", [0.0, 0.0003])
def test_silent_attempts_share_eight_timeouts(error: float) -> None:
    """Also by a clock that sees each of them end a little late."""
    budget = Budget(WIRE)
    attempts = 0
    while allows(budget, attempts):
        budget.failed(TRY + error, silent=True)
        attempts += 1
    assert attempts == WIRE.silences


def test_an_attempt_that_is_short_may_still_fit() -> None:
    budget = Budget(WIRE)
    fail(budget, WIRE.silences - 1)
    budget.failed(0.7 * TRY, silent=True)
    assert not allows(budget, 1)
    assert budget.allows(0.3 * TRY, 1, unheard=False, optional=False)


def test_a_first_attempt_needs_no_more_than_a_little() -> None:
    budget = Budget(WIRE)
    budget.begin(within=0.1 * TRY)
    assert allows(budget)
    assert not allows(budget, 1)
    budget.begin(within=0.0)
    assert not allows(budget)


def test_damage_on_a_living_line_shares_twice_as_much() -> None:
    budget = Budget(WIRE)
    budget.answered()
    fail(budget, WIRE.failures - 1, silent=False)
    assert allows(budget, 1)
    fail(budget, 1, silent=False)
    assert not allows(budget, 1)


def test_answers_that_cannot_be_end_too_but_are_no_silence() -> None:
    budget = Budget(WIRE)
    for _ in range(WIRE.failures - 1):
        budget.refused(TRY)
    assert allows(budget, 1)
    budget.refused(TRY)
    assert not allows(budget, 1)


def test_damage_before_any_answer_counts_as_silence() -> None:
    budget = Budget(WIRE)
    fail(budget, WIRE.silences, silent=False)
    assert not allows(budget)


def test_a_dead_line_is_not_asked_any_more() -> None:
    budget = Budget(WIRE)
    fail(budget, WIRE.silences)
    assert not allows(budget)


def test_on_a_living_line_each_request_gets_one_more_attempt() -> None:
    budget = spent()
    assert allows(budget)
    assert not allows(budget, 1)


def test_one_that_was_only_asked_in_haste_gets_another() -> None:
    assert allows(spent(), 1, unheard=True)


def test_so_many_in_a_row_may_fail() -> None:
    budget = spent()
    assert [allows(budget) for _ in range(WIRE.last_tries + 1)] == [True] * WIRE.last_tries + [False]
    budget.answered()
    assert allows(budget)


def test_an_optional_question_takes_nothing_from_the_others() -> None:
    budget = spent()
    assert not allows(budget, optional=True)
    assert [allows(budget) for _ in range(WIRE.last_tries)] == [True] * WIRE.last_tries


def test_a_new_call_has_everything_again() -> None:
    budget = spent()
    budget.begin()
    assert not budget.alive
    assert allows(budget, optional=True)
