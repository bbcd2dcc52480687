"""The one thread with the one event loop in which all of bleak runs.

bleak wants one loop that always runs: it is started by the first connection and stopped when
the interpreter ends. What bleak does in each trouble: measured on bleak 0.22.3 to 3.1.0 with BlueZ's
D-Bus calls.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import logging
import threading
import time
from collections.abc import Awaitable, Coroutine
from typing import Any, Callable, Protocol, TypeVar

from dalybms.transports.bluetooth.errors import CLOSED, OWN_THREAD, STUCK, BluetoothError
from dalybms.transports.bluetooth.inbox import Inbox
from dalybms.transports.bluetooth.limits import LIMITS, Late

T = TypeVar("T")
_log = logging.getLogger(__name__)
# Windows does not let Ctrl-C end a wait for another thread, so such waits are made of short ones.
_SLICE = 0.25


class OpenLink(Protocol):
    """A link as the thread sees it: what it must end when the process does."""

    address: str
    inbox: Inbox

    async def shut(self) -> None: ...


class BluetoothThread:
    """The thread and the event loop in which all of bleak runs."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(_to_log)
        self.sessions: set[OpenLink] = set()
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
                _wait(answer, cleanup, nothing)
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

    def drop(self, session: OpenLink) -> None:
        """End a session that nobody holds any more, without waiting."""
        if self.alive():
            self.loop.call_soon_threadsafe(lambda: self._begin(session.shut(), concurrent.futures.Future()))

    def stop(self, seconds: float) -> None:
        """Disconnect every link and end the thread, within `seconds` (and a little)."""
        if not self.alive():
            return
        self.run(self._end(seconds), seconds + 0.5, 0.0, nothing)
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


def nothing() -> None:
    pass


def _wait(answer: concurrent.futures.Future[Any], limit: float, tick: Callable[[], None]) -> None:
    deadline = time.monotonic() + limit
    while not answer.done() and (left := deadline - time.monotonic()) > 0:
        concurrent.futures.wait([answer], min(left, _SLICE))
        tick()


_thread: BluetoothThread | None = None
_starting = threading.Lock()


def start() -> BluetoothThread:
    """The running thread of this process; a new one where there is none, as in a forked child."""
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
