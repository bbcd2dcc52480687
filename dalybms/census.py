"""Would another board of the wire obey a write as well? D2 has no number: every awake board would.

So would two boards under one number, and every A5 board that listens to the host of an app.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from dalybms.device import APP_HOST
from dalybms.errors import WriteRefused
from dalybms.link import Link
from dalybms.rollcall import is_a5, roll_call
from dalybms.twins import proven

if TYPE_CHECKING:
    from dalybms.device import Speaker, Target

EACH = 0.2
"""Seconds that each of the 16 numbers is listened to."""


def refuse_company(link: Link, clock: Callable[[], float], target: Target, speaker: Speaker) -> None:
    """Raises WriteRefused, with the numbers that answer, where a write may reach another board.

    One question is listened to until the line is quiet: two different answers to it, twice, are two boards.
    Boards that answer D2 on a cable answer P81 under their number, so where none is named all 16 numbers are
    asked once. Over Bluetooth one link is one board; an A5 board obeys its own host address.
    """
    if not target.wired:
        return
    _refuse_twins(link, target, speaker)
    if target.board is None and speaker.name in ("d2", "p81"):
        _refuse_others(link, clock, speaker)


def _refuse_twins(link: Link, target: Target, speaker: Speaker) -> None:
    question = speaker.probe(["soc"])
    if speaker.name == "a5" and question.writes[0][1] == APP_HOST:
        question = question._replace(wanted=partial(is_a5, question.writes[0][2]))  # names no board
    with link.call():
        doubled = proven(link, question, target.number)
    if doubled:
        raise WriteRefused(
            "two boards answer one question on this wire, and both would obey a write: give each a number of "
            "its own with the vendor's program and name one (--board), or connect one alone; nothing was sent"
        )


def _refuse_others(link: Link, clock: Callable[[], float], speaker: Speaker) -> None:
    numbers = sorted(roll_call(link, clock, ("p81",), rounds=1, each=EACH).numbers)
    if len(numbers) > (speaker.name == "p81"):
        heard = ", ".join(map(str, numbers))
        raise WriteRefused(
            f"boards answer on this wire under the numbers {heard}, and every one would obey a write without "
            "a number: name one with board (--board); nothing was sent"
        )
