"""The command line as a process: what it prints where, and the code it ends with."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from processes import board, raw_pty
from support import PATIENCE

from dalybms import __version__, open_bms
from dalybms.cli.options import flag
from dalybms.sections import MORE_SECTIONS, SECTIONS

ROOT = Path(__file__).resolve().parents[2]
CLI = [sys.executable, str(ROOT / "daly-bms-cli.py")]
QUICK = ["--reply-timeout", "0.02"]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    settings = {"capture_output": True, "text": True, "timeout": 25, "cwd": ROOT, **options}
    return subprocess.run([*CLI, *arguments], **settings)


def one_line(text: str) -> str:
    assert text.startswith("daly-bms-cli: ")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text


@pytest.fixture(scope="module")
def wire() -> Any:
    with board("--tcp", "0", "--unpaced", "alarms=0200000000000000") as device:
        yield device


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    with open_bms("demo:?alarms=0200000000000000") as bms:
        outcome = {**bms.get_all(), "faults": bms.get_faults(), "info": bms.get_info()}
    return json.loads(json.dumps(outcome))


def without_heartbeat(reading: Any) -> Any:
    for part in (reading, reading.get("mosfet_status")) if isinstance(reading, dict) else ():
        if isinstance(part, dict):
            part.pop("heartbeat", None)
    return reading


@pytest.mark.parametrize("section", [*SECTIONS, *MORE_SECTIONS])
def test_one_flag_prints_its_section(wire: str, truth: dict[str, Any], section: str) -> None:
    done = run("-d", wire, flag(section))
    assert (done.returncode, done.stderr) == (0, "")
    assert without_heartbeat(json.loads(done.stdout)) == without_heartbeat(truth[section])


def test_the_flags_are_those_of_dalybms_0_5() -> None:
    flags = {flag(section) for section in SECTIONS}
    assert flags == {
        "--status",
        "--soc",
        "--mosfet",
        "--cell-voltages",
        "--cell-voltage-range",
        "--temperatures",
        "--temperature-range",
        "--balancing",
        "--errors",
    }


def test_all_prints_nine_sections_in_order_indented_by_two(wire: str, truth: dict[str, Any]) -> None:
    done = run("-d", wire, "--all")
    outcome = json.loads(done.stdout)
    assert list(outcome) == list(SECTIONS)
    assert done.stdout == json.dumps(outcome, indent=2) + "\n"
    assert without_heartbeat(outcome) == without_heartbeat({name: truth[name] for name in SECTIONS})


def test_several_flags_print_one_object(wire: str) -> None:
    assert list(json.loads(run("-d", wire, "--errors", "--soc").stdout)) == ["soc", "errors"]
    assert list(json.loads(run("-d", wire, "--all", "--faults").stdout)) == [*SECTIONS, "faults"]


def test_no_errors_is_a_success() -> None:
    done = run("-d", "demo:", "--errors")
    assert (done.returncode, done.stdout) == (0, "[]\n")


def test_the_device_may_come_from_the_environment() -> None:
    done = run("--soc", env={**os.environ, "DALY_BMS_DEVICE": "demo:?soc=42.5"})
    assert json.loads(done.stdout)["soc_percent"] == 42.5


@pytest.mark.parametrize("start", [[sys.executable, "-m", "dalybms"], [str(ROOT / "daly-bms-cli.py")]])
def test_other_ways_to_start_it(start: list[str]) -> None:
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*start, "-d", "demo:", "--soc"], capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, env=env
    )
    assert done.returncode == 0
    assert "soc_percent" in json.loads(done.stdout)


def test_version_names_the_place_of_the_files() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"dalybms {__version__} ({ROOT / 'dalybms'})\n")


def test_help_names_every_flag() -> None:
    text = run("--help").stdout
    for section in (*SECTIONS, *MORE_SECTIONS):
        assert flag(section) in text


def test_list_ports_is_json() -> None:
    done = run("--list-ports")
    assert done.returncode == 0
    assert isinstance(json.loads(done.stdout), list)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-d", "demo:"],
        ["--all"],
        ["-d", "demo:", "--nonsense"],
        ["-d", "demo:", "--soc", "--board", "17"],
        ["-d", "demo:", "--soc", "--address", "3"],
        ["-d", "demo:", "--soc", "--address", "x"],
        ["-d", "demo:", "--soc", "--uart", "--address", "4"],
        ["-d", "demo:", "--soc", "--uart", "--board", "2"],
        ["-d", "demo:", "--soc", "--adapter", "hci1"],
        ["-d", "demo:", "--soc", "--retry", "-1"],
        ["-d", "demo:", "--soc", "--reply-timeout", "0"],
        ["-d", "demo:", "--soc", "-t", "0"],
        ["-d", "demo:", "--soc", "-t", "nan"],
        ["-d", "demo:?nonsense=1", "--soc"],
        ["-d", "nonsense://x", "--soc"],
        ["-d", "socket://x", "--soc"],
        ["-d", "demo:", "--soc", "--retry"],
        ["-d", "demo:", "--soc", "--retry", "x"],
        ["-d", "demo:", "--soc", "--board", "x"],
        ["-d", "demo:", "--soc", "--board", "0"],
        ["-d", "demo:", "--soc", "--baudrate", "fast"],
        ["-d", "demo:", "--soc", "--reply-timeout", "soon"],
        ["-d", "demo:", "--soc", "--protocol", "modbus"],
        ["-d", "demo:", "--soc", "--all", "two\nlines", "more"],
        ["-d", "demo:", "--soc", "--all=1"],
        ["-d", "demo:", "--soc", "-w", "soc=20:"],
        ["-d", "demo:", "--soc", "-w", "nonsense"],
        ["-d", "demo:", "--so"],
        ["-d", "a\nb://c", "--soc"],
        ["prameters"],
        ["--list-ports", "--scan"],
        ["-d", "demo:", "--soc", "--record", "/nowhere/x", "--record-limit", "big"],
        ["-d", "demo:", "--soc", "--mqtt", "--mqtt-port", "x"],
        ["-d", "demo:", "--list-ports", "--soc"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str]) -> None:
    env = {name: value for name, value in os.environ.items() if name != "DALY_BMS_DEVICE"}
    done = run(*arguments, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    said = one_line(done.stderr)
    assert said.startswith("daly-bms-cli: error: ")
    assert said.rstrip().endswith("; daly-bms-cli --help says more")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("-d demo: --sco", "--sco (do you mean --soc?)"),
        ("-d demo: --set-chargemosfet on", "(do you mean --set-charge-mosfet?)"),
        ("--mqtt-boker=x", "(do you mean --mqtt-broker?)"),
        ("diagonse", "diagonse (do you mean diagnose?)"),
        ("scan", "scan (do you mean --scan?)"),
        ("-d demo: watch", "watch (watch stands first: daly-bms-cli watch ...)"),
        ("watch -d demo: --cuont 3", "(do you mean --count?)"),
        ("watch demo:", "demo: (a battery is named with -d)"),
        ("--soc /dev/ttyUSB0", "/dev/ttyUSB0 (a battery is named with -d)"),
        ("plot a /b", "/b; daly-bms-cli plot --help says more"),
        ("-d demo: --qqqqqq", "--qqqqqq; daly-bms-cli --help says more"),
    ],
)
def test_what_was_meant_is_proposed(arguments: str, words: str) -> None:
    done = run(*arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("demo", "the fake battery is demo: with its colon"),
        ("README.md", "to play a recording write replay:README.md"),
    ],
)
def test_a_name_that_lacks_its_beginning_is_told(device: str, words: str) -> None:
    done = run("-d", device, "--soc")
    assert (done.returncode, done.stdout) == (1, "")
    assert words in one_line(done.stderr)


def test_the_word_before_the_colon_may_be_written_large() -> None:
    assert run("-d", "Demo:?cells=4", "--get", "soc.total_voltage").stdout == "13.2\n"


@pytest.mark.parametrize("device", ["/dev/ttyUSB99", "socket://127.0.0.1:1", "rfc2217://127.0.0.1:1"])
def test_a_wire_that_cannot_be_opened(device: str) -> None:
    done = run("-d", device, "--all")
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr)


@pytest.mark.parametrize("fault", ["asleep", "echo-only", "noise"])
@pytest.mark.parametrize("flags", [["--soc"], ["--soc", "--errors"], ["--all"]])
def test_a_dead_line_is_one_line(fault: str, flags: list[str]) -> None:
    done = run("-d", f"demo:?fault={fault}", *flags, *QUICK)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no answer to soc" in one_line(done.stderr)


@pytest.mark.alone
def test_a_silent_line_ends_within_five_seconds_with_the_defaults() -> None:
    began = time.monotonic()
    done = run("-d", "demo:?fault=asleep", "--all")
    assert time.monotonic() - began < 5
    assert "nothing was heard" in one_line(done.stderr)


def test_a_section_that_fails_among_others_is_told_in_its_place() -> None:
    done = run("-d", "demo:?unsupported=97", "--all", *QUICK)
    outcome = json.loads(done.stdout)
    assert done.returncode == 1
    assert set(outcome["balancing_status"]) == {"error"}
    assert outcome["soc"]["total_voltage"] > 0
    alone = run("-d", "demo:?unsupported=97", "--balancing", *QUICK)
    assert (alone.returncode, alone.stdout) == (1, "")
    assert "no answer to balancing_status" in one_line(alone.stderr)


def test_unplugged_in_the_middle_is_one_sentence() -> None:
    done = run("-d", "demo:?fault=unplug:1:3", "--all")
    assert (done.returncode, done.stdout) == (1, "")
    assert "unplugged" in one_line(done.stderr)


@pytest.mark.alone
def test_the_time_limit_of_the_whole_command() -> None:
    began = time.monotonic()
    done = run("-d", "demo:?fault=asleep", "--all", "-t", "0.5")
    assert time.monotonic() - began < 3
    assert (done.returncode, done.stdout) == (1, "")
    assert "not finished within 0.5 s (-t)" in one_line(done.stderr)


def test_options_reach_the_board() -> None:
    inverted = run("-d", "demo:?current=-12.3", "--soc", "--invert-current")
    assert json.loads(inverted.stdout)["current"] == 12.3
    assert run("-d", "demo:?host=80", "--soc", "--uart").returncode == 0
    assert run("-d", "demo:?host=40", "--soc", "--uart", *QUICK).returncode == 1
    assert run("-d", "demo:?host=80", "--soc", "--address", "0x80").returncode == 0
    assert run("-d", "demo:?board=3", "--soc", "--board", "3").returncode == 0


def test_verbose_shows_the_bytes_of_both_directions_on_stderr() -> None:
    done = run("-d", "demo:", "--soc", "--verbose")
    assert json.loads(done.stdout)
    assert "-> a5 40 90 08 00 00 00 00 00 00 00 00 7d" in done.stderr
    assert "<- a5 01 90 08 " in done.stderr


def started(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*CLI, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, **options
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_quietly(number: int, code: int) -> None:
    with raw_pty() as (ours, name):
        # Longer than the start takes. A signal just before a system call is seen when that one ends.
        process = started("-d", name, "--all", "--reply-timeout", "3")
        assert select.select([ours], [], [], 20)[0]
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (code, "", "")


def test_a_closed_pipe_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run("-d", "demo:", "--all", capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_an_unwritable_stdout_is_a_failure() -> None:
    with open("/dev/full", "w") as full:
        done = run("-d", "demo:", "--all", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert "cannot write to stdout: No space left on device" in one_line(done.stderr)


def test_a_closed_stdout_is_a_failure() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *CLI, "-d", "demo:", "--soc"],
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert "stdout is closed" in one_line(done.stderr)


def test_a_closed_stderr_changes_nothing() -> None:
    for arguments, code in ((["-d", "demo:", "--soc"], 0), (["-d", "/dev/ttyUSB99", "--soc"], 1)):
        done = subprocess.run(
            ["sh", "-c", '"$@" 2>&-', "sh", *CLI, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == code


def test_a_missing_pyserial_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "serial.py").write_text("raise ImportError('not here')\n")
    for arguments in (["-d", "/dev/ttyUSB0", "--soc"], ["--list-ports"]):
        done = run(*arguments, env={**os.environ, "PYTHONPATH": str(tmp_path)})
        assert (done.returncode, done.stdout) == (1, "")
        assert "pip install pyserial" in one_line(done.stderr)


def test_memory_stays_below_20_megabytes(tmp_path: Path) -> None:
    with board("--pty", "--unpaced") as device:
        script = (
            "import resource, subprocess, sys; "
            "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, *CLI, "-d", device, "--all"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
    unit = 1024 if sys.platform == "darwin" else 1
    assert int(done.stdout) / unit < 20 * 1024


def test_what_cannot_be_published_is_told_before_the_battery_is_asked(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    device = f"demo:?log={log}"
    for wrong, code in ((["--mqtt-topic", "a/#"], 2), (["--mqtt-password-file", str(tmp_path / "x")], 1)):
        done = run("-d", device, "--soc", "--mqtt", *wrong)
        assert (done.returncode, done.stdout) == (code, "")
        one_line(done.stderr)
    assert not log.exists()
