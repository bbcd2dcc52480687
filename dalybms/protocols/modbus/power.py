"""The power that a board states, beside its voltage times its current. Both are sampled apart. Pure."""

from __future__ import annotations

_SHARE, _WATTS = 0.30, 200
"""Both limits must be passed to contradict."""
_WORD = 0x10000


def fits(power: float, watts: int) -> bool:
    """All boards recorded state it without a sign; what a signed word would mean fits as well."""
    meant = (watts, _WORD - watts) if watts >= _WORD // 2 else (watts,)
    return any(abs(abs(power) - each) <= _margin(each) for each in meant)


def moved(first: float, watts: float, second: float) -> bool:
    """Does a load change that quickly: are the watts stated between two powers from one to the other?"""
    low, high = sorted((abs(first), abs(second)))
    least = 0.0 if first * second < 0 else low
    return least - _margin(watts) <= watts <= high + _margin(watts)


def _margin(watts: float) -> float:
    return max(_WATTS, _SHARE * watts)
