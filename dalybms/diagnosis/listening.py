"""What bytes tell that nobody asked for: boards, another master, another protocol's gateway, noise. Pure."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from dalybms.protocols.a5.frame import LAST_BOARD, FrameReader
from dalybms.protocols.modbus.frame import READ, crc

SECONDS = 1.0
"""So long is listened before anything is asked."""
_QUESTION = 8
_TELNET = re.compile(rb"\xff[\xfa-\xfe]")
_PYLONTECH = re.compile(rb"~[0-9A-F]{12,}\r")
_MBAP = re.compile(rb"..\x00\x00\x00[\x03-\xff].[\x03\x83]", re.DOTALL)
_STUCK = 0.6
"""The share of 00 above which a line looks as if it were inverted."""


class Heard(NamedTuple):
    """what: "nothing", "boards", "master", "inverter", "telnet", "modbus-tcp", "zeros" or "noise"."""

    what: str
    detail: str
    facts: dict[str, Any]


def judge(data: bytes) -> Heard:
    """What it is that came."""
    facts: dict[str, Any] = {"bytes": len(data)}
    if not data:
        return Heard("nothing", "nothing is heard before it is asked", facts)
    frames = FrameReader().feed(data)
    boards = sorted({frame.source for frame in frames if frame.source <= LAST_BOARD})
    asked = sorted({f"0x{frame.source:02X}" for frame in frames if frame.source > LAST_BOARD})
    questions = sorted({f"0x{address:02X}" for address in _questions(data)})
    if asked or questions:
        facts.update(asked=asked + questions, boards=boards)
        return Heard("master", f"another master asks on this line ({', '.join(asked + questions)})", facts)
    if boards:
        return Heard("boards", f"answers of board {', '.join(map(str, boards))} to somebody else", facts)
    if _PYLONTECH.search(data):
        return Heard("inverter", "frames of an inverter's protocol (~...)", facts)
    if _TELNET.match(data):
        return Heard("telnet", "the far side speaks Telnet or RFC 2217", facts)
    if _MBAP.match(data):
        return Heard("modbus-tcp", "frames of Modbus TCP", facts)
    if data.count(0) >= _STUCK * len(data):
        return Heard("zeros", f"{len(data)} bytes, most of them 00", facts)
    return Heard("noise", f"{len(data)} bytes that are no frame of a known protocol", facts)


def _questions(data: bytes) -> set[int]:
    """Addresses that somebody asks for registers, by whole questions with their checksum."""
    found = set()
    for at in range(len(data) - _QUESTION + 1):
        piece = data[at : at + _QUESTION]
        if piece[1] == READ and piece[0] > 0 and crc(piece[:6]) == piece[6:]:
            found.add(piece[0])
    return found
