"""What a start loads: nothing that the command does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("serial", "asyncio", "bleak", "numpy", "matplotlib")
TELL = f"\nimport sys\nprint([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
RUN_CLI = """
import sys
from dalybms.cli.main import main
sys.argv = ["daly-bms-cli", "-d", "demo:", "--soc"]
try:
    code = main()
except SystemExit as stop:
    code = stop.code
assert not code, code
"""


def loaded(code: str) -> str:
    """The heavy modules that are loaded once `code` has run in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code + TELL],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.strip()


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded("import dalybms") == "[]"


def test_reading_the_demo_loads_nothing_heavy() -> None:
    assert loaded(RUN_CLI) == "[]"


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_module_would_be_seen(name: str) -> None:
    assert repr(name) in loaded(f"import {name}")


def test_the_demo_runs_without_pyserial_and_any_package(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-E", str(ROOT / "daly-bms-cli.py"), "-d", "demo:", "--soc"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert "soc_percent" in done.stdout
