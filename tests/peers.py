"""Far ends that are no emulated board: a machine that says or answers what a test wants, on real wires."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

import serial
import serial.rfc2217
from processes import raw_pty
from support import PATIENCE

Answer = Callable[[bytes], "bytes | None"]
"""What is answered to these bytes; None: the connection is closed."""

_HOLD = (
    "import sys, serial; s = serial.Serial(sys.argv[1], exclusive=True); print(flush=True); sys.stdin.read()"
)


@contextmanager
def talker(said: bytes, every: float = 0.1) -> Iterator[str]:
    """A pseudo terminal on which somebody says the same again and again, and hears nothing."""
    stop = threading.Event()
    with raw_pty() as (ours, name):
        os.set_blocking(ours, False)

        def talk() -> None:
            while not stop.wait(every):
                try:
                    os.write(ours, said)
                    os.read(ours, 4096)
                except BlockingIOError:
                    continue

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield name
        finally:
            stop.set()
            thread.join(PATIENCE)


@contextmanager
def server(answer: Answer, greeting: bytes = b"") -> Iterator[str]:
    """A TCP server that greets each client and answers it as it is told to."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            if not select.select([listener], [], [], 0.1)[0]:
                continue
            client, _ = listener.accept()
            with client:
                client.sendall(greeting)
                _talk(client, answer, stop)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"socket://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        thread.join(PATIENCE)
        listener.close()


def _talk(client: socket.socket, answer: Answer, stop: threading.Event) -> None:
    while not stop.is_set():
        if not select.select([client], [], [], 0.05)[0]:
            continue
        data = client.recv(4096)
        reply = answer(data) if data else None
        if reply is None:
            return
        client.sendall(reply)


@contextmanager
def rfc2217(device: str) -> Iterator[str]:
    """pyserial's own server in front of a pty; modem lines are constant, a pty has none."""

    class Port(serial.Serial):  # type: ignore[misc]
        cts = dsr = cd = dtr = rts = True
        ri = False

    port, stop = Port(device, 9600, timeout=0), threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listener.accept()

        class Writer:
            def write(self, data: bytes) -> None:
                client.sendall(data)

        with client:
            manager = serial.rfc2217.PortManager(port, Writer())
            while not stop.is_set():
                ready = select.select([client, port], [], [], 0.05)[0]
                if client in ready:
                    data = client.recv(1024)
                    if not data:
                        return
                    port.write(b"".join(manager.filter(data)))
                if port in ready:
                    client.sendall(b"".join(manager.escape(port.read(1024))))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        with socket.socket() as last:  # nobody may have come
            last.connect_ex(listener.getsockname())
        thread.join(PATIENCE)
        port.close()
        listener.close()


@contextmanager
def held(name: str) -> Iterator[str]:
    """A port that another program has open."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        yield name
    finally:
        process.communicate(timeout=PATIENCE)


def wait_for(path: str, seconds: float = 5.0) -> None:
    """Until a file is there."""
    end = time.monotonic() + seconds
    while not os.path.exists(path):
        assert time.monotonic() < end
