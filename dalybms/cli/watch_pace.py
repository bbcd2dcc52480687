"""Says when batteries cannot be read as often as was asked: what lies between is not counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

_LATE = 2.0
"""Intervals between two samples: older ones are none of the bank's."""
_IN_A_ROW = 3


class PaceNotice:
    """complain: is told once for each wire, by its name."""

    def __init__(self, interval: float, complain: Callable[[str], None]) -> None:
        self._interval, self._complain = interval, complain
        self._last: dict[tuple[str, Any], float] = {}
        self._late: dict[tuple[str, Any], int] = {}
        self._told: set[str] = set()

    def take(self, sample: Mapping[str, Any], at: float) -> None:
        """at: when it was read, s, by a clock that is never set."""
        name = str(sample["name"])
        key = (name, sample["board"])
        passed = at - self._last.get(key, at)
        self._last[key] = at
        self._late[key] = self._late.get(key, 0) + 1 if passed > _LATE * self._interval else 0
        if self._late[key] >= _IN_A_ROW and name not in self._told:
            self._told.add(name)
            self._complain(
                f"{name} takes {passed:.0f} s from sample to sample, not {self._interval:g} s: energy and "
                "the bank go without what lies further apart than they allow; take a longer --interval"
            )
