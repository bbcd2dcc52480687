"""The request loop: send, feed, wait, ask again. The only clock in the package.

A byte's way: transport.read -> Link._attempt -> reader.feed -> wanted? -> parse -> the value.
The link owns the transport, the lock, the pause and the counters, and knows no board.
It never sleeps: every wait is a read of the wire.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any, Callable, NamedTuple

from dalybms.doubles import Doubles
from dalybms.errors import BadReply, DalyError, NoReply, TransportError
from dalybms.logs import Log
from dalybms.protocols.request import Answer, Request

log = Log("dalybms.link")


BAUD = 9600
"""Daly's rate on UART, RS485 and the modules' UART, where nothing else was set."""


class Timing(NamedTuple):
    """Every limit of the link, in seconds where nothing else is said."""

    timeout: float = 0.5
    """Longest silence before an attempt ends. Boards answer in 25-80 ms, worst seen about 100 ms."""
    silences: int = 8
    """Silent attempts of one public call share so many `timeout`."""
    failures: int = 16
    """All attempts that fail, damaged ones too, share so many."""
    last_tries: int = 3
    """When that is used up, so many requests in a row may fail before no more is asked."""
    first_pause: float = 0.007
    """Between an answer and the next request: the measured minimum of real boards."""
    last_pause: float = 0.05
    """How far that pause grows when answers fail."""
    quiet: float = 0.03
    """A reply whose length is not known has ended after this much silence."""
    least_quiet: float = 0.01
    """The same on a line whose bytes are seen to come one by one, without a buffering adapter."""
    open_end: float = 0.15
    """The same for raw requests, where nothing says how many frames will come."""
    byte: float = 10 / BAUD
    """One byte on the wire, 9600 8N1."""


WIRE = Timing()
BLUETOOTH = Timing(timeout=0.8, quiet=0.15)
"""The Bluetooth modules bridge the same 9600 baud; answers were seen after up to 501 ms."""
_LONGEST = 16 * 13
"""Bytes of the longest reply there is."""
_KEPT = 4096
"""Bytes heard that are kept for the words of a NoReply."""


class _Tail(NamedTuple):
    """A reply that was used before its last frame may have come."""

    request: Request
    written: bytes
    number: int


class _Listener:
    """Collects, for each request asked so far, the frames of the running attempt."""

    def __init__(self, asked: Sequence[Request]) -> None:
        self._asked = asked
        self._readers = list({id(request.reader): request.reader for request in asked}.values())
        self.frames: dict[Request, list[Any]] = {request: [] for request in asked}
        self.strangers: list[Any] = []
        self.heard = b""
        for reader in self._readers:
            reader.mark()

    @property
    def doubt(self) -> bool:
        """Is a frame held back until the line is quiet?"""
        return any(reader.doubt for reader in self._readers)

    def feed(self, chunk: bytes) -> tuple[Request, Any] | None:
        """The request that these bytes complete the answer of, and its value."""
        self.heard = (self.heard + chunk)[-_KEPT:]
        return self._take([(reader, reader.feed(chunk)) for reader in self._readers])

    def release(self, everything: bool) -> tuple[Request, Any] | None:
        """As feed(), with what the readers held back."""
        return self._take([(reader, reader.release(everything)) for reader in self._readers])

    def begin_anew(self) -> None:
        """What came before a pause belongs to an earlier reply: sets of frames are never mixed."""
        for request, frames in self.frames.items():
            if request.number:
                frames.clear()

    def _take(self, found: Sequence[tuple[Any, Sequence[Any]]]) -> tuple[Request, Any] | None:
        done = None
        for reader, frames in found:
            for frame in frames:
                takers = [each for each in self._asked if each.reader is reader and each.wanted(frame)]
                if not takers:
                    self.strangers.append(frame)
                for request in takers:
                    self.frames[request].append(frame)
                    value = None if done or request.open_end else request.parse(self.frames[request])
                    done = done or (None if value is None else (request, value))
        return done


class Link:
    """One wire and the rules for asking on it.

    transport: write, read, drain, close. retries: how often a request is repeated.
    pause: seconds between an answer and the next request; None: starts at 7 ms and
    grows to 50 ms when answers fail. A call from a second thread waits for its turn.
    """

    def __init__(
        self,
        transport: Any,
        timing: Timing = WIRE,
        retries: int = 3,
        pause: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.timing = timing
        self.retries = retries
        self.counters = {"sent": 0, "answered": 0, "dropped_frames": 0, "dropped_bytes": 0}
        self.doubles = Doubles()
        self._transport = transport
        self._clock = clock
        self._adaptive = pause is None
        self._pause = timing.first_pause if pause is None else pause
        self._lock = threading.RLock()
        self._closed = False
        self._alive = False
        self._silence_left = self._failures_left = 0.0
        self._last_tries = 0
        self._last_heard = float("-inf")
        self._gap = 0.0
        self._heard = bytearray()
        self._tail: _Tail | None = None
        self._series: _Tail | None = None
        self._last_frames: dict[bytes, int] = {}

    @contextmanager
    def call(self, retries: int | None = None, within: float = float("inf")) -> Iterator[None]:
        """One public call: others wait; its silent attempts share one budget, of `within` seconds at most.

        retries: as of the constructor, from this call on; boards of one cable may differ in it.
        """
        with self._lock:
            self.retries = self.retries if retries is None else retries
            self._silence_left = min(within, self.timing.silences * self.timing.timeout)
            self._failures_left = self.timing.failures * self.timing.timeout
            self._last_tries = self.timing.last_tries
            self._alive = False
            self.doubles.begin()
            yield

    def idle(self, seconds: float) -> None:
        """Let so much time pass; what comes meanwhile answers nothing."""
        end = self._clock() + seconds
        while (left := end - self._clock()) > 0:
            self.counters["dropped_bytes"] += len(self._read(left))

    def close(self) -> None:
        """Close the wire at once; a wait in another thread ends with TransportError."""
        self._closed = True
        log.debug("closed after %s", self.counters)
        self._transport.close()

    def exchange(self, request: Request, board: int = 1) -> Answer:
        """Ask, and ask again, until the request is answered.

        board: whose answer is awaited, for the words of the error. Raises NoReply, which
        says what was heard instead; BadReply when all answers could not be;
        TransportError when the wire is gone.
        """
        attempts = 1 if request.once else request.tries or 1 + self.retries
        return self._ask(islice(cycle((request, data) for data in request.writes), attempts), board)

    def find(self, requests: Iterable[Request], board: int = 1) -> Answer:
        """Ask alternatives in turn, each once, until one is answered. Raises as exchange() does."""
        return self._ask(((request, data) for request in requests for data in request.writes), board)

    def _ask(self, turns: Iterator[tuple[Request, bytes]], board: int) -> Answer:
        """The request loop: an answer to any request asked so far counts, also a late one."""
        self._begin()
        asked: dict[Request, None] = {}
        sent: list[bytes] = []
        name = ""
        bad: BadReply | None = None
        for request, data in turns:
            name = name or request.name
            if not self._may_ask(len(sent)):
                break
            sent.append(data)
            if all(request.reader is not each.reader for each in asked):
                request.reader.reset()
            asked[request] = None
            try:
                answer = self._attempt(request, data, list(asked), again=len(sent) > 1)
            except BadReply as error:
                log.debug("%s, attempt %d: %s", request.name, len(sent), error)
                bad = error
                self._calm(self.timing.quiet)
                continue
            if answer:
                return answer
        raise self._failure(name, sent, bad, board)

    def _may_ask(self, attempts: int) -> bool:
        """Failing is bounded per call, but on a living line a few more requests get one attempt each."""
        if min(self._silence_left, self._failures_left) > 0:
            return True
        if attempts or not self._alive or not self._last_tries:
            return False
        self._last_tries -= 1
        return True

    def _begin(self) -> None:
        """Nothing of an earlier request may be taken for an answer to this one."""
        self._finish_tail()
        self._calm(self._pause)
        self._guard(self._transport.drain)
        self._heard.clear()

    def _attempt(self, request: Request, data: bytes, asked: Sequence[Request], again: bool) -> Answer | None:
        """Send once and listen until an answer, silence, or the limit whatever noise comes."""
        listener = _Listener(asked)
        began = self._clock()
        hasty = began - self._last_heard < self.timing.last_pause
        self._send(request, data)
        timeout = self.timing.timeout * request.patience
        limit = began + timeout + 2 * request.longest * self.timing.byte
        deadline = began + timeout
        while (now := self._clock()) < min(deadline, limit):
            quiet_at = self._last_heard + self._quiet() if listener.doubt else limit
            if quiet_at <= now:
                done = listener.release(everything=False)
            else:
                done = self._listen(listener, min(deadline, limit, quiet_at) - now, again)
                open_answer = request.open_end and listener.frames[request]
                deadline = max(began, self._last_heard) + (self.timing.open_end if open_answer else timeout)
            if done:
                return self._answered(Answer(done[0], data, done[1]), listener)
        done = listener.release(everything=True)
        if not done and request.open_end and listener.frames[request]:
            done = request, request.parse(listener.frames[request])
        if done:
            return self._answered(Answer(done[0], data, done[1]), listener)
        silent = not self._alive or not listener.heard.replace(data, b"")
        self._unanswered(self._clock() - began, silent, hasty, request.optional, listener)
        return None

    def _listen(self, listener: _Listener, timeout: float, again: bool) -> tuple[Request, Any] | None:
        """One read. In a repeated attempt, what came before a pause is left from the attempt before."""
        before = self._last_heard
        chunk = self._read(timeout)
        if chunk and listener.heard:
            pause = self._last_heard - before
            if again and pause > self._quiet():
                listener.begin_anew()
            self._gap = max(self._gap, min(pause, self.timing.quiet))
        return listener.feed(chunk) if chunk else None

    def _quiet(self) -> float:
        """The silence after which a reply has ended: shorter where bytes are seen to come one by one."""
        if not self._gap:
            return self.timing.quiet
        return min(self.timing.quiet, max(self.timing.least_quiet, 5 * self._gap))

    def _answered(self, answer: Answer, listener: _Listener) -> Answer:
        self._alive = True
        self._last_tries = self.timing.last_tries
        self.counters["answered"] += 1
        self._note_strangers(listener)
        request = answer.request
        self.doubles.used(request, listener.frames[request])
        if request.number:
            number = max(map(request.number, listener.frames[request]))
            self._tail = self._series = _Tail(request, answer.written, number)
        return answer

    def _unanswered(
        self, seconds: float, silent: bool, hasty: bool, optional: bool, listener: _Listener
    ) -> None:
        """A request sent soon after the last byte may have been lost in a busy board.

        silent: nothing came but echoes, or nothing was ever answered. A damaged reply on a
        living line is worth its repeats.
        """
        self._failures_left -= seconds
        if silent:
            self._silence_left -= seconds
        self._note_strangers(listener)
        if self._adaptive and hasty and not optional:
            self._pause = min(2 * self._pause, self.timing.last_pause)
            log.debug("pause between requests is now %.0f ms", 1000 * self._pause)

    def _note_strangers(self, listener: _Listener) -> None:
        self.counters["dropped_frames"] += len(listener.strangers)
        for frame in listener.strangers:
            log.debug("dropped, no part of the answer: %s", frame)
            self.doubles.dropped(frame)
            if self._series and self._series.request.wanted(frame):  # it ran further than was learnt
                self._last_frames.pop(self._series.written, None)

    def _finish_tail(self) -> None:
        """Let a long reply run in: a request into a sending board is lost.

        How far the replies to a request run is learnt when it is first followed by another.
        """
        tail, self._tail = self._tail, None
        if tail is None:
            return
        number = tail.number
        last = self._last_frames.get(tail.written)
        quiet = self._quiet()
        limit = self._clock() + _LONGEST * self.timing.byte + quiet
        while last is None or number < last:
            left = min(self._last_heard + quiet, limit) - self._clock()
            chunk = self._read(max(0.0, left))
            if not chunk and left <= 0:
                break
            frames = [frame for frame in tail.request.reader.feed(chunk) if tail.request.wanted(frame)]
            number = max([number, *map(tail.request.number or int, frames)])
        self._last_frames[tail.written] = max(number, last or 0)

    def _calm(self, quiet: float) -> None:
        """Drop what comes until nothing has come for `quiet` seconds, within a limit."""
        limit = self._clock() + _LONGEST * self.timing.byte + quiet
        while True:
            left = min(self._last_heard + quiet, limit) - self._clock()
            if left <= 0:
                return
            self.counters["dropped_bytes"] += len(self._read(left))

    def _send(self, request: Request, data: bytes) -> None:
        """A wire may be just awake enough for the second try; what may change the battery has none."""
        log.debug("-> %s", data)
        self.counters["sent"] += 1
        try:
            self._guard(lambda: self._transport.write(data))
        except TransportError as error:
            if request.once or not error.passing:
                raise
            log.debug("-> %s, once more after: %s", data, error)
            self._guard(lambda: self._transport.write(data))

    def _read(self, timeout: float) -> bytes:
        chunk: bytes = self._guard(lambda: self._transport.read(timeout))
        if chunk:
            log.debug("<- %s", chunk)
            self._last_heard = self._clock()
            self._heard += chunk
            del self._heard[:-_KEPT]
        return chunk

    def _guard(self, use: Callable[[], Any]) -> Any:
        """A wire that another thread closes fails as if it were gone: say what happened."""
        try:
            return use()
        except TransportError:
            if self._closed:
                raise TransportError("not connected: the connection was closed during the call") from None
            raise

    def _failure(self, name: str, sent: Sequence[bytes], bad: BadReply | None, board: int) -> DalyError:
        times = f"{len(sent)} attempt{'s' if len(sent) != 1 else ''}"
        if bad:
            return BadReply(f"no believable answer to {name} in {times}: {bad}", bad.raw)
        if not sent:
            return NoReply(f"no answer to {name}: not asked any more, the line was silent for too long")
        from dalybms.protocols.witness import testify

        seen, sentence = testify(bytes(self._heard), sent, board, self._alive)
        return NoReply(f"no answer to {name} in {times}: {sentence}", seen)
