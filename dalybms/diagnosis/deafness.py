"""How long a board hears nothing after its answer: an upper bound, or that it is not known.

Some boards are deaf always and some by chance, and a line may lose questions as well. So questions right
behind an answer are compared with questions after a long rest; a rest is enough where so many in a row are
heard behind it that chance cannot have done it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, comb, log
from typing import NamedTuple

from dalybms.diagnosis.asking import REST
from dalybms.diagnosis.meter import Meter

HASTE = 0.007
MARGIN = 0.05
"""Seconds that a recommended pause is longer than the rest that was enough."""
_RESTS = (0.05, 0.1, 0.15, 0.2, 0.25)
"""Seconds between an answer and the next question, as programs in the field have them."""
LONGEST = 0.6
"""Seconds, tried where even REST is not enough, which is longer than this program rests."""
_LOST_THEN, _LOST_ON_A_BAD_LINE = 2, 3
"""So many questions in a row that are lost after REST."""
_HASTY, _MOST = 10, 16
"""Questions right behind an answer: so many, and so many where some of them were lost."""
_TRIED = 8
"""Questions in a row after the rest that is told."""
_PROOF = 0.02
"""What chance alone must not reach."""
_FEWEST = 3
_TURNS = 40
"""Whatever is lost: so many questions at the most."""


class Deafness(NamedTuple):
    """seconds: the shortest rest that is known to be enough, REST where none was; 0.0: none is needed.

    LONGEST: REST is not enough.

    lost, asked: of the questions right behind an answer. sure: do these tell?
    """

    seconds: float
    lost: int
    asked: int
    sure: bool


def deafness(meter: Meter) -> Deafness:
    """Ask until it is known, or the time is short."""
    lost, asked = _in_haste(meter)
    if not lost:
        return Deafness(0.0, lost, asked, asked >= _HASTY // 2)
    if not _is_deaf(meter, lost, asked):
        return Deafness(0.0, lost, asked, sure=False)
    if _needs_longer(meter):
        return Deafness(LONGEST, lost, asked, sure=True)
    rests = [*_RESTS, REST]
    rests = rests[_enough(meter, lambda each: _all_heard(meter, each, _in_a_row(lost, asked))) :]
    while len(rests) > 1 and not _holds(meter, rests[0]):
        del rests[0]
    return Deafness(rests[0], lost, asked, sure=True)


def _holds(meter: Meter, rest: float) -> bool:
    """Is nothing lost after this rest? These questions count for the line as well."""
    before = len(meter.rested)
    while len(meter.rested) < before + _TRIED and meter.time_left():
        meter.ask_rested(rest)
    tried = meter.rested[before:]
    if any(tried) and not any(meter.rested[:before]):
        del meter.rested[before:]  # it is the rest, not the line
    return len(tried) == _TRIED and not any(tried)


def _needs_longer(meter: Meter) -> bool:
    """Is each question lost that comes REST after an answer, and not one that comes later?"""
    times = _LOST_ON_A_BAD_LINE if any(meter.rested) else _LOST_THEN
    lost = all(meter.is_lost(REST) for _ in range(times))
    return lost and not (meter.time_left() and meter.is_lost(LONGEST))


def _in_haste(meter: Meter) -> tuple[int, int]:
    """(lost, asked) of questions right behind an answer."""
    lost = asked = 0
    for _ in range(_TURNS):
        enough = asked >= (_MOST if lost else _HASTY) or (lost > 1 and _is_deaf(meter, lost, asked))
        if enough or not meter.time_left():
            break
        gone = meter.is_lost(HASTE)
        if gone is not None:
            lost, asked = lost + gone, asked + 1
            meter.hasty.append("silence" if gone else "")
    return lost, asked


def _is_deaf(meter: Meter, lost: int, asked: int) -> bool:
    """Are more lost than after a long rest, by more than chance does? Fisher's exact test."""
    rested = len(meter.rested)
    bad = sum(bool(seen) for seen in meter.rested)
    ways = sum(comb(asked, n) * comb(rested, lost + bad - n) for n in range(lost, min(asked, lost + bad) + 1))
    return ways <= _PROOF * comb(asked + rested, lost + bad)


def _in_a_row(lost: int, asked: int) -> int:
    """So many heard in a row, where each would be lost as often as those in haste, are no chance."""
    share = lost / (asked + 1)
    return max(_FEWEST, min(_TRIED, ceil(log(_PROOF) / log(1 - share))))


def _enough(meter: Meter, heard: Callable[[float], bool]) -> int:
    """The place of the shortest rest that is enough, by halving; behind the last: none was seen to be."""
    low, high = -1, len(_RESTS)
    while high - low > 1 and meter.time_left():
        middle = (low + high) // 2
        low, high = (low, middle) if heard(_RESTS[middle]) else (middle, high)
    return high


def _all_heard(meter: Meter, rest: float, count: int) -> bool:
    """Are so many questions in a row heard, each so soon behind an answer? Not known: no."""
    heard = 0
    for _ in range(_TURNS):
        if heard == count or not meter.time_left():
            break
        gone = meter.is_lost(rest)
        if gone:
            return False
        heard += gone is False
    return heard == count
