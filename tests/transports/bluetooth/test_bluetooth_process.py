"""Processes that end: by themselves in the middle of a read, by Ctrl-C in any wait, or as forked children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bluez import MAC, device, needs_bus, old_bleak, wire
from support import PATIENCE

from dalybms.errors import TransportError
from dalybms.transports.bluetooth.limits import LIMITS

if TYPE_CHECKING:
    from bluez.bus import Bus
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]
pytestmark = needs_bus

OPEN = (
    f"from dalybms.transports.bluetooth.transport import BluetoothTransport as Wire\nlink = Wire({MAC!r})\n"
)
READ = "import threading\nthreading.Thread(target=link.read, args=(60,), daemon=True).start()\n"


@pytest.fixture
def programs() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for each in started:
        each.kill()
        each.communicate(timeout=PATIENCE)


def program(programs: list[subprocess.Popen[str]], code: str) -> subprocess.Popen[str]:
    """A Python of its own, with the tests' message bus, in which any warning is an error."""
    root = str(Path(__file__).resolve().parents[3])
    warnings = ["-W", "error"] + (["-W", "ignore::ResourceWarning"] if old_bleak() else [])
    each = subprocess.Popen(
        [sys.executable, *warnings, "-c", code],
        env={**os.environ, "PYTHONPATH": root},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    programs.append(each)
    return each


def ended(each: subprocess.Popen[str], within: float) -> tuple[int, str]:
    """Exit status and standard error."""
    _, errors = each.communicate(timeout=within)
    return each.returncode, errors


@pytest.mark.parametrize(
    "last",
    ["", READ, READ + "import sys; sys.exit(0)", READ + "del link"],
    ids=["open", "reading", "sys.exit", "link given up"],
)
def test_the_interpreter_ends_in_the_middle_of_a_read(bluez: BlueZ, programs: list, last: str) -> None:
    bluez.add(dongle := device())
    assert ended(program(programs, OPEN + last), 10) == (0, "")
    bluez.wait_for(lambda: not dongle.connected)


def test_a_program_that_fails_leaves_no_link(bluez: BlueZ, programs: list) -> None:
    bluez.add(dongle := device())
    status, errors = ended(program(programs, OPEN + "raise ValueError('mine')"), 10)
    assert status == 1
    assert errors.strip().endswith("ValueError: mine")
    bluez.wait_for(lambda: not dongle.connected)


def test_a_message_bus_that_dies_leaves_no_traceback(bus: Bus, bluez: BlueZ, programs: list) -> None:
    bluez.add(device())
    code = OPEN + "print('open', flush=True)\nimport sys; sys.stdin.read()\n"
    code += (
        "try:\n  link.write(b'x'); link.read(1); link.write(b'x')\nexcept OSError as e: pass\nlink.close()"
    )
    each = program(programs, code)
    assert each.stdout is not None
    assert each.stdout.readline() == "open\n"
    bus.kill()
    _, errors = each.communicate("", timeout=PATIENCE)
    assert (each.returncode, errors) == (0, "")


@pytest.mark.alone
@pytest.mark.parametrize(
    ("hangs", "last", "until"),
    [
        ("", "", "StartDiscovery"),  # the device is not there
        ("Connect", "", "Connect"),
        ("StartNotify", "", "StartNotify"),
        ("", "link.read(60)", "StartNotify"),
        ("WriteValue", "link.write(b'x')", "WriteValue"),
    ],
    ids=["scan", "connect", "subscribe", "read", "write"],
)
@pytest.mark.parametrize("for_good", [False, True], ids=["", "Bluetooth hangs from then on"])
def test_ctrl_c_ends_any_wait_within_4_seconds(
    bluez: BlueZ, programs: list, hangs: str, last: str, until: str, for_good: bool
) -> None:
    from bluez.standin import Trouble

    bluez.add(dongle := device(advertising=until != "StartDiscovery"))
    bluez.disconnect_delay = 0.3
    if hangs:
        bluez.troubles[hangs] = Trouble(hang=True)
    each = program(programs, OPEN + last)
    bluez.wait_for(lambda: until in bluez.calls)
    if for_good:
        bluez.hang()
    each.send_signal(signal.SIGINT)
    began = time.monotonic()
    status, errors = ended(each, 10)
    assert time.monotonic() - began < 4
    assert status == -signal.SIGINT
    assert errors.strip().endswith("KeyboardInterrupt")
    if not for_good:
        bluez.wait_for(lambda: not dongle.connected)


def test_a_forked_child_neither_uses_nor_ends_the_parents_link(bluez: BlueZ, programs: list) -> None:
    bluez.add(dongle := device(answer=lambda request: [request]))
    child = """
import os, sys, warnings
warnings.simplefilter("ignore")
pid = os.fork()
if pid == 0:
    try:
        link.write(b"child")
    except OSError as error:
        print(error, flush=True)
        link.close()
        sys.exit(0)
os.waitpid(pid, 0)
link.write(b"parent")
print(link.read(2), flush=True)
"""
    each = program(programs, OPEN + child)
    output, errors = each.communicate(timeout=PATIENCE)
    assert (each.returncode, errors) == (0, "")
    assert "has ended; connect again" in output
    assert "b'parent'" in output
    assert [value for value, _ in dongle.written] == [b"parent"]
    assert bluez.calls.count("Disconnect") == 1


def test_the_real_limits_keep_their_promises() -> None:
    """Local troubles 8 s, a device that is not there 18 s, a hanging call 40 s, Ctrl-C 4 s."""
    rounds = 2 * 0.2  # cancelling again what did not end
    after = LIMITS.cleanup + rounds
    assert LIMITS.bus + after <= 8
    assert LIMITS.start + after <= 8
    assert LIMITS.start + LIMITS.scan + LIMITS.stop <= 18
    disconnecting = LIMITS.disconnect + after
    assert LIMITS.scan + LIMITS.connect + after + disconnecting <= 40
    assert LIMITS.cleanup + LIMITS.exit < 4
    assert LIMITS.disconnect + rounds < 4


def test_shutdown_ends_links_and_a_later_connection_starts_anew(bluez: BlueZ) -> None:
    from dalybms.transports.bluetooth.thread import shutdown

    bluez.add(dongle := device())
    link = wire()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(link.read, 20)
        shutdown()
        with pytest.raises(TransportError, match="were shut down"):
            reading.result(5)
    assert not dongle.connected
    shutdown()
    with pytest.raises(TransportError, match="has ended; connect again"):
        link.write(b"x")
    link.close()
    assert wire().address == MAC
