"""Which board numbers answer on a cable: all are asked, silent ones twice, within ten seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Callable, NamedTuple

from dalybms.device import APP_HOST, MOST_BOARDS, PC_HOST
from dalybms.errors import NoReply
from dalybms.link import Link
from dalybms.protocols.request import Request
from dalybms.twins import all_answers, alone, open_ended

SECONDS = 10.0
"""The whole call takes no longer, whatever noise comes."""
_ROUNDS = 2
_SHARE = 0.95
"""Of that time; the rest is for the last answer."""
_SHORTEST = 0.05
"""Seconds to wait for an answer; when noise has left less for each, not all can be asked."""

Progress = Callable[[str], None]
"""Is handed a line about each number that is asked."""


class Roll(NamedTuple):
    """numbers: {number: its protocol} of the boards that answered. twins: numbers that two boards have."""

    numbers: dict[int, str]
    twins: set[int]


class _Question(NamedTuple):
    """One question to one number. speaker: the number of the board that a frame comes from."""

    number: int
    protocol: str
    request: Request
    speaker: Callable[[Any], int]


def roll_call(
    link: Link,
    clock: Callable[[], float],
    protocols: Sequence[str] = ("a5", "p81"),
    progress: Progress | None = None,
    rounds: int = _ROUNDS,
    each: float | None = None,
) -> Roll:
    """Ask every number as A5 and as P81, which are the protocols that have numbers.

    An answer of any board counts, also one that comes late, while the next number is asked: a good
    frame proves its board, whatever its values say. Other threads may have their turn in between.
    rounds, each: how often a number is asked, and seconds for each question (None: all that there is).
    Raises NoReply when noise leaves no time to ask them all, TransportError when the wire is gone.
    """
    end = clock() + (SECONDS * _SHARE if each is None else each * (MOST_BOARDS + 1) * rounds)
    roll = Roll({}, set())
    left = [each for round_ in range(rounds) for name in protocols for each in _questions(name, round_)]
    while left:
        question = left.pop(0)
        wait = (end - clock()) / sum(map(_weight, (question, *left)))
        if wait < _SHORTEST:
            raise NoReply(
                f"noise left no time to ask all boards within {SECONDS:g} s: check A/B, GND, the baud rate "
                "and that no other program uses the line",
                "noise",
            )
        if progress:
            progress(f"asking board {question.number} of {MOST_BOARDS} ({question.protocol.upper()})")
        patience = min(1.0, _weight(question) * wait / link.timing.timeout)
        again = question._replace(request=alone(question.request))
        if _ask(link, question, patience, roll) and _ask(link, again, patience, roll):
            roll.twins.add(question.number)
        left = [each for each in left if each.number not in roll.numbers]
    return roll


def _weight(question: _Question) -> int:
    """After the last number no other question follows, during which a late answer would count."""
    return 2 if question.number == MOST_BOARDS else 1


def _ask(link: Link, question: _Question, patience: float, roll: Roll) -> bool:
    """Note who answers; was this one question answered twice, and differently, by its number?

    Boards are said to have the same number when this was so for two questions in a row: the late
    answer to an earlier question differs as well.
    """
    with link.call():
        frames = all_answers(link, question.request._replace(patience=patience), question.number)
    for frame in frames:
        roll.numbers.setdefault(question.speaker(frame), question.protocol)
    return len({frame for frame in frames if question.speaker(frame) == question.number}) > 1


def _questions(protocol: str, round_: int) -> Iterator[_Question]:
    for number in range(1, MOST_BOARDS + 1):
        for request, wanted, speaker in (_a5 if protocol == "a5" else _p81)(number, round_):
            yield _Question(number, protocol, open_ended(request)._replace(wanted=wanted), speaker)


_Asked = Iterable[tuple[Request, Callable[[Any], bool], Callable[[Any], int]]]


def _a5(number: int, round_: int) -> _Asked:
    """A question for each host address; the second round has another one, for boards that lack the first."""
    from dalybms.protocols.a5.board import A5

    for host in (PC_HOST + number - 1, APP_HOST)[: 1 + (number == 1)]:
        request = A5([host], number).probe(["soc"], round_)
        code = request.writes[0][2]
        yield request, partial(is_a5, code), lambda frame: int(frame.source)


def is_a5(code: int, frame: Any) -> bool:
    """Is this what any board answers to a command?"""
    return bool(frame.command == code) and 1 <= frame.source <= MOST_BOARDS


def _p81(number: int, round_: int) -> _Asked:
    from dalybms.protocols.modbus.frame import ModbusReader
    from dalybms.protocols.modbus.p81 import ANSWERS, P81

    request = P81(number).probe(["soc"], round_)
    sources = range(ANSWERS + 1, ANSWERS + MOST_BOARDS + 1)
    length = 2 * int.from_bytes(request.writes[0][4:6], "big")
    yield request._replace(reader=ModbusReader(sources, length)), bool, lambda frame: frame.source - ANSWERS
