"""What became of a write, line by line: pure."""

from __future__ import annotations

import time

import pytest

from dalybms.errors import WriteRefused
from dalybms.outcomes import Evidence, clock_bytes, has_restarted, is_same, is_shown, outcome
from dalybms.protocols.writes import State

OFF, ON = State(False), State(True)


@pytest.mark.parametrize(
    ("requested", "before", "after", "acknowledged", "over", "expected"),
    [
        # reading back shows it: done, whatever the answer said
        (False, True, OFF, True, False, "done"),
        (False, True, OFF, None, False, "done"),
        (False, True, OFF, False, False, "done"),
        # not yet: look again, whatever the answer said
        (False, True, ON, True, False, None),
        (False, True, ON, False, False, None),
        (False, True, ON, None, False, None),
        (False, True, None, True, False, None),
        # at the limit
        (False, True, ON, False, True, "refused"),
        (False, True, ON, True, True, "unverified"),
        (False, True, ON, None, True, "unverified"),
        (False, True, None, False, True, "unverified"),
        (False, True, None, True, True, "unverified"),
        # it stood so before (A5 transistors): only the answer can settle it
        (True, True, ON, True, False, "done"),
        (True, True, ON, None, False, None),
        (True, True, ON, None, True, "unverified"),
        (True, True, ON, False, True, "unverified"),
        (True, True, OFF, True, True, "unverified"),
        (True, True, OFF, False, True, "refused"),
        # state of charge
        (80.0, 50.0, State(80.0), None, False, "done"),
        (80.0, 50.0, State(79.9), None, False, "done"),
        (80.0, 50.0, State(80.2), None, True, "unverified"),
        (50.1, 50.0, State(50.0), True, True, "unverified"),  # nothing has moved
        (50.1, 50.0, State(50.1), True, False, "done"),
        (80.0, 50.0, State(50.0), False, True, "refused"),
        (80.0, 50.0, State(50.1), False, True, "refused"),  # the old one, moved on
        (80.0, 50.0, State(65.0), False, True, "unverified"),  # neither the old one nor the new
        (80.0, 50.0, State(79.8), False, True, "unverified"),
        # so near that the old one may have become it by itself: only the answer can settle it
        (50.1, 50.0, State(50.1), None, False, None),
        (50.1, 50.0, State(50.1), None, True, "unverified"),
        (50.1, 50.0, State(50.1), False, True, "unverified"),
    ],
)
def test_the_table(requested, before, after, acknowledged, over, expected) -> None:  # type: ignore[no-untyped-def]
    assert outcome(Evidence(requested, before, after, acknowledged, over)) == expected


@pytest.mark.parametrize(
    ("requested", "value", "same"),
    [(True, True, True), (True, False, False), (80.0, 80.0, True), (80.0, 79.9, False), (None, None, False)],
)
def test_what_stands_so_already(requested: float, value: float, same: bool) -> None:
    assert is_same(requested, value) is same


def test_a_state_of_charge_is_never_shown_by_the_old_one() -> None:
    for tenth in range(-5, 6):
        requested, before = 50.0, 50 + tenth / 10
        assert not is_shown(requested, before, before) or tenth == 0


@pytest.mark.parametrize(
    ("powered", "before", "elapsed", "sound", "proven"),
    [
        (2, 900, 3.0, 0, True),
        (3, 900, 3.0, 0, False),
        (86400, 86390, 3.0, 0, False),
        (0, 0, 3.0, 3, False),  # a register that the board lacks and fills with zero
        (2, 2, 5.0, 3, False),
        (0, 2, 5.0, 0, True),
        (1, None, 5.0, 0, False),
        (None, None, 3.0, 7, False),
        (None, None, 3.0, 8, True),
    ],
)
def test_a_restart_needs_proof(powered: int, before: int, elapsed: float, sound: int, proven: bool) -> None:
    assert has_restarted(powered, before, elapsed, sound) is proven


@pytest.mark.parametrize(
    ("percent", "elapsed", "expected"),
    [
        (50.5, 1.0, "done"),  # nothing moves so fast
        (50.5, 10.0, None),
        (52.0, 10.0, "done"),
        (49.5, 1.0, "done"),
        (49.5, 10.0, None),
    ],
)
def test_a_state_of_charge_moves_by_itself(percent: float, elapsed: float, expected: str | None) -> None:
    assert outcome(Evidence(percent, 50.0, State(percent), None, False, elapsed)) == expected


def test_the_clock_of_an_a5_write() -> None:
    now = time.struct_time((2026, 11, 26, 13, 5, 60, 0, 0, 0))
    assert clock_bytes(now) == bytes((26, 11, 26, 13, 5, 59)), "a leap second is no second of the board's"


@pytest.mark.parametrize("year", [1970, 2000, 2024, 2100])
def test_a_host_clock_that_cannot_be_is_refused(year: int) -> None:
    with pytest.raises(WriteRefused, match=f"the clock of this machine says {year}"):
        clock_bytes(time.struct_time((year, 1, 1, 0, 0, 0, 0, 0, 0)))
