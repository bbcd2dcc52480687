"""Boards not heard at first: slow ones, waited for longer; ones that wake up, asked once more."""

from __future__ import annotations

from collections.abc import Collection

from dalybms.device import speaker
from dalybms.diagnosis.asking import REST, Found, ask, ways
from dalybms.diagnosis.listening import daly_answers
from dalybms.diagnosis.steps import NOTED, OK, Notebook
from dalybms.diagnosis.wire import Ear, Place
from dalybms.link import Link

PATIENCE = 4.0
"""Seconds that an answer is waited for that came too late before."""
_BACKLOG = 1.0
"""Seconds for the answers to what was asked just before: P81 by all numbers."""


def ask_patiently(ear: Ear, place: Place, notes: Notebook) -> bool:
    """Where answers of this board came, and none in time: how long do they take?"""
    spoken = daly_answers(bytes(ear.passed), place.target.number)
    if not spoken:
        return False
    notes.begin("patiently")
    slowest, detail = 0.0, "nothing is answered, however long it is waited for"
    link = Link(ear, place.timing, 0, REST, place.clock)
    for _, target in ways(place.target):
        if target.protocol not in spoken or slowest:
            continue
        one = speaker(target.protocol, target)
        if target.protocol == "p81":
            link.idle(_BACKLOG)
        if ask(link, one, target, (0,), PATIENCE / place.timing.timeout).answered:
            slowest = ear.first or 0.0
            detail = f"{one.asks} is answered after {slowest:.1f} s"
    late = slowest > place.timing.timeout
    notes.note("patiently", NOTED, detail, slow=round(slowest, 2) if late else 0.0)
    return late


def ask_again(ear: Ear, place: Place, notes: Notebook, protocols: Collection[str]) -> list[Found]:
    """Each way once more: a board that wakes up hears only then, and at another rate it proves none."""
    notes.begin("again")
    link = Link(ear, place.timing, 0, REST, place.clock)
    for name, target in ways(place.target):
        if target.protocol not in protocols:
            continue
        one = speaker(target.protocol, target)
        done = ask(link, one, target, (0,) if place.target.wired else ())
        if done.answered:
            host = target.address if target.protocol == "a5" else None
            facts = {"protocol": one.name, "number": target.number, "host": host}
            notes.note("again", NOTED, f"{done.detail}, and was not at first", answered=True, **facts)
            return [Found(name, one, target.number, host, done.round)]
    notes.note("again", OK, "nothing is answered either", answered=False)
    return []
