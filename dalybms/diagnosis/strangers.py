"""Frames of boards of other makes, by their checksums: whoever hears one has the wrong port or battery. Pure.

Source: what public programs for these boards write down; no frame of them was recorded here.
"""

from __future__ import annotations

from collections.abc import Iterator

_JBD_ENDS = 0x77
_JBD_LONGEST = 128
_JK_LEAST, _JK_LONGEST = 19, 600


def of_another_make(data: bytes) -> str:
    """Its usual name, or "" where no whole frame of one stands in these bytes."""
    if any(_jbd(data, at) for at in _starts(data, b"\xdd")):
        return "JBD"
    return "JK" if any(_jk(data, at) for at in _starts(data, b"NW")) else ""


def _starts(data: bytes, head: bytes) -> Iterator[int]:
    at = data.find(head)
    while at >= 0:
        yield at
        at = data.find(head, at + 1)


def _jbd(data: bytes, at: int) -> bool:
    """DD, register and state (or A5 and register), length, data, 0x10000 minus their sum, 77."""
    if len(data) < at + 7 or data[at + 3] > _JBD_LONGEST:
        return False
    end = at + 4 + data[at + 3]
    if len(data) < end + 3 or data[end + 2] != _JBD_ENDS:
        return False
    return (0x10000 - sum(data[at + 2 : end])) & 0xFFFF == int.from_bytes(data[end : end + 2], "big")


def _jk(data: bytes, at: int) -> bool:
    """4E 57, length without these two, ..., two bytes, the sum of all before them in two bytes."""
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    end = at + 2 + length
    if not _JK_LEAST <= length <= _JK_LONGEST or len(data) < end:
        return False
    return sum(data[at : end - 4]) & 0xFFFF == int.from_bytes(data[end - 2 : end], "big")
