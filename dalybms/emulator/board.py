"""What all fake boards share: finding requests in a stream of bytes, and taking writes as they are told."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

from dalybms.emulator.conduct import USUAL, Conduct
from dalybms.emulator.frame_log import Heard, Log, describe
from dalybms.emulator.pack import Pack

Reply = list[bytes]
"""The frames of one reply in order; empty when the board stays silent."""


class Board:
    """A board hears bytes and answers in frames. It knows no wire, and the time only as it is told.

    `log`: the requests that it took. `lost`: when the power went with discharge; None: it has not.
    """

    answers_restart = True
    """False: it restarts before it can acknowledge."""

    def __init__(self, pack: Pack, conduct: Conduct = USUAL) -> None:
        self.pack = pack
        self.conduct = conduct
        self.log = Log()
        self.lost: float | None = None
        self._heard = bytearray()
        self._due: list[tuple[float, bytes]] = []
        self._old: list[tuple[float, dict[str, Any]]] = []
        self._silent_until = float("-inf")
        self._counted: float | None = None
        self._last: Reply = []

    def feed(self, data: bytes, now: float = 0.0) -> list[Reply]:
        """One reply for each complete request to this board that these bytes complete."""
        self.run(now)
        self._heard += data
        replies = []
        while self._heard and self._listens(now):
            size = self.request_size(bytes(self._heard[:512]))
            if size is None:
                break
            if size == 0:
                del self._heard[0]
                continue
            request = bytes(self._heard[:size])
            del self._heard[:size]
            if self.is_addressed(request):
                replies.append(self._respond(request, now))
        if not self._listens(now):
            self._heard.clear()
        return replies

    def run(self, now: float) -> None:
        """Do what is due by `now`, and let the time since power-on go by."""
        self._count(now)
        while self._due and self._due[0][0] <= now and self.lost is None:
            self._do(*self._due.pop(0))

    def next_time(self) -> float | None:
        """When it does something by itself next; None: nothing is planned."""
        return self._due[0][0] if self._due and self.lost is None else None

    def request_size(self, heard: bytes) -> int | None:
        """Bytes of the sound request at the start, 0 when none starts here, None while it is not complete."""
        raise NotImplementedError

    def is_addressed(self, request: bytes) -> bool:
        """Whether this board is the one that is asked."""
        raise NotImplementedError

    def answer(self, request: bytes) -> Reply:
        """The reply to a request with a good checksum that writes nothing."""
        raise NotImplementedError

    def knows(self, request: bytes) -> bool:
        """Whether it answers a request that writes."""
        return True

    def write(self, request: bytes) -> None:
        """Change the pack as the request says."""

    def restarts(self, request: bytes) -> bool:
        """Whether the request restarts the board."""
        return False

    def acknowledge(self, request: bytes) -> Reply:
        """What it says after a write."""
        return []

    def refuse(self, request: bytes) -> Reply:
        """What it says to a write that it refuses."""
        return []

    def left_over(self, request: bytes) -> Reply:
        """An answer to a write with the bytes of the previous reply: here all of them."""
        return self._last

    def foreign(self, reply: Reply) -> Reply:
        """The same reply as another board would give it: other values, sound checksum."""
        raise NotImplementedError

    def zeroed(self, reply: Reply) -> Reply:
        """The same reply with all its data zero and a sound checksum: what waking boards send."""
        raise NotImplementedError

    def describe(self, request: bytes, now: float) -> Heard:
        """The line of the log."""
        return describe(request, now)

    def _listens(self, now: float) -> bool:
        return self.conduct.awake and self.lost is None and now >= self._silent_until

    def _respond(self, request: bytes, now: float) -> Reply:
        heard = self.describe(request, now)
        self.log.add(heard)
        if heard.writes:
            reply = self._take_write(request, now) if self.knows(request) else []
        else:
            with self._as_it_shows(now):
                reply = self.answer(request)
        self._last = reply or self._last
        return reply

    def _take_write(self, request: bytes, now: float) -> Reply:
        delay = self.conduct.delay
        reply = self._said(request)
        if delay == 0:
            self._do(now, request)
        elif delay is not None:
            self._due = sorted([*self._due, (now + delay, request)])
        return reply

    def _said(self, request: bytes) -> Reply:
        if self.restarts(request) and self.conduct.delay == 0 and not self.answers_restart:
            return []
        says: dict[str, Callable[[bytes], Reply]] = {
            "ack": self.acknowledge,
            "refuse": self.refuse,
            "silent": lambda _: [],
            "echo": lambda request: [request],
            "leftover": self.left_over,
        }
        return says[self.conduct.says](request)

    def _do(self, at: float, request: bytes) -> None:
        if self.restarts(request):
            self._restart(at)
            return
        before = copy.deepcopy(vars(self.pack))
        self.write(request)
        changed = {name: old for name, old in before.items() if old != getattr(self.pack, name)}
        if self.conduct.lag:
            self._old.append((at + self.conduct.lag, changed))
        if "discharge_switch" in changed and not self.pack.discharge_mosfet:
            self.lost = None if self.conduct.discharge_off == "stays" else at

    def _restart(self, at: float) -> None:
        self.pack.restarts += 1
        self.pack.heartbeat = 0
        self.pack.uptime = 0
        self._counted = at
        self._silent_until = at + self.conduct.restart

    def _count(self, now: float) -> None:
        if self._counted is None:
            self._counted = now
        seconds = int(now - self._counted)
        if not seconds:
            return
        self._counted += seconds
        self.pack.uptime += seconds
        self.pack.lifetime += seconds

    @contextmanager
    def _as_it_shows(self, now: float) -> Iterator[None]:
        """The pack as readings show it: old values for a while after a write, where the board lags."""
        self._old = [old for old in self._old if old[0] > now]
        shown = {name: value for _, values in reversed(self._old) for name, value in values.items()}
        true = {name: getattr(self.pack, name) for name in shown}
        try:
            vars(self.pack).update(shown)
            yield
        finally:
            vars(self.pack).update(true)


def word(value: int) -> bytes:
    """16 bits, big-endian."""
    return (value & 0xFFFF).to_bytes(2, "big")


def words(values: list[int]) -> bytes:
    """16 bits each, big-endian."""
    return b"".join(word(value) for value in values)


def double_word(value: int) -> bytes:
    """32 bits, big-endian."""
    return (value & 0xFFFFFFFF).to_bytes(4, "big")
