"""A file of what passes on wires: a header, then a JSON line per piece of bytes, opening, closing and error.

    {"format": "dalybms recording", "version": 1, "time": "2026-11-25T10:00:00.000Z", "blanked": true, ...}
    {"t": 0.0012, "event": "open"}
    {"t": 0.0013, "dir": ">", "hex": "a54090080000000000000000007d"}
    {"t": 0.0581, "dir": "<", "hex": "a501900802120000753003847e"}

t: seconds since the start. dir: ">" to the board, "<" from it. device: on lines of the second wire and more.
What is written may be blanked by a function that is handed in; this module knows no protocol.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Callable, NamedTuple, Union

from dalybms.errors import DalyError, TransportError
from dalybms.transports.record_lines import LIMIT, Lines

FORMAT, VERSION = "dalybms recording", 1
SENT, HEARD = ">", "<"
_HELD, _QUIET = 1.0, 0.25
"""Seconds: a reply is written that long after its first piece at the latest, or after its last one."""
_MOST_HELD = 65536
"""Bytes; no reply is as long, a flood is not kept in memory."""
_MOST_DRAINED = 64
Piece = tuple[float, str, bytes]
"""When, direction, bytes."""
Path = Union[str, "os.PathLike[str]"]


class Blanking(NamedTuple):
    """What is taken out before it is written.

    pieces: (what it knew before, [(direction, bytes)]) -> (what it knows now, as many bytes each, blanked).
    words: a message, blanked.
    """

    pieces: Callable[[Any, Sequence[tuple[str, bytes]]], tuple[Any, list[bytes]]]
    words: Callable[[str, Sequence[str]], str]
    nothing: Any
    """What is known before anything was heard."""


class Recording:
    """One file, for one or several wires, from several threads.

    path: a file that does not exist yet; made when the first wire is opened. blanking: None: all is left in.
    limit: megabytes; then it stops and says so by tell.
    """

    def __init__(
        self,
        path: Path,
        blanking: Blanking | None,
        limit: float = LIMIT,
        tell: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = os.fspath(path)
        self.blanking = blanking
        self._lines = Lines(self.path, limit, tell)
        self._clock = clock
        self._lock = threading.Condition(threading.RLock())
        self._began: float | None = None
        self._devices: dict[str, int] = {}
        self._open: list[Recorder] = []
        self._thread: threading.Thread | None = None

    def opened(self, open_: Callable[[], Any], about: Mapping[str, Any], device: str = "") -> Any:
        """The transport that open_() gives, recorded; its failure is recorded as well.

        about: goes into the header, or, where that is written, into the line of the opening. device: tells
        one wire from another. Raises DalyError, before open_() is called, when the file cannot be written.
        """
        recorder = Recorder(self, self._begin(about, device), device)
        try:
            transport = open_()
        except DalyError as error:
            recorder.failed(error, "open")
            recorder.finish()
            raise
        recorder.use(transport)
        return recorder

    def wrap(self, transport: Any, about: Mapping[str, Any], device: str = "") -> Any:
        """The same of a transport that is open already."""
        return self.opened(lambda: transport, about, device)

    def _begin(self, about: Mapping[str, Any], device: str) -> int:
        """The number of the wire; the file stands when this returns."""
        with self._lock:
            if self._began is None:
                self._lines.make()
                self._began = self._clock()
                now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
                head = {"format": FORMAT, "version": VERSION, "time": now, "blanked": bool(self.blanking)}
                self._devices[device] = 1
                self._lines.write([{**head, **self._named(about, device)}], must=True)
            else:
                self._lines.go_on()
            if device not in self._devices:
                number = self._devices[device] = len(self._devices) + 1
                self._lines.write([{"device": number, **self._named(about, device)}])
            return self._devices[device]

    def _named(self, about: Mapping[str, Any], device: str) -> dict[str, Any]:
        return {**about, **({} if self.blanking or not device else {"name": device})}

    @property
    def stopped(self) -> bool:
        """Is no more written into it?"""
        return self._lines.stopped

    def since(self) -> float:
        return self._clock() - (self._began or 0.0)

    def write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        with self._lock:
            self._lines.write(lines)

    def joined(self, recorder: Recorder) -> None:
        with self._lock:
            self._open.append(recorder)

    def left(self, recorder: Recorder) -> None:
        """The file is let go with the last wire; another one goes on behind it."""
        with self._lock:
            self._open.remove(recorder)
            if not self._open:
                self._lines.let_go()
            self._lock.notify()

    def due(self) -> None:
        """A reply is held: it is written in time, also when nobody asks any more."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="dalybms-recording", daemon=True)
                self._thread.start()
            self._lock.notify()

    def _watch(self) -> None:
        with self._lock:
            while self._open:
                waits = [recorder.flush_if_due() for recorder in self._open]
                self._lock.wait(min((wait for wait in waits if wait is not None), default=None))
            self._thread = None

    @property
    def lock(self) -> threading.Condition:
        return self._lock


class Recorder:
    """A transport that writes down what passes."""

    def __init__(self, recording: Recording, number: int, device: str) -> None:
        self._recording, self._device = recording, device
        self._mark = {} if number == 1 else {"device": number}
        self._transport: Any = None
        self._held: list[Piece] = []
        self._size = 0
        self._first = self._last = 0.0
        self._closed = False
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
                self._event("close")
                self.finish()

    def __getattr__(self, name: str) -> Any:
        """What a wire has beyond the four verbs, as the address of a Bluetooth device."""
        return getattr(self._transport, name)

    def failed(self, error: DalyError, where: str) -> None:
        """An error of the wire; one that our own closing causes is none."""
        if self._closed:
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
