"""What passes on a wire without what tells one battery, or its owner, from others. Pure.

Frames of all protocols that have secrets are looked for in both directions, because another program may be on
the line. A frame with a good checksum gets a new one, a damaged one is no frame. While a question for a
secret may still be answered, every byte outside frames is replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, NamedTuple, Union

from dalybms.protocols.a5.frame import LENGTH, LOWEST_HOST, SIZE, START
from dalybms.protocols.modbus.d2 import ADDRESS
from dalybms.protocols.modbus.frame import ERROR, READ, WRITE, WRITE_SEVERAL, crc
from dalybms.protocols.modbus.p81 import ANSWERS, ASKED
from dalybms.protocols.secrets import A5_SECRETS, D2_SECRETS, P81_SECRETS, Range, within
from dalybms.protocols.tokens import filled, masked

Line = tuple[str, bytes]
"""Direction and bytes of one piece."""
_REMEMBERED = 16
"""Questions that may still be answered: a late answer comes behind other questions."""
_BOARDS = 16
_A5 = -1
_MOST_NUMBERS = 16
_CRC = 2


class Question(NamedTuple):
    """A question that was heard. source, size: of its answer; of A5 _A5 and the command that it has."""

    source: int
    size: int
    secrets: tuple[Range, ...]


class Heard(NamedTuple):
    """What is known of the line so far."""

    questions: tuple[Question, ...] = ()

    @property
    def secret(self) -> bool:
        """May an answer to a question for a secret be under way?"""
        return any(question.secrets for question in self.questions)

    def and_(self, question: Question) -> Heard:
        return Heard((*self.questions, question)[-_REMEMBERED:])


class Part(NamedTuple):
    """A frame in the stream, blanked, and what is known after it."""

    data: bytes
    heard: Heard


Found = Union[Part, None]


def blank(salt: bytes, heard: Heard, lines: Sequence[Line]) -> tuple[Heard, list[bytes]]:
    """The same pieces, blanked, in order and of the same lengths, and what to hand in with the next ones.

    salt: 16 to 64 secret bytes; one for a file.
    """
    pieces: list[bytes] = []
    at = 0
    while at < len(lines):
        end = at + 1
        while end < len(lines) and lines[end][0] == lines[at][0]:
            end += 1
        heard, data = _stream(salt, heard, b"".join(data for _, data in lines[at:end]))
        for _, piece in lines[at:end]:
            pieces.append(data[: len(piece)])
            data = data[len(piece) :]
        at = end
    return heard, pieces


def _stream(salt: bytes, heard: Heard, data: bytes) -> tuple[Heard, bytes]:
    done, at, loose = b"", 0, 0
    while at < len(data):
        part = _part(salt, heard, data[at:])
        if part is None:
            at += 1
            continue
        done += _loose(heard, data[loose:at]) + part.data
        at += len(part.data)
        loose, heard = at, part.heard
    return heard, done + _loose(heard, data[loose:])


def _loose(heard: Heard, run: bytes) -> bytes:
    return filled(run) if heard.secret else run


def _part(salt: bytes, heard: Heard, data: bytes) -> Found:
    """The frame that begins here."""
    first = data[0]
    if first == START:
        return _a5(salt, heard, data[:SIZE])
    if first == ADDRESS:
        return _registers(salt, heard, data, first, D2_SECRETS)
    if ASKED < first <= ASKED + _BOARDS:
        return _registers(salt, heard, data, first - ASKED + ANSWERS, P81_SECRETS)
    if ANSWERS < first <= ANSWERS + _BOARDS:
        return _registers(salt, heard, data, first, P81_SECRETS)
    return None


def _a5(salt: bytes, heard: Heard, frame: bytes) -> Found:
    if len(frame) < SIZE or frame[3] != LENGTH or sum(frame[:-1]) & 0xFF != frame[-1]:
        return None
    command = frame[2]
    secret = command in A5_SECRETS
    if frame[1] >= LOWEST_HOST:
        heard = heard.and_(Question(_A5, command, ((0, 0),) if secret else ()))
        secret = secret and len(set(frame[4:12])) > 1  # a question holds one byte throughout
    elif heard.secret and not any((each.source, each.size) == (_A5, command) for each in heard.questions):
        return None  # 8 bits of sum miss damage: it may be an answer with another secret's command
    if secret:
        numbered = frame[4] <= _MOST_NUMBERS
        frame = masked(salt, frame[:-1], [(4 + numbered, 12)])
        frame += bytes((sum(frame) & 0xFF,))
    return Part(frame, heard)


def _registers(salt: bytes, heard: Heard, data: bytes, source: int, secrets: tuple[Range, ...]) -> Found:
    function = data[1] if len(data) > 1 else None
    if function == READ:
        return _question(heard, data, source, secrets) or _answer(salt, heard, data)
    if function in (WRITE, WRITE_SEVERAL):
        return _write(salt, heard, data, secrets)
    refusal = function is not None and function & ERROR and _sealed(data, 3)
    return Part(data[: 3 + _CRC], heard) if refusal else None


def _sealed(data: bytes, size: int) -> bool:
    """Do so many bytes have a good checksum behind them?"""
    return len(data) >= size + _CRC and crc(data[:size]) == data[size : size + _CRC]


def _seal(body: bytes) -> bytes:
    return body + crc(body)


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _question(heard: Heard, data: bytes, source: int, secrets: tuple[Range, ...]) -> Found:
    if not _sealed(data, 6):
        return None
    start, size = 2 * _word(data, 2), 2 * _word(data, 4)
    question = Question(source, size, within(secrets, start, start + size))
    return Part(data[: 6 + _CRC], heard.and_(question))


def _answer(salt: bytes, heard: Heard, data: bytes) -> Found:
    """An answer does not name its registers: it may answer any question of its length, or one not heard."""
    size = data[2] if len(data) > 2 else 0
    if not size or not _sealed(data, 3 + size):
        return None
    asked = [each for each in heard.questions if (each.source, each.size) == (data[0], size)]
    ranges = {each for question in asked for each in question.secrets} if asked else {(0, size)}
    return Part(_seal(data[:3] + masked(salt, data[3 : 3 + size], _apart(ranges))), heard)


def _apart(ranges: set[Range]) -> list[Range]:
    """Ranges of several questions may overlap: no byte is masked twice."""
    found: list[Range] = []
    for start, end in sorted(ranges):
        start = max(start, found[-1][1]) if found else start
        if start < end:
            found.append((start, end))
    return found


def _write(salt: bytes, heard: Heard, data: bytes, secrets: tuple[Range, ...]) -> Found:
    """One register, or several: with and without a number of bytes, and the acknowledgement."""
    start = 2 * _word(data, 2)
    if data[1] == WRITE:
        return _written(salt, heard, data, 4, 2, within(secrets, start, start + 2))
    size = 2 * _word(data, 4)
    ranges = within(secrets, start, start + size)
    forms: tuple[Callable[[], Found], ...] = (
        lambda: _written(salt, heard, data, 7, size, ranges),
        lambda: _written(salt, heard, data, 6, size, ranges),
        lambda: _written(salt, heard, data, 6, 0, ()),
    )
    return next((part for part in (form() for form in forms) if part), None)


def _written(salt: bytes, heard: Heard, data: bytes, at: int, size: int, ranges: tuple[Range, ...]) -> Found:
    if not _sealed(data, at + size):
        return None
    return Part(_seal(data[:at] + masked(salt, data[at : at + size], ranges)), heard)
