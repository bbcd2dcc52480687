"""The loop with real threads, real wires and real time."""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest
from bluez import MAC, needs_bus
from processes import board
from support import Clock

import dalybms
from dalybms import watching
from dalybms.sampling import Sampler, Watched
from dalybms.transports.tcp import TcpTransport
from dalybms.watching import Watch, opened

if TYPE_CHECKING:
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]

FAST = 0.2


def until(samples: Iterator[dict[str, Any]], state: str, limit: float = 20.0) -> dict[str, Any]:
    """The first sample of a state."""
    end = time.monotonic() + limit
    for sample in samples:
        if sample["state"] == state:
            return sample
        assert time.monotonic() < end, f"never {state}: {sample}"
    raise AssertionError("it ended")


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("dalybms-")}


def test_it_is_a_public_name_and_hides_no_module() -> None:
    assert [sample["state"] for sample in dalybms.watch("demo:", interval=FAST, count=2)] == ["ok"] * 2
    assert not threads()


@pytest.mark.alone
def test_samples_come_on_a_grid_that_nothing_moves() -> None:
    times = []
    for _ in dalybms.watch("demo:", interval=FAST, count=10):
        times.append(time.monotonic())
        time.sleep(0.05)  # a consumer at work
    late = [at - times[0] - number * FAST for number, at in enumerate(times)]
    assert min(late[-4:]) < FAST / 2, "each is as late as the machine made it, not as all before it"


@pytest.mark.alone
def test_a_slow_consumer_is_told_when_a_sample_was_read() -> None:
    """So that what flowed between two samples is counted over the time between their readings."""
    with Watch(["demo:"], FAST, count=5) as samples:
        read = []
        for _ in samples:
            read.append(samples.read_at)
            threading.Event().wait(0.7 if len(read) == 1 else 0)
    steps = [later - before for before, later in zip(read, read[1:])]
    assert max(steps) < 0.6
    assert sum(steps) == pytest.approx(4 * FAST, abs=2 * FAST)


@pytest.mark.alone
def test_a_wire_that_hangs_delays_no_other() -> None:
    with Watch(["dead=demo:?fault=asleep", "sound=demo:"], FAST) as samples:
        began, counts = time.monotonic(), {"dead": 0, "sound": 0}
        for sample in samples:
            counts[sample["name"]] += 1
            if counts["sound"] == 10:
                break
        assert time.monotonic() - began < 10 * FAST + 1
        assert counts["dead"] <= 1


@pytest.mark.parametrize(
    ("device", "words"),
    [
        (Watched("a", "demo:", (), {"request_retries": -1}), "battery a: request_retries"),
        (Watched("a", "demo:?nonsense=1"), "nonsense"),
        (Watched("a", "demo:", (1, 2), {"protocol": "d2"}), "have no number"),
        (Watched("a", "socket://nowhere"), "socket://HOST:PORT"),
        (Watched("a", "AA:BB:CC:DD:EE:FF", (1, 2)), "is a Bluetooth device"),
    ],
)
def test_what_cannot_be_is_raised_where_the_samples_are_taken(device: Watched, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        list(dalybms.watch([device, "b=demo:"], interval=FAST))
    assert not threads()


@pytest.mark.parametrize(("count", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError)])
def test_a_count_that_cannot_be(count: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="count must be"):
        list(dalybms.watch("demo:", interval=FAST, count=count))
    assert not threads()


def test_a_thread_that_fails_does_not_leave_the_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of this program ends the watch with its error, so that a service manager starts it anew."""

    def broken(*_: Any) -> Any:
        raise RuntimeError("a fault of this program")

    monkeypatch.setattr(Sampler, "samples", broken)
    with pytest.raises(RuntimeError, match="a fault of this program"):
        list(dalybms.watch(["a=demo:", "b=demo:"], interval=FAST))
    assert not threads()


def test_nobody_who_takes_the_samples_makes_the_wires_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_ROOM", 3)
    with Watch(["demo:"], 0.1) as samples:
        end = time.monotonic() + 10
        while samples._room._value:  # type: ignore[attr-defined]
            assert time.monotonic() < end
            threading.Event().wait(0.05)
        threading.Event().wait(0.5)
        assert samples._queue.qsize() == 3
        assert [sample["state"] for sample, _ in zip(samples, range(6))] == ["ok"] * 6


@pytest.mark.parametrize("seed", range(20))
def test_a_signal_at_any_moment_ends_it(seed: int) -> None:
    """Also one that comes while the reader holds the queue, and a second one while the first is handled."""
    several = Watch(["a=demo:", "b=demo:", "c=demo:"], 0.1)
    before = signal.signal(signal.SIGALRM, lambda *_: several.stop())
    try:
        with several:
            signal.setitimer(signal.ITIMER_REAL, 0.001 + seed * 0.011, 0.0005)
            for _ in several:
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not several.ended_by_count
    assert not threads()


def traced(in_: str, line: int, call: Callable[[], None]) -> Any:
    """A trace function that calls at the so-manieth line that a file runs, as a signal handler may."""
    lines = [0]

    def tracer(frame: Any, event: str, _: Any) -> Any:
        if event == "line" and Path(frame.f_code.co_filename).name == in_:
            lines[0] += 1
            if lines[0] == line:
                call()
        return tracer

    return tracer


@pytest.mark.parametrize("line", range(1, 9))
def test_a_signal_that_interrupts_the_queue_itself_ends_it(line: int) -> None:
    """A lock that the interrupted line holds is never waited for."""
    several, before = Watch(["demo:"], 0.1), sys.gettrace()
    with several:
        sys.settrace(traced("queue.py", line, several.stop))
        try:
            for _, _ in zip(several, range(5)):
                pass
        finally:
            sys.settrace(before)


@pytest.mark.parametrize("line", range(1, 9))
def test_a_signal_that_interrupts_the_handling_of_another_one_ends_it(line: int) -> None:
    several, before = Watch(["demo:"], 0.1), sys.gettrace()
    with several:
        sys.settrace(traced("threading.py", line, several.stop))
        try:
            several.stop()
        finally:
            sys.settrace(before)
        assert list(several) == []


def test_a_gateway_that_loses_its_power_is_noticed() -> None:
    """What was sent must be taken within 20 s; by default Linux goes on for a quarter of an hour."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None:
        return
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = TcpTransport(f"socket://127.0.0.1:{server.getsockname()[1]}")
        assert wire._socket.getsockopt(socket.IPPROTO_TCP, option) == 20_000
        wire.close()


@needs_bus
def test_a_bluetooth_board_that_sleeps_behind_its_module_and_wakes(bluez: BlueZ) -> None:
    """A link that was answered and falls silent is let go; the next sample makes it anew."""
    from bluez.battery import battery

    bluez.add(dongle := battery("protocol=d2&cells=16"))
    answer = dongle.answer
    clock = Clock()
    sampler = Sampler(Watched("van", MAC, (), {"timeout": 0.1, "protocol": "d2"}), opened, clock)

    def state() -> str:
        clock.now += 10
        (sample,) = sampler.samples(clock)
        return str(sample["state"])

    assert state() == "ok"
    dongle.answer = lambda _: []
    assert [state() for _ in range(3)] == ["asleep"] * 3
    dongle.answer = answer
    assert [state() for _ in range(2)] == ["ok"] * 2
    sampler.end()


def test_a_connection_that_is_cut_is_made_again() -> None:
    with board("--tcp", "0", "soc=50") as name:
        several = Watch([f"shed={name}"], FAST)
        samples = iter(several.__enter__())
        assert until(samples, "ok")["soc"]["soc_percent"] == 50
    try:
        gone = until(samples, "unplugged")
        assert gone["error"]
        assert "soc" not in gone
        with board("--tcp", name.rpartition(":")[2], "soc=60"):
            assert until(samples, "ok")["soc"]["soc_percent"] == 60
    finally:
        several.__exit__()
    assert not threads()


def test_a_port_that_vanishes_and_comes_back_under_its_name(tmp_path: Path) -> None:
    """As a USB adapter does: another device behind the same link."""
    link = str(tmp_path / "battery")
    several = Watch([Watched("house", link)], FAST)
    with several:
        samples = iter(several)
        assert until(samples, "unplugged")["error"]
        for percent in (50, 60):
            with board("--pty", "--link", link, f"soc={percent}"):
                assert until(samples, "ok")["soc"]["soc_percent"] == percent
            assert "soc" not in until(samples, "unplugged")


@pytest.mark.parametrize(
    "devices",
    [
        [Watched("a", "demo:", (1, 2)), Watched("a/1", "demo:")],
        [Watched("a b", "demo:"), Watched("a  b", "demo:")],
        [Watched("a\\b", "demo:"), Watched("a/b", "demo:")],
        [Watched("a b", "demo:"), Watched("a\nb", "demo:")],
    ],
)
def test_two_batteries_that_an_output_cannot_tell_apart_are_refused(devices: list[Watched]) -> None:
    """Their energy, or their points in a database, would be those of one battery."""
    with pytest.raises(ValueError, match="two batteries are called a"):
        Watch(devices)


@pytest.mark.parametrize("name", ["", "  ", "\n", "/dev/\udcff"])
def test_a_name_that_no_output_can_write_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a battery"):
        Watch([Watched(name, "demo:")])


@pytest.mark.parametrize("name", ["a,b=c", 'a"b', "Küche ☀", "a#+/b", "new\nline", "b\\"])
def test_odd_names_are_names(name: str) -> None:
    Watch([Watched(name, "demo:"), Watched("other", "demo:", (1, 2))])
