"""The two libraries that are compared, each installed by pip in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from board import ROOT, Pack

LAUNCHER = (
    "import os, resource, sys\n"
    "pid = os.fork()\n"
    "if pid == 0:\n"
    "    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)\n"
    "    os.execv(sys.argv[1], sys.argv[1:])\n"
    "_, status = os.waitpid(pid, 0)\n"
    "print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
)


class Client(NamedTuple):
    """A library, its environment, and the sections it is known not to implement."""

    name: str
    folder: Path
    unimplemented: frozenset[str]

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    @property
    def command(self) -> str:
        return str(self.folder / "bin" / "daly-bms-cli")


OURS = Client("this version", ROOT / ".bench" / "ours", frozenset())
UPSTREAM = Client("dalybms 0.5.0", ROOT / ".bench" / "upstream", frozenset({"balancing_status"}))


class Run(NamedTuple):
    """One run of a command line."""

    seconds: float
    code: int
    stdout: str
    stderr: str


def run(command: list[str]) -> Run:
    start = time.perf_counter()
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60)
    return Run(time.perf_counter() - start, done.returncode, done.stdout, done.stderr)


def cli_seconds(client: Client, path: str, flag: str) -> float:
    """How long a user waits for one command; it must succeed and print JSON."""
    done = run([client.command, "-d", path, flag])
    if done.code or not json.loads(done.stdout):
        raise RuntimeError(f"{client.name} {flag} failed: {done.stderr.strip()}")
    return done.seconds


def cli_peak_memory(client: Client, path: str, flag: str) -> float:
    """Highest resident memory of one command in MB, taken by a small parent whose only child it is."""
    done = run([client.python, "-I", "-S", "-c", LAUNCHER, client.command, "-d", path, flag])
    status, kilobytes = (int(word) for word in done.stdout.split())
    if os.WEXITSTATUS(status) or not os.WIFEXITED(status):
        raise RuntimeError(f"{client.name} {flag} failed: {done.stderr.strip()}")
    return kilobytes / 1024


class Worker:
    """A running bench/worker.py: one library, connected, reading on request."""

    def __init__(self, client: Client, reading: str, pause: str, paths: list[str]) -> None:
        self._client = client
        self._process = subprocess.Popen(
            [client.python, str(ROOT / "bench" / "worker.py"), reading, pause, *paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._line()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=30)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker of {self._client.name} ended: see its message above")
        return line

    def read(self, pack: Pack) -> dict[str, Any]:
        """One reading; raises RuntimeError when it is not complete."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._line())
        wrong_count = any(cells != pack.cells for cells in answer["cells"])
        if set(answer["failed"]) - self._client.unimplemented or wrong_count:
            raise RuntimeError(f"{self._client.name} read {pack} incompletely: {answer}")
        return answer
