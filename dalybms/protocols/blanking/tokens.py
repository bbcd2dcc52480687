"""A secret becomes a token of its length: always the same for one salt, another for the next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b

_PADDING = re.compile(rb"[\0\xff]+")
_LETTERS = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_OTHERS = bytes(range(0x80, 0xFF))
"""In place of what is no character, so that a text that none was remains none."""
_FILLERS = b"*+,-"
_TEXT = re.compile(rb"[ -~]*[0-9A-Za-z][ -~]*")
_SIGN = re.compile(rb"(\b(?:AT|OK|ERROR|HTTP|SSH|in use|[Ll]ogin|[Pp]assword)\b)|[0-9A-Za-z]")
"""Words that tell who is on the line stay."""
SHORTEST = 4
"""Fewer characters in a row are mostly none."""
_CODE = re.compile(rb"(?=[A-Z ./_-]*[0-9])[0-9A-Z][0-9A-Z ./_-]{10,}[0-9A-Z]")
"""With a digit at least."""
_SPREAD = re.compile(rb"(?:\0[\w ./-]){6,}|(?:[\w ./-]\0){6,}")
_WIDE = re.compile(rb"(?:[ -~]\0){4,}|(?:\0[ -~]){4,}")
"""UTF-16."""
_FOREIGN = re.compile(rb"(?:[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}){2,}")
"""Letters that ASCII lacks, in UTF-8; one alone is mostly none."""


def token(salt: bytes, secret: bytes) -> bytes:
    """No byte is kept; characters stay characters, other bytes stay other bytes."""
    stream = b""
    while len(stream) < len(secret):
        stream += blake2b(secret, key=salt, salt=len(stream).to_bytes(4, "big")).digest()
    return bytes(_other(byte, pick) for byte, pick in zip(secret, stream))


def _other(byte: int, pick: int) -> int:
    choices = (_LETTERS if 0x20 <= byte < 0x7F else _OTHERS).replace(bytes((byte,)), b"")
    return choices[pick % len(choices)]


def mask(salt: bytes, field: bytes) -> bytes:
    """A field with its padding (NUL, FF, blanks behind a text) as it was: whether one is set is no secret."""
    masked, at = b"", 0
    for gap in (*_PADDING.finditer(field), None):
        start, end = gap.span() if gap else (len(field), len(field))
        masked += _run(salt, field[at:start]) + field[start:end]
        at = end
    return masked


def _run(salt: bytes, run: bytes) -> bytes:
    core = run.strip(b" ")
    if not all(0x20 <= byte < 0x7F for byte in core):
        return token(salt, run)
    start = run.find(core)
    return run[:start] + token(salt, core) + run[start + len(core) :]


def masked(salt: bytes, data: bytes, ranges: Iterable[tuple[int, int]]) -> bytes:
    """data with these ranges masked, each for itself."""
    for start, end in ranges:
        data = data[:start] + mask(salt, data[start:end]) + data[end:]
    return data


def masked_texts(
    salt: bytes, data: bytes, ranges: Iterable[tuple[int, int]], shortest: int = SHORTEST
) -> bytes:
    """data with what looks like a text in these ranges masked."""
    found = (
        (start + text.start(), start + text.end())
        for start, end in ranges
        for text in _TEXT.finditer(data[start:end])
        if len(text.group()) >= shortest
    )
    return masked(salt, data, found)


def codes_in(data: bytes, ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where in these ranges stands what six numbers in a row never are: a text, asked for by another."""
    return [code.span() for start, end in ranges for code in _CODE.finditer(data, start, end)]


def masked_spread(salt: bytes, data: bytes, ranges: Iterable[tuple[int, int]]) -> bytes:
    """data with texts of one letter in each register masked: letters and digits together are no numbers."""
    found = bytearray(data)
    for start, end in ranges:
        for text in _SPREAD.finditer(data, start, end):
            places = slice(text.start() + (data[text.start()] == 0), text.end(), 2)
            letters = data[places]
            if re.search(rb"[A-Za-z]", letters) and re.search(rb"[0-9]", letters):
                found[places] = token(salt, letters)
    return bytes(found)


def hollow(run: bytes, shortest: int = SHORTEST) -> bytes:
    """Texts without their letters and digits: their form stays, as a telegram of another protocol has it."""

    def told(text: re.Match[bytes]) -> bytes:
        return _SIGN.sub(_zero, text.group()) if len(text.group()) >= shortest else text.group()

    run = _FOREIGN.sub(lambda text: b"0" * len(text.group()), run)
    return _WIDE.sub(lambda text: _SIGN.sub(_zero, text.group()), _TEXT.sub(told, run))


def _zero(sign: re.Match[bytes]) -> bytes:
    return sign[1] or b"0"


def fillings(run: bytes) -> Iterator[bytes]:
    """Bytes that nothing can be said of: one again and again, that begins no frame; first one not there."""
    for filler in sorted(_FILLERS, key=lambda byte: byte in run):
        yield bytes((filler,)) * len(run)
