"""Boards that echo or lack commands, as the second search found them, and what is said of both."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support import Script, attach, captures

from dalybms import DalyBMS, DalyBMSBluetooth, NoReply
from dalybms.emulator.options import build
from dalybms.errors import DalyError

ROOT = Path(__file__).resolve().parent.parent
RECORDS = {record["id"]: record for record in captures("second")}
KINDS = [DalyBMS, DalyBMSBluetooth]
QUICK = ("--retry", "1", "--reply-timeout", "0.05")
LACKING = {
    "91": "cell-voltage-range",
    "92": "temperature-range",
    "93": "mosfet",
    "97": "balancing",
    "98": "errors",
}
"""Commands that some unit did not answer: the section's word."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dalybms", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=ROOT)


@pytest.mark.parametrize("kind", KINDS)
def test_a_board_that_echoes_all_but_d2_is_found(kind: type[DalyBMS]) -> None:
    """A K00T 8S board sends back every question that is not D2."""
    record = RECORDS["b2-02-echo"]
    assert record["responses"] == [record["request"]]
    d2 = build("protocol=d2&cells=8")
    expected = attach(build("protocol=d2&cells=8"), protocol="d2").get_all()

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        if request[0] != 0xD2:
            return [(0.01, request)]
        d2.write(request, 0.0)
        return [(0.04, d2.take(1e9))]

    script = Script(answer)
    bms = attach(script, kind())
    began = bms.clock.now  # type: ignore[attr-defined]
    assert bms.get_all() == expected
    assert bms.clock.now - began < 5  # type: ignore[attr-defined]
    assert bms.get_info()["protocol"] == "d2"


@pytest.mark.parametrize("kind", KINDS)
def test_a_board_that_echoes_everything_is_named(kind: type[DalyBMS]) -> None:
    """R25A-GJ21, 14S: sends back whatever it gets."""
    record = RECORDS["a5h2-15"]
    script = Script(lambda request, _: [(0.01, request)])
    with pytest.raises(NoReply, match="only our own request came back") as caught:
        attach(script, kind()).get_soc()
    assert caught.value.seen == "echo"
    assert record["request"] in [request.hex() for request in script.requests]


@pytest.mark.parametrize("command", LACKING)
def test_a_reading_that_the_board_lacks_is_named_with_the_way_out(command: str) -> None:
    assert RECORDS["a5h2-18"]["evidence"] == "behaviour"
    done = run("-d", f"demo:?unsupported={command}", "--all", *QUICK)
    document: dict[str, Any] = json.loads(done.stdout)
    failed = {section: part["error"] for section, part in document.items() if "error" in part}
    assert len(failed) == 1
    [(section, error)] = failed.items()
    assert error.startswith(f"no answer to {'faults' if section == 'errors' else section} in ")
    assert error.endswith(f"--without {LACKING[command]} leaves it out")
    assert f"command {command}" not in error


def test_a_check_of_a_board_without_balancing_can_be_ok() -> None:
    lacking = run("-d", "demo:?unsupported=97", "--check", *QUICK)
    assert (lacking.returncode, lacking.stderr) == (3, "")
    assert "no answer to balancing_status" in lacking.stdout
    assert "--without balancing leaves it out" in lacking.stdout
    done = run("-d", "demo:?unsupported=97", "--check", "--without", "balancing", *QUICK)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("protocol", ["a5", "d2", "p81"])
@pytest.mark.parametrize("section", ["soc", "status", "errors", "temperatures", "info"])
@pytest.mark.parametrize("fault", ["asleep", "zero:1", "flip2:1", "noise"])
def test_no_error_names_a_command_or_a_register(protocol: str, section: str, fault: str) -> None:
    bms = attach(build(f"protocol={protocol}&fault={fault}"), protocol=protocol, request_retries=1)
    try:
        outcome = bms.read([section])[section]
    except DalyError as error:
        outcome = error
    assert "command 0" not in str(outcome)
    assert "command 9" not in str(outcome)
    assert "registers" not in str(outcome)
