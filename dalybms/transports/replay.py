"""`replay:FILE`: a recording as a wire. Answers as recorded; nothing is sent anywhere."""

from __future__ import annotations

import heapq
import threading
import time
from typing import Any, Callable

from dalybms.errors import TransportError
from dalybms.transports.record_file import Failure, Opening, Reply, Spool, load

_SHOWN = 32
"""Bytes of a question in a message; no question is longer."""


class Tape:
    """A recording that is played: a wire opened anew goes on where the last one ended.

    device: which of several wires. pace: 1 as recorded, 0 at once: then time passes only where somebody
    waits, and `clock` is the one to look at. alike: what makes two questions the same. tell: takes a line
    about each question that was never recorded. Raises TransportError for a file that is no recording.
    """

    def __init__(
        self, path: str, device: int, pace: int, alike: Callable[[bytes], bytes], tell: Callable[[str], None]
    ) -> None:
        self.path, self._alike, self._tell = path, alike, tell
        self._spool: Spool = load(path, device)
        self.about = self._spool.about
        self._replies: dict[bytes, list[Reply]] = {}
        for question, reply in self._spool.exchanges:
            self._replies.setdefault(alike(question), []).append(reply)
        self._openings = list(self._spool.openings)
        self._virtual = _Virtual() if pace == 0 else None
        self.clock: Callable[[], float] = self._virtual or time.monotonic

    def open(self) -> PlayedTransport:
        """Raises TransportError where opening failed when it was recorded."""
        opening = _next(self._openings) if self._openings else Opening(None, [])
        if opening.failure:
            raise opening.failure.error()
        return PlayedTransport(self, opening.heard, self._virtual)

    def reply(self, question: bytes) -> Reply:
        """Answers in their order, the last one for ever; silence for a question that was not recorded."""
        key = self._alike(question)
        if key not in self._replies:
            self._replies[key] = [[]]
            self._miss(question)
        reply: Reply = _next(self._replies[key])
        return reply

    def _miss(self, question: bytes) -> None:
        known = [each for each, _ in self._spool.exchanges]
        if known:
            nearest = max(known, key=lambda each: _likeness(each, question))
            self._tell(f"{self.path} has no question {_hex(question)}; the nearest is {_hex(nearest)}")
        elif len(self._replies) == 1:
            self._tell(f"{self.path} has no question at all: nothing was asked when it was recorded")


def _next(items: list[Any]) -> Any:
    return items.pop(0) if len(items) > 1 else items[0]


def _hex(data: bytes) -> str:
    return data.hex() if len(data) <= _SHOWN else f"{data[:_SHOWN].hex()}..."


def _likeness(one: bytes, other: bytes) -> int:
    return sum(a == b for a, b in zip(one, other)) - abs(len(one) - len(other))


class _Virtual:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


class PlayedTransport:
    """A wire on which a recording is played."""

    def __init__(self, tape: Tape, heard: Reply, virtual: _Virtual | None) -> None:
        self._tape, self._virtual = tape, virtual
        self._closed = threading.Event()
        self._coming: list[tuple[float, int, Any]] = []
        self._count = 0
        self._expect(heard)

    def _expect(self, reply: Reply) -> None:
        now = self._tape.clock()
        for delay, item in reply:
            self._count += 1
            heapq.heappush(self._coming, (now + delay, self._count, item))

    def write(self, data: bytes) -> None:
        self._check()
        reply = self._tape.reply(bytes(data))
        first = reply[0][1] if reply else b""
        if isinstance(first, Failure) and first.where == "write":
            raise first.error()
        self._expect(reply)

    def read(self, timeout: float, enough: int = 1) -> bytes:
        clock = self._tape.clock
        end, data = clock() + timeout, b""
        while True:
            self._check()
            more, failed = self._due()
            data, now = data + more, clock()
            if failed and not data:
                heapq.heappop(self._coming)
                raise failed.error()
            if failed or len(data) >= enough or now >= end:
                return data
            self._wait(min(end, self._coming[0][0]) if self._coming else end, now)

    def _due(self) -> tuple[bytes, Failure | None]:
        """What has come by now, up to a failure: that is raised after the bytes before it were handed on."""
        data, now = b"", self._tape.clock()
        while self._coming and self._coming[0][0] <= now:
            item = self._coming[0][2]
            if isinstance(item, Failure):
                return data, item
            data += item
            heapq.heappop(self._coming)
        return data, None

    def _wait(self, until: float, now: float) -> None:
        if self._virtual:
            self._virtual.now = max(now, until)
        else:
            self._closed.wait(max(0.0, until - now))

    def drain(self) -> None:
        self._due()

    def close(self) -> None:
        self._closed.set()

    def _check(self) -> None:
        if self._closed.is_set():
            raise TransportError("the replay is closed: connect again")
