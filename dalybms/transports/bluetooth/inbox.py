"""Bytes on their way from the Bluetooth thread to the thread that waits for them."""

from __future__ import annotations

import threading
import time

from dalybms.transports.bluetooth.errors import BluetoothError

# An open link that nobody reads must not grow for weeks; the longest answer has 208 bytes.
_KEPT = 65536


class Inbox:
    """A byte stream with one writer (the Bluetooth thread); `fail` ends it for good and wakes all readers."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._news = threading.Condition()
        self._message: str | None = None
        self._stage = ""

    def put(self, chunk: bytes) -> None:
        with self._news:
            self._bytes += chunk
            del self._bytes[:-_KEPT]
            self._news.notify_all()

    def fail(self, message: str, stage: str) -> None:
        """End the stream: what has arrived can still be taken, then `message` (the first one) is raised."""
        with self._news:
            if self._message is None:
                self._message, self._stage = message, stage
            self._news.notify_all()

    def close(self, message: str, stage: str) -> None:
        """End the stream and throw away what it holds; `message` replaces an earlier one."""
        with self._news:
            self._bytes.clear()
            self._message, self._stage = message, stage
            self._news.notify_all()

    def take(self, timeout: float, enough: int = 1) -> bytes:
        """All bytes that are there, waiting at most `timeout` seconds for `enough`; b"" when none came."""
        deadline = time.monotonic() + timeout
        with self._news:
            while len(self._bytes) < enough:
                if not self._bytes:
                    self._check()
                left = deadline - time.monotonic()
                if left <= 0 or self._message is not None:
                    break
                self._news.wait(left)
            taken = bytes(self._bytes)
            self._bytes.clear()
            return taken

    def clear(self) -> None:
        with self._news:
            self._bytes.clear()

    def check(self) -> None:
        """Raise BluetoothError when the stream has ended."""
        with self._news:
            self._check()

    def _check(self) -> None:
        if self._message is not None:
            raise BluetoothError(self._message, self._stage)
