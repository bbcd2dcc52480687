"""When a board that answers has stopped measuring: numbers alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from dalybms.stillness import Stillness

Readings = dict[str, Any]


def readings(current: float = 0.0, heartbeat: int | None = None, capacity: float | None = 214.2) -> Readings:
    mosfets: Readings = {} if capacity is None else {"capacity_ah": capacity}
    if heartbeat is not None:
        mosfets["heartbeat"] = heartbeat
    return {
        "soc": {"current": current},
        "cell_voltages": {1: 3.31},
        "mosfet_status": {"mode": "charging", **mosfets},
    }


def still(samples: Iterable[Readings], every: float = 60.0) -> list[float | None]:
    board = Stillness()
    return [board.of(sample, number * every) for number, sample in enumerate(samples)]


def test_a_heartbeat_that_stands_still_after_it_moved() -> None:
    assert still([readings(heartbeat=1), *[readings(heartbeat=2)] * 7])[-2:] == [300.0, 360.0]


def test_a_board_at_rest_without_a_heartbeat_may_say_the_same_for_days() -> None:
    assert set(still([readings()] * 2000)) == {None}


def test_a_heartbeat_that_never_moved_proves_nothing() -> None:
    assert set(still([readings(heartbeat=0)] * 2000)) == {None}


def test_what_moves_once_in_a_while_is_no_heartbeat() -> None:
    """Firmware that counts cycles there: a night at rest is no frozen board."""
    samples = [readings(heartbeat=number // 100) for number in range(1000)]
    assert set(still(samples)) == {None}


def test_a_heartbeat_stays_one_over_a_long_time_at_rest() -> None:
    found = still([*[readings(heartbeat=number) for number in range(9)], *[readings(heartbeat=9)] * 500])
    assert all(found[20:])


@pytest.mark.parametrize(
    ("current", "minutes"), [(12.3, 5), (-12.3, 5), (2.4, 5), (2.0, 6), (1.0, 12), (0.9, None), (0.1, None)]
)
def test_a_current_proves_it_when_the_remaining_capacity_must_have_moved(
    current: float, minutes: int | None
) -> None:
    """Two steps of 0.1 Ah. Less than 1 A may be the drift of a zero, all night long."""
    found = still([readings(current)] * 1000)
    first = next((number for number, seconds in enumerate(found) if seconds), None)
    assert first == minutes


def test_a_board_that_does_not_tell_its_capacity_is_not_judged_by_the_current() -> None:
    assert set(still([readings(12.3, capacity=None)] * 100)) == {None}


@pytest.mark.parametrize(("every", "first"), [(1.0, 300), (60.0, 5), (75.0, 4), (600.0, 4)])
def test_five_minutes_and_five_samples(every: float, first: int) -> None:
    found = still([readings(100.0)] * (first + 1), every)
    assert [seconds is not None for seconds in found] == [False] * first + [True]


def test_any_value_that_moves_begins_it_anew() -> None:
    samples = [readings(12.3) for _ in range(20)]
    samples[8]["cell_voltages"] = {1: 3.311}
    for sample in samples[9:]:
        sample["cell_voltages"] = {1: 3.311}
    found = still(samples)
    assert [bool(seconds) for seconds in found] == [False] * 5 + [True] * 3 + [False] * 5 + [True] * 7


def test_a_section_that_was_not_read_hides_nothing() -> None:
    """A frozen board on a bad line is frozen all the same."""
    samples = [readings(12.3) for _ in range(20)]
    for number in range(0, 20, 3):
        samples[number]["soc"] = {"error": "no answer"}
        del samples[number]["cell_voltages"]
    assert all(still(samples)[5:])


def test_a_failed_sample_begins_it_anew() -> None:
    board = Stillness()
    for number in range(5):
        assert board.of(readings(12.3), number * 60.0) is None
    board.interrupt()
    assert [board.of(readings(12.3), number * 60.0) for number in range(5, 11)] == [*[None] * 5, 300.0]
