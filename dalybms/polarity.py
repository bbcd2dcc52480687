"""Which sign of the current means discharging. Pure.

D2 and P81 boards count discharge down: all that were recorded do. A5 boards differ, so what each
one does is learnt from its own words: `mode` names the direction, and from 1 A on the current
has a sign that noise has not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

LEAST_AMPERES = 1.0
"""Smaller currents say nothing of the sign: boards round them, and their zero drifts."""
_DOWN = ("d2", "p81")
"""Protocols whose negative current is a discharge."""
_UP, _DOWNWARDS = "discharge_positive", "discharge_negative"
_MOST_VOICES = 1000
"""Then both sides are halved, so that a board that was exchanged is learnt anew within hours."""
_LEAD = 2
"""One voice may be wrong: a load may have switched between the two readings that make it."""
_SIGNS = {"discharging": 1, "charging": -1}

Voices = dict[str, int]
"""What was learnt of one board, as it can be saved: {"discharge_positive": 12, "discharge_negative": 0},
each the number of samples that said so. Signs are the board's own, before `invert_current`."""


def number(value: Any) -> float | None:
    """A measured value, or None for what is none."""
    sound = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return value if sound else None


def witness(current: Any, mode: Any, inverted: bool = False) -> int:
    """The board's own sign of a discharge as this one reading shows it: 1, -1, or 0 for neither."""
    amperes = number(current)
    if amperes is None or abs(amperes) < LEAST_AMPERES or mode not in ("discharging", "charging"):
        return 0
    seen = _SIGNS[mode] if amperes > 0 else -_SIGNS[mode]
    return -seen if inverted else seen


def learn(voices: Mapping[str, int], seen: int) -> Voices:
    """What is known after one more witness (1, -1 or 0)."""
    up, down = voices.get(_UP, 0) + (seen > 0), voices.get(_DOWNWARDS, 0) + (seen < 0)
    if up + down > _MOST_VOICES:
        up, down = up // 2, down // 2
    return {_UP: up, _DOWNWARDS: down}


def polarity(
    protocol: str | None, voices: Mapping[str, int], seen: int = 0, inverted: bool = False
) -> int | None:
    """What `current` is multiplied by to be positive while discharging: 1, -1, or None: not known.

    voices: what was learnt before; where it says nothing yet, `seen` (the witness of the reading itself)
    decides. inverted: `current` was turned by `invert_current`. A D2 or P81 board whose words
    contradict the rule of its protocol is not known either.
    """
    lead = voices.get(_UP, 0) - voices.get(_DOWNWARDS, 0)
    own = seen if abs(lead) < _LEAD else (1 if lead > 0 else -1)
    if protocol in _DOWN:
        own = -1 if own <= 0 else 0
    return (-own if inverted else own) or None
