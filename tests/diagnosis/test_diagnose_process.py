"""`daly-bms-cli diagnose` as a process, on real wires: each cause of docs/diagnose.md that can be emulated.

A diagnosis mostly waits, so all of them run beside each other, once.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Callable, NamedTuple

import pytest
from peers import held, rfc2217, server, talker
from processes import board, raw_pty

from dalybms.protocols.a5.frame import Frame

ROOT = Path(__file__).resolve().parents[2]
CLI = [sys.executable, str(ROOT / "daly-bms-cli.py"), "diagnose"]
SILENCE = ("asleep", "wires", "adapter")
NO_GATEWAY = ("asleep", "wires", "gateway-settings")
MASTER = Frame(0x40, 0x90, bytes(8)).encode()
HEAD = bytes.fromhex("d4a1 0000 0003 d2 83 0b")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "DALY_BMS_DEVICE"}
    return subprocess.run(
        [*CLI, *arguments], capture_output=True, text=True, timeout=28, cwd=ROOT, env=clean, check=False
    )


class Row(NamedTuple):
    """wire: yields the device; is handed the path of a log of what was asked."""

    name: str
    wire: Callable[[str], AbstractContextManager[str]]
    causes: tuple[str, ...]
    code: int = 1
    options: tuple[str, ...] = ()


def pty(options: str, *more: str) -> Callable[[str], AbstractContextManager[str]]:
    return lambda log: board("--pty", *more, f"log={log}&{options}")


def tcp(options: str) -> Callable[[str], AbstractContextManager[str]]:
    return lambda log: board("--tcp", "0", f"log={log}&{options}")


def far(options: str) -> Callable[[str], AbstractContextManager[str]]:
    """RFC 2217."""

    @contextmanager
    def wire(log: str) -> Iterator[str]:
        with board("--pty", f"log={log}&{options}") as port, rfc2217(port) as end:
            yield f"rfc2217://{end}"

    return wire


@contextmanager
def wrong_scheme(_: str) -> Iterator[str]:
    with raw_pty() as (_, port), rfc2217(port) as end:
        yield f"socket://{end}"


@contextmanager
def raw_behind_rfc2217(log: str) -> Iterator[str]:
    with board("--tcp", "0", f"log={log}") as device:
        yield device.replace("socket", "rfc2217")


@contextmanager
def taken(_: str) -> Iterator[str]:
    with raw_pty() as (_, port), held(port):
        yield port


@contextmanager
def nobody_listens(_: str) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"socket://127.0.0.1:{port}"


@contextmanager
def named(name: str) -> Iterator[str]:
    yield name


@contextmanager
def plain_file(log: str) -> Iterator[str]:
    path = Path(log).with_name("file")
    path.write_text("no port\n")
    yield str(path)


def modbus_tcp(data: bytes) -> bytes:
    """It answers what has its own head, and swallows all else."""
    return HEAD if data[2:4] == b"\0\0" and data[:2] == HEAD[:2] else b""


ROWS = [
    Row("well", pty(""), ("well",), 0),
    Row("well D2", tcp("protocol=d2"), ("well",), 0),
    Row("well P81", far("protocol=p81"), ("well",), 0),
    Row("well, A5 over RFC 2217", far("cells=8"), ("well",), 0),
    Row("well, only host 0x80", pty("host=80"), ("well",), 0),
    Row("an adapter that sends back what it gets", tcp("fault=echo"), ("well",), 0),
    Row("Sinowealth, named", tcp("protocol=sinowealth"), ("well",), 0, ("--protocol", "sinowealth")),
    Row("asleep on a port", pty("awake=0"), SILENCE),
    Row("asleep behind a gateway", tcp("awake=0"), NO_GATEWAY),
    Row("asleep behind RFC 2217", far("awake=0"), NO_GATEWAY),
    Row("asleep with an echo", pty("fault=echo-only"), ("asleep", "joined")),
    Row("another number", pty("board=3"), ("number",)),
    Row("another number, P81", tcp("protocol=p81&board=4"), ("number",)),
    Row("a number in vain", tcp(""), ("number",), 1, ("--board", "2")),
    Row("a number for D2", tcp("protocol=d2"), ("number-d2",), 1, ("--board", "2")),
    Row("two of one number", tcp("cells=16;board=1&cells=8&soc=20"), ("disturbed", "collision", "wires")),
    Row("--uart in vain", pty("host=40"), ("host-address",), 1, ("--uart",)),
    Row("--address in vain", tcp("host=80"), ("host-address",), 1, ("--address", "4")),
    Row("--protocol in vain", tcp(""), ("protocol",), 1, ("--protocol", "d2")),
    Row("--protocol in vain, D2", pty("protocol=d2"), ("protocol",), 1, ("--protocol", "a5")),
    Row("noise", pty("fault=noise"), ("baudrate", "swapped", "disturbed")),
    Row("noise behind a gateway", tcp("fault=noise"), ("gateway-settings", "swapped", "disturbed")),
    Row("each answer damaged", pty("fault=flip:1"), ("disturbed", "collision", "wires")),
    Row("answers are lost", tcp("fault=drop-reply:0.5&seed=4"), ("unsteady",), 0),
    Row("deaf after an answer", pty("deaf=200"), ("deaf",), 0),
    Row("a command is not there", tcp("unsupported=97"), ("commands",), 0),
    Row("P81 at 115200", pty("protocol=p81", "--baud", "115200"), ("baudrate-found",)),
    Row("A5 at 9600", pty("", "--baud", "9600"), ("baudrate-found",), 1, ("--baudrate", "19200")),
    Row("another master", lambda _: talker(MASTER), ("master", "asleep")),
    Row("an inverter's protocol", lambda _: talker(b"~20024642E00202FD33\r"), ("inverter", "master")),
    Row("a line of zeros", lambda _: talker(bytes(7)), ("swapped", "baudrate", "disturbed")),
    Row("Modbus TCP", lambda _: server(modbus_tcp), ("modbus-tcp",)),
    Row("closes at once", lambda _: server(lambda _: None), ("modbus-tcp", "client", "gateway-restarts")),
    Row("Telnet under socket://", wrong_scheme, ("telnet",)),
    Row("raw under rfc2217://", raw_behind_rfc2217, ("rfc2217",)),
    Row("nobody listens", nobody_listens, ("refused",)),
    Row("no such port", lambda _: named("/dev/ttyUSB99"), ("missing",)),
    Row("no port", lambda log: plain_file(log), ("not-a-port",)),
    Row("another program holds it", taken, ("busy",)),
    Row("the plug is pulled", pty("fault=unplug:1:2"), ("gone", "other-program")),
]


class Outcome(NamedTuple):
    """done: of the process. heard: the requests that the emulator logged."""

    done: subprocess.CompletedProcess[str]
    heard: list[dict[str, Any]]


def diagnosed(row: Row, folder: Path) -> Outcome:
    log = folder / "log"
    with row.wire(str(log)) as device:
        done = run("-d", device, "--json", *row.options, "--reply-timeout", "0.3")
    lines = log.read_text().splitlines() if log.exists() else []
    return Outcome(done, [json.loads(line) for line in lines])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_cause_is_named(row: Row, tmp_path: Path) -> None:
    done, heard = diagnosed(row, tmp_path)
    document = json.loads(done.stdout)
    assert tuple(each["code"] for each in document["causes"]) == row.causes, done.stderr
    assert done.returncode == row.code
    assert [entry for entry in heard if entry["writes"] or entry["secret"]] == []
    assert "Traceback" not in done.stderr


def test_a_board_that_is_well_for_people() -> None:
    with board("--tcp", "0") as device:
        done = run("-d", device)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("cause: nothing is wrong on the wire: board 1 speaks A5")
    names = [line.split()[0] for line in done.stderr.splitlines()]
    assert names[:5] == ["there", "permission", "busy", "opens", "listens"]
    assert "rate ok: 20 of 20 questions" in done.stderr


def test_a_terminal_is_told_in_one_line() -> None:
    import pty as terminals

    ours, theirs = terminals.openpty()
    with ExitStack() as stack:
        stack.callback(os.close, ours)
        done = subprocess.run(
            [*CLI, "-d", "/dev/ttyUSB99"],
            stdout=subprocess.PIPE,
            stderr=theirs,
            timeout=20,
            cwd=ROOT,
            check=False,
        )
        os.close(theirs)
        said = os.read(ours, 4096)
    assert done.returncode == 1
    assert said.startswith(b"there failed")
    assert said.count(b"\n") == 1


def test_it_ends_in_time() -> None:
    """Noise without end is the longest there is."""
    with board("--tcp", "0", "fault=noise") as device:
        done = run("-d", device)
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which battery? give -d DEVICE"),
        (["-d", "demo:", "--board", "1,2"], "one board is meant here"),
        (["-d", "demo:", "--uart", "--address", "4"], "contradict each other"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_the_deaf_time_is_never_said_too_short() -> None:
    with board("--tcp", "0", "deaf=180") as device:
        steps = {step["name"]: step for step in json.loads(run("-d", device, "--json").stdout)["steps"]}
    assert 0.18 <= steps["deaf"]["facts"]["seconds"] <= 0.3
    assert steps["rate"]["facts"]["answered"] == steps["rate"]["facts"]["asked"]
