"""--board 1,2,3 and --board all, as a process and in one."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from processes import board
from support import PATIENCE

from dalybms import bank, open_cable
from dalybms.cli.main import main
from dalybms.cli.options import flag
from dalybms.sections import MORE_SECTIONS, SECTIONS

ROOT = Path(__file__).resolve().parents[2]
CLI = [sys.executable, str(ROOT / "daly-bms-cli.py")]
THREE = "demo:?boards=3"
QUICK = ("--reply-timeout", "0.02", "--retry", "1")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, *arguments], capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT)


def answer(capsys: Any, *arguments: str) -> tuple[int, Any, str]:
    """(exit code, what stands on stdout as JSON, stderr)"""
    code = main(arguments)
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def without_heartbeat(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: without_heartbeat(value) for key, value in document.items() if key != "heartbeat"}
    return document


@pytest.mark.parametrize("section", [*SECTIONS, *MORE_SECTIONS])
def test_each_board_is_printed_as_it_would_be_alone(capsys: Any, section: str) -> None:
    code, document, err = answer(capsys, "-d", THREE, flag(section), "--board", "1,2,3")
    assert (code, err) == (0, "")
    assert list(document) == ["boards"]
    alone = {number: answer(capsys, "-d", THREE, flag(section), "--board", number)[1] for number in "123"}
    assert without_heartbeat(document["boards"]) == without_heartbeat(alone)
    assert list(document["boards"]) == ["1", "2", "3"]


def test_several_sections_and_the_order_that_was_asked_for(capsys: Any) -> None:
    code, document, _ = answer(capsys, "-d", THREE, "--errors", "--soc", "--board", "3,1")
    assert code == 0
    assert list(document["boards"]) == ["3", "1"]
    assert list(document["boards"]["1"]) == ["soc", "errors"]


def test_all_has_the_bank_beside_the_boards(capsys: Any) -> None:
    code, document, _ = answer(capsys, "-d", THREE, "--all", "--board", "1,2,3")
    assert code == 0
    assert list(document) == ["boards", "bank"]
    assert all(list(each) == list(SECTIONS) for each in document["boards"].values())
    with open_cable(THREE) as cable:
        boards = {str(number): cable.board(number) for number in (1, 2, 3)}
        packs = {name: {**each.get_all(), "info": each.get_info()} for name, each in boards.items()}
    assert document["bank"] == json.loads(json.dumps(bank(packs)))
    assert document["bank"]["soc_percent"] == 76.4


def test_the_bank_reads_no_more_of_the_info_than_it_needs() -> None:
    done = run("-d", THREE, "--all", "--board", "1,2", "--verbose")
    asked = [line.split("-> a5 ")[1][3:5] for line in done.stderr.splitlines() if "-> a5" in line]
    assert len(json.loads(done.stdout)["boards"]) == 2
    assert asked.count("90") == asked.count("50") == 2
    assert len(asked) == 2 * 10


def test_the_bank_of_boards_without_a_rated_capacity_has_no_state_of_charge(capsys: Any) -> None:
    code, document, _ = answer(
        capsys, "-d", "demo:?boards=2&unsupported=50", "--all", "--board", "1,2", *QUICK
    )
    assert code == 0
    assert "soc_percent" not in document["bank"]
    assert "capacity when full" in document["bank"]["soc_percent_unknown"]
    assert all("error" not in each["soc"] for each in document["boards"].values())


def test_p81_boards_and_the_sign_of_their_current(capsys: Any) -> None:
    device = "demo:?boards=2&protocol=p81"
    _, document, _ = answer(capsys, "-d", device, "--all", "--board", "1,2")
    assert document["boards"]["1"]["soc"]["current"] < 0
    assert document["bank"]["current"] > 0
    _, turned, _ = answer(capsys, "-d", device, "--all", "--board", "1,2", "--invert-current")
    assert turned["boards"]["1"]["soc"]["current"] > 0
    assert turned["bank"]["current"] == document["bank"]["current"]


def test_all_asks_for_info_too_when_it_is_wanted(capsys: Any) -> None:
    _, document, _ = answer(capsys, "-d", THREE, "--all", "--info", "--board", "1,2")
    assert document["boards"]["2"]["info"]["battery_code"]
    assert "soc_percent" in document["bank"]


def test_one_number_prints_as_ever(capsys: Any) -> None:
    _, document, _ = answer(capsys, "-d", THREE, "--soc", "--board", "2")
    assert document["soc_percent"] == 76.4


def test_a_board_that_fails_is_told_in_its_place(capsys: Any) -> None:
    code, document, _ = answer(capsys, "-d", "demo:?boards=2", "--soc", "--board", "2,5", *QUICK)
    assert code == 1
    assert document["boards"]["2"]["soc_percent"] == 76.4
    assert list(document["boards"]["5"]) == ["error"]
    code, document, _ = answer(capsys, "-d", "demo:?boards=2", "--all", "--board", "2,5", *QUICK)
    assert code == 1
    assert list(document["boards"]["5"]) == ["error"]
    assert document["bank"]["boards"] == {"answering": 1, "of": 2}
    assert list(document["bank"]["left_out"]) == ["5"]


def test_a_section_that_fails_is_told_in_its_place(capsys: Any) -> None:
    code, document, _ = answer(
        capsys, "-d", "demo:?boards=2&unsupported=97", "--all", "--board", "1,2", *QUICK
    )
    assert code == 1
    for each in document["boards"].values():
        assert list(each["balancing_status"]) == ["error"]
        assert each["soc"]["total_voltage"] > 0


def test_a_wire_that_goes_is_told_for_each_board_that_was_not_read(capsys: Any) -> None:
    code, document, _ = answer(capsys, "-d", "demo:?boards=2&fault=unplug:1:1", "--soc", "--board", "1,2")
    assert code == 1
    assert "total_voltage" in document["boards"]["1"] or "unplugged" in document["boards"]["1"]["error"]
    assert "unplugged" in document["boards"]["2"]["error"]


def test_a_wire_that_cannot_be_opened_is_one_line(capsys: Any) -> None:
    code, document, err = answer(capsys, "-d", "/dev/ttyUSB99", "--soc", "--board", "1,2")
    assert (code, document, err.count("\n")) == (1, None, 1)


def test_the_time_limit_names_the_boards_that_were_not_read(capsys: Any) -> None:
    code, document, _ = answer(capsys, "-d", "demo:?boards=1", "--soc", "--board", "1,5,6", "-t", "1")
    assert code == 1
    assert document["boards"]["1"]["soc_percent"] == 76.5
    assert "not finished within 1.0 s (-t)" in document["boards"]["5"]["error"]
    assert "not finished within 1.0 s (-t)" in document["boards"]["6"]["error"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--board", "1,1"),
        ("--board", "1,"),
        ("--board", "1,17"),
        ("--board", "0,1"),
        ("--board", "1,x"),
        ("--board", "ALL"),
        ("--board", "1,2", "--protocol", "d2"),
        ("--board", "1,2", "--sinowealth"),
        ("--board", "all", "--uart"),
        ("--board", "1,2", "--address", "0x41"),
    ],
    ids=" ".join,
)
def test_wrong_usage_opens_nothing(capsys: Any, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["-d", "/dev/ttyUSB99", "--soc", *arguments])
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert "error: " in err.splitlines()[-1]
    assert "ttyUSB99" not in err


def test_bluetooth_is_one_board(capsys: Any) -> None:
    with pytest.raises(SystemExit) as end:
        main(["-d", "AA:BB:CC:DD:EE:FF", "--soc", "--board", "1,2"])
    assert end.value.code == 2
    assert "Bluetooth" in capsys.readouterr().err


def test_all_finds_the_boards_on_a_real_wire() -> None:
    with board("--tcp", "0", "boards=3&board=4") as device:
        done = run("-d", device, "--soc", "--board", "all")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(json.loads(done.stdout)["boards"]) == ["4", "5", "6"]


def test_all_without_any_answer_is_one_line_and_progress_is_for_terminals() -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [*CLI, "-d", "demo:?fault=asleep", "--soc", "--board", "all", "--reply-timeout", "0.06"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=PATIENCE,
        cwd=ROOT,
    )
    seen = b""
    while select.select([ours], [], [], 0.2)[0]:
        seen += os.read(ours, 65536)
    os.close(theirs)
    os.close(ours)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"asking board 16 of 16 (P81)" in seen
    assert seen.decode().split("\r\x1b[K")[-1].startswith("daly-bms-cli: no board answered under any number")
