"""Pieces of both directions, blanked.

Frames of all protocols that have secrets are looked for in both directions, because another program may be on
the line. A frame with a good checksum gets a new one, a damaged one is no frame. While a question for a
secret may still be answered, every byte outside frames is replaced; else what looks like a secret (loose.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from dalybms.protocols.a5.frame import SIZE, START
from dalybms.protocols.blanking import a5, registers
from dalybms.protocols.blanking.heard import UNHEARD, Found, Heard, Part
from dalybms.protocols.blanking.loose import begins_secret, without_texts
from dalybms.protocols.blanking.tokens import filled

Line = tuple[str, bytes]
"""Direction and bytes of one piece."""


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
        noise = _loose(salt, heard, data[loose:at])
        if noise.heard is not heard:  # what comes after it is looked at otherwise
            part = _part(salt, noise.heard, data[at:]) or Part(filled(part.data), noise.heard)
        done += noise.data + part.data
        at += len(part.data)
        loose, heard = at, part.heard
    noise = _loose(salt, heard, data[loose:])
    return noise.heard, done + noise.data


def _loose(salt: bytes, heard: Heard, run: bytes) -> Part:
    if heard.secret:
        return Part(filled(run), heard)
    if begins_secret(run, heard.is_plain):
        return Part(filled(run), heard.and_(UNHEARD))
    return Part(without_texts(run, lambda data: _part(salt, heard, data) is not None), heard)


def _part(salt: bytes, heard: Heard, data: bytes) -> Found:
    """The frame that begins here."""
    return a5.part(salt, heard, data[:SIZE]) if data[0] == START else registers.part(salt, heard, data)
