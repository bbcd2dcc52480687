"""`--check` as operators run it: a real process, the emulator as battery, one verdict per row."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from check_grammar import STATES, take_apart
from monitoring import PROGRAM, ROOT, Result, check, environment, gateway
from support import PATIENCE

from dalybms.emulator.faults import KINDS
from dalybms.emulator.pack import Pack

OK, WARNING, CRITICAL, UNKNOWN = STATES
PACK = "cells=16&sensors=4&soc=52"
QUICK = ("--reply-timeout", "0.05")
LIMIT = 10.0
RUNS = int(os.environ.get("DALY_SEEDS", "60"))


ROWS = [
    # what, the battery, options, state, how the text begins
    ("healthy", "", [], OK, "SOC 52 %, "),
    ("level 2 fault", "alarms=0200000000000000", [], CRITICAL, "cell voltage too high (level 2); SOC"),
    ("level 1 fault", "alarms=0100000000000000", [], WARNING, "cell voltage too high (level 1); SOC"),
    ("hardware fault", "alarms=0000000001000000", [], CRITICAL, "charge MOSFET too hot; SOC"),
    (
        "two faults",
        "alarms=0400000000040000",
        [],
        CRITICAL,
        "temperature sensor failed; cell voltage too low (level 1); SOC",
    ),
    ("all faults", "alarms=ffffffffffffffff", [], CRITICAL, "cell voltage too high (level 2); "),
    ("unknown bit", "alarms=0000001000000000", [], WARNING, ""),
    ("fault code", "alarms=00000000000000ff", [], WARNING, ""),
    ("soc 15", "soc=15", [], WARNING, "soc 15 % below 20 %; SOC"),
    ("soc 5", "soc=5", [], CRITICAL, "soc 5 % below 10 %; SOC"),
    ("soc 5, own range", "soc=5", ["-w", "soc=4:", "-c", "soc=3:"], OK, "SOC 5 %"),
    ("cold", "temperature=-6,1,1,1", ["-w", "temp_min=-5:45"], WARNING, "temp_min -6 C below -5 C; SOC"),
    ("high cell", "", ["--all-cells", "-c", "cell_16=~:3"], CRITICAL, "cell_16 3.3"),
    ("no such cell", "", ["--all-cells", "-c", "cell_17=~:3"], UNKNOWN, "cell_17 has a threshold"),
    ("power", "current=100", ["-w", "power=-1000:1000"], WARNING, "power 5"),
    ("no sensors", "sensors=0", [], OK, "SOC"),
    ("no sensors, threshold", "sensors=0", ["-w", "temp_max=50"], UNKNOWN, "temp_max has a threshold"),
    ("counts right", "", ["--cells", "16", "--sensors", "4"], OK, "SOC"),
    ("cell missing", "cells=15", ["--cells", "16"], CRITICAL, "15 cells, expected 16; SOC"),
    ("sensor missing", "sensors=3", ["--sensors", "4"], CRITICAL, "3 temperature sensors, expected 4; SOC"),
    ("one missing section", "unsupported=97", QUICK, UNKNOWN, "balancing_status not read: no answer"),
    (
        "missing and fault",
        "unsupported=97&alarms=0100000000000000",
        QUICK,
        WARNING,
        "cell voltage too high (level 1); bal",
    ),
    ("no faults read", "unsupported=98", QUICK, UNKNOWN, "faults not read: no answer"),
    ("silent", "fault=asleep", QUICK, CRITICAL, "no answer"),
    ("silent, allowed", "fault=asleep", [*QUICK, "--no-reply-state", "unknown"], UNKNOWN, "no answer"),
    ("echo only", "fault=echo-only", QUICK, CRITICAL, "no answer"),
    ("noise", "fault=noise", QUICK, CRITICAL, "no answer"),
    ("echo before each reply", "fault=echo", [], OK, "SOC"),
    ("other board", "board=2", QUICK, CRITICAL, "no answer"),
    ("impossible", "soc=120", QUICK, UNKNOWN, "soc_percent of 120 % cannot be; "),
    ("a D2 board", "protocol=d2", [], OK, "SOC 52 %"),
    ("a P81 board", "protocol=p81", [], OK, "SOC 52 %"),
    ("a Sinowealth board", "protocol=sinowealth&cells=4", ["--protocol", "sinowealth"], OK, "SOC 52 %"),
    ("a board that wakes", "fault=waking", QUICK, OK, "SOC"),
]


@pytest.mark.parametrize(
    ("battery", "options", "state", "begins"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS]
)
def test_every_verdict_through_the_real_process(battery, options, state, begins):
    names = [part.split("=")[0] for part in battery.split("&")]
    kept = [part for part in PACK.split("&") if part.split("=")[0] not in names]
    result = check(f"demo:?{'&'.join([*kept, battery])}", *options)
    assert result.output.state == state, result
    assert result.output.text.startswith(begins)


MOSFET_ROWS = [
    # what, changes of the pack, options, state, how the text begins
    ("discharge off", {"discharge_mosfet": 0}, [], CRITICAL, "discharge MOSFET off; SOC"),
    ("stored pack", {"discharge_mosfet": 0}, ["--expect-discharge", "off"], OK, "SOC"),
    ("not stored", {}, ["--expect-discharge", "off"], CRITICAL, "discharge MOSFET on; SOC"),
    ("discharge any", {"discharge_mosfet": 0}, ["--expect-discharge", "any"], OK, "SOC"),
    ("charge off", {"charge_mosfet": 0}, [], WARNING, "charge MOSFET off; SOC"),
    ("charge any", {"charge_mosfet": 0}, ["--expect-charge", "any"], OK, "SOC"),
    ("charge off expected", {}, ["--expect-charge", "off"], WARNING, "charge MOSFET on; SOC"),
    (
        "charge off, full",
        {"charge_mosfet": 0, "soc": 990},
        [],
        OK,
        "charge MOSFET off, normal when nearly full;",
    ),
    (
        "charge on, full",
        {"charge_mosfet": 0, "soc": 990},
        ["--expect-charge", "on"],
        WARNING,
        "charge MOSFET off;",
    ),
    (
        "both off",
        {"charge_mosfet": 0, "discharge_mosfet": 0},
        [],
        CRITICAL,
        "discharge MOSFET off; charge MOSFET",
    ),
]


@pytest.mark.parametrize(
    ("changes", "options", "state", "begins"),
    [row[1:] for row in MOSFET_ROWS],
    ids=[row[0] for row in MOSFET_ROWS],
)
def test_every_mosfet_verdict_through_a_network_gateway(changes, options, state, begins):
    pack = Pack(16, 4)
    for name, value in changes.items():
        setattr(pack, name, value)
    with gateway(pack) as device:
        result = check(device, *options)
    assert result.output.state == state, result
    assert result.output.text.startswith(begins)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_over_a_serial_line():
    server = [sys.executable, "-m", "dalybms.emulator", "--pty", f"{PACK}&alarms=0100000000000000"]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True, cwd=ROOT) as board:
        try:
            result = check(board.stdout.readline().strip())
        finally:
            board.terminate()
    assert result.output.state == WARNING
    assert result.output.text.startswith("cell voltage too high (level 1); SOC 52 %")


def expected_of(byte: int, bit: int) -> str:
    """The state of a bit of 0x98 by the vendor's table: levels in pairs, then hardware, the rest unknown."""
    if byte < 3 or (byte == 3 and bit < 4):
        return CRITICAL if bit % 2 else WARNING
    return CRITICAL if byte in (4, 5) or (byte == 6 and bit < 4) else WARNING


@pytest.mark.parametrize("byte", range(7))
def test_every_fault_bit_has_the_state_of_its_level(byte):
    alarms = [bytes(1 << bit if position == byte else 0 for position in range(8)).hex() for bit in range(8)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda text: check(f"demo:?{PACK}&alarms={text}"), alarms))
    assert [each.output.state for each in results] == [expected_of(byte, bit) for bit in range(8)]


@pytest.fixture(scope="module")
def truth():
    """The performance data of the pack without any fault."""
    return perfdata(check(f"demo:?{PACK}"))


def perfdata(result: Result) -> dict[str, str]:
    return {label: match[0] for label, match in result.output.perf.items()}


@pytest.mark.parametrize("fault", KINDS)
def test_seeded_faults_give_the_true_state_or_none(fault, truth):
    seeds = range(-(-RUNS // len(KINDS)))
    devices = [f"demo:?{PACK}&fault={fault}&seed={seed}" for seed in seeds]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda device: check(device, *QUICK, "-t", str(LIMIT)), devices))
    for device, result in zip(devices, results):
        shown = perfdata(result)
        assert result.seconds < LIMIT, device
        assert shown.items() <= truth.items(), f"{device}: a wrong value"
        if result.output.state == OK:
            assert shown == truth, f"{device}: OK without all data"
        elif result.output.state == CRITICAL:
            assert not shown, f"{device}: {result.output.text}"
            assert result.output.text.startswith("no answer"), device
        else:
            assert result.output.state == UNKNOWN, f"{device}: {result.output.text}"


def test_verbose_adds_lines_and_leaves_the_first_as_it_is():
    short, long = check(f"demo:?{PACK}"), check(f"demo:?{PACK}", "-v")
    assert short.output.more == []
    assert len(long.output.more) == 9
    assert long.output[:2] == short.output[:2]


TAKEN_FOR_AN_OPTION = "expected one argument" if sys.version_info < (3, 14) else "'-5:45' is no threshold"
"""argparse takes what begins with a minus sign for an option, up to Python 3.13 also in front of a colon."""


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["-d", "demo:", "-w", "sok=1"], "no metric is named 'sok'"),
        (["-d", "demo:", "-w", "soc=5:1"], "above its end"),
        (["-d", "demo:", "-w", "-5:45"], TAKEN_FOR_AN_OPTION),
        (["-d", "demo:", "--cells", "99"], "not a whole number from 1 to 48"),
        (["-d", "demo:", "--nonsense"], "unrecognized arguments"),
        (["-d", "demo:", "--cell", "16"], "do you mean --cells?"),
        (["-d", "demo:", "--mqtt"], "--check prints its verdict alone"),
        (["-d", "demo:", "--get", "soc.current"], "--check prints its verdict alone"),
        (["-d", "demo:", "--format", "table"], "--check prints its verdict alone"),
        (["--list-ports"], "--check prints its verdict alone"),
        (["-d", "demo:", "--mqtt-topic", "x"], "--check prints its verdict alone"),
        (["-d", "demo:", "-d", "demo:?soc=5"], "given twice"),
        (["-d", "demo:?boards=2", "--board", "1", "--board", "2"], "given twice"),
        (["-d", ""], "-d is empty"),
        (["-d", "demo:", "--scan"], "--check prints its verdict alone"),
        (["-d", "demo:", "-c", "cell_1=3:"], "needs --all-cells"),
        (["-d", "demo:?nonsense=1"], "nonsense"),
        (["-d", "demo:", "--board", "99"], "board must be 1 to 16"),
        (["-d", "/dev/does-not-exist"], "/dev/does-not-exist"),
        (["-d", "socket://127.0.0.1:1"], "127.0.0.1"),
        ([], "-d DEVICE"),
    ],
)
def test_what_keeps_us_from_asking_is_unknown_on_stdout(options, reason):
    done = subprocess.run(
        [*PROGRAM, "--check", *options], capture_output=True, text=True, timeout=PATIENCE, env=environment()
    )
    assert (done.returncode, done.stderr) == (3, "")
    output = take_apart(done.stdout)
    assert output.state == UNKNOWN
    assert reason in output.text


@pytest.mark.parametrize("option", ["--help", "-h", "--version"])
def test_help_and_version_are_no_verdict(option):
    done = subprocess.run([*PROGRAM, "--check", option], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout


@pytest.mark.parametrize(("alarms", "code"), [("00", 3), ("01", 1), ("02", 2)])
def test_a_closed_stdout_never_turns_a_fault_into_something_milder(alarms, code):
    command = [*PROGRAM, "-d", f"demo:?{PACK}&alarms={alarms}00000000000000", "--check"]
    closed = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.DEVNULL, timeout=PATIENCE
    )
    assert closed.returncode == code
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.DEVNULL, timeout=PATIENCE)
        assert done.returncode == code


@pytest.fixture
def silent_gateway():
    """A TCP port that takes a connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        yield server


def address(server: socket.socket) -> str:
    return f"socket://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_reading_is_unknown(silent_gateway, number):
    command = [*PROGRAM, "-d", address(silent_gateway), "--check"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=environment(), **pipes) as process:
        connection, _ = silent_gateway.accept()
        with connection:
            connection.settimeout(10)
            assert connection.recv(13)
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stderr) == (3, "")
    assert take_apart(stdout).text.startswith("terminated")


@pytest.mark.alone
@pytest.mark.parametrize("limit", [1.5, 2.0])
def test_the_time_limit_is_kept_and_is_unknown(silent_gateway, limit):
    result = check(address(silent_gateway), "-t", str(limit))
    assert result.output.state == UNKNOWN
    assert f"not finished within {limit:g} s" in result.output.text
    assert result.seconds < limit


@pytest.mark.alone
def test_a_silent_gateway_is_critical_well_within_the_default_limit(silent_gateway):
    result = check(address(silent_gateway))
    assert result.output.state == CRITICAL
    assert result.seconds < 6
