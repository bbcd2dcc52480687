"""The emulator as a process: pseudo terminal, TCP port, pace in real time, signals."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 10.0
needs_pty = pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo terminals")


def request(command: int) -> bytes:
    body = bytes((0xA5, 0x40, command, 8)) + bytes(8)
    return body + bytes((sum(body) & 0xFF,))


@contextmanager
def emulator(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running emulator and what it printed when it was ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dalybms.emulator", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        readable, _, _ = select.select([process.stdout], [], [], LIMIT)
        assert readable, "the emulator printed nothing"
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate(timeout=LIMIT)


def ended(process: subprocess.Popen[str], number: int) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=LIMIT)
    return process.returncode, out, err


def connect(address: str) -> socket.socket:
    assert address.startswith("socket://127.0.0.1:")
    return socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])), timeout=LIMIT)


def received(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = client.recv(size - len(data))
        assert chunk, "the emulator closed the connection"
        data += chunk
    return data


@needs_pty
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(number: int) -> None:
    with emulator("--pty") as (process, path):
        assert path.startswith("/dev/")
        assert ended(process, number) == (0, "", "")


@pytest.mark.alone
@needs_pty
def test_a_pty_is_paced_as_9600_8n1() -> None:
    ideal = (13 + 6 * 13) * 10 / 9600
    taken = []
    with (
        emulator("--pty", "cells=16") as (_, path),
        serial.Serial(path, 9600, timeout=LIMIT, exclusive=True) as port,
    ):
        for _ in range(5):
            start = time.perf_counter()
            port.write(request(0x95))
            assert len(port.read(78)) == 78
            taken.append(time.perf_counter() - start)
    # Never earlier; later by as much as a busy machine makes it, so the best of five counts.
    assert min(taken) == pytest.approx(ideal, rel=0.01)
    assert min(taken) >= ideal


@needs_pty
def test_pty_clients_come_and_go() -> None:
    with emulator("--pty", "--unpaced") as (_, path):
        for _ in range(3):
            with serial.Serial(path, timeout=LIMIT) as port:
                port.write(request(0x90))
                assert port.read(13)[:4] == bytes.fromhex("a5019008")


@needs_pty
def test_the_link_is_made_and_removed(tmp_path: Path) -> None:
    link = tmp_path / "bms"
    link.symlink_to("/nowhere")
    with emulator("--pty", "--link", str(link), "--unpaced") as (process, path):
        assert path == str(link)
        with serial.Serial(path, timeout=LIMIT) as port:
            port.write(request(0x90))
            assert len(port.read(13)) == 13
        assert ended(process, signal.SIGTERM)[0] == 0
    assert not link.is_symlink()


@needs_pty
def test_a_file_in_the_place_of_the_link_is_kept(tmp_path: Path) -> None:
    (tmp_path / "bms").write_text("mine")
    result = run("--pty", "--link", str(tmp_path / "bms"))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert (tmp_path / "bms").read_text() == "mine"


@needs_pty
def test_unplugged_means_that_the_port_is_gone() -> None:
    with (
        emulator("--pty", "--unpaced", "fault=unplug:1:1") as (process, path),
        serial.Serial(path, timeout=LIMIT) as port,
    ):
        port.write(request(0x90))
        assert len(port.read(13)) == 13
        port.write(request(0x90))
        with pytest.raises(serial.SerialException):
            port.read(14)
        assert process.wait(LIMIT) == 0


def test_tcp_takes_one_client_after_another() -> None:
    with emulator("--tcp", "0", "--unpaced", "cells=3") as (process, address):
        for _ in range(3):
            with connect(address) as client:
                client.sendall(request(0x95)[:5])
                client.sendall(request(0x95)[5:])
                assert received(client, 13)[:5] == bytes.fromhex("a501950801")
        assert ended(process, signal.SIGTERM) == (0, "", "")


def test_tcp_survives_a_client_that_leaves_in_the_middle_of_a_reply() -> None:
    with emulator("--tcp", "0", "cells=48") as (_, address):
        with connect(address) as client:
            client.sendall(request(0x95))
            received(client, 5)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes((1, 0, 0, 0, 0, 0, 0, 0)))
        with connect(address) as client:
            until = time.monotonic() + LIMIT
            data = b""
            # The board is still sending to the client that left: ask until it listens.
            client.settimeout(0.3)
            while bytes.fromhex("a5019008") not in data and time.monotonic() < until:
                client.sendall(request(0x90))
                try:
                    data += client.recv(4096)
                except socket.timeout:
                    continue
            assert bytes.fromhex("a5019008") in data


def test_pacing_does_not_spin() -> None:
    with emulator("--tcp", "0") as (process, address), connect(address) as client:
        client.sendall(request(0x90))
        received(client, 13)
        if not Path(f"/proc/{process.pid}/stat").exists():
            pytest.skip("this system has no /proc")
        before = ticks(process.pid)
        client.sendall(request(0x95))
        received(client, 78)
        assert ticks(process.pid) - before <= 3


def ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dalybms.emulator", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


def test_a_wrong_option_is_one_line() -> None:
    result = run("--tcp", "0", "cels=16")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("python -m dalybms.emulator: unknown option 'cels'")
    assert result.stderr.count("\n") == 1


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        result = run("--tcp", str(server.getsockname()[1]))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1


def test_the_help_lists_the_faults() -> None:
    result = run("--help")
    assert result.returncode == 0
    assert "other-program" in result.stdout
    assert "latency=ms" in result.stdout


def test_a_process_writes_its_log_and_ends_when_its_battery_is_off(tmp_path: Path) -> None:
    log = tmp_path / "heard.jsonl"
    with emulator("--tcp", "0", "--unpaced", f"discharge_off=gone&log={log}") as (process, address):
        client = connect(address)
        client.sendall(request(0x90))
        assert len(received(client, 13)) == 13
        client.sendall(request(0xD9))
        assert received(client, 13)[2] == 0xD9
        assert process.wait(LIMIT) == 0
        client.close()
    entries = [json.loads(text) for text in log.read_text().splitlines()]
    assert [(entry["frame"], entry["writes"]) for entry in entries] == [
        (request(0x90).hex(), False),
        (request(0xD9).hex(), True),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tcp", "70000"], "a TCP port is 0 to 65535, not 70000"),
        (["--tcp", "0", "--link", "x"], "--link and --baud go with --pty"),
        (["--tcp", "0", "--baud", "0"], "--link and --baud go with --pty"),
        (["--pty", "--baud", "0"], "no terminal has a rate of 0 baud: take 9600 or 115200"),
        (["--pty", "--baud", "-5"], "no terminal has a rate of -5 baud"),
        (["--pty", "--baud", "12345"], "no terminal has a rate of 12345 baud"),
        (["--pty", "--link", "/nowhere/x"], "cannot serve /nowhere/x: No such file or directory"),
    ],
)
def test_what_cannot_be_served_is_one_line(arguments: list[str], words: str) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
