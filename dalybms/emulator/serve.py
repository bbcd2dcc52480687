"""A line behind a pseudo terminal or a TCP port, in real time, until a signal comes."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from dalybms.emulator.line import Line

_CHUNK = 4096


class End(Protocol):
    """Where clients come and go."""

    name: str
    """What a client connects to."""

    def watched(self) -> list[int]:
        """The file descriptors that are worth a look when they become readable."""

    def receive(self) -> bytes:
        """What clients have sent; b"" when that is nothing."""

    def send(self, data: bytes) -> None:
        """Give it to the client, if there is one and it has room: a UART does not wait."""

    def close(self) -> None:
        """Clients notice that the wire is gone."""


class PtyEnd:
    """A pseudo terminal, with a symbolic link to it at `link`. OSError when either cannot be made.

    baud: the one rate at which a client is understood; None: any. ValueError for one that no terminal has.
    """

    def __init__(self, link: str | None = None, baud: int | None = None) -> None:
        if not hasattr(os, "openpty"):
            raise OSError("this system has no pseudo terminals: use --tcp")
        import termios
        import tty

        if baud is not None and not getattr(termios, f"B{baud}", 0):
            raise ValueError(f"no terminal has a rate of {baud} baud: take 9600 or 115200")
        self._baud = baud
        self._master, self._slave = os.openpty()
        # The open slave keeps the master from failing while no client is there.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._path = os.ttyname(self._slave)
        self._link = Path(link) if link else None
        self.name = link or self._path
        if self._link is not None:
            self._make_link(self._link)

    def watched(self) -> list[int]:
        return [self._master]

    def receive(self) -> bytes:
        try:
            data = os.read(self._master, _CHUNK)
            return data if self._understood() else b""
        except BlockingIOError:
            return b""

    def send(self, data: bytes) -> None:
        try:
            os.write(self._master, data)
        except BlockingIOError:
            return

    def _understood(self) -> bool:
        """At another rate a board hears bytes that mean nothing, and is silent."""
        import termios

        rates = {getattr(termios, name): name for name in dir(termios) if name[:1] == "B"}
        return self._baud is None or rates.get(termios.tcgetattr(self._slave)[4]) == f"B{self._baud}"

    def close(self) -> None:
        if self._link is not None and self._link.is_symlink():
            self._link.unlink()
        os.close(self._slave)
        os.close(self._master)

    def _make_link(self, link: Path) -> None:
        if link.is_symlink():
            link.unlink()
        link.symlink_to(self._path)


class TcpEnd:
    """A TCP port of this machine, one client after the other. OSError when the port is taken."""

    def __init__(self, port: int) -> None:
        self._server = socket.create_server(("127.0.0.1", port))
        self._server.setblocking(False)
        self._client: socket.socket | None = None
        self.name = f"socket://127.0.0.1:{self._server.getsockname()[1]}"

    def watched(self) -> list[int]:
        return [(self._client or self._server).fileno()]

    def receive(self) -> bytes:
        if self._client is None:
            self._accept()
            return b""
        try:
            data = self._client.recv(_CHUNK)
        except BlockingIOError:
            return b""
        except ConnectionError:
            data = b""
        if not data:
            self._drop()
        return data

    def send(self, data: bytes) -> None:
        if self._client is None:
            return
        try:
            self._client.send(data)
        except BlockingIOError:
            return
        except ConnectionError:
            self._drop()

    def close(self) -> None:
        self._drop()
        self._server.close()

    def _accept(self) -> None:
        try:
            self._client, _ = self._server.accept()
        except (BlockingIOError, ConnectionError):
            return
        self._client.setblocking(False)
        self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def serve(line: Line, end: End, ready: TextIO) -> int:
    """Pass bytes between `line` and `end` until SIGINT, SIGTERM or the line is unplugged; returns 0.

    Writes the name of the end to `ready` when clients may come.
    """
    with _signalled() as wakeup:
        try:
            ready.write(f"{end.name}\n")
            ready.flush()
            while line.alive(time.monotonic()) and _turn(line, end, wakeup):
                pass
        finally:
            end.close()
    return 0


def _turn(line: Line, end: End, wakeup: socket.socket) -> bool:
    """Wait for the next thing to happen and do it; False when a signal came."""
    due = line.next_time()
    watched = [wakeup.fileno(), *end.watched()]
    # select, as epoll rounds up to whole milliseconds: a byte takes 1.04 ms.
    ready, _, _ = select.select(watched, [], [], None if due is None else max(0.0, due - time.monotonic()))
    if wakeup.fileno() in ready:
        return False
    if ready:
        data = end.receive()
        if data:
            line.write(data, time.monotonic())
    arrived = line.take(time.monotonic())
    if arrived:
        end.send(arrived)
    return True


@contextmanager
def _signalled() -> Iterator[socket.socket]:
    """A socket that becomes readable when SIGINT or SIGTERM comes.

    Python's own handler would run too late for a signal that comes just before select().
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    fd = signal.set_wakeup_fd(writer.fileno())
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [(number, signal.signal(number, lambda *_: None)) for number in numbers]
    try:
        yield reader
    finally:
        for number, handler in before:
            signal.signal(number, handler)
        signal.set_wakeup_fd(fd)
        reader.close()
        writer.close()
