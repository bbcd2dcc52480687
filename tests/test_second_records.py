"""Boards that echo or lack commands, as the second search found them, and what is said of both."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support import PATIENCE, Script, attach, captures

from dalybms import DalyBMS, DalyBMSBluetooth, NoReply
from dalybms.emulator.options import build
from dalybms.errors import DalyError
from dalybms.protocols.modbus.frame import crc

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
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT)


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_recorded_poll_whose_unused_registers_repeat_others(kind: type[DalyBMS]) -> None:
    """0x26 and 0x27 hold copies of other registers; 0x32 says that there is one sensor."""
    record = RECORDS["b2-01-status"]
    answer = bytes.fromhex(record["responses"][0])
    script = Script(lambda asked, _: [(0.05, answer)] if asked.hex() == record["request"] else [])
    found: Any = attach(script, kind()).get_all()
    expected = record["expected"]
    assert list(found["cell_voltages"].values()) == expected["cells"]
    assert found["temperatures"] == {1: expected["temperatures"]["1"]}
    told = {**found["soc"], **found["status"], **found["mosfet_status"]}
    stated = {key: value for key, value in expected.items() if key not in ("cells", "temperatures", "note")}
    assert {key: told[key] for key in stated} == stated


@pytest.mark.parametrize(
    ("name", "section", "values"),
    [("b2-02-voltage", "soc", ["total_voltage"]), ("b2-02-cells", "cell_voltages", list(range(1, 9)))],
)
def test_recorded_registers_in_the_place_where_a_poll_has_them(name: str, section: str, values: Any) -> None:
    """The same board answers a few registers as it answers all of them."""
    record = RECORDS[name]
    first = int(record["request"][4:8], 16)
    block = bytearray(124)
    for register, raw in {0x28: 266, 0x29: 30000, 0x31: 8, 0x2B: 3325, 0x2C: 3320}.items():
        block[2 * register : 2 * register + 2] = raw.to_bytes(2, "big")
    recorded = bytes.fromhex(record["responses"][0])
    assert recorded[-2:] == crc(recorded[:-2])
    block[2 * first : 2 * first + recorded[2]] = recorded[3:-2]
    body = b"\xd2\x03\x7c" + block
    script = Script(lambda asked, _: [(0.05, body + crc(body))] if asked[3] == 0 else [])
    found = getattr(attach(script, protocol="d2"), f"get_{section}")()
    expected = next(iter(record["expected"].values()))
    assert [found[value] for value in values] == (expected if isinstance(expected, list) else [expected])


@pytest.mark.parametrize(("name", "milliseconds"), [("a5h2-13", 60), ("b2-12-pace", 100)])
def test_boards_that_must_not_be_hurried_lose_nothing(name: str, milliseconds: int) -> None:
    """One loses what comes within 60 ms, the other answered 13 of 20 after 20 ms and all after 120 ms."""
    assert RECORDS[name]["evidence"] == "behaviour"
    bms = attach(build(f"cells=8&deaf={milliseconds}"))
    for _ in range(2):
        assert not [found for found in bms.get_all().values() if isinstance(found, dict) and "error" in found]


def test_every_record_is_used() -> None:
    """By its own name in a test, or by the beginning of it where one test takes several."""
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    together = ("a5h2-03-", "a5h2-04-")
    assert all(f'"{start[:-1]}"' in tests for start in together)
    assert [name for name in RECORDS if f'"{name}"' not in tests and not name.startswith(together)] == []
