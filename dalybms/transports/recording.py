"""A file of what passes on wires: a header, then a JSON line per piece of bytes, opening, closing and error.

    {"format": "dalybms recording", "version": 1, "time": "2026-11-25T10:00:00.000Z", "blanked": true, ...}
    {"t": 0.0012, "event": "open"}
    {"t": 0.0013, "dir": ">", "hex": "a54090080000000000000000007d"}
    {"t": 0.0581, "dir": "<", "hex": "a501900802120000753003847e"}

t: seconds since the start. dir: ">" to the board, "<" from it. device: on lines of the second wire and more.
What is written may be blanked by a function that is handed in; this module knows no protocol.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Callable, Union

from dalybms.errors import DalyError
from dalybms.transports.record_lines import LIMIT, Lines
from dalybms.transports.recorder import Blanking, Recorder

FORMAT, VERSION = "dalybms recording", 1
Path = Union[str, "os.PathLike[str]"]


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
        self._process = os.getpid()

    def opened(self, open_: Callable[[], Any], about: Mapping[str, Any], device: str = "") -> Any:
        """The transport that open_() gives, recorded; its failure is recorded as well.

        about: goes into the header, or, where that is written, into the line of the opening. device: tells
        one wire from another. Raises DalyError, before open_() is called, when the file cannot be written.
        A file is taken away again where nothing could be opened because the arguments are wrong.
        """
        new = self._began is None
        recorder = Recorder(self, self._begin(about, device), device)
        try:
            transport = open_()
        except DalyError as error:
            recorder.failed(error, "open")
            recorder.finish()
            raise
        except BaseException as error:
            recorder.finish()
            if new and isinstance(error, (ValueError, TypeError)):
                self._forget()
            raise
        recorder.use(transport)
        return recorder

    def _forget(self) -> None:
        """Unless another wire was opened meanwhile."""
        with self._lock:
            if not self._open and len(self._devices) == 1:
                self._lines.undo()
                self._began = None
                self._devices.clear()

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
            if not self._open:
                atexit.register(self._end)
            self._open.append(recorder)

    def left(self, recorder: Recorder) -> None:
        """The file is let go with the last wire; another one goes on behind it."""
        with self._lock:
            self._open.remove(recorder)
            if not self._open:
                self._lines.let_go()
                atexit.unregister(self._end)
            self._lock.notify()

    def _end(self) -> None:
        """The program ends, and some wires with it: what is held of them is written, unless we are a fork."""
        if os.getpid() == self._process:
            with self._lock:
                for recorder in self._open:
                    recorder.end()

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
