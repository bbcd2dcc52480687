"""An open transport as the link uses it: send, read, rest, close. The only clock of reading.

It never sleeps: every wait is a read of the wire.
"""

from __future__ import annotations

from typing import Any, Callable

from dalybms.errors import TransportError
from dalybms.logs import Log
from dalybms.protocols.request import Request
from dalybms.timing import LONGEST, Timing

log = Log("dalybms.link")
_KEPT = 4096
"""Bytes heard that are kept for the words of a NoReply."""
_REST = 0.25
"""Seconds after which nobody waits for an answer any more."""
_RECENT = 256
"""Bytes that fill them, at 9600 baud."""


class Wire:
    """transport: write, read, drain, close. clock: monotonic seconds."""

    def __init__(self, transport: Any, timing: Timing, clock: Callable[[], float]) -> None:
        self.timing = timing
        self.counters = {"sent": 0, "answered": 0, "dropped_frames": 0, "dropped_bytes": 0}
        self._transport = transport
        self._clock = clock
        self._closed = False
        self._last_heard = float("-inf")
        self._heard = bytearray()
        self._recent = b""
        """What came without a rest in between."""

    def close(self) -> None:
        """Close the wire at once; a wait in another thread ends with TransportError."""
        self._closed = True
        log.debug("closed after %s", self.counters)
        self._transport.close()

    def idle(self, seconds: float) -> bytes:
        """Let so much time pass; what comes meanwhile answers nothing. The end of it."""
        end, heard = self._clock() + seconds, b""
        while (left := end - self._clock()) > 0:
            chunk = self._read(left)
            self.counters["dropped_bytes"] += len(chunk)
            heard = (heard + chunk)[-_KEPT:]
        return heard

    def _calm(self, quiet: float = 0.0, until: float = float("-inf")) -> bool:
        """Drop what comes until nothing has come for `quiet` seconds, within a limit, and until `until`.

        True when the line was looked at, and nothing came.
        """
        chunk = b"?"
        limit = self._clock() + LONGEST * self.timing.byte + quiet
        while True:
            left = max(min(self._last_heard + quiet, limit), until) - self._clock()
            if left <= 0:
                return not chunk
            chunk = self._read(left)
            self.counters["dropped_bytes"] += len(chunk)

    def _recently(self) -> bytes:
        """What was heard up to now without a rest."""
        return self._recent if self._clock() - self._last_heard < _REST else b""

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
            now = self._clock()
            self._recent = (self._recent if now - self._last_heard < _REST else b"")[-_RECENT:] + chunk
            self._last_heard = now
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
