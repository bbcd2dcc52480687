"""What was asked on a line: every request with its time, and whether it writes.

The requests are found in the bytes of the host by their own checksums, so that one is seen also when no
board takes it: the wrong number, another protocol, a board that sends just then.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import Callable, NamedTuple

from dalybms.emulator.crc import crc16

KEPT = 10_000
"""So many requests a log keeps, and so many that write: a server may run for months."""
_A5_READS = (*range(0x50, 0x8B), *range(0x90, 0x9B), 0xD8)
_NUMBERED = range(0x81, 0x91)
_PASSWORDS = {"d2": range(0xC9, 0xCC), "p81": range(0x123, 0x129)}
"""Registers that nobody may read: the password, and on P81 the clock before it."""


class Heard(NamedTuple):
    """A request with a good checksum."""

    at: float
    """When its last byte arrived, in seconds of the clock that the line is handed."""
    frame: bytes
    protocol: str
    board: int | None
    """The number that was asked; None where the request names none."""
    writes: bool
    """It is no read, so it may change the battery."""
    secret: bool = False
    """It reads registers that hold the password."""


class Log:
    """The last requests, in order. `writes` has those that write, so that reads do not push them out."""

    def __init__(self) -> None:
        self.heard: deque[Heard] = deque(maxlen=KEPT)
        self.writes: deque[Heard] = deque(maxlen=KEPT)
        self.secrets: deque[Heard] = deque(maxlen=KEPT)

    def add(self, heard: Heard) -> None:
        self.heard.append(heard)
        if heard.writes:
            self.writes.append(heard)
        if heard.secret:
            self.secrets.append(heard)

    def frames(self) -> list[str]:
        """The requests in hex."""
        return [each.frame.hex() for each in self.heard]


class Listener:
    """Finds the requests in the bytes of the host, whomever they are for."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes, now: float) -> list[Heard]:
        """The requests that these bytes complete."""
        self._bytes += data
        found = []
        while self._bytes:
            size = _size(bytes(self._bytes))
            if size is None:
                break
            if size:
                found.append(describe(bytes(self._bytes[:size]), now))
            del self._bytes[: size or 1]
        return found


def describe(frame: bytes, at: float) -> Heard:
    """What a sound request is."""
    if frame[0] == 0xA5:
        number = frame[1] - 0x3F if 0x40 <= frame[1] <= 0x4F else None
        return Heard(at, frame, "a5", number, frame[2] not in _A5_READS)
    if frame[0] == 0x0A:
        return Heard(at, frame, "sinowealth", None, False)
    protocol, number = ("d2", None) if frame[0] == 0xD2 else ("p81", frame[0] - 0x80)
    first, count = int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
    reads = frame[1] == 3
    asked, secret = range(first, first + count), _PASSWORDS[protocol]
    return Heard(at, frame, protocol, number, not reads, reads and bool(set(asked) & set(secret)))


def file_log(path: str) -> Callable[[Heard, Iterable[int]], None]:
    """Appends each request to a file, one JSON object a line. Raises OSError when it cannot be written."""
    with open(path, "a", encoding="utf-8"):
        return partial(_append, path)


def _append(path: str, heard: Heard, taken_by: Iterable[int]) -> None:
    entry = {"time": time.time(), **heard._asdict(), "frame": heard.frame.hex(), "taken_by": list(taken_by)}
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def _size(heard: bytes) -> int | None:
    """Bytes of the request at the start, 0 when none starts here, None while it is not complete."""
    if heard[0] == 0xA5:
        return (
            _sound(heard, 13, lambda body: bytes((sum(body) & 0xFF,))) if heard[3:4] in (b"", b"\x08") else 0
        )
    if heard[0] == 0x0A:
        return None if len(heard) < 3 else 3 if heard[2] in (2, 4) else 0
    if heard[0] != 0xD2 and heard[0] not in _NUMBERED:
        return 0
    if len(heard) < 8:
        return None
    several = heard[1] == 0x10 and heard[4] == 0 and heard[5] <= 125
    return _sound(heard, 8 + 2 * heard[5] if several else 8, crc16)


def _sound(heard: bytes, size: int, check: Callable[[bytes], bytes]) -> int | None:
    if len(heard) < size:
        return None
    body = heard[: size - len(check(b""))]
    return size if check(body) == heard[len(body) : size] else 0
