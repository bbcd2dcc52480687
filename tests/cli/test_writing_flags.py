"""The writing flags as a process: shown, confirmed, sent once, told; nothing sent when anything is wrong."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from processes import board
from support import PATIENCE
from written import FRAME, OFF, on_a_terminal, reading_back, run, sent, until, writing


def timeless(frame: str | None) -> str | None:
    """A frame without the time that A5's 0x21 sets, which is that of sending, and without the sum over it."""
    return frame[:8] + frame[20:24] if frame and frame[4:6] == "21" else frame


@pytest.mark.parametrize(
    ("options", "arguments", "code", "outcome"),
    [
        ("", [*OFF, "--yes"], 0, "done"),
        ("", ["--set-charge-mosfet", "on", "--yes"], 0, "done"),
        ("", ["--set-soc", "80", "--yes"], 0, "done"),
        ("", ["--set-soc", "76.5", "--yes"], 0, "unchanged"),
        ("restart=2.5", ["--restart", "--yes"], 0, "done"),
        ("protocol=d2", ["--set-charge-mosfet", "on", "--yes"], 0, "unchanged"),
        ("", [*OFF, "--dry-run"], 0, "dry run"),
        ("protocol=p81", [*OFF, "--dry-run"], 0, "dry run"),
        ("", [*OFF, "--yes", "--read-only"], 1, "refused"),
        ("", [*OFF, "--yes", "--if-battery-code", "another"], 1, "refused"),
        ("", [*OFF, "--yes", "--if-battery-code", "DL-280AH-16S-000123"], 0, "done"),
        ("write=ignore", [*OFF, "--yes", "-t", "3"], 4, "unverified"),
        ("discharge_off=gone", [*OFF, "--yes"], 4, "unverified"),
    ],
)
def test_an_outcome_is_json_and_an_exit_code(
    tmp_path: Path, options: str, arguments: list[str], code: int, outcome: str
) -> None:
    log, kept = tmp_path / "board.log", tmp_path / "write.log"
    done = run("-d", f"demo:?{options}&log={log}".replace("?&", "?"), *arguments, "--write-log", str(kept))
    assert done.returncode == code, done.stderr
    result = json.loads(done.stdout)
    assert result["outcome"] == outcome
    assert sent(log) == ([result["frame"]] if outcome in ("done", "unverified") else [])
    before, after = (
        map(json.loads, kept.read_text().splitlines()) if "--read-only" not in arguments else ({}, {})
    )
    if before:
        assert (before["event"], after["event"], after["outcome"]) == ("before", "after", outcome)
        shown = None if "another" in arguments else result.get("frame")
        assert timeless(before.get("frame")) == timeless(shown)
    if outcome in ("refused", "unverified"):
        assert done.stderr.splitlines()[-1].startswith("daly-bms-cli: ")


def test_what_is_written_is_shown_first() -> None:
    done = run("-d", "demo:", *OFF, "--yes")
    for part in (
        "device: demo:",
        "protocol: a5",
        "board: 1",
        "battery code: DL-280AH-16S-000123",
        "cells: 16",
        "pack: 53 V",
        "state of charge: 76.5 %",
        "discharge MOSFET: on -> off",
        f"frame: {FRAME}",
        "this very computer",
    ):
        assert part in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--restart", "--yes"],
        ["--set-soc", "5", "--yes"],
        [*OFF, "--yes"],
    ],
)
def test_what_may_cut_the_power_is_said(arguments: list[str]) -> None:
    assert "this very computer" in run("-d", "demo:?restart=2.5", *arguments).stderr


def test_what_does_not_cut_the_power_is_not() -> None:
    assert "this very computer" not in run("-d", "demo:", "--set-soc", "50", "--yes").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [*OFF],  # no terminal, no --yes
        [*OFF, "--set-soc", "80", "--yes"],
        [*OFF, "--all", "--yes"],
        [*OFF, "--soc", "--yes"],
        [*OFF, "--scan", "--yes"],
        ["--set-soc", "101", "--yes"],
        ["--set-soc", "nan", "--yes"],
        ["--set-soc", "50.05", "--yes"],
        ["--set-soc", "many", "--yes"],
        ["--set-discharge-mosfet", "0", "--yes"],
        ["--set-discharge-mosfet"],
        ["--soc", "--yes"],
        ["--soc", "--dry-run"],
        ["--soc", "--if-battery-code", "x"],
    ],
)
def test_wrong_usage_sends_nothing(tmp_path: Path, arguments: list[str]) -> None:
    log = tmp_path / "log"
    done = run("-d", f"demo:?log={log}", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert not log.exists() or not log.read_text(), "not one byte"


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = run("-d", f"demo:?log={log}", "--check", *OFF, "--yes")
    assert done.returncode == 3
    assert "a write goes alone" in done.stdout
    assert sent(log) == []


def test_the_environment_names_no_battery_to_write_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = run(*OFF, "--yes", DALY_BMS_DEVICE=f"demo:?log={log}")
    assert (done.returncode, done.stdout) == (2, "")
    assert not log.exists()


def test_read_only_of_the_environment(tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = run("-d", f"demo:?log={log}", *OFF, "--yes", DALY_BMS_READ_ONLY="1")
    assert done.returncode == 1
    assert not log.exists() or not log.read_text()


@pytest.mark.parametrize(
    ("arguments", "frame"),
    [
        ([*OFF], FRAME),
        ([*OFF, "--uart"], "a580d908000000000000000006"),
        ([*OFF, "--board", "2"], "a541d9080000000000000000c7"),
        ([*OFF, "--protocol", "p81", "--board", "2"], "82060122000037cf"),
        (["--restart", "--protocol", "d2"], None),
    ],
)
def test_a_dry_run_needs_no_battery(arguments: list[str], frame: str | None) -> None:
    done = run(*arguments, "--dry-run")
    result = json.loads(done.stdout)
    assert (done.returncode, result["outcome"]) == (0, "dry run")
    assert frame in (None, result["frame"])


@pytest.mark.parametrize("protocol", ["a5", "d2", "p81"])
def test_a_dry_run_shows_the_bytes_that_are_sent(protocol: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    shown = json.loads(run("-d", f"demo:?protocol={protocol}", *OFF, "--dry-run").stdout)
    run("-d", f"demo:?protocol={protocol}&log={log}", *OFF, "--yes")
    assert sent(log) == [shown["frame"]]


def test_a_log_that_cannot_be_written_stops_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for bad in (str(tmp_path / "no" / "log"), "/dev/full"):
        done = run("-d", f"demo:?log={log}", *OFF, "--yes", "--write-log", bad)
        assert (done.returncode, done.stdout) == (1, "")
        assert "cannot write the log" in done.stderr.splitlines()[-1]
        assert done.stderr.count("cannot write the log") == 1
        assert sent(log) == []


def test_a_board_that_cannot_be_read_is_not_written_to(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept"
    done = run("-d", f"demo:?fault=asleep&log={log}", *OFF, "--yes", "--write-log", str(kept))
    assert (done.returncode, done.stdout, sent(log)) == (1, "", [])
    assert [json.loads(line).get("outcome") for line in kept.read_text().splitlines()] == [None, "not sent"]


# On a terminal the value itself is typed.


@pytest.mark.parametrize(
    ("answer", "code", "outcome"),
    [(b"off\n", 0, "done"), (b"y\n", 5, "declined"), (b"yes\n", 5, "declined"), (b"\n", 5, "declined")],
)
def test_the_value_itself_is_typed(tmp_path: Path, answer: bytes, code: int, outcome: str) -> None:
    log = tmp_path / "log"
    ended, output, shown = on_a_terminal(answer, "-d", f"demo:?log={log}", *OFF)
    assert "type off to send it once" in shown
    assert (ended, json.loads(output)["outcome"]) == (code, outcome)
    assert sent(log) == ([FRAME] if outcome == "done" else [])


@pytest.mark.parametrize(
    ("arguments", "word"), [(["--set-soc", "80"], b"80\n"), (["--restart"], b"restart\n")]
)
def test_other_words_to_type(arguments: list[str], word: bytes) -> None:
    code, output, _ = on_a_terminal(word, "-d", "demo:?restart=2.5", *arguments)
    assert (code, json.loads(output)["outcome"]) == (0, "done")


def test_ctrl_c_at_the_question(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept"
    code, output, _ = on_a_terminal(
        b"", "-d", f"demo:?log={log}", *OFF, "--write-log", str(kept), interrupt=True
    )
    assert (code, output, sent(log)) == (130, "", [])
    assert json.loads(kept.read_text().splitlines()[1])["outcome"] == "not sent"


# Interrupted after the frame has left: one outcome, and the log has its second line.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_reading_back(tmp_path: Path, number: int) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept"
    with reading_back(log, kept) as process:
        process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 4
    assert json.loads(output)["outcome"] == "unverified"
    assert errors.splitlines()[-1].startswith("daly-bms-cli: interrupted after sending")
    lines: list[dict[str, Any]] = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["before", "after"]
    assert lines[1]["outcome"] == "unverified"
    assert sent(log) == [FRAME]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_before_sending(tmp_path: Path, number: int, code: int) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept"
    with board("--pty", f"fault=asleep&log={log}") as device:
        process = writing(device, kept)
        until(process, lambda: log.exists() and bool(log.read_text()))
        process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output) == (code, "")
    assert json.loads(kept.read_text().splitlines()[-1])["outcome"] == "not sent"
