"""Bluetooth LE as a wire: blocking methods around bleak. The only file with asyncio and bleak.

bleak wants one event loop that always runs, so there is one thread with one loop per
process: started by the first connection, stopped when the interpreter ends. Notifications
are a byte stream; how a dongle cuts it into pieces means nothing.

What bleak does in each trouble: measured on bleak 0.22.3 to 3.1.0 with BlueZ's D-Bus calls.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import logging
import sys
import threading
import time
import weakref
from collections.abc import Awaitable, Coroutine
from typing import Any, Callable, TypeVar

from dalybms.transports.bluetooth_adverts import is_mac
from dalybms.transports.bluetooth_errors import (
    CLOSED,
    MISSING,
    OWN_THREAD,
    SCAN,
    STUCK,
    BluetoothError,
    explain,
)
from dalybms.transports.bluetooth_limits import LIMITS, Deadline, Late, Limits
from dalybms.transports.bluetooth_radio import Radio, survey
from dalybms.transports.bluetooth_session import Session

__all__ = ["LIMITS", "BluetoothError", "BluetoothTransport", "Limits", "scan", "shutdown"]

T = TypeVar("T")
_log = logging.getLogger(__name__)
# Windows does not let Ctrl-C end a wait for another thread, so such waits are made of short ones.
_SLICE = 0.25


class BluetoothThread:
    """The thread and the event loop in which all of bleak runs."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(_to_log)
        self.sessions: set[Session] = set()
        self.air: asyncio.Lock  # scanning and connecting at the same time confuses adapters
        self._tasks: dict[concurrent.futures.Future[Any], asyncio.Task[Any]] = {}
        self._thread = threading.Thread(target=self._run, name="dalybms-bluetooth", daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        """False after `stop`, and in a forked child, which has no copy of the thread."""
        return self._thread.is_alive() and not self.loop.is_closed()

    def refuse_itself(self) -> None:
        """Raise BluetoothError in the Bluetooth thread, which would wait for itself."""
        if threading.current_thread() is self._thread:
            raise BluetoothError(OWN_THREAD, CLOSED)

    def check(self) -> None:
        """Raise BluetoothError where waiting for the thread would never end."""
        self.refuse_itself()
        if not self.alive():
            raise BluetoothError("the Bluetooth thread of this process has ended; connect again", CLOSED)

    def run(self, work: Coroutine[Any, Any, T], limit: float, cleanup: float, tick: Callable[[], None]) -> T:
        """Run `work` in the thread and wait at most `limit` seconds for its result; Ctrl-C cancels it."""
        try:
            self.check()
        except BluetoothError:
            work.close()
            raise
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()
        try:
            self.loop.call_soon_threadsafe(self._begin, work, answer)
            _wait(answer, limit, tick)
        finally:
            if not answer.done():
                self.loop.call_soon_threadsafe(self._cancel, answer)
                _wait(answer, cleanup, _nothing)
        if not answer.done():
            raise BluetoothError(STUCK, CLOSED)
        return answer.result()

    async def bounded(
        self, work: Awaitable[T], limit: float, cleanup: float, gone: asyncio.Future[None] | None = None
    ) -> T:
        """The result of `work`; Late when it takes longer than `limit` seconds or `gone` is done first.

        Not asyncio.wait_for: before Python 3.12 it waits without limit for what it has cancelled.
        """
        task = asyncio.ensure_future(work)
        try:
            waits: list[asyncio.Future[Any]] = [task] if gone is None else [task, gone]
            await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                await _put_down(task, cleanup)
        if task.cancelled():
            raise Late
        return task.result()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def drop(self, session: Session) -> None:
        """End a session that nobody holds any more, without waiting."""
        if self.alive():
            self.loop.call_soon_threadsafe(lambda: self._begin(session.shut(), concurrent.futures.Future()))

    def stop(self, seconds: float) -> None:
        """Disconnect every link and end the thread, within `seconds` (and a little)."""
        if not self.alive():
            return
        self.run(self._end(seconds), seconds + 0.5, 0.0, _nothing)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(seconds)

    async def _end(self, seconds: float) -> None:
        own = asyncio.current_task()
        calls = {task for task in self._tasks.values() if task is not own}
        for task in calls:
            task.cancel()
        ends = calls | {asyncio.ensure_future(session.shut()) for session in self.sessions}
        if ends:
            await asyncio.wait(ends, timeout=seconds)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.air = asyncio.Lock()
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(_cancel_rest())
        finally:
            self.loop.close()

    def _begin(self, work: Coroutine[Any, Any, T], answer: concurrent.futures.Future[T]) -> None:
        task = self._tasks[answer] = self.loop.create_task(work)
        task.add_done_callback(lambda done: self._deliver(done, answer))

    def _deliver(self, task: asyncio.Task[T], answer: concurrent.futures.Future[T]) -> None:
        del self._tasks[answer]
        error = BluetoothError("cancelled", CLOSED) if task.cancelled() else task.exception()
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(task.result())

    def _cancel(self, answer: concurrent.futures.Future[Any]) -> None:
        if answer in self._tasks:
            self._tasks[answer].cancel()


async def _put_down(task: asyncio.Future[Any], cleanup: float) -> None:
    """Cancel a task; what bleak then does to clean up may hang as well and is cancelled in its turn."""
    for seconds in (cleanup, 0.2, 0.2):
        task.cancel()
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            if not task.cancelled() and task.exception() is not None:
                _log.debug("after being cancelled: %r", task.exception())
            return
    _log.warning("a call into the Bluetooth service does not end; it is left behind")


async def _cancel_rest() -> None:
    """Cancel what bleak has left running, so that closing the loop has nothing to complain of."""
    rest = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        await asyncio.wait(rest, timeout=0.5)


def _to_log(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # dbus-fast reports a bus that died this way; whoever waits is told by other means
    _log.debug("in the Bluetooth thread: %s %r", context.get("message"), context.get("exception"))


def _nothing() -> None:
    pass


def _wait(answer: concurrent.futures.Future[Any], limit: float, tick: Callable[[], None]) -> None:
    deadline = time.monotonic() + limit
    while not answer.done() and (left := deadline - time.monotonic()) > 0:
        concurrent.futures.wait([answer], min(left, _SLICE))
        tick()


_thread: BluetoothThread | None = None
_starting = threading.Lock()


def _start() -> BluetoothThread:
    global _thread
    with _starting:
        if _thread is None or not _thread.alive():
            _thread = BluetoothThread()
        return _thread


def shutdown(seconds: float = LIMITS.exit) -> None:
    """Disconnect every link of this process and end the Bluetooth thread. A later connection starts anew."""
    if _thread is not None:
        for session in list(_thread.sessions):
            session.inbox.fail("the Bluetooth links of this process were shut down; connect again", CLOSED)
        _thread.stop(seconds)


@atexit.register
def _at_exit() -> None:
    # a daemon thread that still reads is left to the interpreter: an error would only end in a traceback
    if _thread is not None:
        _thread.stop(LIMITS.exit)


def _import_bleak() -> Any:
    try:
        import bleak
    except ImportError as error:
        raise BluetoothError(MISSING.format(error=error), "import") from error
    logging.getLogger("bleak").addHandler(logging.NullHandler())  # older ones write to stderr otherwise
    return bleak


class BluetoothTransport:
    """A Daly Bluetooth dongle as a wire. Constructing it scans, connects and subscribes.

    `target`: a MAC address, on macOS the UUID shown instead of one, or an advertised name. `adapter`:
    "hci1"; None: the system's first. `budget`: seconds for all of the opening, None: only the single
    limits count. Further arguments go to BleakClient (`backend`: a client class of one's own, and
    `scanner_backend`: a scanner class for it). Raises BluetoothError (a TransportError; `stage` says how
    far it came), TypeError for arguments that are not the caller's to set.
    """

    def __init__(
        self,
        target: str,
        *,
        adapter: str | None = None,
        limits: Limits = LIMITS,
        budget: float | None = None,
        **bleak: Any,
    ) -> None:
        _check(target, bleak)
        library, deadline = _import_bleak(), Deadline(budget)
        adapter = adapter or bleak.get("bluez", {}).get("adapter")
        self._limits, self._thread = limits, _start()
        radio = Radio(self._thread, library, adapter, target, limits, deadline)
        self._session = session = Session(self._thread, radio, target, limits, deadline)
        limit = limits.opening() if budget is None else min(limits.opening(), budget)
        self._run(session.open(bleak), limit)
        self._finalizer = weakref.finalize(self, self._thread.drop, session)
        self._finalizer.atexit = False  # shutdown() ends it then, bounded

    @property
    def address(self) -> str:
        """The address of the dongle that was found, also when it was asked for by name."""
        return self._session.address

    def __str__(self) -> str:
        target = self._session.target
        return f"Bluetooth {target}" if target == self.address else f"Bluetooth {target} ({self.address})"

    def write(self, data: bytes) -> None:
        self._run(self._session.write(data), self._limits.write)

    def read(self, timeout: float) -> bytes:
        self._thread.refuse_itself()
        return self._session.inbox.take(timeout)

    def drain(self) -> None:
        self._session.inbox.clear()

    def close(self) -> None:
        """Disconnect; a read() or write() waiting in another thread ends at once."""
        if not self._thread.alive():
            return  # it has disconnected everything, or the link belongs to the parent process
        self._thread.refuse_itself()
        if self._finalizer.detach() is None:
            return
        self._session.inbox.close(f"{self._session.target}: the link is closed; connect again", CLOSED)
        self._run(self._session.shut(), self._limits.disconnect)

    def _run(self, work: Coroutine[Any, Any, None], limit: float) -> None:
        limit += self._limits.cleanup + self._limits.thread
        try:
            self._thread.run(work, limit, self._limits.cleanup, _nothing)
        except Exception as error:
            raise explain(error, self._session.stage, self._session.target) from error


def _check(target: str, options: dict[str, Any]) -> None:
    ours = {"timeout", "disconnected_callback"} & set(options)
    if ours:
        raise TypeError(f"{', '.join(sorted(ours))}: set by the transport itself; use limits= or budget=")
    if not target.strip():
        raise ValueError("a Bluetooth device needs an address or a name; a scan shows both")
    if sys.platform == "darwin" and is_mac(target):
        raise ValueError(f"macOS hides addresses like {target}; use the UUID or the name that a scan shows")


def scan(
    timeout: float = LIMITS.scan,
    adapter: str | None = None,
    progress: Callable[[str], None] | None = None,
    limits: Limits = LIMITS,
) -> list[dict[str, Any]]:
    """The Bluetooth devices nearby, the nearest first; listens for `timeout` seconds.

    Each: `address`, `name` (None if it sends none), `rssi` (dBm; None for a device connected to this
    machine, which is silent), `daly` (True or False) and `why` in words. `progress` is called with a line
    whenever that line changes. Raises BluetoothError.
    """
    library, thread, limits = _import_bleak(), _start(), limits._replace(scan=timeout)
    radio = Radio(thread, library, adapter, "scan", limits, Deadline(None))
    tick = _nothing if progress is None else _counter(radio, timeout, progress)
    try:
        return thread.run(survey(thread, radio, limits), limits.opening(), limits.cleanup, tick)
    except Exception as error:
        raise explain(error, SCAN, "scan") from error


def _counter(radio: Radio, timeout: float, progress: Callable[[str], None]) -> Callable[[], None]:
    end, shown = time.monotonic() + timeout, [""]

    def tick() -> None:
        dalys = sum(row["daly"] for row in radio.heard.values())
        left = max(0.0, end - time.monotonic())
        line = f"scanning, {left:.0f} s left: {len(radio.heard)} devices, Daly: {dalys}"
        if line != shown[0]:
            shown[0] = line
            progress(line)

    return tick
