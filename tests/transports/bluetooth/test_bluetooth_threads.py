"""The Bluetooth thread beside the caller's threads and loops: no leak, no deadlock, little time added."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from bluez import MAC, QUICK, device, gather, needs_bus, wire
from support import PATIENCE

from dalybms.errors import TransportError

if TYPE_CHECKING:
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]
pytestmark = needs_bus


def echo(request: bytes) -> list[bytes]:
    return [request]


def dongles(bluez: BlueZ, count: int) -> list[Any]:
    made = [device(address=f"AA:BB:CC:00:01:{n:02X}", answer=echo) for n in range(count)]
    bluez.add(*made)
    return made


def ask(link: Any, text: bytes) -> bytes:
    link.write(text)
    return gather(link, len(text))


def test_several_dongles_opened_at_the_same_time(bluez: BlueZ) -> None:
    made = dongles(bluez, 4)
    with ThreadPoolExecutor(4) as pool:
        links = list(pool.map(lambda each: wire(each.address), made))
        texts = [f"to {each.address}".encode() for each in made]
        assert list(pool.map(ask, links, texts)) == texts
    for each, text in zip(made, texts):
        assert each.connected
        assert [value for value, _ in each.written] == [text]
    links[0].close()
    assert [each.connected for each in made] == [False, True, True, True]
    assert ask(links[3], b"still") == b"still"


def test_one_dongle_that_is_not_there_holds_up_nobody_for_long(bluez: BlueZ) -> None:
    (there,) = dongles(bluez, 1)
    limits = QUICK._replace(scan=0.3)

    def absent() -> str:
        with pytest.raises(TransportError) as caught:
            wire("AA:00:00:00:00:00", limits=limits)
        return str(caught.value)

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(absent) for _ in range(2)]
        link = pool.submit(wire, there.address, limits=limits).result(5)
        assert all("not advertising" in each.result(5) for each in waiting)
    assert ask(link, b"abc") == b"abc"


def test_in_a_program_with_a_running_loop(bluez: BlueZ) -> None:
    bluez.add(device(answer=echo))

    async def notebook() -> bytes:
        link = wire()
        data = ask(link, b"abc")
        link.close()
        return data

    assert asyncio.run(notebook()) == b"abc"
    assert asyncio.run(notebook()) == b"abc"


def test_calls_from_inside_the_bluetooth_thread_are_refused(bluez: BlueZ) -> None:
    bluez.add(dongle := device(answer=echo))
    link = wire()
    refused: list[BaseException] = []

    def inside() -> None:
        for call in (lambda: link.write(b"x"), lambda: link.read(20), wire, link.close):
            try:
                call()
            except TransportError as error:
                refused.append(error)

    done = threading.Event()
    link._thread.loop.call_soon_threadsafe(lambda: (inside(), done.set()))
    assert done.wait(PATIENCE)
    assert len(refused) == 4
    assert all("from inside the Bluetooth thread" in str(each) for each in refused)
    assert ask(link, b"abc") == b"abc"
    link.close()
    assert not dongle.connected


def test_200_sessions_leave_nothing_behind(bluez: BlueZ) -> None:
    bluez.add(dongle := device(answer=echo))
    counts = []
    for session in range(200):
        link = wire()
        assert ask(link, b"abc") == b"abc"
        link.close()
        if session in (20, 199):
            counts.append(_census(link))
    assert counts[0] == counts[1]
    assert not dongle.connected


def _census(link: Any) -> dict[str, int]:
    """Threads, open files and asyncio tasks of this process."""
    gc.collect()
    done, tasks = threading.Event(), []
    link._thread.loop.call_soon_threadsafe(lambda: (tasks.extend(asyncio.all_tasks()), done.set()))
    assert done.wait(PATIENCE)
    return {
        "threads": threading.active_count(),
        "files": len(os.listdir("/proc/self/fd")),
        "tasks": len(tasks),
        "sessions": len(link._thread.sessions),
    }


@pytest.mark.alone
def test_a_request_costs_less_than_a_millisecond(bluez: BlueZ) -> None:
    """The hand-over between threads alone: no D-Bus in it."""
    bluez.add(device())
    link = wire()
    times = []
    for _ in range(200):
        began = time.perf_counter()
        link._thread.run(_nothing(), 1.0, 1.0, lambda: None)
        link._thread.loop.call_soon_threadsafe(link._session.inbox.put, b"x")
        assert link.read(1) == b"x"
        times.append(time.perf_counter() - began)
    assert statistics.median(times) < 0.001


async def _nothing() -> None:
    pass


@pytest.mark.alone
def test_a_session_takes_less_than_a_tenth_of_a_second(bluez: BlueZ) -> None:
    bluez.add(device(answer=echo))
    times = []
    for _ in range(5):
        began = time.perf_counter()
        link = wire()
        assert ask(link, b"abc") == b"abc"
        link.close()
        times.append(time.perf_counter() - began)
    assert min(times) < 0.1


def test_a_client_class_of_the_callers_own(bluez: BlueZ) -> None:
    """`backend=` reaches bleak; without a scanner class the address goes straight to it."""
    from bleak.backends.bluezdbus.client import BleakClientBlueZDBus
    from bleak.backends.bluezdbus.scanner import BleakScannerBlueZDBus

    made: list[str] = []

    class Client(BleakClientBlueZDBus):
        def __init__(self, *args: Any, **options: Any) -> None:
            made.append("client")
            super().__init__(*args, **options)

    class Scanner(BleakScannerBlueZDBus):
        def __init__(self, *args: Any, **options: Any) -> None:
            made.append("scanner")
            super().__init__(*args, **options)

    bluez.add(device(answer=echo))
    link = wire(MAC, backend=Client)
    assert ask(link, b"abc") == b"abc"
    assert "client" in made
    assert link.address == MAC
    link.close()
    made.clear()
    wire(MAC, backend=Client, scanner_backend=Scanner)
    assert made == ["scanner", "client"]
