"""The Sinowealth exchange: 0x0A, register, length; then that many bytes and a check byte.

Source: the notes of dreadnought/python-daly-bms and dbus-serialbattery. The check
byte is a CRC-8 (polynomial 0x07, initial 0, nothing reflected) over the question and
the data, found in recorded traffic; it ties an answer to its question.
"""

from __future__ import annotations

from collections.abc import Sequence

from dalybms.errors import BadReply
from dalybms.protocols.request import Reader

START = 0x0A
_MOST = 64
"""Bytes kept of what was heard: enough to see that it is no answer."""


def crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x07 if value & 0x80 else value << 1) & 0xFF
    return value


def question(register: int, length: int) -> bytes:
    return bytes((START, register, length))


class AnswerReader(Reader):
    """Hands on what was heard since the question, once it is long enough for an answer.

    Nothing marks the beginning or the end of an answer, so what comes later makes it
    longer: only the last of the pieces handed on is everything.
    """

    def __init__(self, asked: bytes) -> None:
        self._asked = asked
        self._heard = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        self._heard = (self._heard + chunk)[:_MOST]
        heard = bytes(self._heard)
        return [heard] if len(heard) >= _needed(self._asked, heard) else []

    @property
    def begun(self) -> bool:
        """Fewer bytes than an answer has, and not those of an echo alone."""
        heard = bytes(self._heard)
        return _echo(self._asked, heard) < len(heard) < _needed(self._asked, heard)

    def missing(self) -> int:
        return max(1, self._asked[2] + 1 - len(self._heard))

    def mark(self) -> None:
        """An answer to an earlier attempt is not continued."""
        self._heard.clear()

    reset = mark


def _echo(asked: bytes, heard: bytes) -> int:
    """How many bytes of the question an adapter has returned: all of it, or its end."""
    return max(n for n in range(len(asked) + 1) if heard[:n] == asked[len(asked) - n :])


def _needed(asked: bytes, heard: bytes) -> int:
    """Bytes until the answer is whole, an echo before it included."""
    data, echo = asked[2] + 1, _echo(asked, heard)
    return data if _sealed(asked, heard[:data]) else echo + data


def _sealed(asked: bytes, heard: bytes) -> bool:
    return crc8(asked + heard) == 0


def answer(asked: bytes, pieces: Sequence[bytes]) -> bytes:
    """The data that answer `asked`.

    Raises BadReply unless all that was heard is one whole answer, also several times, with nothing around
    it but the echo of the question, or of its end.
    """
    heard, size = pieces[-1], asked[2] + 1
    for echo in (0, _echo(asked, heard)):
        whole = heard[echo : echo + size]
        times = max(1, (len(heard) - echo) // size)
        if len(whole) == size and heard[echo:] == whole * times and _sealed(asked, whole):
            return whole[:-1]
    raise BadReply("the check byte is wrong: noise, or a board that speaks another protocol", heard)


def _among(asked: bytes, heard: bytes) -> bytes | None:
    """The data of the only whole answer that stands anywhere in what was heard."""
    size = asked[2] + 1
    found = {heard[at : at + size] for at in range(len(heard) - size + 1)}
    sealed = [each for each in found if _sealed(asked, each)]
    return sealed[0][:-1] if len(sealed) == 1 else None


class Judge:
    """What is heard in the attempts of one question. A check of 8 bits is weak: an answer with stray bytes
    around it counts when it is the only one that they may hold, and the same in two attempts in a row."""

    def __init__(self, asked: bytes) -> None:
        self._asked = asked
        self._before: bytes | None = None

    def __call__(self, pieces: Sequence[bytes]) -> bytes:
        """The data of the answer; BadReply where there is none, or not yet for sure."""
        before, self._before = self._before, _among(self._asked, pieces[-1])
        try:
            return answer(self._asked, pieces)
        except BadReply:
            if self._before is None or self._before != before:
                raise
            return self._before
