"""The clock of a board: six bytes, year since 2000, month, day, hour, minute, second.

Sources: a recorded P81 board counted so in 0x61-0x63, a minute on in each poll of a minute; A5 0x21, which
sets it, was recorded with the time of its sending. That A5 0x61 answers in the same order is stated by
Daly2MQTT alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from dalybms.errors import BadReply, NotSupported

_BLANK = (bytes(6), b"\xff" * 6)
_APART = timedelta(seconds=10)
"""Two questions in a row, with what may be lost between them."""
_ANSWERS = 3


def instant(data: bytes) -> datetime | None:
    """Without a zone; None for a clock that was never set. Raises NotSupported where the board has none."""
    if data[:6] in _BLANK:
        raise NotSupported("this board does not tell its clock")
    try:
        return datetime(2000 + data[0], *data[1:6])
    except ValueError:
        return None


def steady(ask: Callable[[], bytes]) -> datetime | None:
    """What two answers in a row agree on, where the sum of one alone misses damage."""
    before = instant(ask())
    for _ in range(_ANSWERS):
        now = instant(ask())
        if before == now or (before and now and timedelta(0) <= now - before <= _APART):
            return now
        before = now
    raise BadReply("the clock is answered differently each time: look for disturbances")
