"""Would another board of the wire obey a write as well? D2 has no number: every awake board would."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dalybms.errors import WriteRefused
from dalybms.link import Link
from dalybms.rollcall import roll_call

if TYPE_CHECKING:
    from dalybms.device import Speaker, Target

EACH = 0.2
"""Seconds that each of the 16 numbers is listened to."""


def refuse_company(link: Link, clock: Callable[[], float], target: Target, speaker: Speaker) -> None:
    """Raises WriteRefused, with the numbers that answer, where a write may reach another board.

    Boards that answer D2 on a cable answer P81 under their number, so all 16 numbers are asked
    once. Over Bluetooth one link is one board; an A5 board obeys its own host address.
    """
    if not target.wired or target.board is not None or speaker.name not in ("d2", "p81"):
        return
    numbers = sorted(roll_call(link, clock, ("p81",), rounds=1, each=EACH).numbers)
    if len(numbers) > (speaker.name == "p81"):
        heard = ", ".join(map(str, numbers))
        raise WriteRefused(
            f"boards answer on this wire under the numbers {heard}, and every one would obey a write without "
            "a number: name one with board (--board); nothing was sent"
        )
