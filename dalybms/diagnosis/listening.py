"""What bytes tell that nobody asked for: boards, another master, other devices, a gateway, noise. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from dalybms.diagnosis.strangers import of_another_make
from dalybms.protocols.a5.frame import LAST_BOARD, FrameReader
from dalybms.protocols.modbus.frame import crc

SECONDS = 1.0
"""So long is listened before anything is asked."""
_QUESTION, _SHORTEST, _HEAD = 8, 7, 3
_READS = (3, 4)
"""Modbus functions that read registers."""
_D2, _P81 = 0xD2, 0x50
_DALY = (_D2, *range(_P81 + 1, _P81 + LAST_BOARD + 1))
"""Addresses that answer in D2 and P81."""
_TELNET = re.compile(rb"\xff[\xfb-\xfe][\x00-\x31]|\xff\xfa[^\xff]{1,64}\xff\xf0")
INVERTER = re.compile(rb"~[0-9A-F]{12,}\r")
_SERVER = re.compile(rb"SSH-|HTTP/")
"""Servers that are no gateway of a serial line say so first; these words a blanked recording keeps."""
_LOGIN = re.compile(rb"[Ll]ogin: |[Pp]assword: ")
MODEM = re.compile(rb"(?:^|[\r\n])AT(?:[+&][ -~]*)?\r")
_MBAP = re.compile(rb"..\x00\x00\x00[\x03-\xff].[\x03\x83]", re.DOTALL)
_MBAP_HEAD = 6
"""Bytes before those that its length counts. Pieces of our own questions look like the head alone."""
_STUCK = 0.6
"""The share of 00 above which a line looks as if it were inverted."""
_LEAST_TEXT, _READABLE = 8, 0.95
"""Bytes, and the share of them that must be readable. Of noise a third is."""
_PIECE, _TELLING = 3, 2
"""Bytes in a row that must come back, and how many of them must not be 00."""
_TEXT = bytes((9, 10, 13, 27, *range(32, 127)))


class Heard(NamedTuple):
    """what: "nothing", "boards", "master", "modbus", "make", "inverter", "telnet", "modbus-tcp", "modem",
    "text", "zeros" or "noise"."""

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
    questions = sorted({f"0x{question[0]:02X}" for question in modbus_questions(data)})
    if asked or questions:
        facts.update(asked=asked + questions, boards=boards)
        return Heard("master", f"another master asks on this line ({', '.join(asked + questions)})", facts)
    if boards:
        facts.update(boards=boards)
        return Heard("boards", f"answers of board {', '.join(map(str, boards))} to somebody else", facts)
    return _of_others(data, facts) or _of_a_network(data, facts) or _of_no_frame(data, facts)


def _of_others(data: bytes, facts: dict[str, Any]) -> Heard | None:
    """Whole frames of other devices."""
    make = of_another_make(data)
    if make:
        return Heard("make", f"frames of a board of another make ({make})", {**facts, "make": make})
    if INVERTER.search(data):
        return Heard("inverter", "frames of an inverter's protocol (~...)", facts)
    speakers = sorted({f"0x{address:02X}" for address in modbus_answers(data)})
    if speakers:
        detail = f"Modbus answers of device {', '.join(speakers)}"
        return Heard("modbus", detail, {**facts, "devices": speakers})
    return None


def _of_a_network(data: bytes, facts: dict[str, Any]) -> Heard | None:
    words, options = _TELNET.subn(b"", data)
    if options and _is_readable(words):
        return Heard("telnet", "the far side speaks Telnet or RFC 2217", facts)
    if _MBAP.match(data) and len(data) >= _MBAP_HEAD + int.from_bytes(data[4:6], "big"):
        return Heard("modbus-tcp", "frames of Modbus TCP", facts)
    return None


def _of_no_frame(data: bytes, facts: dict[str, Any]) -> Heard:
    if MODEM.search(data) and _is_readable(data):
        return Heard("modem", "somebody asks for a modem (AT...)", facts)
    if _LOGIN.search(data) or (len(data) >= _LEAST_TEXT and _is_readable(data)):
        facts.update(taken=b"in use" in data, server=bool(_SERVER.match(data)))
        return Heard("text", f"{len(data)} bytes with readable text", facts)
    if data.count(0) >= _STUCK * len(data):
        return Heard("zeros", f"{len(data)} bytes, most of them 00", facts)
    return Heard("noise", f"{len(data)} bytes that are no frame of a known protocol", facts)


def daly_answers(data: bytes, number: int) -> set[str]:
    """The protocols in which this board number was heard to answer; D2 has none."""
    found = {"a5"} if any(frame.source == number for frame in FrameReader().feed(data)) else set()
    speakers = set(_register_answers(data))
    return found | {name for name, source in (("d2", _D2), ("p81", _P81 + number)) if source in speakers}


def _is_readable(data: bytes) -> bool:
    return sum(byte in _TEXT for byte in data) >= _READABLE * len(data)


def modbus_questions(data: bytes) -> Iterator[bytes]:
    """Whole questions for registers, with their checksum."""
    for at in range(len(data) - _QUESTION + 1):
        piece = data[at : at + _QUESTION]
        if piece[1] in _READS and piece[0] > 0 and crc(piece[:6]) == piece[6:]:
            yield piece


def modbus_answers(data: bytes) -> Iterator[int]:
    """Addresses of devices whose whole answers were heard, but for those of Daly's boards."""
    return (address for address in _register_answers(data) if address not in _DALY)


def _register_answers(data: bytes) -> Iterator[int]:
    for at in range(len(data) - _SHORTEST + 1):
        address, function, size = data[at : at + _HEAD]
        end = at + _HEAD + size
        head = address and function in _READS and size and not size % 2
        if head and len(data) >= end + 2 and crc(data[at:end]) == data[end : end + 2]:
            yield address


def is_echo(question: bytes, heard: bytes) -> bool:
    """Was a part of the question heard that no answer holds, as of an echo that lost bytes?"""
    pieces = (question[at : at + _PIECE] for at in range(len(question) - _PIECE + 1))
    return any(piece.count(0) <= _PIECE - _TELLING and piece in heard for piece in pieces)
