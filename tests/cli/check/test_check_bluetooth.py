"""`--check` over Bluetooth: the same verdicts, and within the time limit whatever the system does."""

from __future__ import annotations

import time

import pytest
from bluez import MAC, device, needs_bus
from check_grammar import STATES
from monitoring import check

from dalybms.emulator.options import build

pytest_plugins = ["bluez.fixtures"]
pytestmark = needs_bus

OK, WARNING, CRITICAL, UNKNOWN = STATES


def battery(options: str):
    """A dongle with a fake board behind it, which answers in notifications of 20 bytes."""
    line = build(options)

    def answer(request: bytes):
        line.write(request, time.monotonic())
        reply = line.take(time.monotonic())
        return [reply[start : start + 20] for start in range(0, len(reply), 20)]

    return device(answer=answer)


@pytest.mark.parametrize(
    ("options", "state", "begins"),
    [
        ("soc=52&alarms=0100000000000000", WARNING, "cell voltage too high (level 1); SOC 52 %"),
        ("style=fixed-all", OK, "SOC"),
    ],
)
def test_the_verdict_is_that_of_a_wire(bluez, options, state, begins):
    bluez.add(battery(options))
    result = check(MAC)
    assert result.output.state == state, result
    assert result.output.text.startswith(begins)


def test_connected_but_silent_is_critical(bluez):
    bluez.add(device())
    result = check(MAC, "--reply-timeout", "0.05")
    assert result.output.state == CRITICAL
    assert result.output.text.startswith("no answer")


@pytest.mark.alone
def test_connected_but_silent_is_critical_also_when_the_time_is_over(bluez):
    bluez.add(device())
    result = check(MAC, "-t", "3")
    assert result.output.state == CRITICAL
    assert result.output.text == "connected, but no answer within 3 s"
    assert result.seconds < 3


@pytest.mark.alone
def test_a_device_that_is_not_there_is_unknown_and_the_stage_is_named(bluez):
    result = check(MAC, "-t", "3")
    assert result.output.state == UNKNOWN
    assert result.output.text.endswith("(stage: scan)")
    assert result.seconds < 3


@pytest.mark.alone
@pytest.mark.parametrize(
    ("call", "state"),
    [
        ("GetManagedObjects", UNKNOWN),
        ("StartDiscovery", UNKNOWN),
        ("StopDiscovery", UNKNOWN),
        ("Connect", UNKNOWN),
        ("StartNotify", UNKNOWN),
        ("WriteValue", CRITICAL),
    ],
)
def test_a_bluetooth_service_that_hangs_cannot_break_the_time_limit(bluez, call, state):
    bluez.add(battery("soc=52"))
    bluez.hangs_after = call
    result = check(MAC, "-t", "3.5")
    assert result.output.state == state, result
    assert result.seconds < 3.5
    assert call in bluez.calls
