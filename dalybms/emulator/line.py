"""The wire between a host and one or more fake boards, in virtual time.

The caller hands in the time of each call, in seconds of any clock that never goes back.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Callable, NamedTuple

from dalybms.emulator.board import Board, Reply
from dalybms.emulator.collision import collide
from dalybms.emulator.conduct import Conduct
from dalybms.emulator.frame_log import Heard, Listener, Log
from dalybms.emulator.injector import Injector, Piece

BYTE = 10 / 9600
"""Seconds that one byte takes at 9600 8N1."""
_ROUNDING = 1e-6
_NOISE = (0.005, 0.03)
_NOISE_BEHIND = 1.0
_APART = 0.004
"""Boards that are asked at once begin to answer up to so many seconds apart."""


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
    the waits of faults, for tests with shorter limits. `record`: is handed each request and the places of
    the boards that took it. Boards that answer the same request collide.

    `log` has all requests of the host, also those that nobody took. `injected` counts the faults that really
    happened, `requests` the requests that boards took, `lost` the bytes that came while a board was sending.
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
        record: Callable[[Heard, Iterable[int]], None] | None = None,
    ) -> None:
        self.boards = list(boards)
        self.log = Log()
        self._listener = Listener()
        self._record = record
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
        self._deaf: dict[int, tuple[float, float]] = {}
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
        times += [at for at in (board.next_time() for board in self.boards) if at is not None]
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
        for board in self.boards:
            board.run(now)
            self._lose(board)

    def _lose(self, board: Board) -> None:
        """The wire goes with the board that its computer lives on, after what is on its way."""
        if board.lost is not None and board.conduct.discharge_off == "gone" and self._gone is None:
            replies = any(due.until for due in self._due)
            self._gone = None if replies else max(board.lost, self._busy_until)

    def _start_sending(self, starts: float) -> None:
        due = heapq.heappop(self._due)
        self._sent.append(_Sent(starts, due.data))
        self._free = starts + len(due.data) * self._byte
        if due.until:
            self._busy_until = max(self._busy_until, self._free, due.until)
        if due.last:
            self._gone = self._free

    def _hear(self, at: float, byte: int) -> None:
        data = bytes((byte,))
        lost = self.busy and at - self._byte * (1 - _ROUNDING) < self._busy_until
        self.lost += lost
        replies = [[] if lost or self._is_deaf(board, at) else board.feed(data, at) for board in self.boards]
        self._note(data, at, [place for place, each in enumerate(replies) if each])
        if not any(replies):
            return
        self.requests += sum(map(len, replies))
        answers = [(board, reply) for board, each in zip(self.boards, replies) for reply in each if reply]
        self._answer_all(answers, at)

    def _deaf_for(self, conduct: Conduct) -> float:
        """Seconds; the dice are thrown only where they decide."""
        by_chance = conduct.deaf and conduct.deaf_rate < 1
        return 0.0 if by_chance and self._injector.random.random() >= conduct.deaf_rate else conduct.deaf

    def _is_deaf(self, board: Board, at: float) -> bool:
        begins, ends = self._deaf.get(id(board), (0.0, 0.0))
        return begins <= at and at - self._byte + _ROUNDING < ends

    def _note(self, data: bytes, at: float, taken_by: Sequence[int]) -> None:
        for heard in self._listener.feed(data, at):
            self.log.add(heard)
            if self._record is not None:
                self._record(heard, taken_by)

    def _answer_all(self, answers: list[tuple[Board, Reply]], at: float) -> None:
        spoilt = [(board, *self._injector.spoil(board, reply)) for board, reply in answers]
        gone = any(gone for _, _, gone in spoilt)
        sent = [(at + self._latency_of(board), pieces) for board, pieces, _ in spoilt]
        if len(sent) > 1:
            dice = self._injector.random
            sent = [(begin + dice.uniform(0, _APART), pieces) for begin, pieces in sent]
            sent = [collide(sent, self._byte or BYTE, dice)]
        for begin, pieces in sent:
            ends = self._answer(pieces, begin, gone)
        for board, _ in answers:
            self._deaf[id(board)] = (ends, ends + self._deaf_for(board.conduct))

    def _latency_of(self, board: Board) -> float:
        return self.latency if board.conduct.latency is None else board.conduct.latency

    def _answer(self, pieces: list[Piece], at: float, gone: bool) -> float:
        """When its last byte is sent."""
        at = max(at, self._busy_until)
        until = at + sum(piece.pause + len(piece.data) * self._byte for piece in pieces)
        self._send(pieces, at, until, gone)
        return until

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
