"""Pieces of both directions, blanked.

Frames of all protocols are looked for in both directions, because another program may be on the line. A
frame with a good checksum gets a new one, a damaged one is no frame. While a question for a secret may
still be answered, every byte outside frames is replaced; else what looks like a secret (loose.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from dalybms.protocols.a5.frame import SIZE, START
from dalybms.protocols.blanking import a5, registers, sinowealth
from dalybms.protocols.blanking.heard import UNHEARD, Found, Heard, Part
from dalybms.protocols.blanking.loose import begins_secret, without_texts
from dalybms.protocols.blanking.tokens import fillings

Line = tuple[str, bytes]
"""Direction and bytes of one piece."""
_FIRST = frozenset((START, *registers.FIRST))
"""Bytes that a frame may begin with."""
_MOST = 300
"""Bytes of a frame, and some more."""
_SENT = ">"


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
        heard, data = _stream(salt, heard, b"".join(data for _, data in lines[at:end]), lines[at][0])
        place = 0
        for _, piece in lines[at:end]:
            pieces.append(data[place : place + len(piece)])
            place += len(piece)
        at = end
    return heard, pieces


def _stream(salt: bytes, heard: Heard, data: bytes, direction: str) -> tuple[Heard, bytes]:
    done, at, loose = bytearray(), 0, 0
    before = heard.before(direction)
    while at < len(data):
        part = _part(salt, heard, data[at : at + _MOST]) if data[at] in _FIRST else None
        if part is None and at == loose:
            part = sinowealth.part(heard, data[at : at + _MOST], direction == _SENT)
        if part is None:
            at += 1
            heard = heard.interrupted()
            continue
        noise = _loose(salt, heard, before, data[loose:at])
        if noise.heard is not heard:  # what comes after it is looked at otherwise
            filling = Part(next(fillings(part.data)), noise.heard)
            part = _part(salt, noise.heard, data[at : at + _MOST]) or filling
        done += noise.data + part.data
        at += len(part.data)
        loose, heard, before = at, part.heard, b""
    noise = _loose(salt, heard, before, data[loose:])
    return noise.heard.ending(direction, before + data[loose:]), bytes(done + noise.data)


def _loose(salt: bytes, heard: Heard, before: bytes, run: bytes) -> Part:
    """before: what was loose right before it, and stands in the file already."""
    if begins_secret(before, run, heard.is_plain) and not heard.secret:
        heard = heard.and_(UNHEARD)
    told = run if heard.secret else without_texts(before, run)
    if heard.secret or (told != run and _makes_frame(salt, before, told)):
        told = next((filling for filling in fillings(run) if not _makes_frame(salt, before, filling)), told)
    return Part(told, heard)


def _makes_frame(salt: bytes, before: bytes, told: bytes) -> bool:
    """A sum of 8 bits may be right by chance: what replaces bytes must not make a bad one good."""
    joined = before + told
    places = (at for at, byte in enumerate(joined) if byte in _FIRST)
    parts = ((at, _part(salt, Heard(), joined[at : at + _MOST])) for at in places)
    return any(part is not None and at + len(part.data) > len(before) for at, part in parts)


def _part(salt: bytes, heard: Heard, data: bytes) -> Found:
    """The frame that begins here."""
    return a5.part(salt, heard, data[:SIZE]) if data[0] == START else registers.part(salt, heard, data)
