"""Programs that take serial adapters away, as real processes of their names: no other test beside them."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from processes import raw_pty
from support import PATIENCE

pytestmark = pytest.mark.alone
ROOT = Path(__file__).resolve().parents[2]
HOLD = (
    "import sys, serial; s = serial.Serial(sys.argv[1], exclusive=True); print(flush=True); sys.stdin.read()"
)


@contextmanager
def program(name: str, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that the system knows by this name."""
    interpreter = Path(os.path.realpath(sys.executable))
    path = folder / name
    path.symlink_to(interpreter) if arguments else shutil.copy(shutil.which("cat") or "cat", path)
    clean = {**os.environ, "PYTHONHOME": sys.base_prefix, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [str(path), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(PATIENCE)


def diagnosed(device: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "daly-bms-cli.py"), "diagnose", "-d", device, "--json"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def codes(document: dict[str, Any]) -> list[str]:
    return [each["code"] for each in document["causes"]]


@pytest.mark.parametrize("name", ["brltty", "ModemManager"])
def test_a_port_that_is_not_there_while_such_a_program_runs(name: str, tmp_path: Path) -> None:
    with program(name, tmp_path):
        document = diagnosed("/dev/ttyUSB99")
    assert codes(document) == ["taken", "missing"]
    assert name in document["causes"][0]["detail"]


def test_a_port_that_vanishes_while_such_a_program_runs(tmp_path: Path) -> None:
    """As Ubuntu's brltty does it, two seconds after plugging in."""
    with program("brltty", tmp_path), raw_pty() as (ours, name):

        def vanish() -> None:
            select.select([ours], [], [], 20)
            os.close(ours)

        thread = threading.Thread(target=vanish)
        thread.start()
        alias = tmp_path / "ttyUSB7"
        alias.symlink_to(name)
        threading.Timer(0.8, alias.unlink).start()
        document = diagnosed(str(alias))
        thread.join(PATIENCE)
    assert codes(document) == ["taken", "gone"]


def test_a_modem_manager_that_holds_the_port_is_named(tmp_path: Path) -> None:
    with raw_pty() as (_, port), program("ModemManager", tmp_path, "-c", HOLD, port) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline()
        document = diagnosed(port)
    assert codes(document) == ["busy"]
    assert "ModemManager (process" in document["causes"][0]["detail"]
