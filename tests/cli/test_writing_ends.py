"""Writes as a process with ends missing: full streams, strange answers, logs that are none, signals."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import PATIENCE, ROOT
from written import FRAME, OFF, PROGRAM, on_a_terminal, reading_back, run, sent


@pytest.mark.parametrize(
    "arguments",
    [
        [*OFF, "--set-discharge-mosfet", "on"],  # the last one would win unseen
        [*OFF, "-ddemo:?soc=3"],
        [*OFF, "--device=demo:?soc=3"],
        [*OFF, "--board", "1", "--board", "2"],
        [*OFF, "--if-battery-code", "a", "--if-battery-code=b"],
        [*OFF, "--get", "soc.soc_percent"],
        [*OFF, "--mqtt"],
        [*OFF, "--format", "table"],
        [*OFF, "--without", "errors"],
        ["--set-soc", "8_0"],
        ["--set-soc", "\u0668\u0660"],  # 80 in Arabic digits, which float() takes
    ],
)
def test_what_may_be_meant_otherwise_sends_nothing(tmp_path: Path, arguments: list[str]) -> None:
    log = tmp_path / "log"
    done = run("-d", f"demo:?log={log}", *arguments, "--yes")
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not log.exists() or not log.read_text()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--board", "1,2"], 2),
        (["--board", "all"], 2),
        (["--protocol", "d2", "--board", "2"], 2),
        (["--uart", "--address", "4"], 2),
        (["--if-battery-code", "x"], 2),
        (["--sinowealth"], 1),
    ],
)
def test_a_dry_run_without_a_battery_shows_no_frame_that_would_not_be_sent(
    arguments: list[str], code: int
) -> None:
    done = run(*OFF, *arguments, "--dry-run")
    assert (done.returncode, done.stdout) == (code, "")
    assert len(done.stderr.splitlines()) == 1


def through_a_shell(redirected: str, log: Path, options: str = "", *more: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a write with redirections of a shell."""
    words = " ".join(f"'{word}'" for word in (*PROGRAM, "-d", f"demo:?{options}log={log}", *OFF, *more))
    done = subprocess.run(
        ["/bin/sh", "-c", f"{words} --yes {redirected}"], capture_output=True, text=True, timeout=PATIENCE
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(
    ("options", "code", "outcome"), [("", 0, "done"), ("write=ignore&", 4, "unverified")]
)
def test_a_stderr_that_takes_nothing_hides_no_outcome(
    tmp_path: Path, redirected: str, options: str, code: int, outcome: str
) -> None:
    ended, output, _ = through_a_shell(f"-t 4 {redirected}", tmp_path / "log", options)
    assert (ended, json.loads(output)["outcome"]) == (code, outcome)
    assert sent(tmp_path / "log") == [FRAME]


def test_a_stdout_that_is_closed_stops_it(tmp_path: Path) -> None:
    code, _, errors = through_a_shell(">&-", tmp_path / "log")
    assert (code, sent(tmp_path / "log")) == (2, [])
    assert "stdout is closed" in errors


def test_a_stdout_that_takes_nothing_is_not_taken_for_nothing_sent(tmp_path: Path) -> None:
    """Exit code 1 without an outcome means that nothing was sent."""
    code, _, errors = through_a_shell(">/dev/full", tmp_path / "log")
    assert (code, sent(tmp_path / "log")) == (4, [FRAME])
    assert errors.splitlines()[-1].endswith("the frame was sent, and what became of it is: done")


def test_a_line_of_the_log_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text('{"time": "2026-11-26T1')
    assert run("-d", "demo:", *OFF, "--yes", "--write-log", str(kept)).returncode == 0
    cut, before, after = kept.read_text().splitlines()
    assert cut == '{"time": "2026-11-26T1'
    assert (json.loads(before)["frame"], json.loads(after)["outcome"]) == (FRAME, "done")


def test_a_log_that_is_no_file_is_neither_waited_for_nor_written(tmp_path: Path) -> None:
    pipe, log = tmp_path / "pipe", tmp_path / "log"
    os.mkfifo(pipe)
    ours, theirs = pty.openpty()
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for bad in (str(pipe), os.ttyname(theirs), str(tmp_path)):
        done = run("-d", f"demo:?log={log}", *OFF, "--yes", "--write-log", bad)
        assert (done.returncode, done.stdout, sent(log)) == (1, "", [])
        assert "cannot write the log" in done.stderr
    os.close(reader)
    assert run("-d", f"demo:?log={log}", *OFF, "--yes", "--write-log", str(pipe)).returncode == 1
    assert not select.select([ours], [], [], 0)[0], "not a byte into a port"
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff\xfe\n",  # no text
        b"off off\n",
        b"OFF\n",
        "\u043eff\n".encode(),  # a letter that only looks like it
        b"off" + b" " * 300 + b"x\n",
        b"\x04",  # the end of all input
    ],
)
def test_another_answer_declines(tmp_path: Path, answer: bytes) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept"
    code, output, _ = on_a_terminal(answer, "-d", f"demo:?log={log}", *OFF, "--write-log", str(kept))
    assert (code, json.loads(output)["outcome"], sent(log)) == (5, "declined", [])
    assert json.loads(kept.read_text().splitlines()[-1])["outcome"] == "declined"


@pytest.mark.parametrize("signals", [(signal.SIGHUP,), (signal.SIGINT,) * 4, (signal.SIGTERM, signal.SIGINT)])
def test_signals_while_reading_back_leave_an_outcome(tmp_path: Path, signals: tuple[int, ...]) -> None:
    """A terminal that goes away, and somebody who is impatient."""
    log, kept = tmp_path / "log", tmp_path / "kept"
    with reading_back(log, kept) as process:
        for number in signals:
            process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 4, errors
    assert json.loads(output)["outcome"] == "unverified"
    assert "Traceback" not in errors
    assert [json.loads(line)["event"] for line in kept.read_text().splitlines()] == ["before", "after"]


ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize(
    ("arguments", "code", "last"),
    [
        (("-d", "demo:?write=act", *OFF, "--yes"), 0, "}"),
        (("-d", "demo:?write=refuse", *OFF, "--yes"), 1, "}"),
        (("-d", "demo:?alarms=0200000000000000", "--check"), 2, ""),
    ],
)
def test_a_signal_behind_what_was_told_changes_no_exit_code(
    number: int, arguments: tuple[str, ...], code: int, last: str
) -> None:
    """Up to the very end of the process: a verdict or an outcome that was told stands."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DALY_BMS")}
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.decode().rstrip("\n").startswith(last):
            break
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        process.send_signal(number)
    output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output) == (code, b""), errors


@pytest.mark.parametrize(("inside", "code", "said"), [(0, 0, "alive\n"), (1, 0, "alive\n"), (2, 9, "")])
def test_only_a_second_signal_ends_what_is_being_told(inside: int, code: int, said: str) -> None:
    """Behind it none does: the code may have become another one, and the wire is closed in order."""
    program = f"""
import os, signal
from dalybms.cli import limits
with limits.undisturbed(9):
    for _ in range({inside}):
        os.kill(os.getpid(), signal.SIGTERM)
for _ in range(3):
    os.kill(os.getpid(), signal.SIGTERM)
print("alive")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (code, said)


def test_killed_after_sending_the_log_says_what_may_have_left(tmp_path: Path) -> None:
    log, kept = tmp_path / "log", tmp_path / "kept"
    with reading_back(log, kept) as process:
        process.kill()
        assert process.communicate(timeout=PATIENCE)[0] == ""
    (line,) = map(json.loads, kept.read_text().splitlines())
    assert (line["event"], line["frame"], sent(log)) == ("before", FRAME, [FRAME])
