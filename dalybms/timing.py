"""Every limit of reading, in one table that tests can scale."""

from __future__ import annotations

from typing import NamedTuple

BAUD = 9600
"""Daly's rate on UART, RS485 and the modules' UART, where nothing else was set."""
LONGEST = 16 * 13
"""Bytes of the longest reply there is."""
QUESTION = 13
"""Bytes of the longest question."""


class Timing(NamedTuple):
    """Seconds where nothing else is said; a share is one of `timeout`."""

    timeout: float = 0.5
    """Longest silence before an attempt ends. Boards answer in 25-80 ms, worst seen about 100 ms."""
    usual: float = 0.1
    """Within so long boards answer: a reply is waited for as a whole. 0: its beginning is waited for."""
    kept: float = 0.017
    """Adapters keep bytes for 16 ms, so what comes within so long of a question was on its way before it."""
    turn: float = 0.3
    """The share of it that each candidate gets in the first two rounds of finding out who answers."""
    least_turn: float = 0.0
    """The same in seconds, where that is more."""
    a5_after: float = 0.0
    """A5 is not asked sooner after the first of several candidates."""
    stretched: int = 32
    """An answer that has begun may take so many of it, as long as none of its pauses is as long as one."""
    silences: int = 8
    """Silent attempts of one public call share so many `timeout`."""
    failures: int = 16
    """All attempts that fail, damaged ones too, share so many."""
    last_tries: int = 3
    """When that is used up, so many requests in a row may fail before no more is asked."""
    first_pause: float = 0.007
    """Between an answer and the next request: the measured minimum of real boards."""
    last_pause: float = 0.3
    """After so long a rest every board hears: programs in the field wait 60 to 250 ms."""
    quiet: float = 0.03
    """A reply whose length is not known has ended after this much silence; adapters gather for 16 ms."""
    least_quiet: float = 0.01
    """The same on a line that is seen to hand on each byte as it comes."""
    open_end: float = 0.15
    """The same for raw requests, where nothing says how many frames will come."""
    byte: float = 10 / BAUD
    """One byte on the wire, 9600 8N1."""


WIRE = Timing()
BLUETOOTH = Timing(timeout=0.8, usual=0.0, turn=0.4375, least_turn=0.35, a5_after=0.7, quiet=0.15)
"""The Bluetooth modules bridge the same 9600 baud; answers were seen after up to 501 ms.

Some modules hang up when they hear A5: one that speaks something else has said so by then.
"""
