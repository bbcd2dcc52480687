"""The request loop: send, feed, wait, ask again. The only clock of reading.

A byte's way: transport.read -> Link._attempt -> reader.feed -> wanted? -> parse -> the value.
The link owns the transport, the lock and the counters, and knows no board.
It never sleeps: every wait is a read of the wire.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any, Callable

from dalybms.budget import Budget
from dalybms.doubles import Doubles
from dalybms.errors import BadReply, TransportError
from dalybms.exchange import Exchange
from dalybms.listener import Listener
from dalybms.logs import Log
from dalybms.pace import Pace, Quiet, Tails, Trial
from dalybms.protocols.request import Answer, Request
from dalybms.timing import LONGEST, WIRE, Timing

log = Log("dalybms.link")

_KEPT = 4096
"""Bytes heard that are kept for the words of a NoReply."""
Turns = Iterable[tuple[Request, bytes]]


class Link:
    """One wire and the rules for asking on it.

    transport: write, read, drain, close. retries: how often a request is repeated.
    pause: seconds between an answer and the next request; None: what the pace of each
    board says. A call from a second thread waits for its turn.
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
        self._pause = pause
        self._lock = threading.RLock()
        self._closed = False
        self._budget = Budget(timing)
        self._quiet = Quiet(timing)
        self._tails = Tails()
        self._calls = 0
        self._last_heard = float("-inf")
        self._last_pace: Pace | None = None
        self._heard = bytearray()

    @contextmanager
    def call(self, retries: int | None = None, within: float = float("inf")) -> Iterator[None]:
        """One public call: others wait; its failing attempts share one budget, of `within` seconds at most.

        retries: as of the constructor, from this call on; boards of one cable may differ in it.
        """
        with self._lock:
            self.retries = self.retries if retries is None else retries
            self._budget.begin(within)
            self._calls += 1
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

    def exchange(self, request: Request, board: int = 1, pace: Pace | None = None) -> Answer:
        """Ask, and ask again, until the request is answered.

        board: whose answer is awaited, for the words of the error. pace: of that board;
        learns. Raises NoReply, which says what was heard instead; BadReply when all
        answers could not be; TransportError when the wire is gone.
        """
        attempts = 1 if request.once else request.tries or 1 + self.retries
        turns = islice(cycle((request, data) for data in request.writes), attempts)
        return self._ask(turns, board, pace, self.timing.last_pause if request.once else 0.0)

    def find(self, requests: Iterable[Request], board: int = 1, pace: Pace | None = None) -> Answer:
        """Ask alternatives in turn, each once, until one is answered. Raises as exchange() does."""
        return self._ask(((request, data) for request in requests for data in request.writes), board, pace)

    def _ask(self, turns: Turns, board: int, pace: Pace | None, least: float = 0.0) -> Answer:
        """The request loop: an answer to any request asked so far counts, also a late one.

        least: seconds to rest before it in any case: what is sent only once must be heard.
        """
        pause = max(least, self._rest(pace))
        self._begin(pause)
        exchange = Exchange(board, pace, self._clock(), self.timing.last_pause)
        for request, data in turns:
            exchange.name = exchange.name or request.name
            silence = self.timing.timeout * request.patience
            if not self._budget.allows(silence, len(exchange.sent), exchange.unheard, request.optional):
                break
            if request.not_before:
                self._calm(until=exchange.began + request.not_before)
            exchange.begin(request, data)
            began = self._clock()
            try:
                answer = self._attempt(exchange, request, silence)
            except BadReply as error:
                log.debug("%s, attempt %d: %s", request.name, len(exchange.sent), error)
                exchange.bad = error
                self._calm(quiet=max(pause, self.timing.quiet))
                self._budget.refused(self._clock() - began)
                continue
            if answer:
                self._learn(exchange)
                return answer
        raise exchange.failure(bytes(self._heard), self._budget.alive)

    def _rest(self, pace: Pace | None) -> float:
        if self._pause is not None:
            return self._pause
        return pace.rest(self._calls) if pace else self.timing.first_pause

    def _learn(self, exchange: Exchange) -> None:
        """What a rest is worth shows only behind an answer of the same board."""
        pace, before = exchange.pace, self._last_pace
        self._last_pace = pace
        if pace and len(exchange.asked) == 1:
            usual = pace.usual
            pace.learn(exchange.trials[before not in (None, pace) :], self._calls)
            if pace.usual != usual:
                log.debug("pause between requests is now %.0f ms", 1000 * pace.usual)

    def _begin(self, pause: float) -> None:
        """Nothing of an earlier request may be taken for an answer to this one."""
        self._finish_tail()
        self._calm(quiet=pause)
        self._guard(self._transport.drain)
        self._heard.clear()

    def _attempt(self, exchange: Exchange, request: Request, silence: float) -> Answer | None:
        """Send once and listen until an answer, silence, or the limit whatever noise comes."""
        began = self._clock()
        again = len(exchange.sent) > 1
        listener = Listener(exchange.asked, self.timing, self._quiet, began, silence, again)
        lost, rest = True, began - self._last_heard
        self._send(request, exchange.sent[-1])
        try:
            answer = self._listen(listener) or listener.end()
            lost = not answer and listener.silent
        except BadReply:
            lost = False
            raise
        finally:
            exchange.trials.append(Trial(rest, lost))
        self._note_strangers(listener)
        exchange.bad = exchange.bad or listener.late
        if answer:
            self._budget.answered()
            self.counters["answered"] += 1
            self.doubles.used(answer.request, listener.frames[answer.request])
            self._tails.used(answer.request, answer.written, listener.frames[answer.request])
        elif not request.optional:
            self._budget.failed(self._clock() - began, listener.silent)
        return answer

    def _listen(self, listener: Listener) -> Answer | None:
        """The answer that comes before the attempt ends."""
        answer = None
        while not answer:
            began = self._clock()
            answer, left = listener.settle(began), listener.until() - began
            if answer or left <= 0:
                break
            enough = listener.enough()
            chunk = self._read(min(left, listener.patience(enough)) if enough > 1 else left, enough)
            answer = listener.feed(chunk, began, self._clock(), enough)
        return answer

    def _note_strangers(self, listener: Listener) -> None:
        self.counters["dropped_frames"] += len(listener.strangers)
        for frame in listener.strangers:
            log.debug("dropped, no part of the answer: %s", frame)
            self.doubles.dropped(frame)
            self._tails.dropped(frame)

    def _finish_tail(self) -> None:
        """Let a long reply run in: a request into a sending board is lost."""
        quiet = self._quiet.seconds
        limit = self._clock() + LONGEST * self.timing.byte + quiet
        while self._tails.running:
            left = min(self._last_heard + quiet, limit) - self._clock()
            chunk = self._read(max(0.0, left), self._tails.missing)
            if not chunk and left <= 0:
                break
            self._tails.feed(chunk)
        self._tails.over()

    def _calm(self, quiet: float = 0.0, until: float = float("-inf")) -> None:
        """Drop what comes until nothing has come for `quiet` seconds, within a limit, and until `until`."""
        limit = self._clock() + LONGEST * self.timing.byte + quiet
        while True:
            left = max(min(self._last_heard + quiet, limit), until) - self._clock()
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

    def _read(self, timeout: float, enough: int = 1) -> bytes:
        several = (enough,) if enough > 1 else ()
        chunk: bytes = self._guard(lambda: self._transport.read(timeout, *several))
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
