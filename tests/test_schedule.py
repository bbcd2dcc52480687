"""When to sample and when to try again: numbers alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dalybms.schedule import Backoff, Schedule

TIMES = st.floats(0, 1e6)


@given(TIMES, st.floats(0.1, 1000), TIMES)
def test_the_next_moment_is_later_and_on_the_grid(start: float, interval: float, now: float) -> None:
    due = Schedule(start, interval).after(now)
    assert due >= now
    assert due - now <= interval * 1.001 or due == start
    steps = (due - start) / interval
    assert abs(steps - round(steps)) < 1e-3


def test_a_year_does_not_drift() -> None:
    schedule, now = Schedule(100.0, 10.0), 100.0
    for _ in range(100_000):
        now = schedule.after(now + 0.3)
    assert now == 100.0 + 10.0 * 100_000


def test_a_hang_leaves_moments_out_and_bunches_nothing_up() -> None:
    schedule = Schedule(0.0, 10.0)
    assert schedule.after(57.0) == 60.0
    assert schedule.after(60.0) == 70.0


def test_the_wait_grows_with_failures_in_a_row_and_is_cleared_by_success() -> None:
    backoff, waits, now = Backoff(), [], 0.0
    for _ in range(9):
        backoff.failed(now)
        later = now
        while not backoff.may_try(later):
            later += 0.5
        waits.append(later - now)
        now = later
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    backoff.succeeded()
    assert backoff.may_try(now)
    backoff.failed(now)
    assert not backoff.may_try(now + 0.9)
    assert backoff.may_try(now + 1.0)
