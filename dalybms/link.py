"""The request loop: send, feed, wait, ask again.

A byte's way: transport.read -> Link._hear -> reader.feed -> wanted? -> parse -> the value.
The link owns the wire, the lock and the counters, and knows no board.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any, Callable

from dalybms.behind import Behind
from dalybms.budget import Budget
from dalybms.doubles import Doubles
from dalybms.errors import BadReply, DalyError, NoReply
from dalybms.exchange import Exchange
from dalybms.listener import Listener
from dalybms.pace import Pace, Trial
from dalybms.protocols.request import Answer, Request
from dalybms.protocols.rivals import ends_in_question
from dalybms.timing import QUESTION, WIRE, Timing
from dalybms.wire import log

Turns = Iterable[tuple[Request, bytes]]


class Link(Behind):
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
        super().__init__(transport, timing, pause, clock)
        self.retries = retries
        self.doubles = Doubles()
        self._lock = threading.RLock()
        self._budget = Budget(timing)
        self._calls = 0
        self._last_pace: Pace | None = None
        self._lost: dict[frozenset[bytes], DalyError] = {}
        self.stirred = 0
        """How many attempts ended without a whole answer although something was heard, so far."""

    @contextmanager
    def call(self, retries: int | None = None, within: float = float("inf")) -> Iterator[None]:
        """One public call: others wait; its failing attempts share one budget, of `within` seconds at most.

        retries: as of the constructor, from this call on; boards of one cable may differ in it.
        """
        with self._lock:
            self.retries = self.retries if retries is None else retries
            self._budget.begin(within)
            self._calls += 1
            self._lost.clear()
            self.doubles.begin()
            yield

    def exchange(self, request: Request, board: int = 1, pace: Pace | None = None) -> Answer:
        """Ask, and ask again, until the request is answered.

        board: whose answer is awaited, for the words of the error. pace: of that board;
        learns. Raises NoReply, which says what was heard instead; BadReply when all
        answers could not be; TransportError when the wire is gone. What failed in this call before is only
        asked again while nothing is short.
        """
        if self._lost and self._budget.short and frozenset(request.writes) in self._lost:
            raise self._lost[frozenset(request.writes)]
        attempts = 1 if request.once else request.tries or 1 + self.retries
        turns = islice(cycle((request, data) for data in request.writes), attempts)
        try:
            return self._ask(turns, board, pace, self.timing.last_pause if request.once else 0.0)
        except (NoReply, BadReply) as error:
            self._lost[frozenset(request.writes)] = error
            raise

    def find(self, requests: Iterable[Request], board: int = 1, pace: Pace | None = None) -> Answer:
        """Ask alternatives in turn, each once, until one is answered. Raises as exchange() does."""
        return self._ask(((request, data) for request in requests for data in request.writes), board, pace)

    def _ask(self, turns: Turns, board: int, pace: Pace | None, least: float = 0.0) -> Answer:
        """The request loop: an answer to any request asked so far counts, also a late one.

        least: seconds to rest before it in any case: what is sent only once must be heard.
        """
        pause = max(least, self._rest(pace))
        self._finish_tail()
        exchange = Exchange(board, pace, self.timing.last_pause)
        self._budget.question()
        for request, data in turns:
            exchange.name = exchange.name or request.name
            silence = self.timing.timeout * request.patience
            if request.brief and exchange.vain:
                break
            if not self._budget.allows(silence, len(exchange.sent), exchange.unheard, request.optional):
                break
            exchange.begin(request, data)
            began = self._clock()
            try:
                answer = self._attempt(exchange, request, silence, pause)
            except BadReply as error:
                log.debug("%s, attempt %d: %s", request.name, len(exchange.sent), error)
                exchange.bad = error
                self._calm(quiet=max(pause, self.timing.quiet))
                self._budget.refused(self._clock() - began)
                continue
            if answer:
                self._learn(exchange)
                return answer._replace(spoilt=exchange.spoilt)
            self.stirred += not exchange.trials[-1].lost
        failure = exchange.failure(bytes(self._heard), self._budget.alive)
        failure.repeated = len(exchange.sent) > 1 and not any(request.optional for request in exchange.asked)
        raise failure

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
        if not self._calm(quiet=pause):
            self._read(0.0)
            self._guard(self._transport.drain)
        self._let_answer()
        if self._trails.last:
            self._trails.last.close(bytes(self._heard))
        self._heard.clear()

    def _let_answer(self) -> None:
        """Whom somebody else has just asked answers him, and does not hear us."""
        if ends_in_question(self._recently()):
            self._calm(quiet=self.timing.usual or self.timing.quiet)

    def _attempt(self, exchange: Exchange, request: Request, silence: float, pause: float) -> Answer | None:
        """Send once and listen until an answer, silence, or the limit whatever noise comes.

        Everything is made ready before the rest: what runs after a wait costs several times as much.
        """
        again = len(exchange.sent) > 1
        listener = Listener(exchange.asked, self.timing, self._quiet, silence, again)
        if not again:
            self._begin(pause)
            exchange.began = self._clock()
        elif request.not_before:
            self._calm(until=exchange.began + request.not_before)
        began = self._clock()
        listener.begin(began)
        listener.before = self._recently()
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
            if self._trails.last and not again and listener.overdue:
                self._trails.last.next(listener.heard, exchange.sent[-1])
        self._note_strangers(listener)
        exchange.rivalled = exchange.rivalled or listener.rivalled
        exchange.bad = exchange.bad or listener.late
        if answer:
            self._budget.answered()
            self.counters["answered"] += 1
            self.doubles.used(answer.request, listener.frames[answer.request])
            self._tails.used(answer.request, answer.written, listener.frames[answer.request])
            return self._followed(answer, listener)
        exchange.old += not lost and self.doubles.only_old(listener.heard, listener.strangers)
        if not request.optional:
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
            answer = self._hear(listener, left)
        return answer

    def _hear(self, listener: Listener, left: float) -> Answer | None:
        """What comes within `left` seconds: a reply, or its first byte and at once what its frame lacks."""
        began, enough = self._clock(), listener.enough()
        usual = 0.0 if listener.heard else self.timing.usual + QUESTION * self.timing.byte
        chunk = part = self._read(left if enough == 1 else min(left, usual + self._due(enough)), enough)
        if chunk and not listener.heard:
            listener.began(self._clock() if enough == 1 else None)
        if chunk and enough == 1 and not listener.heard:
            self._quiet.began(len(chunk))
            lacks = listener.enough(len(chunk))
            if lacks > 1:
                began, enough, usual = self._clock(), lacks, 0.0
                part = self._read(self._due(enough), enough)
                chunk += part
        now, short = self._clock(), len(part) < enough
        if enough > 1 and not short and not usual:
            self._quiet.went_on(enough, now - began)
        last_byte = min(now, began + len(part) * self.timing.byte) if short else now
        return listener.feed(chunk, last_byte, now, short)

    def _due(self, enough: int) -> float:
        """Seconds in which so many bytes of a reply come that has begun, where it does not stop."""
        return enough * self.timing.byte + self.timing.quiet

    def _note_strangers(self, listener: Listener) -> None:
        self.counters["dropped_frames"] += len(listener.strangers)
        for frame in listener.strangers:
            log.debug("dropped, no part of the answer: %s", frame)
            self.doubles.dropped(frame)
            self._tails.dropped(frame)
