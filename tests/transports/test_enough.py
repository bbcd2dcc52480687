"""read(timeout, enough) of every wire: when it returns, with what, and how it is ended."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

import pytest
from processes import raw_pty
from support import PATIENCE

from dalybms import TransportError
from dalybms.transports.bluetooth.inbox import Inbox
from dalybms.transports.demo import open_demo
from dalybms.transports.serial import Rhythm, SerialTransport
from dalybms.transports.tcp import TcpTransport

BYTE = 10 / 9600
REPLY = bytes(range(13))
Wire = tuple[Any, Callable[[bytes], Any]]


@contextmanager
def port() -> Iterator[Wire]:
    with raw_pty() as (ours, name):
        transport = SerialTransport(name)
        yield transport, lambda data: os.write(ours, data)
        transport.close()


@contextmanager
def gateway() -> Iterator[Wire]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = TcpTransport(f"socket://127.0.0.1:{server.getsockname()[1]}")
        client, _ = server.accept()
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield transport, client.sendall
            transport.close()


class _Radio:
    """The inbox of the Bluetooth wire, which is all of it that reads."""

    def __init__(self) -> None:
        self.inbox = Inbox()

    def read(self, timeout: float, enough: int = 1) -> bytes:
        return self.inbox.take(timeout, enough)

    def close(self) -> None:
        self.inbox.close("closed", "open")


@contextmanager
def radio() -> Iterator[Wire]:
    wire = _Radio()
    yield wire, wire.inbox.put


WIRES = {"port": port, "gateway": gateway, "radio": radio}


@contextmanager
def sending(send: Callable[[bytes], Any], pieces: list[tuple[float, bytes]]) -> Iterator[None]:
    """Each piece at its time, in another thread."""
    began = time.monotonic()

    def run() -> None:
        for at, data in pieces:
            done.wait(max(0.0, began + at - time.monotonic()))
            send(data)

    done = threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(PATIENCE)


@pytest.mark.alone
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "pieces",
    [
        [(0.02, REPLY)],
        [(0.02 + n * BYTE, REPLY[n : n + 1]) for n in range(13)],
        [(0.02, REPLY[:5]), (0.036, REPLY[5:])],
        [(0.02, REPLY[:1]), (0.02, REPLY[1:2]), (0.021, REPLY[2:])],
        [(0.0, REPLY[:12]), (0.03, REPLY[12:])],
    ],
    ids=["at once", "byte by byte", "gathered for 16 ms", "faster than its beginning", "late end"],
)
def test_it_returns_when_enough_is_there(wire: str, pieces: list[tuple[float, bytes]]) -> None:
    with WIRES[wire]() as (transport, send):
        for _ in range(3):
            with sending(send, pieces):
                began = time.monotonic()
                assert transport.read(5, 13) == REPLY
                assert time.monotonic() - began < 1


@pytest.mark.alone
@pytest.mark.parametrize("wire", WIRES)
def test_it_gives_what_has_come_when_the_time_is_over(wire: str) -> None:
    with WIRES[wire]() as (transport, send):
        began = time.monotonic()
        assert transport.read(0.05, 13) == b""
        send(REPLY[:5])
        assert transport.read(0.05, 13) == REPLY[:5]
        assert 0.1 <= time.monotonic() - began < 1


@pytest.mark.parametrize("wire", WIRES)
def test_more_than_enough_is_taken_too(wire: str) -> None:
    with WIRES[wire]() as (transport, send):
        send(REPLY * 3)
        taken = b""
        while len(taken) < 39:
            taken += transport.read(1, 13)
        assert taken == REPLY * 3
        assert transport.read(0) == b""


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("begun", [b"", REPLY[:5], REPLY[:12]])
def test_closing_from_another_thread_ends_it_at_once(wire: str, begun: bytes) -> None:
    pieces = [(n * BYTE, begun[n : n + 1]) for n in range(len(begun))]
    with WIRES[wire]() as (transport, send), sending(send, pieces):
        timer = threading.Timer(0.05, transport.close)
        timer.start()
        began = time.monotonic()
        with pytest.raises(TransportError):
            [transport.read(20, 200) for _ in range(2)]  # what has come may be given first
        assert time.monotonic() - began < 5
        timer.join(PATIENCE)


def test_the_demo_waits_for_enough_too() -> None:
    transport = open_demo("latency=20&paced=1")
    transport.write(bytes.fromhex("a540900800000000000000007d"))
    assert len(transport.read(5, 13)) == 13
    assert transport.read(0.01, 13) == b""


# When the rest of a reply may be slept through.


def steady(count: int = 2) -> Rhythm:
    rhythm = Rhythm(BYTE)
    for n in range(count):
        rhythm.heard(1, 10 + n * BYTE, rested=False)
    return rhythm


def test_a_rhythm_must_be_seen_first() -> None:
    assert Rhythm(BYTE).nap(12, 10.0) == 0
    assert steady(1).nap(12, 10.0) == 0
    assert steady().nap(12, 10 + BYTE) == pytest.approx(12 * BYTE)
    assert steady().nap(12, 10 + 1.5 * BYTE) == pytest.approx(11.5 * BYTE)


def test_one_byte_and_old_bytes_are_not_slept_for() -> None:
    assert steady().nap(1, 10 + BYTE) == 0
    assert steady().nap(12, 10 + 3 * BYTE) == 0


def test_bytes_that_are_faster_than_the_line_end_the_rhythm() -> None:
    rhythm = steady()
    rhythm.heard(5, 10 + 2 * BYTE, rested=False)
    assert rhythm.nap(7, 10 + 2 * BYTE) == 0


def test_single_bytes_far_apart_are_no_rhythm() -> None:
    """An adapter that hands on every 16 ms what it has may have one byte each time."""
    rhythm = Rhythm(BYTE)
    for n in range(3):
        rhythm.heard(1, 10 + 0.016 * n, rested=False)
    assert rhythm.nap(12, 10.032) == 0


def test_the_rhythm_is_looked_at_again() -> None:
    rhythm = steady()
    naps = 0
    while rhythm.nap(12, 10 + BYTE):
        naps += 1
    assert naps == 16


def test_where_a_sleep_cannot_be_ended_there_is_none() -> None:
    rhythm = Rhythm(0.0)
    rhythm.heard(1, 10.0, rested=False)
    rhythm.heard(1, 10.001, rested=False)
    assert rhythm.nap(12, 10.001) == 0
