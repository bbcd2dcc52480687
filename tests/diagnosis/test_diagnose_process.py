"""`daly-bms-cli diagnose` as a process, on real wires: each cause of docs/diagnose.md that can be emulated.

A diagnosis mostly waits, so all of them run beside each other, once.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Callable, NamedTuple

import pytest
from peers import held, rfc2217, server, talker
from processes import board, raw_pty
from support import PATIENCE

from dalybms.emulator.options import build
from dalybms.protocols.a5.frame import Frame
from dalybms.protocols.modbus.frame import crc

ROOT = Path(__file__).resolve().parents[2]
CLI = [sys.executable, str(ROOT / "daly-bms-cli.py"), "diagnose"]
SILENCE = ("asleep", "wires", "adapter")
NO_GATEWAY = ("asleep", "wires", "gateway-settings")
BURST = ("asleep", "gateway-settings", "swapped")
THREE = ";".join(f"protocol=p81+d2&board={number}" for number in (1, 2, 3))
MASTER = Frame(0x40, 0x90, bytes(8)).encode()
ANOTHER = (Frame(0x42, 0x90, bytes(8)).encode(), Frame(3, 0x90, bytes.fromhex("010b000075300384")).encode())
JBD = bytes.fromhex("dd0300020a0bffe977")
GREETING = b"ser2net port 4001 device serialdev, /dev/ttyUSB0, 9600n81\r\n"
ALIKE = "cells=8;board=1&cells=8&latency=70"
HEAD = bytes.fromhex("d4a1 0000 0003 d2 83 0b")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "DALY_BMS_DEVICE"}
    return subprocess.run(
        [*CLI, *arguments], capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, env=clean, check=False
    )


class Row(NamedTuple):
    """wire: yields the device; is handed the path of a log of what was asked."""

    name: str
    wire: Callable[[str], AbstractContextManager[str]]
    causes: tuple[str, ...]
    code: int | None = 1  # None: by chance, as an answer to an earlier attempt still counts
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


@contextmanager
def pulled() -> Iterator[str]:
    """A port that is silent, and goes at another rate: after four ways, twice each, and 33 for numbers."""
    with raw_pty() as (ours, port):

        def pull() -> None:
            for _ in range(2 * 4 + 33 + 1):
                select.select([ours], [], [], 20)
                os.read(ours, 64)
            os.close(ours)

        thread = threading.Thread(target=pull)
        thread.start()
        yield port
        thread.join(PATIENCE)


@contextmanager
def full_port() -> Iterator[str]:
    """Nobody reads the other end, and it is full."""
    with raw_pty() as (_, port):
        end = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            for size in (256, 1):  # room for a question does not wake a select
                with suppress(BlockingIOError):
                    while size == 1 or select.select([], [end], [], 0.3)[1]:
                        os.write(end, bytes(size))
            yield port
        finally:
            os.close(end)


def zeros(data: bytes) -> bytes:
    return Frame(1, data[2], bytes(8)).encode() if data[:2] == b"\xa5\x40" else b""


def refuse(data: bytes) -> bytes:
    """In D2 and P81."""
    if len(data) != 8:
        return b""
    body = bytes((data[0] if data[0] == 0xD2 else data[0] - 0x30, 0x83, 2))
    return body + crc(body)


def answer_as_another(data: bytes) -> bytes:
    body = bytes((0x0B, 3, 4, 0x12, 0x34, 0x56, 0x78))
    return body + crc(body)


def crlf(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")


def late_echo(data: bytes) -> bytes:
    """Behind the whole time that is waited for it."""
    time.sleep(0.4)
    return data


def mute(_: bytes) -> bytes:
    return b""


def hang_up(_: bytes) -> None:
    return None


def modbus_tcp(data: bytes) -> bytes:
    """It answers what has its own head, and swallows all else."""
    return HEAD if data[2:4] == b"\0\0" and data[:2] == HEAD[:2] else b""


def through(options: str, change: Callable[[bytes], bytes]) -> AbstractContextManager[str]:
    """A board behind a gateway that does something to its answers."""
    line, lock = build(options), threading.Lock()

    def answer(data: bytes) -> bytes:
        with lock:
            now = time.monotonic()
            line.write(data, now)
            said = line.take(now + 1.0)
            return change(said) if said else b""

    return server(answer)


INVERTER = b"~20024642E00202FD33\r"
GPS = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08*47\r\n"
SELDOM = 2.5
"""Seconds between what is said: not before anything is asked, and once or twice while it is."""

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
    Row("two of one number, alike", tcp(ALIKE), ("twins",)),
    Row("two of one number, one by one", tcp("soc=50;board=1&soc=51&latency=70"), ("twins",)),
    Row("--uart for D2", pty("protocol=d2"), ("no-host",), 1, ("--uart",)),
    Row("--protocol d2 needs no --uart", tcp("protocol=d2"), ("well",), 0, ("--uart", "--protocol", "d2")),
    Row("--uart in vain", pty("host=40"), ("host-address",), 1, ("--uart",)),
    Row("--address in vain", tcp("host=80"), ("host-address",), 1, ("--address", "4")),
    Row("--protocol in vain", tcp(""), ("protocol",), 1, ("--protocol", "d2")),
    Row("--protocol in vain, D2", pty("protocol=d2"), ("protocol",), 1, ("--protocol", "a5")),
    Row("noise", pty("fault=noise"), ("baudrate", "swapped", "disturbed")),
    Row("noise behind a gateway", tcp("fault=noise"), ("gateway-settings", "swapped", "disturbed")),
    Row("each answer damaged", pty("fault=flip:1"), ("disturbed", "collision", "wires")),
    Row("answers are lost", tcp("fault=drop-reply:0.5&seed=4"), ("unsteady",), 0),
    Row("deaf after an answer", pty("deaf=200"), ("deaf",), 0),
    Row("deaf on a line that loses", pty("deaf=150&fault=drop-reply:0.3&seed=1"), ("unsteady", "deaf"), 0),
    Row("answers come late", tcp("latency=400"), ("slow",), 0),
    Row("answers come very late", pty("latency=1200"), ("slow",), None),
    Row("answers come after all patience", pty("latency=2400"), ("slow",)),
    Row("D2 answers come very late", tcp("protocol=d2&latency=1000"), ("slow",), None),
    Row("it wakes while it is asked", pty("protocol=d2&fault=waking:1:3"), ("woken",), 0),
    Row("it wakes while other rates are tried", pty("fault=waking:1:8"), ("woken",), 0),
    Row("it wakes behind a gateway", tcp("protocol=d2&fault=waking:1:2"), ("woken",), 0),
    Row("deaf for longer than this program rests", pty("deaf=400"), ("deaf-long",), 0),
    Row("one board, three answer D2", tcp(THREE), ("well",), 0),
    Row("five commands are not there", tcp("unsupported=91,92,93,97,98"), ("commands",), 0),
    Row("the first questions are not there", tcp("unsupported=90,91,93"), ("commands",), 0),
    Row("line ends are changed", lambda _: through("cell=3.338", crlf), ("changed", "disturbed", "slow"), 0),
    Row("a board beside an inverter", lambda _: through("", lambda data: INVERTER + data), ("beside",), 0),
    Row("a board beside one of another make", lambda _: through("", lambda data: data + JBD), ("beside",), 0),
    Row("an inverter now and then", lambda _: talker(INVERTER, SELDOM), ("inverter", "master")),
    Row("another make now and then", lambda _: talker(JBD, SELDOM), ("make", "asleep")),
    Row("another master now and then", lambda _: talker(MASTER, SELDOM), ("master", "asleep")),
    Row("a modem wanted now and then", lambda _: talker(b"AT\r", SELDOM), ("modem", "asleep")),
    Row("text now and then", lambda _: talker(GPS, SELDOM), ("text", "asleep")),
    Row("a byte at opening, then silence", lambda _: server(mute, b"\0"), NO_GATEWAY),
    Row("a burst, then silence", lambda _: server(mute, bytes(range(128, 160))), BURST),
    Row("a server of shells", lambda _: server(mute, b"SSH-2.0-OpenSSH_9.2p1\r\n"), ("text",)),
    Row("an echo of six bytes", lambda _: server(lambda data: data[:6]), ("asleep", "joined", "disturbed")),
    Row("an echo that comes late", lambda _: server(late_echo), ("asleep", "joined", "disturbed")),
    Row("it wakes up and says zeros", lambda _: server(zeros), ("unbelievable",)),
    Row("each question is refused", lambda _: server(refuse), ("unbelievable",)),
    Row("another Modbus device", lambda _: server(answer_as_another), ("modbus",)),
    Row("a command is not there", tcp("unsupported=97"), ("commands",), 0),
    Row("no answer to the usual question", tcp("unsupported=90"), ("commands",), 0),
    Row("P81 at 115200", pty("protocol=p81", "--baud", "115200"), ("baudrate-found",)),
    Row("A5 at 9600", pty("", "--baud", "9600"), ("baudrate-found",), 1, ("--baudrate", "19200")),
    Row("A5 at 115200", pty("", "--baud", "115200"), ("baudrate-found",)),
    Row("D2 at 115200", pty("protocol=d2", "--baud", "115200"), ("baudrate-found",)),
    Row("D2 at 9600", pty("protocol=d2", "--baud", "9600"), ("baudrate-found",), 1, ("--baudrate", "19200")),
    Row("another master", lambda _: talker(MASTER), ("master", "asleep")),
    Row("another master of another", lambda _: talker(b"".join(ANOTHER), 0.3), ("master", "number")),
    Row("answers to somebody else", lambda _: talker(ANOTHER[1], 0.2), ("master", "number")),
    Row("a program looks for a modem", lambda _: talker(b"AT\r\nAT+GCAP\r\n"), ("modem", "asleep")),
    Row("a GPS", lambda _: talker(b"$GPGGA,123519,4807.038,N,01131.000,E,1,08*47\r\n"), ("text",)),
    Row("a board of another make", lambda _: talker(JBD, 0.4), ("make", "asleep")),
    Row("an inverter's protocol", lambda _: talker(b"~20024642E00202FD33\r"), ("inverter", "master")),
    Row("a line of zeros", lambda _: talker(bytes(7)), ("swapped", "baudrate", "disturbed")),
    Row("Modbus TCP", lambda _: server(modbus_tcp), ("modbus-tcp",)),
    Row("a gateway that sends all back", lambda _: server(lambda data: data), ("asleep", "joined")),
    Row(
        "an echo that loses bytes", lambda _: server(lambda data: data[:7]), ("asleep", "joined", "disturbed")
    ),
    Row("a web server", lambda _: server(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n"), ("text",)),
    Row("a greeting, then silence", lambda _: server(mute, GREETING), ("asleep", "text", "gateway-settings")),
    Row("a greeting, then the end", lambda _: server(hang_up, GREETING), ("client", "text")),
    Row("a port that is in use", lambda _: server(hang_up, b"Port already in use\r\n"), ("client",)),
    Row("a window that is shut", lambda _: server(mute), NO_GATEWAY),
    Row("a port that takes nothing", lambda _: full_port(), ("hangs",)),
    Row("closes at once", lambda _: server(lambda _: None), ("modbus-tcp", "client", "gateway-restarts")),
    Row("Telnet under socket://", wrong_scheme, ("telnet",)),
    Row("raw under rfc2217://", raw_behind_rfc2217, ("rfc2217",)),
    Row("nobody listens", nobody_listens, ("refused",)),
    Row("no such port", lambda _: named("/dev/ttyUSB99"), ("missing",)),
    Row("no port", lambda log: plain_file(log), ("not-a-port",)),
    Row("another program holds it", taken, ("busy",)),
    Row("the plug is pulled while nothing answers", lambda _: pulled(), ("gone", "other-program")),
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
    assert done.returncode in ((0, 1) if row.code is None else (row.code,))
    assert [entry for entry in heard if entry["writes"] or entry["secret"]] == []
    assert "Traceback" not in done.stderr


def test_progress_that_nobody_reads_stops_nothing() -> None:
    """As of `diagnose 2>&1 >file | head -1`."""
    theirs, ours = os.pipe()
    os.close(theirs)
    try:
        done = subprocess.run(
            [*CLI, "-d", "/dev/ttyUSB99"],
            stdout=subprocess.PIPE,
            stderr=ours,
            timeout=PATIENCE,
            cwd=ROOT,
            check=False,
        )
    finally:
        os.close(ours)
    assert done.returncode == 1
    assert done.stdout.startswith(b"cause: the system has no such port")


def test_a_board_that_is_well_for_people() -> None:
    with board("--tcp", "0") as device:
        done = run("-d", device)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("cause: nothing is wrong on the wire: board 1 speaks A5")
    names = [line.split()[0] for line in done.stderr.splitlines()]
    assert names[:5] == ["there", "permission", "busy", "opens", "listens"]
    assert "rate ok: 20 of 20 questions" in done.stderr


def test_the_document_has_the_keys_that_are_promised() -> None:
    document = json.loads(run("-d", "demo:cell=4.0", "--json").stdout)
    assert list(document) == ["device", "answers", "steps", "causes", "findings", "unchecked"]
    assert {tuple(step) for step in document["steps"]} == {("name", "outcome", "detail", "facts")}
    assert {tuple(each) for each in document["causes"]} == {("code", "detail", "next")}
    assert {tuple(each) for each in document["findings"]} == {("severity", "area", "detail", "fix")}
    text = (ROOT / "docs" / "diagnose.md").read_text(encoding="utf-8")
    named = (*document, *document["steps"][0], *document["causes"][0], *document["findings"][0])
    assert [
        key for key in named if f"`{key}`" not in text and key not in "{severity, area, detail, fix}"
    ] == []


def test_a_terminal_is_told_in_one_line() -> None:
    import pty as terminals

    ours, theirs = terminals.openpty()
    with ExitStack() as stack:
        stack.callback(os.close, ours)
        done = subprocess.run(
            [*CLI, "-d", "/dev/ttyUSB99"],
            stdout=subprocess.PIPE,
            stderr=theirs,
            timeout=PATIENCE,
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
        (["-d", "demo:", "--protocol", "d2", "--board", "2"], "d2 boards have no number"),
        (["-d", "/dev/null", "--baudrate", "0"], "a baud rate of 0 cannot be"),
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
