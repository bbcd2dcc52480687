"""The two ways to Prometheus: it asks over HTTP, or the node exporter reads a file."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from collections import deque
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, MetricsHandler, generate_latest

from dalybms.elapsed import elapsed
from dalybms.errors import DalyError
from dalybms.files import put
from dalybms.outputs.prometheus.collector import Collector

LOCAL = "127.0.0.1"
_PATIENCE = 10.0
"""Seconds that somebody who asks may be silent."""
_MOST = 32
"""Connections at once: each costs a thread, and a file handle that a battery or the energy file may need."""

_HINTS = {
    errno.EADDRINUSE: "take another port, or end the program that has it",
    errno.EACCES: "take a port above 1023",
}


def target(text: str) -> tuple[str, int] | str:
    """(address, port) for PORT or ADDRESS:PORT, the path for FILE.prom. Raises ValueError."""
    address, _, port = text.rpartition(":")
    if text.endswith(".prom"):
        return text
    if not (port.isascii() and port.isdigit()) or int(port) > 65535 or (":" in text and not address):
        raise ValueError(f"{text!r} is no place for Prometheus: give PORT, ADDRESS:PORT or FILE.prom")
    return (address.strip("[]") or LOCAL), int(port)


def prometheus(
    where: tuple[str, int] | str, expire: float, complain: Callable[[str], None]
) -> Server | TextFile:
    """The output for a target(). Raises DalyError for a port that is in use or a folder that is not there."""
    return TextFile(where, expire, complain) if isinstance(where, str) else Server(where, expire)


class _Http(ThreadingMixIn, TCPServer):
    """http.server's own one looks up the name of its address, which may take long."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128  # a full one makes who asks wait for a second

    def __init__(self, *arguments: Any) -> None:
        self._open: deque[Any] = deque()
        self._lock = threading.Lock()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Where there are too many, the oldest one has to go."""
        with self._lock:
            self._open.append(request)
            oldest = self._open.popleft() if len(self._open) > _MOST else None
        if oldest is not None:
            _end(oldest)
        super().process_request(request, client_address)

    def server_close(self) -> None:
        """Nobody who is still asking is waited for."""
        super().server_close()
        with self._lock:
            for request in self._open:
                _end(request)

    def shutdown_request(self, request: Any) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._open.remove(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asked has gone: nothing to say."""


class Server:
    """Answers scrapes until it is closed; `address` is where."""

    def __init__(self, where: tuple[str, int], expire: float) -> None:
        self._collector = Collector(expire)
        registry = CollectorRegistry()
        registry.register(self._collector)
        answers = {"timeout": _PATIENCE, "do_HEAD": _head}
        handler = type("Handler", (MetricsHandler.factory(registry),), answers)
        kind = type("Http", (_Http,), {"address_family": _family(where[0])})
        try:
            self._server: TCPServer = kind(where, handler)
        except OSError as error:
            raise DalyError(
                f"cannot listen on {where[0]}:{where[1]}: {error.strerror or error}; "
                f"{_HINTS.get(error.errno or 0, 'give an address of this machine')}"
            ) from None
        self.address = self._server.server_address[:2]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def take(self, sample: Mapping[str, Any]) -> None:
        self._collector.take(sample)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1)


class TextFile:
    """Writes the file anew with each sample: a new one, then renamed.

    A thread takes the values out of it when no sample came in time: another output may block the watch.
    """

    def __init__(self, path: str, expire: float, complain: Callable[[str], None]) -> None:
        self._path, self._expire, self._complain = path, expire, complain
        self._collector = Collector(expire)
        self._registry = CollectorRegistry()
        self._registry.register(self._collector)
        self._broken = False
        put(path, "", lasting=False)
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._taken_at, self._old = elapsed(), True
        self._thread = threading.Thread(target=self._let_expire, name="dalybms-metrics", daemon=True)
        self._thread.start()

    def take(self, sample: Mapping[str, Any]) -> None:
        with self._lock:
            self._collector.take(sample)
            self._taken_at, self._old = elapsed(), False
            self._write()

    def close(self) -> None:
        """Leave no value behind that nobody renews."""
        self._closed.set()
        with self._lock:
            self._collector.forget()
            self._write()
        self._thread.join(1)

    def _let_expire(self) -> None:
        while not self._closed.wait(self._expire / 8):
            with self._lock:
                if not self._old and elapsed() - self._taken_at >= self._expire:
                    self._old = True
                    self._write()

    def _write(self) -> None:
        """With the lock."""
        try:
            put(self._path, generate_latest(self._registry).decode(), lasting=False)
            self._broken = False
        except DalyError as error:
            if not self._broken:
                self._complain(str(error))
            self._broken = True
            with contextlib.suppress(OSError):  # old values must not stay for want of new ones
                os.unlink(self._path)


def _head(handler: BaseHTTPRequestHandler) -> None:
    """Who looks whether somebody is there gets no metrics."""
    handler.send_response(200)
    handler.send_header("Content-Type", CONTENT_TYPE_LATEST)
    handler.end_headers()


def _end(connection: socket.socket) -> None:
    """Its thread then closes it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
