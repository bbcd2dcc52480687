"""What became of a write, from what is known: pure, no I/O.

Reading back decides; the acknowledgement only settles what reading back cannot. Boards have
acknowledged and done nothing, and acted without a word.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from dalybms.errors import DalyError, WriteRefused, WriteUnverified
from dalybms.protocols.writes import CHARGE, DISCHARGE, MOSFETS, RESTART, SOC, State, Value, tenths

LIMIT = 15.0
"""Seconds after sending within which the change must show."""
SILENCES = 3
"""So many questions in a row without an answer, and then SOUND with one: a board that has started anew."""
SOUND = 8
AT_ONCE = 2.0
"""Seconds from sending within which that gap must begin; later ones are questions that a bad line lost."""
NAMES = {
    CHARGE: "charge MOSFET",
    DISCHARGE: "discharge MOSFET",
    SOC: "state of charge",
    RESTART: "restart",
}
DRIFT = 1.0
"""0.1 % a second: so fast a state of charge may move by itself, at 3.6 times the capacity."""
_YEARS = range(2025, 2100)
"""A host clock outside of these is wrong; A5 boards would take it over."""
Result = dict[str, Any]


class Evidence(NamedTuple):
    """What is known some time after sending.

    before, after: as read; `after` is None while it cannot be read. acknowledged: True, False
    (the answer says otherwise) or None. over: is the time for it over? elapsed: seconds from
    reading `before` to reading `after`.
    """

    requested: Value
    before: Value
    after: State | None
    acknowledged: bool | None
    over: bool
    elapsed: float = 0.0


def is_same(requested: Value, value: Value) -> bool:
    """Does it stand so already?"""
    if isinstance(requested, bool):
        return value == requested
    return requested is not None and value is not None and tenths(value) == tenths(requested)


def is_shown(requested: Value, before: Value, after: Value) -> bool:
    """Does a reading show what was asked for?

    A state of charge may have moved on by 0.1 % meanwhile, but must be nearer than the old one was.
    """
    if isinstance(requested, bool) or requested is None or before is None or after is None:
        return requested is not None and after == requested
    apart = abs(tenths(after) - tenths(requested))
    return apart == 0 or (apart == 1 and apart < abs(tenths(before) - tenths(requested)))


def outcome(seen: Evidence) -> str | None:
    """ "done", "refused" or "unverified"; None: look again."""
    after = None if seen.after is None else seen.after.value
    shown = seen.after is not None and is_shown(seen.requested, seen.before, after)
    if shown and _is_proof(seen, after):
        return "done"
    if not seen.over:
        return None
    stands = seen.after is not None and not shown and _is_old(seen, after)
    return "refused" if stands and seen.acknowledged is False else "unverified"


def _is_proof(seen: Evidence, after: Value) -> bool:
    """Has the write made this value? An answer settles it where the old one cannot have drifted so far."""
    if isinstance(after, bool):
        return seen.acknowledged is True or after != seen.before
    return not may_drift(seen.before, after, seen.elapsed, 0 if seen.acknowledged else 1)


def may_drift(one: Value, other: Value, elapsed: float, step: int = 1) -> bool:
    """May one value have become the other by itself? A state of charge moves while current flows.

    step: 0.1 % that it may have been about to move.
    """
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one == other
    return abs(tenths(one) - tenths(other)) <= step + elapsed * DRIFT


def _is_old(seen: Evidence, after: Value) -> bool:
    """Is it the old value, moved on at the most, and nothing that the new one may have become?"""
    if isinstance(after, bool):
        return after != seen.requested
    return may_drift(seen.before, after, seen.elapsed) and not may_drift(seen.requested, after, seen.elapsed)


def has_restarted(powered: Value, before: Value, elapsed: float, sound: int) -> bool:
    """Is it proven: by its seconds since power-on, or where it tells none by a gap in its answers?

    sound: answers in a row after the gap. A line that loses answers makes gaps too, but has more of them.
    A counter that has not gone back proves nothing: it may always stand at 0.
    """
    if powered is None:
        return sound >= SOUND
    return before is not None and powered < min(before, elapsed)


def clock_bytes(now: time.struct_time) -> bytes:
    """Year since 2000, month, day, hour, minute, second, as A5 boards keep it.

    Raises WriteRefused where the clock of this machine cannot be right.
    """
    if now.tm_year not in _YEARS:
        raise WriteRefused(
            f"the clock of this machine says {now.tm_year}, and the write sets the clock of the board too: "
            "set this one first; nothing was sent"
        )
    return bytes((now.tm_year - 2000, now.tm_mon, now.tm_mday, now.tm_hour, now.tm_min, min(now.tm_sec, 59)))


def failure(action: str, verdict: str, result: Result, why: str) -> DalyError:
    """The error of a write that was sent and is not done. why: what kept it from being read back."""
    if verdict == "refused":
        return WriteRefused(
            f"refused: {_stands(action, result)}, and the board's answer says otherwise: it does not allow "
            "it now, or not at all",
            result,
        )
    return unproven(action, why or _stands(action, result), result)


def unproven(action: str, why: str, result: Result) -> WriteUnverified:
    return WriteUnverified(
        f"sent once, but not proven ({NAMES[action]}): {why}; read the battery before anything else is sent",
        result,
    )


def shown_as(action: str, value: Value) -> str:
    """A value as a sentence has it."""
    if action in MOSFETS:
        return {True: "on", False: "off"}.get(bool(value), "") if value is not None else "unknown"
    return "unknown" if value is None else f"{value:g} %"


def _stands(action: str, result: Result) -> str:
    if action == RESTART:
        return "no sign of a restart"
    return f"{NAMES[action]} is {shown_as(action, result.get('after'))}"
