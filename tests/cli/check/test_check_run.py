"""`--check` as a process when the driver of the battery hangs, or fails as nobody foresaw."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time

import pytest
from check_grammar import take_apart
from monitoring import ROOT
from support import PATIENCE

PROGRAM = """
import argparse, sys, threading
from dalybms.cli.check import run as check_run
from dalybms.cli.check import verdict as check
from dalybms.cli import write_flags

class Battery:
    unusable = {}
    def __enter__(self): return self
    def __exit__(self, *_): self.disconnect()
    def connect(self, device, budget): pass
    def disconnect(self): pass
    def read(self, sections): return {}

%s

parser = argparse.ArgumentParser()
check.add_options(parser)
write_flags.add_options(parser)
parser.add_argument("-d", dest="device")
parser.add_argument("-t", dest="timeout", type=float)
parser.add_argument("--verbose", action="store_true")
parser.set_defaults(board=None, mqtt=False, get=None, format="json", list_ports=False, scan=False)
parser.add_argument("--without", action="append", default=[])
connect = lambda bms, options: bms.connect(options.device, options.timeout)
sys.exit(check_run.main(sys.argv[1:], parser, lambda options: Mine(), connect))
"""


def run(battery: str, *options: str):
    """A check whose battery is `class Mine`; the result, its output and the seconds it took."""
    program = PROGRAM % textwrap.dedent(battery)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program, "--check", "-d", "x", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return done, take_apart(done.stdout), time.monotonic() - began


HANGING = """
class Mine(Battery):
    def {verb}(self, *_):
        threading.Event().wait(60)
"""


@pytest.mark.alone
@pytest.mark.parametrize("verb", ["connect", "read", "disconnect"])
def test_a_hanging_driver_cannot_break_the_time_limit(verb):
    done, output, seconds = run(HANGING.format(verb=verb), "-t", "2.5")
    assert done.returncode == 3
    assert output.text == "not finished within 2.5 s: allow more with -t"
    assert seconds < 2.5


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        ("KeyError('soc')", 3, "internal error, please report it: KeyError: 'soc'"),
        ("RecursionError()", 3, "internal error"),
        ("NoReply('no answer')", 2, "no answer"),
        ("BadReply('cannot be')", 3, "cannot be"),
        ("TransportError('port is gone')", 3, "port is gone"),
        ("ValueError('no such device')", 3, "no such device"),
        ("KeyboardInterrupt()", 3, "terminated"),
    ],
)
@pytest.mark.parametrize("verb", ["connect", "read"])
def test_every_error_becomes_a_verdict(verb, error, code, text):
    battery = f"""
    from dalybms.errors import *
    class Mine(Battery):
        def {verb}(self, *_): raise {error}
    """
    done, output, _ = run(battery)
    assert (done.returncode, done.stderr) == (code, "")
    assert output.text.startswith(text)


def test_the_stage_that_was_reached_is_told_when_the_time_is_over():
    battery = """
    from dalybms.errors import TransportError
    class Mine(Battery):
        closed = threading.Event()
        def connect(self, device, budget):
            self.closed.wait(30)
            error = TransportError("AA:BB is not there")
            error.stage = "scan"
            raise error
        def disconnect(self): self.closed.set()
    """
    done, output, _ = run(battery, "-t", "1")
    assert done.returncode == 3
    assert output.text == "AA:BB is not there (stage: scan)"


def test_a_wire_that_was_still_being_opened_when_the_time_was_over_is_late():
    battery = """
    from dalybms.errors import TransportError
    class Mine(Battery):
        closed = threading.Event()
        def connect(self, device, budget):
            self.closed.wait(30)
            raise TransportError("the connection was closed during the call")
        def disconnect(self): self.closed.set()
    """
    done, output, _ = run(battery, "-t", "1")
    assert (done.returncode, output.text) == (3, "not finished within 1 s: allow more with -t")


WAITING = """
from dalybms.errors import TransportError
class Mine(Battery):
    closed = threading.Event()
    def read(self, sections):
        if "faults" in sections and {answers}: return {{"faults": []}}
        self.closed.wait(30)
        error = TransportError("connection closed")
        error.stage = "closed"
        raise error
    def disconnect(self): self.closed.set()
"""


@pytest.mark.parametrize(
    ("device", "answers", "code", "text"),
    [
        ("AA:BB:CC:DD:EE:FF", False, 2, "connected, but no answer within 1 s"),
        ("AA:BB:CC:DD:EE:FF", True, 3, "not finished within 1 s: allow more with -t"),
        ("/dev/ttyUSB0", False, 3, "not finished within 1 s: allow more with -t"),
    ],
)
def test_bluetooth_that_is_connected_but_silent_is_no_reply(device, answers, code, text):
    done, output, _ = run(WAITING.format(answers=answers), "-t", "1", "-d", device)
    assert (done.returncode, output.text) == (code, text)


@pytest.mark.parametrize(("limit", "budget"), [((), 7), (("-t", "40"), 37), (("-t", "2"), 0.5)])
def test_finding_and_connecting_is_cut_so_that_time_for_answers_is_left(limit, budget):
    battery = """
    from dalybms.errors import TransportError
    class Mine(Battery):
        def connect(self, device, budget): raise TransportError(f"not found in {budget:g} s")
    """
    _, output, _ = run(battery, *limit)
    assert output.text == f"not found in {budget:g} s"


def test_a_battery_that_tells_nothing_is_unknown():
    done, output, _ = run("class Mine(Battery): pass")
    assert done.returncode == 3
    assert output.text == "was not asked"


LOST = """
from dalybms.errors import TransportError
class Mine(Battery):
    closed = threading.Event()
    def read(self, sections):
        if "faults" in sections:
            return {{"faults": [{{"code": "x", "level": {level}, "text": "too hot"}}]}}
        {then}
        raise TransportError("port is gone")
    def disconnect(self): {end}
"""


@pytest.mark.parametrize(
    ("then", "end", "why"),
    [
        ("pass", "pass", "port is gone"),
        ("self.closed.wait(30)", "self.closed.set()", "not finished within 1.5 s: allow more with -t"),
        ("self.closed.wait(30)", "pass", "not finished within 1.5 s: allow more with -t"),
    ],
    ids=["lost", "late", "hanging"],
)
@pytest.mark.parametrize(("level", "code"), [(1, 1), (2, 2)])
def test_a_fault_that_is_known_is_told_whatever_becomes_of_the_rest(then, end, why, level, code):
    done, output, _ = run(LOST.format(level=level, then=then, end=end), "-t", "1.5")
    assert (done.returncode, done.stderr) == (code, "")
    assert output.text.startswith("too hot; 8 sections not read: soc, ")
    assert output.text.endswith(why)
