"""A broker written by hand, from the MQTT documents, for what no real one does."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

from support import PATIENCE

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT = 0x20, 0x30, 0x40, 0x90, 0xD0, 0xE0
Handle = Callable[["Connection"], None]


def packet(head: int, body: bytes = b"") -> bytes:
    size, length = len(body), b""
    while True:
        size, part = divmod(size, 128)
        length += bytes([part | (128 if size else 0)])
        if not size:
            return bytes([head]) + length + body


class Connection:
    """What a test does with one of them; the broker closes it afterwards."""

    def __init__(self, wire: socket.socket, number: int, got: list[tuple[str, bytes]]) -> None:
        self.wire, self.number, self.got = wire, number, got
        self.version = 0

    def read(self) -> tuple[int, bytes]:
        """(head, body) of the next packet. Raises ConnectionError at the end."""
        head, size, shift = self._bytes(1)[0], 0, 0
        while True:
            part = self._bytes(1)[0]
            size |= (part & 127) << shift
            shift += 7
            if not part & 128:
                return head, self._bytes(size)

    def greet(self, code: int = 0, properties: bytes = b"") -> None:
        self.version = self.read()[1][6]
        more = bytes([len(properties)]) + properties if self.version == 5 else b""
        self.wire.sendall(packet(CONNACK, bytes([0, code]) + more))

    def serve(self, acknowledge: Callable[[str, bytes], bytes | None] | None = None) -> None:
        """Take all. acknowledge: (topic, number) -> what is answered; None: the connection is closed."""
        while True:
            head, body = self.read()
            if head & 0xF0 == PUBLISH:
                end = 2 + struct.unpack(">H", body[:2])[0]
                topic, number = body[2:end].decode(), body[end : end + 2]
                self.got.append((topic, body[end + 2 :]))
                answer = acknowledge(topic, number) if acknowledge else packet(PUBACK, number)
                if answer is None:
                    return
                self.wire.sendall(answer)
            elif head == 0x82:
                self.wire.sendall(packet(SUBACK, body[:2] + (b"\0" if self.version == 5 else b"") + b"\0"))
            elif head == 0xC0:
                self.wire.sendall(packet(PINGRESP))
            elif head == DISCONNECT:
                return

    def _bytes(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            more = self.wire.recv(count - len(found))
            if not more:
                raise ConnectionError
            found += more
        return found


class RoughBroker:
    """handle: is given each connection, in a thread of its own."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.got: list[tuple[str, bytes]] = []
        self.connections: list[Connection] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def topics(self) -> list[str]:
        return [topic for topic, _ in list(self.got)]

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._threads[0].join(PATIENCE)  # nobody else is taken in behind this
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.wire.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                wire = self._server.accept()[0]
            except OSError:
                return
            connection = Connection(wire, len(self.connections) + 1, self.got)
            self.connections.append(connection)
            self._threads.append(threading.Thread(target=self._one, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _one(self, connection: Connection) -> None:
        with connection.wire, contextlib.suppress(OSError):
            self._handle(connection)


@contextmanager
def rough(handle: Handle) -> Iterator[RoughBroker]:
    broker = RoughBroker(handle)
    try:
        yield broker
    finally:
        broker.close()
