"""What stands behind options: read to the letter, one line for what cannot be, nothing dropped unseen."""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from support import PATIENCE, ROOT

from dalybms.cli import output, parameters, plot, values, watch
from dalybms.cli.check.flags import _count
from dalybms.cli.options import board_numbers, build_parser
from dalybms.cli.write_flags import _percent

CLI = [sys.executable, str(ROOT / "daly-bms-cli.py")]
NO_NUMBERS = (
    "", " ", " 5 ", "\u00a05", "5_0", "١٢", "½", "٣.٥", "nan", "NaN", "inf", "-inf", "infinity", "1e400",
    "--5", "0b11", "5,0", "1.2.3", "e5", ".", "\udcff", "5\n", "9" * 5000, "x" * 5000,
)  # fmt: skip
TYPES: tuple[Callable[[str], Any], ...] = (
    values.whole,
    values.seconds,
    values.silence,
    values.megabytes,
    values.rest,
    values.repeats,
    values.host_address,
    board_numbers,
    watch._count_of,
    _count(0, 16),
    _percent,
)


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: getattr(kind, "__name__", "count"))
@pytest.mark.parametrize("text", NO_NUMBERS, ids=lambda text: ascii(text)[:12])
def test_what_is_no_number_is_none(kind: Callable[[str], Any], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        kind(text)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (values.whole, "-1", -1),
        (values.whole, "115200", 115200),
        (values.seconds, "0.5", 0.5),
        (values.seconds, ".5", 0.5),
        (values.seconds, "5.", 5.0),
        (values.seconds, "1e3", 1000.0),
        (values.silence, "60", 60.0),
        (values.rest, "0", 0.0),
        (values.repeats, "0", 0),
        (values.host_address, "0x40", 0x40),
        (values.host_address, "0X80", 0x80),
        (values.host_address, "8", 8),
        (board_numbers, "16", 16),
        (board_numbers, "1,2", [1, 2]),
        (_percent, "99.9", 99.9),
    ],
)
def test_what_is_one(kind: Callable[[str], Any], text: str, value: Any) -> None:
    assert kind(text) == value


@pytest.mark.parametrize("text", ["1e1", "1e-400", "-1", "100.1", "50.05"])
def test_no_state_of_charge_that_somebody_may_have_meant_otherwise(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        _percent(text)


def test_the_bounds_of_the_reply_timeout_are_those_of_the_library() -> None:
    assert [values.silence("0.001"), values.silence("60")] == [0.001, 60]
    for text in ("0.0009", "60.1", "0", "-1"):
        with pytest.raises(argparse.ArgumentTypeError, match=r"from 0\.001 to 60"):
            values.silence(text)
    assert math.isinf(values.decimal("9" * 400) or 0)


@pytest.mark.parametrize(
    "given",
    [
        ["-d", "demo:", "-d", "demo:?soc=1", "--soc"],
        ["-d", "demo:", "--device=demo:?soc=1", "--soc"],
        ["-d", "demo:", "--board", "1", "--board", "2", "--check"],
        ["-d", "demo:", "--get", "soc.current", "--get", "soc.soc_percent"],
        ["-d", "demo:", "--protocol", "a5", "--protocol", "d2", "--soc"],
        ["-d", "demo:", "--set-soc", "50", "--set-soc", "60", "--yes"],
        ["-d", "demo:", "--set-charge-mosfet", "on", "--set-charge-mosfet=off", "--yes"],
    ],
    ids=lambda given: " ".join(given[2:]),
)
def test_of_two_values_none_is_dropped_unseen(given: list[str]) -> None:
    assert wrong(build_parser(), given).endswith(
        "given twice: name the one that is meant; daly-bms-cli --help says more"
    )


def test_a_device_of_the_environment_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DALY_BMS_DEVICE", "demo:?soc=1")
    assert build_parser().parse_args(["-d", "demo:", "--soc"]).device == "demo:"


def wrong(parser: argparse.ArgumentParser, given: list[str]) -> str:
    """What is said of wrong usage: one line."""
    intermixed = parser.prog.endswith("parameters")
    with contextlib.redirect_stderr(io.StringIO()) as said, pytest.raises(SystemExit) as end:
        _ = parser.parse_intermixed_args(given) if intermixed else parser.parse_args(given)
    assert end.value.code == output.USAGE
    assert said.getvalue().count("\n") == 1
    return said.getvalue().rstrip("\n")


@pytest.mark.parametrize(
    ("parser", "given", "name"),
    [
        (build_parser, ["-d", "", "--soc"], "-d"),
        (build_parser, ["--device=", "--soc"], "--device"),
        (build_parser, ["-d", "demo:", "--get", ""], "--get"),
        (build_parser, ["-d", "demo:", "--soc", "--record", ""], "--record"),
        (build_parser, ["-d", "demo:", "--soc", "--mqtt", "--mqtt-topic="], "--mqtt-topic"),
        (build_parser, ["-d", "demo:", "--check", "-w", ""], "-w"),
        (build_parser, ["-d", "demo:", "--soc", ""], "an argument"),
        (build_parser, [""], "an argument"),
        (watch._parser, ["-d", "demo:", "-o", ""], "-o"),
        (watch._parser, ["-d", "demo:", "--energy", ""], "--energy"),
        (watch._parser, ["-d", "demo:", "--prometheus="], "--prometheus"),
        (watch._parser, ["--config", ""], "--config"),
        (parameters._parser, ["save", ""], "an argument"),
        (plot._parser, ["log.jsonl", "-o", ""], "-o"),
    ],
)
def test_what_a_script_has_not_set_is_told(
    parser: Callable[[], argparse.ArgumentParser], given: list[str], name: str
) -> None:
    assert f"error: {name} is empty: give a value, or leave it out" in wrong(parser(), given)


def test_a_broker_that_asks_for_no_user_may_be_given_none_as_scripts_for_0_5_do() -> None:
    options = build_parser().parse_args(["-d", "demo:", "--mqtt", "--mqtt-user", "", "--mqtt-password="])
    assert (options.mqtt_user, options.mqtt_password) == ("", "")


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("--al", "(do you mean --all?)"),
        ("--cell-v", "(do you mean --cell-voltages?)"),
        ("--temp", "(do you mean --temperatures?)"),
        ("soc", "(do you mean --soc?)"),
        ("wacth", "(do you mean watch?)"),
        ("-s", "-s; "),
        ("nonsense", "nonsense; "),
        ("extra", "extra; "),
    ],
)
def test_advice_is_given_where_something_is_near(word: str, advice: str) -> None:
    assert advice in wrong(build_parser(), ["-d", "demo:", word])


def test_a_message_is_a_line_that_a_terminal_bears() -> None:
    assert output.in_a_line("a \n b\t\tc") == "a b c"
    assert output.in_a_line("no device \x1b[31mred \udcff") == "no device \\x1b[31mred \\udcff"
    assert output.in_a_line("the battery é of 20 °C") == "the battery é of 20 °C"
    cut = output.in_a_line(f"no device {'x' * 5000} here")
    assert (len(cut), cut.endswith("xxx here")) == (len("no device  here") + 203, True)


@pytest.mark.parametrize("stream", ["/dev/full", ">&-"])
def test_wrong_usage_is_wrong_usage_also_where_nobody_can_be_told(stream: str) -> None:
    close = "2>&-" if stream == ">&-" else f"2>{stream}"
    done = subprocess.run(["sh", "-c", f'"$@" {close}', "sh", *CLI, "--nonsense"], timeout=PATIENCE)
    assert done.returncode == output.USAGE


@pytest.mark.parametrize(
    "beside", [["--mqtt"], ["--format", "table"], ["--without", "soc"], ["--mqtt-topic", "x"]]
)
@pytest.mark.parametrize("search", ["--list-ports", "--scan"])
def test_a_search_goes_alone(search: str, beside: list[str]) -> None:
    done = subprocess.run([*CLI, search, *beside], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (output.USAGE, "")
    assert "--list-ports and --scan go alone" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a working folder")
@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["-d", "demo:", "--soc"], output.DONE),
        (["-d", "ttyNone", "--soc"], output.FAILED),
        (["-d", "demo:", "--soc", "--record", "x"], output.FAILED),
        (["parameters", "save", "x", "-d", "demo:"], output.FAILED),
        (["parameters", "diff", "x.json", "demo:"], output.FAILED),
        (["plot", "x", "-o", "y.png"], output.FAILED),
        (["watch", "-d", "demo:", "--count", "1", "-o", "x.jsonl"], output.FAILED),
        (["watch", "-d", "demo:", "--count", "1", "--energy", "x"], output.FAILED),
        (["watch", "-d", "demo:", "--config", "x"], output.FAILED),
        (["-d", "demo:", "--set-soc", "5", "--yes", "--write-log", "x"], output.FAILED),
    ],
    ids=lambda given: " ".join(given[:2]) if isinstance(given, list) else "",
)
def test_a_working_folder_that_is_gone(given: list[str], code: int, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *CLI, *given],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == (code != output.DONE)


@pytest.mark.skipif(sys.platform != "linux", reason="names of bytes that are no text")
def test_a_name_that_stdout_cannot_write_is_written_out(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    log = os.fsencode(tmp_path) + b"/b\xfcro.jsonl"
    quiet = {"stdin": subprocess.DEVNULL, "timeout": PATIENCE, "check": True}
    subprocess.run([*CLI, "watch", "-d", "demo:", "--count", "1", "-o", log], **quiet)
    env = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run([*CLI, "plot", log], capture_output=True, env=env, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(rb"b\udcfcro.png" + b"\n")
