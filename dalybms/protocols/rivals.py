"""What other programs ask on the same line: seen in the bytes that were heard. Pure.

An answer with registers does not name them, so where two questions wait for an answer of the same length
nobody can tell whose it is.
"""

from __future__ import annotations

from typing import NamedTuple

from dalybms.protocols.a5.frame import LENGTH, LOWEST_HOST, SIZE, START
from dalybms.protocols.modbus.frame import CRC, ERROR, HEAD, QUESTION, READ, Registers, crc

_FUNCTIONS = range(1, 7)
"""Modbus: those that read, and those that write one register; their questions are equally long."""


class Stream(NamedTuple):
    """What was heard: without a rest up to our question, and since."""

    before: bytes
    since: bytes


def ends_in_question(heard: bytes) -> bool:
    """Has somebody asked, in any protocol, and nobody answered yet?"""
    return _is_a5_question(heard[-SIZE:]) or _is_modbus_question(heard[-QUESTION:])


def is_rivalled(own: bytes, frame: Registers, stream: Stream) -> bool:
    """May this frame be the answer to a read of other registers, that somebody else has asked for?"""
    rival = _asked(stream.before, own, frame, answers=True)
    return rival or _asked(_without_echo(stream.since, own), own, frame, answers=False)


def is_repeated(own: bytes, _: object, stream: Stream) -> bool:
    """Has somebody else written the same, so that the answer may be his? Of A5 host and data may differ."""
    heard = stream.before + _without_echo(stream.since, own)
    if own[0] != START:
        return own[:4] in heard
    ends = range(SIZE, len(heard) + 1)
    return any(heard[end - SIZE + 2] == own[2] and _is_a5_question(heard[end - SIZE : end]) for end in ends)


def _without_echo(since: bytes, own: bytes) -> bytes:
    return since[len(own) :] if since.startswith(own) else since


def _asked(heard: bytes, own: bytes, frame: Registers, answers: bool) -> bool:
    """answers: what came behind such a question was its answer."""
    head, waits, at = own[:2], False, heard.find(own[:2])
    while at >= 0:
        question = heard[at : at + QUESTION]
        if _is_modbus_question(question) and question != own and _fits(question, frame):
            waits = not (answers and _is_answered(heard[at + QUESTION :], question, frame.source))
        at = heard.find(head, at + 1)
    return waits


def _fits(question: bytes, frame: Registers) -> bool:
    """Would its answer look like this frame? A refusal looks the same whatever was asked."""
    return frame.refusal is not None or len(frame.data) == 2 * int.from_bytes(question[4:6], "big")


def _is_answered(heard: bytes, question: bytes, source: int) -> bool:
    heads = (bytes((source, READ, 2 * question[5] & 0xFF)), bytes((source, READ | ERROR)))
    places = [(heard.find(head), head) for head in heads]
    return any(
        at >= 0 and len(heard) - at >= (HEAD + head[2] + CRC if len(head) == HEAD else HEAD + CRC)
        for at, head in places
    )


def _is_a5_question(data: bytes) -> bool:
    whole = len(data) == SIZE and data[0] == START and data[3] == LENGTH
    return whole and data[1] >= LOWEST_HOST and sum(data[:-1]) & 0xFF == data[-1]


def _is_modbus_question(data: bytes) -> bool:
    return len(data) == QUESTION and data[1] in _FUNCTIONS and crc(data[:-CRC]) == data[-CRC:]
