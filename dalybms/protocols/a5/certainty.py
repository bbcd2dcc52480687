"""What counts on a line that spoils answers: what two of them say, or what lies between two others.

A sum of 8 bits misses one damage in 256. So where damage is seen, some of it is not; on a line where
none is seen one answer is enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from dalybms.errors import BadReply, DalyError

MEMORY = 200
"""Answers for which damage is kept in mind; two damages within so many make a line rough."""
_HIGHEST = 3 * MEMORY
_MOST = 3
_COUNTER = "heartbeat"
"""The key that no two answers have alike."""


class Roughness:
    """Does the line spoil answers? One damage in `MEMORY` answers may be chance."""

    def __init__(self) -> None:
        self._level = 0

    def __bool__(self) -> bool:
        return self._level > MEMORY

    def answered(self, spoilt: int) -> None:
        """spoilt: how often what came to the question before this answer was none."""
        self._rise(spoilt * MEMORY - 1)

    def failed(self, error: DalyError) -> None:
        if isinstance(error, BadReply) or getattr(error, "seen", "") in ("damage", "noise"):
            self._rise(MEMORY)

    def _rise(self, by: int) -> None:
        self._level = max(0, min(self._level + by, _HIGHEST))


def settled(first: Any, again: Callable[[], Any]) -> Any:
    """The reading that two answers give, or the middle of three; `first` where there is no other."""
    told = [first]
    while len(told) < _MOST and (len(told) == 1 or _still(told[-1]) != _still(told[-2])):
        another = again()
        if isinstance(another, DalyError):
            break
        told.append(another)
    return _middle(told) if len(told) > 1 else first


def _still(reading: Any) -> Any:
    return {**reading, _COUNTER: 0} if isinstance(reading, Mapping) else reading


def _middle(told: Sequence[Any]) -> Any:
    """What was said twice, or the middle of three numbers; of a section that of each key; else the last."""
    said_twice = [each for each in told if told.count(each) > 1]
    if said_twice:
        return said_twice[0]
    if all(isinstance(each, Mapping) for each in told):
        return {key: _middle([each[key] for each in told if key in each]) for key in told[-1]}
    if len(told) == _MOST and all(isinstance(each, (int, float)) for each in told):
        return sorted(told)[1]
    return told[-1]
