"""Which board numbers answer, and whether one that was heard really answers us."""

from __future__ import annotations

from dalybms.device import PC_HOST, Target, speaker
from dalybms.diagnosis.asking import REST, TRIES, ask
from dalybms.diagnosis.steps import FAILED, NOTED, OK, Notebook
from dalybms.diagnosis.wire import Ear, Place
from dalybms.errors import NoReply
from dalybms.link import Link
from dalybms.rollcall import roll_call

_EACH, _EACH_BY_RADIO, _QUICK, _LEAST = 0.35, 0.5, 0.2, 0.14
"""Seconds for all questions to one number; where a board has answered, the rest is for its measurement."""
_SHARE = 0.7
"""Of the usual silence, where that is less."""


def call_roll(ear: Ear, place: Place, notes: Notebook, found: bool) -> dict[int, str]:
    """{number: protocol} of the boards that answer. found: has a board answered before?"""
    notes.begin("numbers")
    link = Link(ear, place.timing, 0, None, place.clock)
    longest = _QUICK if found else _EACH if place.target.wired else _EACH_BY_RADIO
    each = max(_LEAST, min(longest, _SHARE * place.timing.timeout))
    try:
        roll = roll_call(link, place.clock, rounds=1, each=each)
    except NoReply as error:
        notes.note("numbers", FAILED, str(error), numbers={}, twins=[])
        return {}
    numbers = dict(sorted(roll.numbers.items()))
    first = next(iter(numbers.items()), None)
    own = first is not None and first[0] == place.target.number  # which was asked, and not heard in time
    sure = found or (first is not None and not own and _answers(ear, place, *first))
    detail = ", ".join(f"board {number} ({name.upper()})" for number, name in numbers.items())
    twins = sorted(roll.twins)
    outcome = OK if len(numbers) == 1 and not twins else NOTED
    facts = {"numbers": {str(number): name for number, name in numbers.items()}, "twins": twins, "sure": sure}
    notes.note("numbers", outcome, detail or "no board answers under any number from 1 to 16", **facts)
    return numbers


def _answers(ear: Ear, place: Place, number: int, protocol: str) -> bool:
    """Asked by its number alone: what was heard may have been an answer to somebody else."""
    host = PC_HOST + number - 1 if protocol == "a5" else None
    target = Target(protocol, host, number)
    link = Link(ear, place.timing, TRIES - 1, REST, place.clock)
    return ask(link, speaker(protocol, target), target).answered
