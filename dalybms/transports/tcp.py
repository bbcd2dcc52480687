"""`socket://host:port`: a serial server (ser2net) or a WiFi-RS485 gateway."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from functools import partial
from urllib.parse import urlsplit

from dalybms.errors import TransportError
from dalybms.transports.dialling import dial

CONNECT = 3.0
"""Seconds to wait for the connection."""
WRITE = 1.0
"""Seconds that a write may take."""
_UNHEARD = 20_000
"""Milliseconds in which the far machine must take what was sent (Linux); else it has lost its power, and
the system would go on for a quarter of an hour."""
_IDLE = 4.0
"""Seconds in which nothing was heard, after which a connection that ends was merely not used: the shortest
such limit of gateways is 5 s."""
_CHUNK = 4096
_MOST_CHUNKS = 64
"""What is drained at most: a stream without end is left to the reader."""


def parse(url: str) -> tuple[str, int]:
    """(host, port) of socket://host:port; ValueError when it is not of that form."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{url}: {error}; write socket://HOST:PORT") from None
    if not host or not port or parts.path not in ("", "/"):
        raise ValueError(f"{url} is not of the form socket://HOST:PORT")
    return host, port


class TcpTransport:
    """A byte stream over TCP; the far side sets baud rate and parity."""

    def __init__(self, url: str, connect_timeout: float = CONNECT) -> None:
        host, port = parse(url)
        self._name, self._closed = f"{host}:{port}", False
        self._connect = partial(self._connected, host, port, connect_timeout)
        self._socket = self._connect()
        self._heard = time.monotonic()

    def _connected(self, host: str, port: int, seconds: float) -> socket.socket:
        try:
            connection = dial(host, port, seconds)
        except (socket.gaierror, UnicodeError) as error:
            raise TransportError(f"cannot find the host {host}: check the name", "host") from error
        except ConnectionRefusedError as error:
            raise TransportError(
                f"{self._name} refused the connection: is ser2net or the gateway running, "
                "and the port right?",
                "refused",
            ) from error
        except OSError as error:
            reason = error.strerror or "no answer in time"
            raise TransportError(
                f"cannot reach {self._name} ({reason}): check address, network and power of the gateway",
                "unreachable",
            ) from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNHEARD)
        connection.setblocking(False)
        return connection

    def write(self, data: bytes) -> None:
        while data:
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                self._wait_to_write()
            except OSError as error:
                raise self._gone(error) from error

    def _wait_to_write(self) -> None:
        """Nobody has taken what was sent before."""
        try:
            ready = select.select([], [self._socket], [], WRITE)[1]
        except (OSError, ValueError) as error:
            raise self._gone(error) from error
        if not ready:
            raise TransportError(f"{self._name} took no bytes for {WRITE:g} s: restart the gateway", "hangs")

    def read(self, timeout: float, enough: int = 1) -> bytes:
        end = time.monotonic() + timeout
        data = self._received(timeout)
        while data and len(data) < enough and (left := end - time.monotonic()) > 0:
            data += self._received(left)
        return data

    def _received(self, timeout: float) -> bytes:
        """What has come, waiting for the first byte of it."""
        try:
            if not select.select([self._socket], [], [], timeout)[0]:
                return b""
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            return self._anew(error)
        if not data:
            return self._anew(None)
        self._heard = time.monotonic()
        return data

    def _anew(self, error: Exception | None) -> bytes:
        """Gateways end a connection on which nothing passes, or were restarted: it is made anew.

        What was asked meanwhile is lost, as any question may be; nothing is sent here.
        """
        if self._closed or time.monotonic() - self._heard < _IDLE:
            raise self._gone(error) from error
        self._socket.close()
        self._socket = self._connect()
        self._heard = time.monotonic()
        if self._closed:  # by another thread, meanwhile
            self._socket.close()
        return b""

    def drain(self) -> None:
        for _ in range(_MOST_CHUNKS):
            if not self.read(0):
                return

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(OSError):  # the far side may have cut it already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _gone(self, error: Exception | None) -> TransportError:
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        return TransportError(
            f"{self._name} cut the connection{reason}: another client may have taken it, "
            "or the gateway restarted",
            "cut",
        )
