"""The wire between a host and one or more fake boards, in virtual time.

The caller hands in the time of each call, in seconds of any clock that never goes back.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dalybms.emulator.board import Board
from dalybms.emulator.injector import Injector, Piece

BYTE = 10 / 9600
"""Seconds that one byte takes at 9600 8N1."""
_ROUNDING = 1e-6
_NOISE = (0.005, 0.03)
_NOISE_BEHIND = 1.0


class _Due(NamedTuple):
    """Bytes that wait for their turn on the wire. Ordered by time, then by number."""

    at: float
    number: int
    data: bytes
    until: float
    """The board sends until then; 0 when no board sends."""
    last: bool
    """The wire is gone after these bytes."""


class _Sent(NamedTuple):
    """Bytes on the wire since `start`."""

    start: float
    data: bytes


class Line:
    """`boards` on one wire.

    `latency`: seconds between the last byte of a request and the first of its reply. `paced`: each byte takes
    10/9600 s, in both directions. `faults`: as in `dalybms.emulator.faults`, "name[:rate[:count]]". `seed`:
    everything random follows from it. `busy`: what arrives while a board sends is lost. `scale`: factor for
    the waits of faults, for tests with shorter limits.

    `injected` counts the faults that really happened, `requests` the requests that a board took, `lost`
    the bytes that came while a board was sending.
    """

    def __init__(
        self,
        boards: Sequence[Board],
        latency: float = 0.0,
        paced: bool = False,
        faults: Iterable[str] = (),
        seed: int = 0,
        busy: bool = True,
        scale: float = 1.0,
    ) -> None:
        self.boards = list(boards)
        self.latency = latency
        self.busy = busy
        self.requests = 0
        self.lost = 0
        self._byte = BYTE if paced else 0.0
        self._injector = Injector(faults, seed, scale)
        self.injected = self._injector.injected
        self._written: list[tuple[float, int]] = []
        self._host_free = 0.0
        self._due: list[_Due] = []
        self._number = 0
        self._sent: list[_Sent] = []
        self._taken = 0
        self._free = 0.0
        self._busy_until = 0.0
        self._gone: float | None = None
        self._noise: float | None = None

    def write(self, data: bytes, now: float) -> None:
        """The host starts to send `data`."""
        self._run(now)
        if self._gone is not None:
            return
        echo = self._injector.echo(data)
        if echo is not None:
            self._send([echo], now)
        if "noise" in self._injector.faults and self._noise is None:
            self._noise = now
        start = max(now, self._host_free)
        self._written += [(start + (at + 1) * self._byte, byte) for at, byte in enumerate(data)]
        self._host_free = start + len(data) * self._byte
        self._run(now)

    def take(self, now: float) -> bytes:
        """Everything that has arrived by `now` and was not taken yet."""
        self._run(now)
        taken = b""
        while self._sent:
            start, data = self._sent[0]
            here = self._arrived(start, data, now)
            taken += data[self._taken : here]
            self._taken = here
            if here < len(data):
                break
            del self._sent[0]
            self._taken = 0
        return taken

    def next_time(self) -> float | None:
        """When something happens next, the next byte for the host included; None: nothing is under way."""
        if self._sent:
            return self._sent[0].start + (self._taken + 1) * self._byte
        if self._gone is not None:
            return None
        times = [self._written[0][0]] if self._written else []
        times += [max(self._due[0].at, self._free) + self._byte] if self._due else []
        times += [self._noise] if self._noise is not None else []
        return min(times, default=None)

    def alive(self, now: float) -> bool:
        """False once the wire was unplugged."""
        self._run(now)
        return self._gone is None or now < self._gone

    def _arrived(self, start: float, data: bytes, now: float) -> int:
        if not self._byte:
            return len(data)
        return min(len(data), int((now - start) / self._byte + _ROUNDING))

    def _run(self, now: float) -> None:
        """Let everything happen, in order, that happens until `now`."""
        self._make_noise(now)
        while self._gone is None:
            heard = self._written[0][0] if self._written else None
            starts = max(self._due[0].at, self._free) if self._due else None
            if starts is not None and starts <= now and (heard is None or starts <= heard):
                self._start_sending(starts)
            elif heard is not None and heard <= now:
                self._hear(*self._written.pop(0))
            else:
                break

    def _start_sending(self, starts: float) -> None:
        due = heapq.heappop(self._due)
        self._sent.append(_Sent(starts, due.data))
        self._free = starts + len(due.data) * self._byte
        if due.until:
            self._busy_until = max(self._busy_until, self._free, due.until)
        if due.last:
            self._gone = self._free

    def _hear(self, at: float, byte: int) -> None:
        if self.busy and at - self._byte * (1 - _ROUNDING) < self._busy_until:
            self.lost += 1
            return
        for board in self.boards:
            for reply in board.feed(bytes((byte,))):
                self.requests += 1
                if reply:
                    pieces, gone = self._injector.spoil(board, reply)
                    self._answer(pieces, at + self.latency, gone)

    def _answer(self, pieces: list[Piece], at: float, gone: bool) -> None:
        at = max(at, self._busy_until)
        until = at + sum(piece.pause + len(piece.data) * self._byte for piece in pieces)
        self._send(pieces, at, until, gone)

    def _send(self, pieces: list[Piece], at: float, until: float = 0.0, gone: bool = False) -> None:
        for index, piece in enumerate(pieces):
            at += piece.pause
            last = gone and index == len(pieces) - 1
            heapq.heappush(self._due, _Due(at, self._number, piece.data, until, last))
            self._number += 1
            at += len(piece.data) * self._byte

    def _make_noise(self, now: float) -> None:
        if self._noise is None or self._gone is not None:
            return
        rng = self._injector.random
        self._noise = max(self._noise, now - _NOISE_BEHIND)
        while self._noise <= now:
            data = bytes(rng.choices(range(256), k=rng.randint(1, 20)))
            self.injected["noise"] += 1
            self._send([Piece(0.0, data)], self._noise)
            self._noise += rng.uniform(*_NOISE) + len(data) * self._byte
