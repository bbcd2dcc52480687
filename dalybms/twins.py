"""Two boards under one number: the proof. The suspicion: doubles.py.

Each question has two whole answers then. The first one counts, and where one of the boards has missed a
question it is the other's: the readings are mixed.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from dalybms.errors import NoReply
from dalybms.link import Link
from dalybms.protocols.request import Request
from dalybms.protocols.rivals import is_repeated

_PROOF = 2
"""So many questions in a row, each asked once, have two different answers: an old one is late once."""


def proven(link: Link, request: Request, board: int) -> bool:
    """Ask twice, each time once, whether two boards answer. Who answers another program proves nothing."""
    question = open_ended(request)
    return all(_two_answers(link, alone(question), board) for _ in range(_PROOF))


def alone(question: Request) -> Request:
    """The same question, to which nothing counts once somebody else is heard to ask it."""
    return question._replace(rivalled=partial(is_repeated, question.writes[0]))


def _two_answers(link: Link, question: Request, board: int) -> bool:
    """The slower board may still be sending its answer to the question before, and would not hear.

    What is answered while we ask nothing was asked by somebody else.
    """
    reader = question.reader
    reader.reset()
    unasked = [*reader.feed(link.idle(link.timing.last_pause)), *reader.release(everything=True)]
    if any(map(question.wanted, unasked)):
        return False
    return len(set(all_answers(link, question, board))) > 1


def open_ended(request: Request) -> Request:
    """The same question, asked once, with all frames for its value that come before the line is quiet."""
    return request._replace(parse=list, number=None, open_end=True, optional=True, tries=1)


def all_answers(link: Link, question: Request, board: int) -> list[Any]:
    """All frames that answer an open-ended question before the line is quiet; [] when there is none."""
    try:
        return list(link.exchange(question, board).value)
    except NoReply:
        return []
