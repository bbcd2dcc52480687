"""What comes behind an answer: the rest of a long reply, and stray bytes that make it doubtful."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable

from dalybms.listener import Listener
from dalybms.pace import Quiet, Tails
from dalybms.protocols.request import Answer
from dalybms.timing import Timing
from dalybms.trail import Trail, Trails
from dalybms.wire import Wire

_HEAD = 4
"""Bytes that tell whether another frame begins."""


class Behind(Wire):
    """A wire that is listened to after an answer. pause: None: as long as it takes."""

    def __init__(
        self, transport: Any, timing: Timing, pause: float | None, clock: Callable[[], float]
    ) -> None:
        super().__init__(transport, timing, clock)
        self._pause = pause
        self._quiet = Quiet(timing)
        self._tails = Tails()
        self._trails = Trails()

    def _followed(self, answer: Answer, listener: Listener) -> Answer:
        """Where the check is weak, what comes behind an answer is kept in mind."""
        self._trails.last = None
        reader, frames = answer.request.reader, listener.frames[answer.request]
        if not reader.weak:
            return answer
        trail = self._trails.last = Trail(reader, frames[: answer.request.size // reader.size])
        return answer._replace(alone=partial(self._alone, trail))

    def _alone(self, trail: Trail) -> bool:
        if trail.open:
            self._look_behind()
            trail.close(bytes(self._heard))
        return self._trails.alone(trail)

    def _look_behind(self) -> None:
        """Whoever wants no pause has none here either; of a tail its beginning is enough."""
        seconds = self._quiet.behind if self._pause is None else min(self._pause, self._quiet.behind)
        if self._tails.running:
            self._tails.feed(self._read(seconds, _HEAD))
        else:
            self._calm(quiet=seconds)

    def _finish_tail(self) -> None:
        """Let a long reply run in: a request into a sending board is lost."""
        quiet = self._quiet.seconds
        limit = self._clock() + self._quiet.longest + quiet
        while self._tails.running:
            left = min(self._last_heard + quiet, limit) - self._clock()
            chunk = self._read(max(0.0, left), self._tails.missing)
            if not chunk and left <= 0:
                break
            self._tails.feed(chunk)
        self._tails.over()
