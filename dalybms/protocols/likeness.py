"""Which recorded question is the same as one that is asked now. Pure."""

from __future__ import annotations

from dalybms.protocols.a5.frame import SIZE, START
from dalybms.protocols.a5.writes import CODES
from dalybms.protocols.writes import SOC

_CLOCK = slice(4, 10)


def timeless(question: bytes) -> bytes:
    """The question as it is; of A5 0x21 without the time that it sets the clock to."""
    if len(question) != SIZE or question[0] != START or question[2] != CODES[SOC]:
        return question
    return question[: _CLOCK.start] + question[_CLOCK.stop : -1]
