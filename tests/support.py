"""What the tests share: a wire in virtual time, boards that follow a script, and the recorded traffic."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Callable

from dalybms import DalyBMS
from dalybms.errors import TransportError
from dalybms.protocols.a5.frame import Frame

ROOT = Path(__file__).resolve().parents[1]
CAPTURES = ROOT / "tests" / "captures"
PATIENCE = 60
"""Seconds until a program or a thread counts as hanging: a machine with many tests at once is slow."""


def captures(name: str) -> list[dict[str, Any]]:
    """The records of tests/captures/NAME.json; each names its source."""
    document = json.loads((CAPTURES / f"{name}.json").read_text())
    return next(value for key, value in document.items() if key != "about")


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class VirtualWire:
    """A transport over a line of the emulator (or a Script), in virtual time."""

    def __init__(self, line: Any, clock: Clock) -> None:
        self.line, self.clock, self.closed = line, clock, False

    def write(self, data: bytes) -> None:
        self._check()
        self.line.write(data, self.clock.now)

    def read(self, timeout: float, enough: int = 1) -> bytes:
        end, data = self.clock.now + timeout, b""
        while True:
            self._check()
            data += self.line.take(self.clock.now)
            if len(data) >= enough or self.clock.now >= end:
                return data
            arrives = self.line.next_time()
            self.clock.now = end if arrives is None else max(self.clock.now, min(end, arrives))

    def drain(self) -> None:
        self.line.take(self.clock.now)

    def close(self) -> None:
        self.closed = True

    def _check(self) -> None:
        if self.closed or not self.line.alive(self.clock.now):
            raise TransportError("unplugged")


class Script:
    """A board whose every answer a test writes: answer(request, n) -> pieces (seconds after it, bytes).

    n counts the requests from 0. `sent` keeps (time, request).
    """

    def __init__(self, answer: Callable[[bytes, int], Iterable[tuple[float, bytes]]]) -> None:
        self._answer = answer
        self._pieces: list[tuple[float, bytes]] = []
        self.sent: list[tuple[float, bytes]] = []

    def write(self, data: bytes, now: float) -> None:
        self.sent.append((now, bytes(data)))
        new = [(now + after, piece) for after, piece in self._answer(bytes(data), len(self.sent) - 1)]
        self._pieces = sorted(self._pieces + new, key=lambda piece: piece[0])

    def take(self, now: float) -> bytes:
        due = [piece for at, piece in self._pieces if at <= now]
        self._pieces = [(at, piece) for at, piece in self._pieces if at > now]
        return b"".join(due)

    def next_time(self) -> float | None:
        return self._pieces[0][0] if self._pieces else None

    def alive(self, now: float) -> bool:
        return True

    @property
    def requests(self) -> list[bytes]:
        return [request for _, request in self.sent]


def attach(line: Any, bms: DalyBMS | None = None, **options: Any) -> DalyBMS:
    """A battery connected to a line in virtual time; its clock is `bms.clock`, one for each line."""
    bms = bms or DalyBMS(**options)
    clock = line.clock = getattr(line, "clock", None) or Clock()
    bms._clock = bms.clock = clock  # type: ignore[attr-defined]
    bms._use(VirtualWire(line, clock))
    return bms


def read_without(bms: DalyBMS, section: str, whole: Any) -> set[Any]:
    """The keys that a reading goes without, all of them told; what is there is as in the whole one."""
    found = getattr(bms, f"get_{section}")()
    assert found == {key: whole[key] for key in found}
    missing = {str(key) for key in whole if key not in found}
    told = {name.partition(".")[2] for name in bms.unusable}
    assert all(name.startswith(f"{section}.") for name in bms.unusable)
    derived = {"power": {"total_voltage", "current"}, "capacity_ah": {"remaining_capacity_ah"}}
    assert not told & set(map(str, found))
    assert all(told & derived[key] for key in missing - told)
    return told


def reply(command: int, data: str | bytes, board: int = 1) -> bytes:
    """A reply frame; data as hex, filled with zeros."""
    raw = bytes.fromhex(data) if isinstance(data, str) else data
    return Frame(board, command, raw.ljust(8, b"\0")).encode()


def talk(replies: dict[int, bytes], hosts: tuple[int, ...] = (0x40, 0x80)) -> Script:
    """A board that answers each command with fixed bytes 40 ms later, asked as one of `hosts`."""

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        known = request[1] in hosts and request[2] in replies
        return [(0.04, replies[request[2]])] if known else []

    return Script(answer)


HEALTHY = {
    0x90: reply(0x90, "0212000075300384"),
    0x91: reply(0x91, "0cf30a0cec01"),
    0x92: reply(0x92, "3d013c02"),
    0x93: reply(0x93, "0101019e0003eaf8"),
    0x94: reply(0x94, "10020000020003"),
    0x95: b"".join(
        reply(0x95, bytes((number,)) + b"".join((3313).to_bytes(2, "big") for _ in range(3)))
        for number in range(1, 7)
    ),
    0x96: reply(0x96, "013d3c"),
    0x97: reply(0x97, "0101"),
    0x98: reply(0x98, "00"),
}
"""A 16-cell pack of 53.0 V with two sensors, by hand from the document."""
