"""An A5 frame, blanked. Pure."""

from __future__ import annotations

from dalybms.protocols.a5.frame import LENGTH, LOWEST_HOST, SIZE
from dalybms.protocols.blanking.heard import A5, UNHEARD, Found, Heard, Part, Question
from dalybms.protocols.blanking.marks import A5_SECRETS
from dalybms.protocols.blanking.remains import Buffer, after, blanked
from dalybms.protocols.blanking.tokens import masked

_MOST_NUMBERS = 16


def part(salt: bytes, heard: Heard, frame: bytes) -> Found:
    """frame: from its start byte on, and no longer. None for what is none, or may be another's."""
    if len(frame) < SIZE or frame[3] != LENGTH or sum(frame[:-1]) & 0xFF != frame[-1]:
        return None
    if frame[1] >= LOWEST_HOST:
        return _asked(salt, heard, frame)
    return None if heard.doubts(frame[2]) else _answered(salt, heard, frame)


def _asked(salt: bytes, heard: Heard, frame: bytes) -> Part:
    """A question, or a write: that one holds more than one byte again and again."""
    command, data = frame[2], frame[4:12]
    secret = command in A5_SECRETS
    if secret and len(set(data)) > 1:
        data = _secret(salt, data)
    elif not secret:
        data = blanked(salt, Buffer(), command, data)
    return Part(_sealed(frame, data), heard.and_(Question(A5, command, ((0, 0),) if secret else ())))


def _answered(salt: bytes, heard: Heard, frame: bytes) -> Part:
    board, command, data = frame[1], frame[2], frame[4:12]
    buffer = heard.buffer(board)
    if command in A5_SECRETS:
        shown = _secret(salt, data)
        heard = heard if heard.secret else heard.and_(UNHEARD)
    else:
        shown = blanked(salt, buffer, command, data)
    return Part(_sealed(frame, shown), heard.holding(board, after(buffer, command, data, shown)))


def _secret(salt: bytes, data: bytes) -> bytes:
    """With a number before it, or not."""
    return masked(salt, data, [(data[0] <= _MOST_NUMBERS, LENGTH)])


def _sealed(frame: bytes, data: bytes) -> bytes:
    body = frame[:4] + data
    return body + bytes((sum(body) & 0xFF,))
