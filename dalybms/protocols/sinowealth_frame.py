"""The Sinowealth exchange: 0x0A, register, length; then that many bytes and a check byte.

Source: the notes of dreadnought/python-daly-bms and dbus-serialbattery. The check
byte is a CRC-8 (polynomial 0x07, initial 0, nothing reflected) over the question and
the data, found in recorded traffic; it ties an answer to its question.
"""

from __future__ import annotations

from collections.abc import Sequence

from dalybms.errors import BadReply

START = 0x0A


def crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x07 if value & 0x80 else value << 1) & 0xFF
    return value


def question(register: int, length: int) -> bytes:
    return bytes((START, register, length))


class PieceReader:
    """Hands the bytes on as they come: only the question tells what an answer is."""

    def feed(self, chunk: bytes) -> list[bytes]:
        return [bytes(chunk)] if chunk else []

    def mark(self) -> None:
        """Pieces are kept by attempt already."""

    def reset(self) -> None:
        """Nothing is kept here."""


def answer(asked: bytes, pieces: Sequence[bytes]) -> bytes | None:
    """The data that answer `asked`; None while bytes are missing.

    Nothing marks the beginning, so only a whole answer is believed, with nothing
    before it but the question, or its end, as an adapter that echoes returns it.
    Raises BadReply for anything else.
    """
    heard, size = b"".join(pieces), asked[2] + 1
    echoes = [0, *(n for n in range(1, len(asked) + 1) if heard[:n] == asked[-n:])]
    for echo in echoes:
        data = heard[echo : echo + size]
        if len(data) == size and crc8(asked + data) == 0:
            return data[:-1]
    if len(heard) < echoes[-1] + size:
        return None
    raise BadReply("the check byte is wrong: noise, or a board that speaks another protocol", heard)
