"""A transport that writes down what passes, a reply at a time, blanked before it is written."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable, NamedTuple, Protocol

from dalybms.errors import DalyError, TransportError

SENT, HEARD = ">", "<"
_HELD, _QUIET = 1.0, 0.25
"""Seconds: a reply is written that long after its first piece at the latest, or after its last one."""
_MOST_HELD = 65536
"""Bytes; no reply is as long, a flood is not kept in memory."""
_MOST_DRAINED = 64
Piece = tuple[float, str, bytes]
"""When, direction, bytes."""


class Blanking(NamedTuple):
    """What is taken out before it is written.

    pieces: (what it knew before, [(direction, bytes)]) -> (what it knows now, as many bytes each, blanked).
    words: a message, blanked.
    """

    pieces: Callable[[Any, Sequence[tuple[str, bytes]]], tuple[Any, list[bytes]]]
    words: Callable[[str, Sequence[str]], str]
    nothing: Any
    """What is known before anything was heard."""


class Tape(Protocol):
    """What a recorder needs of the file it shares with others."""

    blanking: Blanking | None

    @property
    def lock(self) -> threading.Condition: ...

    @property
    def stopped(self) -> bool: ...

    def since(self) -> float: ...

    def write(self, lines: Sequence[Mapping[str, Any]]) -> None: ...

    def joined(self, recorder: Recorder) -> None: ...

    def left(self, recorder: Recorder) -> None: ...

    def due(self) -> None: ...


class Recorder:
    """A transport that writes down what passes."""

    def __init__(self, recording: Tape, number: int, device: str) -> None:
        self._recording, self._device = recording, device
        self._mark = {} if number == 1 else {"device": number}
        self._transport: Any = None
        self._held: list[Piece] = []
        self._size = 0
        self._first = self._last = 0.0
        self._closed = self._over = False
        self._known = recording.blanking.nothing if recording.blanking else None
        recording.joined(self)

    def use(self, transport: Any) -> None:
        self._transport = transport
        self._event("open")

    def write(self, data: bytes) -> None:
        self._flush()
        self._hold(SENT, data)
        try:
            self._transport.write(data)
        except TransportError as error:
            self.failed(error, "write")
            raise

    def read(self, timeout: float, enough: int = 1) -> bytes:
        several = (enough,) if enough > 1 else ()
        try:
            data: bytes = self._transport.read(timeout, *several)
        except TransportError as error:
            self.failed(error, "read")
            raise
        if data:
            self._hold(HEARD, data)
        return data

    def drain(self) -> None:
        """What is thrown away has passed as well."""
        for _ in range(_MOST_DRAINED):
            if not self.read(0.0):
                break
        self._transport.drain()

    def close(self) -> None:
        first, self._closed = not self._closed, True
        try:
            self._transport.close()
        finally:
            if first:
                self.end()
                self.finish()

    def end(self) -> None:
        """It is closed, or the program ends before it is."""
        with self._recording.lock:
            first, self._over = not self._over, True
            if first and self._transport is not None:
                self._event("close")
            self._flush()

    def __getattr__(self, name: str) -> Any:
        """What a wire has beyond the four verbs, as the address of a Bluetooth device."""
        return getattr(self._transport, name)

    def failed(self, error: DalyError, where: str) -> None:
        """An error of the wire; one that our own closing causes is none."""
        if self._closed or self._over:
            return
        blanking, text = self._recording.blanking, str(error)
        values = {
            "in": where,
            "text": blanking.words(text, [self._device]) if blanking else text,
            "stage": getattr(error, "stage", None),
            "passing": getattr(error, "passing", False) or None,
            "cause": getattr(error, "cause", "") or None,
        }
        self._event("error", **{name: value for name, value in values.items() if value is not None})

    def finish(self) -> None:
        self._flush()
        self._recording.left(self)

    def _event(self, event: str, **values: Any) -> None:
        with self._recording.lock:
            self._flush()
            self._recording.write([self._line(self._recording.since(), event=event, **values)])

    def _hold(self, direction: str, data: bytes) -> None:
        with self._recording.lock:
            if self._over:
                return
            now = self._recording.since()
            self._last = time.monotonic()
            self._first = self._first if self._held else self._last
            self._held.append((now, direction, bytes(data)))
            self._size += len(data)
            if self._size > _MOST_HELD:
                self._flush()
        self._recording.due()

    def flush_if_due(self) -> float | None:
        """Seconds until a held reply has to be written; None: nothing is held. Called with the lock."""
        if not self._held:
            return None
        left = min(self._first + _HELD, self._last + _QUIET) - time.monotonic()
        if left > 0:
            return left
        self._flush()
        return None

    def _flush(self) -> None:
        with self._recording.lock:
            held, self._held, self._size = self._held, [], 0
            if self._recording.stopped:
                return
            pieces = [(direction, data) for _, direction, data in held]
            blanking, blanked = self._recording.blanking, [data for _, data in pieces]
            if blanking and pieces:
                self._known, blanked = blanking.pieces(self._known, pieces)
            self._recording.write(
                [
                    self._line(at, dir=direction, hex=data.hex())
                    for (at, direction, _), data in zip(held, blanked)
                ]
            )

    def _line(self, at: float, **values: Any) -> dict[str, Any]:
        return {"t": round(at, 6), **self._mark, **values}
