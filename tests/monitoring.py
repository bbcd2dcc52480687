"""What the monitoring tests share: the examples of the docs, a bounded wait, a battery at a TCP port."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable, NamedTuple

from check_grammar import STATES, Output, take_apart
from support import PATIENCE

from dalybms.emulator.a5.board import A5Board
from dalybms.emulator.line import Line
from dalybms.emulator.pack import Pack

ROOT = Path(__file__).resolve().parent.parent
DOC = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
PROGRAM = [sys.executable, str(ROOT / "daly-bms-cli.py")]
INSTALLED = "/usr/local/bin/daly-bms-cli"
PORT = "/dev/ttyUSB0"


def example(language: str) -> str:
    """The one fenced example in this language."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", DOC, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, f"{len(blocks)} examples in {language}"
    return blocks[0]


def here(text: str, device: str) -> str:
    """An example with the program of this tree and another device in it."""
    assert text.count(INSTALLED) == 1
    return text.replace(INSTALLED, shlex.join(PROGRAM)).replace(PORT, device)


def wait_for(process: subprocess.Popen[str], happened: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Returns when it happened; fails when the process ends before, or the time is over."""
    end = time.monotonic() + seconds
    while not happened():
        try:
            code = process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            assert time.monotonic() < end, f"did not happen within {seconds} s"
        else:
            raise AssertionError(f"{process.args} ended with {code} before it happened")


@contextlib.contextmanager
def gateway(pack: Pack) -> Iterator[str]:
    """A network gateway with a board at it, for one client; gives the text for -d."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        serving = threading.Thread(target=_serve, args=(server, Line([A5Board(pack)])))
        serving.start()
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"
        serving.join(timeout=PATIENCE)


def _serve(server: socket.socket, line: Line) -> None:
    client, _ = server.accept()
    with client:
        client.settimeout(10)
        while data := client.recv(100):
            line.write(data, time.monotonic())
            client.sendall(line.take(time.monotonic()))


class Result(NamedTuple):
    code: int
    output: Output
    seconds: float


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "DALY_BMS_DEVICE"}


def check(device: str, *options: str) -> Result:
    """One run; whatever comes, it is a verdict on stdout alone."""
    began = time.monotonic()
    done = subprocess.run(
        [*PROGRAM, "-d", device, "--check", *options],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment(),
    )
    seconds = time.monotonic() - began
    assert done.stderr == ""
    output = take_apart(done.stdout)
    assert STATES[done.returncode] == output.state
    return Result(done.returncode, output, seconds)
