"""`--without`: what a board lacks is not asked for, and a section that stays silent names the option."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import pytest
from monitoring import PROGRAM, check
from support import PATIENCE, captures

from dalybms.cli.check.verdict import Policy, verdict
from dalybms.cli.options import build_parser, flag
from dalybms.cli.without import advised
from dalybms.errors import BadReply, NoReply, TransportError
from dalybms.sections import MORE_SECTIONS, SECTIONS, word

LACKS = "demo:?unsupported=91,92,93,97,98"
"""The board of the record a5h2-18."""
ITS_OPTIONS = [
    *("--without", "cell-voltage-range", "--without", "temperature-range", "--without", "mosfet"),
    *("--without", "balancing", "--without", "errors"),
]
SPARED_BY_CHECK = [
    ("cell-voltage-range", "91"),
    ("temperature-range", "92"),
    ("temperatures", "96"),
    ("balancing", "97"),
]
QUICK = ["--reply-timeout", "0.02"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE)


def asked(stderr: str) -> set[str]:
    """The A5 commands that --verbose shows as sent."""
    return {line.split()[4] for line in stderr.splitlines() if " -> a5 " in line}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_left_out_is_neither_printed_nor_asked_for(section: str) -> None:
    done = run("-d", "demo:?cells=4", "--all", "--without", word(section), "-v")
    assert done.returncode == 0
    assert list(json.loads(done.stdout)) == [name for name in SECTIONS if name != section]
    own = {"soc": "90", "cell_voltage_range": "91", "temperature_range": "92", "mosfet_status": "93"}
    own.update({"cell_voltages": "95", "temperatures": "96", "balancing_status": "97", "errors": "98"})
    assert asked(done.stderr) == {*own.values(), "94"} - {own.get(section)}  # 94 says how many cells


def test_it_is_the_word_of_the_flag() -> None:
    for section in (*SECTIONS, *MORE_SECTIONS):
        assert flag(section) == f"--{word(section)}"
    assert [word(section) for section in SECTIONS][3:] == [
        *("mosfet", "status", "cell-voltages", "temperatures", "balancing", "errors")
    ]


def test_it_can_be_repeated_and_leaves_the_other_flags_alone() -> None:
    done = run("-d", "demo:", "--all", *("--without", "balancing") * 2, "--without", "soc", "--faults")
    kept = [section for section in SECTIONS if section not in ("soc", "balancing_status")]
    assert list(json.loads(done.stdout)) == [*kept, "faults"]


def test_one_section_that_is_left_of_all_is_still_an_object() -> None:
    left_out = [part for section in list(SECTIONS)[1:] for part in ("--without", word(section))]
    assert list(json.loads(run("-d", "demo:", "--all", *left_out).stdout)) == ["soc"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["--all", "--without", "nonsense"],
            "nothing is named 'nonsense'; there are soc, cell-voltage-range",
        ),
        (["--all", "--without", "faults"], "nothing is named 'faults'"),
        (["--all", "--without", "cell_voltages"], "nothing is named 'cell_voltages'"),
        (["--all", "--without"], "expected one argument"),
        (["--soc", "--without", "balancing"], "--without goes with --all or --check"),
        (["--without", "balancing"], "--without goes with --all or --check"),
        (
            ["--all", "--balancing", "--without", "balancing"],
            "--balancing and --without balancing contradict",
        ),
        (["--all", *(x for name in SECTIONS for x in ("--without", word(name)))], "nothing to read"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_wrong_usage(arguments: list[str], reason: str) -> None:
    done = run("-d", "demo:", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr.splitlines()[-1]


@pytest.mark.alone
def test_the_board_that_lacks_five_commands_is_read_quickly() -> None:
    """Record a5h2-18. Each silent command costs repeats; left out, it costs nothing."""
    record = next(each for each in captures("second") if each["id"] == "a5h2-18")
    assert (record["request"][4:6], record["responses"]) == ("97", [])
    assert all(f"0x{command}" in record["source"] for command in ("91", "92", "93", "97", "98"))
    began = time.monotonic()
    done = run("-d", LACKS, "--all", *ITS_OPTIONS)
    assert time.monotonic() - began < 2
    assert (done.returncode, done.stderr) == (0, "")
    assert list(json.loads(done.stdout)) == ["soc", "status", "cell_voltages", "temperatures"]


@pytest.mark.alone
def test_a_check_of_a_board_without_balancing_can_become_ok() -> None:
    """Record a5h2-18: 0x97 alone kept the check from OK."""
    before = check("demo:?unsupported=97", *QUICK)
    assert before.output.state == "UNKNOWN"
    assert "--without balancing leaves it out" in before.output.text
    after = check("demo:?unsupported=97", "--without", "balancing")
    assert after.output.state == "OK"
    assert after.output.text.endswith("; without balancing")
    assert after.seconds < 2


@pytest.mark.alone
@pytest.mark.parametrize(("left_out", "command"), SPARED_BY_CHECK)
def test_a_check_without_each_section_it_can_spare(left_out: str, command: str) -> None:
    result = check(f"demo:?unsupported={command}", "--without", left_out, "-v")
    assert result.output.state == "OK"
    assert result.output.text.endswith(f"; without {left_out}")
    assert result.seconds < 2
    shown = check("demo:").output.perf
    gone = {"cell-voltage-range": "cell_", "temperature-range": "temp_"}.get(left_out, "none")
    assert set(result.output.perf) == {label for label in shown if not label.startswith(gone)}
    assert len(result.output.more) == 8


def test_the_first_line_says_it_whatever_the_state_is() -> None:
    result = check("demo:?alarms=0200000000000000", *("--without", "temperatures", "--without", "balancing"))
    assert result.output.state == "CRITICAL"
    assert result.output.text.endswith("; without temperatures, balancing")


def test_a_fault_of_sensors_is_told_also_where_their_readings_are_left_out() -> None:
    fault = {"code": "temperature_sensors_unreadable", "level": 1, "text": "sensors cannot be read"}
    said = verdict({"soc": {"soc_percent": 52.0}, "faults": [fault]}, Policy(without=("temperatures",)))
    assert said.first_line.startswith("DALY WARNING - sensors cannot be read")


@pytest.mark.parametrize(
    "options",
    [
        ["--without", "soc"],
        ["--without", "nonsense"],
        ["--without", "temperature-range", "-w", "temp_min=0:"],
        ["--without", "temperatures", "--sensors", "4"],
    ],
    ids=" ".join,
)
def test_wrong_usage_of_a_check_is_unknown(options: list[str]) -> None:
    result = check("demo:", *options)
    assert result.output.state == "UNKNOWN"
    assert "without" in result.output.text


def test_a_silent_section_of_all_names_the_option() -> None:
    document = json.loads(run("-d", "demo:?unsupported=93,97", "--all", *QUICK).stdout)
    assert document["balancing_status"]["error"].endswith("; --without balancing leaves it out")
    assert document["mosfet_status"]["error"].endswith("; --without mosfet leaves it out")


def test_a_check_names_the_options_for_all_silent_sections_at_once() -> None:
    result = check("demo:?unsupported=92,97", *QUICK)
    assert "; --without temperature-range --without balancing leaves them out;" in result.output.text
    needed = check("demo:?unsupported=98", *QUICK)
    assert "--without" not in needed.output.text


@pytest.mark.parametrize("arguments", [["--soc", "--balancing"], ["--balancing"]])
def test_a_flag_of_its_own_is_left_out_by_not_giving_it(arguments: list[str]) -> None:
    done = run("-d", "demo:?unsupported=97", *arguments, *QUICK)
    assert done.returncode == 1
    assert "--without" not in done.stdout + done.stderr


def test_a_dead_line_names_no_option() -> None:
    assert "--without" not in run("-d", "demo:?fault=asleep", "--all", *QUICK).stderr


SOC = {"soc_percent": 50.0}


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (NoReply("x", "silence"), True),
        (NoReply("x", "another command"), True),
        (NoReply("x", "echo"), True),
        (NoReply("x", "damage"), False),
        (NoReply("x", "noise"), False),
        (NoReply("x", "another board"), False),
        (BadReply("x"), False),
        (TransportError("x"), False),
    ],
    ids=repr,
)
def test_only_silence_is_taken_for_a_lack(error: Exception, named: bool) -> None:
    options = build_parser().parse_args(["--all"])
    outcomes: dict[str, Any] = {"soc": SOC, "status": error}
    said = advised(outcomes, options)
    assert said["soc"] == SOC
    assert ("--without status" in str(said["status"])) is named
    assert type(said["status"]) is type(error)
    assert advised({"status": error}, options) == {"status": error}
