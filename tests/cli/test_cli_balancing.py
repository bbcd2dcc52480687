"""A pack that balances and cannot say which cells is no failure: nothing thinks worse of it."""

from __future__ import annotations

import json
import subprocess

import pytest
from monitoring import PROGRAM
from support import PATIENCE

UNSAID = [
    "demo:?protocol=d2&balancing=3,4",
    "demo:?protocol=p81&balancing=3",
    "demo:?balancing=12&unsupported=63",
]
SAID = [
    ("demo:?balancing=1,9", {1, 9}),
    ("demo:?balancing=12", {12}),
    ("demo:?balancing=8&layout=number&hardware=JHB-R24TK-V2.1", {8}),
    ("demo:?balancing=8&layout=number&cells=8&unsupported=63", {8}),
    ("demo:?protocol=p81&cells=8&balancing=3,8", {3, 8}),
    ("demo:?protocol=p81&cells=8&balancing=8&layout=number", {8}),
    ("demo:?protocol=d2", set()),
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE)


def one_line(text: str) -> str:
    assert text.startswith("daly-bms-cli: ")
    assert text.count("\n") == 1
    return text


@pytest.mark.parametrize("device", UNSAID)
def test_alone_it_is_an_empty_object_and_the_reason(device: str) -> None:
    done = run("-d", device, "--balancing")
    assert (done.returncode, done.stdout) == (0, "{}\n")
    assert "balances, but does not say which cells" in one_line(done.stderr)


@pytest.mark.parametrize("device", UNSAID)
@pytest.mark.parametrize("flags", [["--all"], ["--balancing", "--soc"]])
def test_among_others_it_is_absent(device: str, flags: list[str]) -> None:
    done = run("-d", device, *flags)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert "balancing_status" not in found
    assert found["soc"]["soc_percent"] == 76.5


@pytest.mark.parametrize("device", UNSAID)
def test_a_check_is_as_good_as_ever(device: str) -> None:
    done = run("-d", device, "--check")
    assert done.returncode == 0
    assert done.stdout.startswith("DALY OK - SOC 76.5 %")


@pytest.mark.parametrize(("device", "cells"), SAID)
def test_what_is_certain_is_named(device: str, cells: set[int]) -> None:
    found = json.loads(run("-d", device, "--balancing").stdout)
    assert {int(cell) for cell, on in found.items() if on} == cells
    assert found


def test_a_protocol_without_it_is_still_a_failure() -> None:
    done = run("-d", "demo:?protocol=sinowealth", "--sinowealth", "--balancing")
    assert (done.returncode, done.stdout) == (1, "")
    assert "do not say which cells" in one_line(done.stderr)


def test_sensors_that_cannot_be_read() -> None:
    device = "demo:?protocol=p81&sensors=2&temperature=215"
    done = run("-d", device, "--check")
    assert done.returncode == 1
    assert done.stdout.startswith(
        "DALY WARNING - temperature sensors cannot be read; temperature sensors 1, 2 cannot be read;"
    )
    assert run("-d", device, "--check", "--sensors", "0").returncode == 0
    assert run("-d", device, "--check", "--sensors", "2").returncode == 2


@pytest.mark.parametrize("protocol", ["a5", "d2"])
def test_a_mosfet_switched_off_by_command(protocol: str) -> None:
    bits = {"a5": "0000000000001000", "d2": "0000000000000010"}[protocol]
    device = f"demo:?protocol={protocol}&discharge_mosfet=0&alarms={bits}"
    assert json.loads(run("-d", device, "--errors").stdout) == ["a MOSFET was switched off by command"]
    done = run("-d", device, "--check")
    assert done.returncode == 2
    assert "discharge MOSFET off; a MOSFET was switched off by command;" in done.stdout
    for expected in ("off", "any"):
        assert run("-d", device, "--check", "--expect-discharge", expected).returncode == 0


@pytest.mark.parametrize("device", UNSAID)
def test_nor_is_the_sample_in_the_table_a_part(device: str) -> None:
    """As a watch says it, and an exit code of 0."""
    done = run("-d", device, "--all", "--format", "table")
    assert done.returncode == 0
    assert " · ok " in done.stdout


def test_a_section_that_was_not_answered_makes_it_a_part() -> None:
    done = run("-d", "demo:?unsupported=97", "--all", "--format", "table", "--retry", "0")
    assert done.returncode == 1
    assert " · partial " in done.stdout
