"""One attempt: what has come since a request was sent, whose it is, and how long more is awaited.

Is handed bytes and times; reads neither wire nor clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dalybms.errors import BadReply
from dalybms.pace import Quiet
from dalybms.protocols.request import Answer, Request
from dalybms.protocols.rivals import Stream
from dalybms.timing import Timing

_KEPT = 4096
"""Bytes heard that are kept to tell an echo from a reply."""


class Listener:
    """Collects, for each request asked so far, the frames of the running attempt.

    asked: all requests that an answer may still come to, and how each was written; the
    last is the one sent now. again: it is a repeated attempt. silence: seconds without a
    byte after which the attempt ends.
    """

    def __init__(
        self, asked: dict[Request, list[bytes]], timing: Timing, quiet: Quiet, silence: float, again: bool
    ) -> None:
        self._asked = asked
        self._request = next(reversed(asked))
        self._readers = list(dict.fromkeys(request.reader for request in asked))
        self._timing, self._quiet, self._silence, self._again = timing, quiet, silence, again
        self.frames: dict[Request, list[Any]] = {request: [] for request in asked}
        self.strangers: list[Any] = []
        self.before, self.heard = b"", b""
        """What was heard up to the question, without a rest, and since."""
        self.rivalled = False
        """Did frames come that may answer what somebody else has asked?"""
        self.overdue = False
        """May what came first have been on its way before the question?"""
        self.late: BadReply | None = None
        """Why a late answer to an earlier request cannot be."""
        self._short = False
        self._paused = 0.0
        for reader in self._readers:
            reader.mark()

    def begin(self, now: float) -> None:
        """The request is sent now."""
        self._last = self._began = now
        self._ends = now + self._silence
        self._limit = self._ends + 2 * self._request.longest * self._timing.byte
        self._latest = now + self._timing.stretched * self._timing.timeout

    def until(self) -> float:
        """When the attempt ends, or when a frame that is held back is certain.

        Its limit is for noise without end: an answer that has begun may come slower than any line.
        """
        ends = self._ends
        if ends > self._limit:
            ends = min(ends, self._latest if self._begun else self._limit)
        return min(ends, self._quiet_at) if self._doubt else ends

    def enough(self, more: int = 0) -> int:
        """Bytes to wait for at once: what the next frame lacks, or all of a reply whose size is known.

        more: so many have just come. Where several may answer, where an earlier attempt may be
        answered yet, where a reply has come to a stop, and where not even its beginning can be
        foreseen, each byte counts.
        """
        heard = len(self.heard) + more
        foreseen = heard or (self._quiet.known and self._timing.usual)
        if not foreseen or self._again or self._short or self._doubt or len(self._readers) > 1:
            return 1
        missing: int = self._readers[0].missing()
        return max(missing - more, self._request.size - heard)

    def began(self, at: float | None) -> None:
        """The first bytes have come. at: when; None: not known, as they were read together with others."""
        self.overdue = self._quiet.gathers and (at is None or at - self._began < self._timing.kept)

    def feed(self, chunk: bytes, last_byte: float, now: float, short: bool) -> Answer | None:
        """The answer that these bytes complete.

        last_byte: about when the last of them came. short: they were fewer than was waited for.
        """
        self._short = short
        if not chunk:
            return None
        if self.heard and self._again and now - self._last > self._quiet.seconds:
            self._begin_anew()
        if now - self._last > max(self._paused, self._timing.quiet) and self._readers_have_begun:
            self._paused = now - self._last
        self.heard = (self.heard + chunk)[-_KEPT:]
        self._last = now
        done = self._take([(reader, reader.feed(chunk)) for reader in self._readers])
        open_answer = self._request.open_end and self.frames[self._request]
        self._ends = last_byte + (self._timing.open_end if open_answer else self._silence)
        return done

    def settle(self, now: float) -> Answer | None:
        """As feed(), with the frame that was held back, when the line has been quiet for long enough."""
        return self._release(everything=False) if self._doubt and now >= self._quiet_at else None

    def end(self) -> Answer | None:
        """The attempt is over: what was held back, or what has come of an answer of any length."""
        request = self._request
        done = self._recall() or self._release(everything=True)
        if done or not (request.open_end and self.frames[request]):
            return done
        return self._answer(request, request.parse(self.frames[request]))

    @property
    def silent(self) -> bool:
        """Did nothing come but echoes, or the end of one?"""
        data = self._asked[self._request][-1]
        return data.endswith(self.heard.replace(data, b""))

    @property
    def _doubt(self) -> bool:
        """Is a frame held back until the line is quiet?"""
        readers = self._readers
        return bool(readers[0].doubt if len(readers) == 1 else any(reader.doubt for reader in readers))

    @property
    def _begun(self) -> bool:
        """Is an answer coming in, of which nothing says that it will not be whole?"""
        request = self._request
        return bool(request.number and self.frames[request]) or self._readers_have_begun

    @property
    def _readers_have_begun(self) -> bool:
        return any(reader.begun for reader in self._readers)

    @property
    def _quiet_at(self) -> float:
        return self._last + self._quiet.seconds

    def _begin_anew(self) -> None:
        """What came before a pause belongs to an earlier reply: sets of frames are never mixed."""
        for request, frames in self.frames.items():
            if request.number:
                frames.clear()

    def _release(self, everything: bool) -> Answer | None:
        return self._take([(reader, reader.release(everything)) for reader in self._readers])

    def _recall(self) -> Answer | None:
        """What was begun in an earlier attempt goes before the frames of this one, not behind them."""
        since = {request: list(frames) for request, frames in self.frames.items() if request.number}
        for request in since:
            self.frames[request].clear()
        done = self._take([(reader, reader.recall()) for reader in self._readers])
        for request, frames in since.items():
            self.frames[request].extend(frames)
            value = self._value(request) if frames and len(self.frames[request]) > len(frames) else None
            done = done or (None if value is None else self._answer(request, value))
        return done

    def _take(self, found: Sequence[tuple[Any, Sequence[Any]]]) -> Answer | None:
        """The first answer that is complete; all frames are kept, also those behind it."""
        done = None
        for reader, frames in found:
            if frames:
                self._quiet.paused(self._paused)
                self._paused = 0.0
            for frame in frames:
                asked = reversed(self._asked)
                takers = [each for each in asked if each.reader is reader and self._is_wanted(each, frame)]
                if not takers:
                    self.strangers.append(frame)
                for request in takers:
                    self.frames[request].append(frame)
                    value = None if done or request.open_end else self._value(request)
                    done = done or (None if value is None else self._answer(request, value))
        return done

    def _is_wanted(self, request: Request, frame: Any) -> bool:
        if not request.wanted(frame):
            return False
        rivalled = request.rivalled and request.rivalled(frame, Stream(self.before, self.heard))
        self.rivalled = self.rivalled or bool(rivalled)
        return not rivalled

    def _value(self, request: Request) -> Any:
        """Raises BadReply for the request sent now; a late answer to another one does not end its attempt."""
        try:
            return request.parse(self.frames[request])
        except BadReply as error:
            if request is self._request:
                raise
            self.late = error
            return None

    def _answer(self, request: Request, value: Any) -> Answer:
        return Answer(request, self._asked[request][-1], value)
