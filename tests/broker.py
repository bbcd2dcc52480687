"""A real mosquitto for tests: stopped, frozen, with TLS or passwords, behind a gate that is slow or old."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import paho.mqtt.client as paho
from support import PATIENCE
from tools import demand


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def until(true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait for an event with a bound; returns what `true` gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = true()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"did not happen within {seconds} s")


class Broker:
    """mosquitto on a port of its own; `extra` goes into its configuration."""

    def __init__(self, folder: Path, extra: str = "allow_anonymous true") -> None:
        self._program = demand("mosquitto")
        self.port, self._folder, self._process = free_port(), folder, None  # type: int, Path, Any
        (folder / "conf").write_text(f"listener {self.port} 127.0.0.1\nlog_type all\nuser root\n{extra}\n")

    def start(self) -> None:
        with open(self._folder / "log", "a") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self._folder / "conf")], stdout=log, stderr=log
            )
        until(self._listens)

    def _listens(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self) -> None:
        if self._process is not None:
            self.thaw()
            self._process.terminate()
            self._process.wait(PATIENCE)
            self._process = None

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGCONT)

    def log(self) -> str:
        return (self._folder / "log").read_text()


@contextlib.contextmanager
def running(folder: Path, extra: str = "allow_anonymous true") -> Iterator[Broker]:
    broker = Broker(folder, extra)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class Listener:
    """Hears everything from the moment on that it is made, in order: (topic, payload, retained)."""

    def __init__(self, port: int, filters: str = "#", version: int = 5) -> None:
        newer = getattr(paho, "CallbackAPIVersion", None)
        make: Any = paho.Client
        self._client = make(*([newer.VERSION2] if newer else []), protocol=version)
        self.heard: list[tuple[str, str, bool]] = []
        ready = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe(filters, 0)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert ready.wait(PATIENCE)

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        self.heard.append((message.topic, message.payload.decode(), bool(message.retain)))

    def of(self, topic: str) -> list[str]:
        return [payload for heard, payload, _ in list(self.heard) if heard == topic]

    def publish(self, topic: str, payload: str, retain: bool = False) -> None:
        self._client.publish(topic, payload, 1, retain).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextlib.contextmanager
def listening(port: int, filters: str = "#", version: int = 5) -> Iterator[Listener]:
    listener = Listener(port, filters, version)
    try:
        yield listener
    finally:
        listener.close()


class Gate:
    """Stands before a broker. old: turns MQTT 5 away, by the answer "unsupported version" or by hanging up.

    slow: bytes per second towards the broker.
    """

    def __init__(self, port: int, old: str = "", slow: int = 0) -> None:
        self._port, self._old, self._slow = port, old, slow
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.versions: list[int] = []
        self._open = True
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._open = False
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        while self._open:
            try:
                client = self._server.accept()[0]
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(client,), daemon=True))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            first = client.recv(4096)
            version = first[first.index(b"MQTT") + 4] if b"MQTT" in first else 0
            self.versions.append(version)
            if version == 5 and self._old:
                if self._old == "answer":
                    client.sendall(bytes((0x20, 2, 0, 1)))
                return
            with socket.create_connection(("127.0.0.1", self._port)) as broker, contextlib.suppress(OSError):
                broker.sendall(first)
                self._pump(client, broker)

    def _pump(self, client: socket.socket, broker: socket.socket) -> None:
        while self._open:
            for end in select.select([client, broker], [], [], 0.1)[0]:
                size = max(1, self._slow // 20) if end is client and self._slow else 65536
                data = end.recv(size)
                if not data:
                    return
                (broker if end is client else client).sendall(data)
                if end is client and self._slow:
                    time.sleep(size / self._slow)


def certificates(folder: Path) -> dict[str, Path]:
    """A certificate for 127.0.0.1 that signs itself, and one that has signed nothing."""
    found = {}
    for name in ("server", "stranger"):
        key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
        subprocess.run(
            [demand("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", f"/CN={name}",
             "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True, timeout=PATIENCE,
        )  # fmt: skip
        found.update({name: certificate, f"{name} key": key})
    return found
