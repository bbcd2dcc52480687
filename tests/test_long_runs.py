"""What ended or spoilt a peer's long runs within a year, each as a test of ours.

Frozen values: test_stillness.py and test_sampling.py. A missing value that stopped discovery: also
tests/outputs/test_home_assistant.py. An empty variable in place of a device: tests/cli/test_cli_watch.py.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Callable

import pytest
from bluez import device, gather, needs_bus, wire
from processes import board
from samples import read
from support import HEALTHY, PATIENCE, ROOT, Clock, Script, attach, talk

from dalybms import DalyBMS, TransportError
from dalybms.emulator.options import build
from dalybms.outputs.flat import Shape
from dalybms.outputs.home_assistant import Discovery
from dalybms.outputs.jsonl import JsonLines
from dalybms.sampling import Sampler, Watched
from dalybms.watching import Watch

if TYPE_CHECKING:
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]


def on(line: Any, clock: Clock) -> Sampler:
    bms = attach(line, DalyBMS())
    bms._clock = bms.clock = clock  # type: ignore[attr-defined, method-assign, assignment]
    bms._link._transport.clock = bms._link._clock = clock  # type: ignore[union-attr]
    return Sampler(Watched("house", "/dev/x"), lambda _: ({None: bms}, bms.disconnect), clock)


def take(sampler: Sampler, clock: Clock, seconds: float = 10.0) -> dict[str, Any]:
    clock.now += seconds
    (sample,) = sampler.samples(clock)
    return sample


def test_an_error_counter_that_is_never_reset_ended_it_after_hours() -> None:
    """A board that sleeps for days, and one that fails now and then for days, are sampled for ever."""
    awake, clock = [True], Clock()
    healthy = talk(HEALTHY)
    sampler = on(Script(lambda asked, n: healthy._answer(asked, n) if awake[0] else []), clock)
    for run in range(30):
        for _ in range(30):
            awake[0] = run % 2 == 0
            assert take(sampler, clock)["state"] == ("ok" if awake[0] else "asleep")


@pytest.mark.parametrize("interval", [1.0, 2.0])
def test_a_back_off_grew_with_the_cadence_and_was_not_cleared(interval: float) -> None:
    """It grows with failures in a row, is the same at every cadence, and starts anew after a success."""
    clock, there, tried = Clock(), [False], list[float]()

    def open_(_: Watched) -> tuple[dict[int | None, Any], Callable[[], None]]:
        tried.append(clock.now)
        if not there[0]:
            raise TransportError("/dev/x does not exist")
        bms = attach(talk(HEALTHY), DalyBMS())
        bms._link._transport.clock = bms._link._clock = clock  # type: ignore[union-attr]
        return {None: bms}, bms.disconnect

    sampler = Sampler(Watched("house", "/dev/x"), open_, clock)
    for _ in range(2):
        there[0] = False
        sampler.close()
        tried.clear()
        start = clock.now
        while clock.now - start < 300:
            take(sampler, clock, interval)
        waits = [later - before for before, later in zip(tried, tried[1:])]
        assert waits[:5] == [max(interval, wait) for wait in (1.0, 2.0, 4.0, 8.0, 16.0)]
        assert max(waits) <= 60
        there[0] = True
        while take(sampler, clock, interval)["state"] != "ok":
            assert clock.now - start < 400


@needs_bus
def test_a_notification_callback_stacked_up_at_each_reconnect(bluez: BlueZ) -> None:
    bluez.add(dongle := device(answer=lambda request: [request]))
    for _ in range(6):
        link = wire()
        link.write(b"once")
        assert gather(link, 4) == b"once"
        assert link.read(0.1) == b"", "each notification is heard once, after however many links"
        if _ % 2:
            bluez.cut(dongle)
        link.close()


def test_a_missing_value_stopped_discovery() -> None:
    whole = read()
    for missing in ("soc", "cell_voltages", "temperatures", "mosfet_status", "errors", "info", "faults"):
        without = {section: reading for section, reading in whole.items() if section != missing}
        for sample in (without, {**without, missing: {"error": "no answer"}}, {**without, missing: {}}):
            shape = Shape().grown(sample)
            assert list(Discovery("daly_bms", 60).take(sample, shape)), missing


def test_an_empty_variable_overwrote_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    from dalybms.outputs.mqtt.settings import find_password

    monkeypatch.setenv("DALY_BMS_MQTT_PASSWORD", "")
    assert find_password("given", None) == "given"
    assert not find_password(None, None)


def test_junk_was_logged_as_an_error_for_each_packet(caplog: pytest.LogCaptureFixture) -> None:
    line = build("fault=garbage:1,other-program:1,stale:0.2,double:0.2&seed=3")
    clock = Clock()
    with caplog.at_level(logging.INFO):
        sampler = on(line, clock)
        for _ in range(20):
            take(sampler, clock)
    assert sum(line.injected.values()) > 200
    assert len(caplog.records) <= 1, "the sign of the current is told, once"


PROGRAM = [sys.executable, str(ROOT / "daly-bms-cli.py"), "watch", "--interval", "0.1"]


@pytest.mark.alone
def test_a_slow_stop_with_a_reader_that_does_not_read() -> None:
    """A full pipe blocks the writing of a line; a signal ends it all the same."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DALY_BMS")}
    many = [text for number in range(8) for text in ("-d", f"b{number}=demo:?cells=48")]
    process = subprocess.Popen(
        [*PROGRAM, *many], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    try:
        assert process.stdout is not None
        wait_until_it_stands_still(process)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert time.monotonic() - began < 2.5
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def wait_until_it_stands_still(process: subprocess.Popen[bytes]) -> None:
    """Until the pipe holds what it can: no more comes into it."""
    import array
    import fcntl
    import termios

    assert process.stdout is not None
    held, since, end = array.array("i", [0]), time.monotonic(), time.monotonic() + 20
    before = -1
    while time.monotonic() - since < 1.0:
        assert time.monotonic() < end
        select.select([], [], [], 0.1)
        fcntl.ioctl(process.stdout, termios.FIONREAD, held)
        if held[0] != before or held[0] < 4096:
            before, since = held[0], time.monotonic()


@pytest.mark.alone
def test_a_sample_at_1_hz_costs_no_more_than_two_get_all() -> None:
    """CPU of this process, over a real pseudo terminal at the pace of 9600 baud."""
    with board("--pty", "cells=14&sensors=1&latency=25") as name:
        with DalyBMS() as bms:
            bms.connect(name)
            bms.get_all()
            began = time.process_time()
            for _ in range(5):
                bms.get_all()
            one = (time.process_time() - began) / 5
        with Watch([Watched("house", name)], 1.0, count=6) as samples, open(os.devnull, "w") as nowhere:
            lines = JsonLines(lambda line: nowhere.write(line + "\n"))  # type: ignore[arg-type, return-value]
            for number, sample in enumerate(samples):
                assert sample["state"] == "ok"
                lines.take(sample)
                if not number:
                    began = time.process_time()
            each = (time.process_time() - began) / 5
    print(f"a sample {each * 1000:.1f} ms, get_all {one * 1000:.1f} ms")
    assert each <= 2 * one
