"""A frame of D2 or P81, blanked: questions, answers, writes, refusals. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Callable

from dalybms.protocols.blanking.heard import Found, Heard, Part, Question
from dalybms.protocols.blanking.marks import D2 as _D2
from dalybms.protocols.blanking.marks import P81 as _P81
from dalybms.protocols.blanking.marks import Marks, Range
from dalybms.protocols.blanking.tokens import codes_in, mask, masked_spread, masked_texts
from dalybms.protocols.modbus.d2 import ADDRESS
from dalybms.protocols.modbus.frame import ERROR, READ, WRITE, WRITE_SEVERAL, crc
from dalybms.protocols.modbus.p81 import ANSWERS, ASKED

_BOARDS = 16
_NUMBERS = range(1, _BOARDS + 1)
FIRST = frozenset(
    (ADDRESS, *(ASKED + number for number in _NUMBERS), *(ANSWERS + number for number in _NUMBERS))
)
_CRC = 2
_LONG = 6
"""Fewer letters in a row may be numbers of two bytes."""


def part(salt: bytes, heard: Heard, data: bytes) -> Found:
    """The frame that begins here."""
    first = data[0]
    if first == ADDRESS:
        return _frame(salt, heard, data, first, _D2)
    if ASKED < first <= ASKED + _BOARDS:
        return _frame(salt, heard, data, first - ASKED + ANSWERS, _P81)
    if ANSWERS < first <= ANSWERS + _BOARDS:
        return _frame(salt, heard, data, first, _P81)
    return None


def _frame(salt: bytes, heard: Heard, data: bytes, source: int, marks: Marks) -> Found:
    function = data[1] if len(data) > 1 else None
    if function == READ:
        return _question(heard, data, source, marks) or _answer(salt, heard, data)
    if function in (WRITE, WRITE_SEVERAL):
        return _write(salt, heard, data, marks)
    refusal = function is not None and function & ERROR and _sealed(data, 3)
    return Part(data[: 3 + _CRC], heard) if refusal else None


def _sealed(data: bytes, size: int) -> bool:
    """Do so many bytes have a good checksum behind them?"""
    return len(data) >= size + _CRC and crc(data[:size]) == data[size : size + _CRC]


def _seal(body: bytes) -> bytes:
    return body + crc(body)


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _question(heard: Heard, data: bytes, source: int, marks: Marks) -> Found:
    if not _sealed(data, 6):
        return None
    start, size = 2 * _word(data, 2), 2 * _word(data, 4)
    question = Question(source, size, *marks.within(start, start + size))
    return Part(data[: 6 + _CRC], heard.and_(question))


def _answer(salt: bytes, heard: Heard, data: bytes) -> Found:
    """An answer does not name its registers: it may answer any question of its length, or one not heard."""
    size = data[2] if len(data) > 2 else 0
    if not size or not _sealed(data, 3 + size):
        return None
    asked = heard.asked(data[0], size)
    marks = Marks(
        _apart(each for question in asked for each in question.secrets) if asked else ((0, size),),
        _apart(each for question in asked for each in question.nameless),
        _apart(each for question in asked for each in question.texts),
    )
    return Part(_seal(data[:3] + _blanked(salt, data[3 : 3 + size], marks)), heard)


def _blanked(salt: bytes, data: bytes, marks: Marks) -> bytes:
    """Texts are looked for first: a token looks like one."""
    told = masked_spread(salt, masked_texts(salt, data, marks.nameless, _LONG), marks.nameless)
    codes = codes_in(data, marks.but_texts(len(data)))
    for start, end in (*codes, *marks.secrets):
        told = told[:start] + mask(salt, data[start:end]) + told[end:]
    return told


def _apart(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Ranges of several questions may overlap: no byte is masked twice."""
    found: list[Range] = []
    for start, end in sorted({*ranges}):
        start = max(start, found[-1][1]) if found else start
        if start < end:
            found.append((start, end))
    return tuple(found)


def _write(salt: bytes, heard: Heard, data: bytes, marks: Marks) -> Found:
    """One register, or several: with and without a number of bytes, and the acknowledgement."""
    start = 2 * _word(data, 2)
    if data[1] == WRITE:
        return _written(salt, heard, data, 4, 2, marks.within(start, start + 2))
    size = 2 * _word(data, 4)
    own = marks.within(start, start + size)
    forms: tuple[Callable[[], Found], ...] = (
        lambda: _written(salt, heard, data, 7, size, own),
        lambda: _written(salt, heard, data, 6, size, own),
        lambda: _written(salt, heard, data, 6, 0, own),
    )
    return next((part for part in (form() for form in forms) if part), None)


def _written(salt: bytes, heard: Heard, data: bytes, at: int, size: int, marks: Marks) -> Found:
    if not _sealed(data, at + size):
        return None
    told = _blanked(salt, data[at : at + size], marks) if size else b""
    return Part(_seal(data[:at] + told), heard)
