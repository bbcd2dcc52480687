"""TCP gateways that end connections, restart, or have several addresses of which some are dead."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support import HEALTHY, PATIENCE

from dalybms import DalyBMS, TransportError, open_bms
from dalybms.transports import dialling, tcp


class Gateway:
    """A healthy board behind a TCP port. cut(): ends its connections; hard: by a reset."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.device = f"socket://127.0.0.1:{self.server.getsockname()[1]}"
        self.clients: list[socket.socket] = []
        self.asked: list[bytes] = []
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.server.accept()
                self.clients.append(client)
                self.threads.append(threading.Thread(target=self._serve, args=(client,), daemon=True))
                self.threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, ValueError):
            while data := client.recv(100):
                self.asked.append(data)
                if data[1] == 0x40 and data[2] in HEALTHY:
                    client.sendall(HEALTHY[data[2]])

    def cut(self, hard: bool) -> None:
        for client in self.clients:
            with contextlib.suppress(OSError):  # it may have ended before
                if hard:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.shutdown(socket.SHUT_RD if hard else socket.SHUT_RDWR)
            client.close()
        self.clients.clear()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)  # else the thread that accepts keeps it alive
        self.server.close()
        self.threads[0].join(PATIENCE)  # nobody else is taken in behind this
        self.cut(False)
        for thread in self.threads:
            thread.join(PATIENCE)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    yield gateway
    gateway.close()


def wait_for_end(bms: Any) -> None:
    """Until what ended the connection has arrived here."""
    assert select.select([bms._link._transport._socket], [], [], 5)[0]


@pytest.mark.parametrize("hard", [False, True])
def test_a_connection_that_ended_unused_is_made_anew(
    gateway: Gateway, hard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_bms(gateway.device) as bms:
        first = bms.get_soc()
        monkeypatch.setattr(tcp, "_IDLE", 0.0)
        gateway.cut(hard)
        wait_for_end(bms)
        assert bms.get_soc() == first


def test_a_connection_that_is_cut_in_use_is_told(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "_IDLE", PATIENCE)
    wire = tcp.TcpTransport(gateway.device)
    wire.write(bytes.fromhex("a540900800000000000000007d"))
    assert wire.read(PATIENCE, 13) == HEALTHY[0x90]
    gateway.cut(False)
    with pytest.raises(TransportError, match="cut the connection"):
        wire.read(PATIENCE)
    wire.close()


def test_closed_while_it_is_made_anew_it_stays_closed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another thread may, which ends a reading: it stays closed."""
    monkeypatch.setattr(tcp, "_IDLE", 0.0)
    wire, look_up = tcp.TcpTransport(gateway.device), socket.getaddrinfo
    wire.write(bytes.fromhex("a540900800000000000000007d"))
    assert wire.read(PATIENCE, 13) == HEALTHY[0x90]
    gateway.cut(False)

    def closing(*arguments: Any, **more: Any) -> Any:
        wire.close()
        return look_up(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", closing)
    assert wire.read(PATIENCE) == b""
    with pytest.raises(TransportError):
        wire.read(0)


def test_a_gateway_that_has_gone_for_good_is_told(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_bms(gateway.device) as bms:
        bms.get_soc()
        monkeypatch.setattr(tcp, "_IDLE", 0.0)
        gateway.close()
        wait_for_end(bms)
        with pytest.raises(TransportError, match="refused the connection"):
            bms.get_soc()


def test_closing_in_order_connects_nothing(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "_IDLE", 0.0)
    bms = DalyBMS()
    bms.connect(gateway.device)
    wire = bms._link._transport  # type: ignore[union-attr]
    bms.disconnect()
    with pytest.raises(TransportError):
        wire.read(0)


@contextlib.contextmanager
def dead_address() -> Iterator[tuple[str, int]]:
    """An address that answers no connection: its queue is full."""
    with socket.create_server(("127.0.0.2", 0), backlog=0) as server, contextlib.ExitStack() as stack:
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield server.getsockname()


def named(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    """The name `gate` has these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: list(found))


def test_a_name_whose_first_address_is_dead(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    with dead_address() as dead:
        named(monkeypatch, dead, gateway.server.getsockname())
        began = time.monotonic()
        with open_bms("socket://gate:4001") as bms:
            assert bms.get_soc()
        assert time.monotonic() - began < tcp.CONNECT


def test_a_name_whose_first_address_refuses(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, ("127.0.0.3", 1), gateway.server.getsockname())
    with open_bms("socket://gate:4001") as bms:
        assert bms.get_soc()


def test_all_dead_addresses_together_have_the_time_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with dead_address() as dead:
        named(monkeypatch, dead, dead, dead, ("127.0.0.3", 1))
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            dialling.dial("gate", 4001, 0.6)
        assert 0.5 < time.monotonic() - began < 5


@pytest.mark.filterwarnings("ignore:.*set(Daemon|Name).*:DeprecationWarning")
def test_a_raw_port_asked_as_rfc2217_is_told_in_words(gateway: Gateway) -> None:
    with pytest.raises(TransportError, match="does not seem to support RFC2217") as raised:
        DalyBMS().connect(gateway.device.replace("socket:", "rfc2217:"))
    assert "[" not in str(raised.value)
