"""Applies faults to replies. Everything random comes from one seeded generator."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from dalybms.emulator.board import Board, Reply
from dalybms.emulator.faults import Fault, parse_all

# Requests of a Victron driver that looks for other batteries (dbus-serialbattery#53).
OTHER_PROGRAMS = tuple(bytes.fromhex(text) for text in ("fefffffdfd", "01460753a2", "47e242"))
_KEPT = 8
_IN_A_ROW = 2


class Piece(NamedTuple):
    """Bytes of a reply and the pause before them in seconds."""

    pause: float
    data: bytes


class Injector:
    """The faults of one line. `injected` counts what really happened, by name."""

    def __init__(self, faults: Iterable[str], seed: int, scale: float) -> None:
        self.faults = parse_all(faults)
        self.injected: Counter[str] = Counter()
        self.random = random.Random(seed)
        self._scale = scale
        self._old: list[Reply] = []
        self._spoilt = 0
        self._spared = False
        self._replies = 0

    def echo(self, request: bytes) -> Piece | None:
        """What the adapter gives back of the bytes written, and after how many seconds."""
        part = request
        if self._hits("echo-only") or self._hits("echo"):
            pass
        elif len(request) > 1 and self._hits("echo-partial"):
            most = len(request) - 1
            part = request[-self.random.randint(min(5, most), min(12, most)) :]
        else:
            return None
        return Piece(self.random.uniform(0.001, 0.005) * self._scale, part)

    def spoil(self, board: Board, reply: Reply) -> tuple[list[Piece], bool]:
        """The pieces that are sent instead of `reply`, and whether the wire is gone after them."""
        before = sum(self.injected.values())
        self._spared = self._spoilt >= _IN_A_ROW
        self._replies += 1
        pieces = [] if self._is_silent() else self._pieces(board, reply)
        gone = bool(pieces) and self._unplugs()
        if gone:
            pieces = _half(pieces)
        hit = sum(self.injected.values()) > before
        self._spoilt = self._spoilt + 1 if hit and not self._spared else 0
        return pieces, gone

    def _pieces(self, board: Board, reply: Reply) -> list[Piece]:
        frames = self._first_replies_zero(board, reply)
        frames = self._rearranged(frames)
        frames = [self._damaged(frame) for frame in frames]
        frames = self._preceded(board, reply, frames)
        self._remember(reply)
        frames = self._littered(frames)
        late = self._wait(0.6, 1.0) if frames and self._hits("late") else 0.0
        pieces = [Piece(0.0, frame) for frame in frames if frame]
        pieces = self._interrupted(pieces)
        return [Piece(pieces[0].pause + late, pieces[0].data), *pieces[1:]] if pieces else []

    def _on(self, name: str) -> Fault | None:
        fault = self.faults.get(name)
        return None if fault is None or (self._spared and fault.rate < 1) else fault

    def _hits(self, name: str) -> bool:
        fault = self._on(name)
        hit = fault is not None and self.random.random() < fault.rate
        self.injected[name] += hit
        return hit

    def _counts(self, name: str, replies: range) -> bool:
        return self._on(name) is not None and self._replies in replies and self._hits(name)

    def _is_silent(self) -> bool:
        waking = self.faults.get("waking")
        return (
            self._hits("asleep")
            or "echo-only" in self.faults
            or "noise" in self.faults
            or (waking is not None and self._counts("waking", range(1, waking.times + 1)))
            or self._hits("drop-reply")
        )

    def _unplugs(self) -> bool:
        fault = self.faults.get("unplug")
        return fault is not None and self._replies > fault.times and self._hits("unplug")

    def _first_replies_zero(self, board: Board, reply: Reply) -> Reply:
        fault = self.faults.get("zero")
        zero = fault is not None and self._counts("zero", range(1, fault.times + 1))
        return board.zeroed(reply) if zero else list(reply)

    def _rearranged(self, frames: Reply) -> Reply:
        frames = [frame for frame in frames if not self._hits("drop")]
        frames = [twin for frame in frames for twin in [frame] * (1 + self._hits("double"))]
        if len(frames) > 1 and self._hits("reorder"):
            first = self.random.randrange(1, len(frames))
            frames = frames[first:] + frames[:first]
            self.random.shuffle(frames)
        return frames

    def _damaged(self, frame: bytes) -> bytes:
        if self._hits("cut"):
            lost = self.random.randint(1, min(12, len(frame)))
            at = self.random.randint(0, len(frame) - lost)
            frame = frame[:at] + frame[at + lost :]
        if frame and self._hits("flip"):
            frame = self._flipped(frame, 1)
        if frame and self._hits("flip2"):
            frame = self._flipped(frame, self.random.randint(2, 4))
        return frame

    def _flipped(self, frame: bytes, bits: int) -> bytes:
        wrong = int.from_bytes(frame, "big")
        for bit in self.random.sample(range(8 * len(frame)), bits):
            wrong ^= 1 << bit
        return wrong.to_bytes(len(frame), "big")

    def _preceded(self, board: Board, reply: Reply, frames: Reply) -> Reply:
        if self._hits("foreign"):
            frames = board.foreign(reply) + frames
        old = self._stale_for(reply) if self._on("stale") else []
        return old + frames if old and self._hits("stale") else frames

    def _stale_for(self, reply: Reply) -> Reply:
        """An older reply that starts otherwise, or one frame of an older reply of several frames."""
        others = [old for old in self._old if old[0][:3] != reply[0][:3]]
        singles = [[self.random.choice(old)] for old in self._old if len(old) > 1]
        return list(self.random.choice(others + singles)) if others or singles else []

    def _remember(self, reply: Reply) -> None:
        self._old = [*self._old, list(reply)][-_KEPT:]

    def _littered(self, frames: Reply) -> Reply:
        littered: Reply = []
        for frame in [*frames, b""]:
            if self._hits("garbage"):
                littered.append(bytes(self.random.choices((0xFF, 0x00, 0xA5), k=self.random.randint(1, 20))))
            if self._hits("other-program"):
                littered.append(self.random.choice(OTHER_PROGRAMS))
            littered.append(frame)
        return littered

    def _interrupted(self, pieces: list[Piece]) -> list[Piece]:
        size = sum(len(piece.data) for piece in pieces)
        if size < 2 or not self._hits("slow"):
            return pieces
        first, rest = _split(pieces, self.random.randrange(1, size))
        return [*first, Piece(self._wait(0.3, 0.7), rest[0].data), *rest[1:]]

    def _wait(self, shortest: float, longest: float) -> float:
        return self.random.uniform(shortest, longest) * self._scale


def _split(pieces: list[Piece], at: int) -> tuple[list[Piece], list[Piece]]:
    """The first `at` bytes and the rest; 0 < at < all."""
    first: list[Piece] = []
    rest = list(pieces)
    while at > 0:
        piece = rest.pop(0)
        first.append(Piece(piece.pause, piece.data[:at]))
        if len(piece.data) > at:
            rest.insert(0, Piece(0.0, piece.data[at:]))
        at -= len(piece.data)
    return first, rest


def _half(pieces: list[Piece]) -> list[Piece]:
    size = sum(len(piece.data) for piece in pieces)
    return _split(pieces, size // 2)[0] if size > 1 else pieces
