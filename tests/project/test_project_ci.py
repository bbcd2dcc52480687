"""The rules of tests/conftest.py: what a skip means, and what the last line says."""

from __future__ import annotations

import importlib.util
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support import PATIENCE

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
FILES = {
    "test_mark.py": "import pytest\n@pytest.mark.skip(reason='r')\ndef test_a(): pass\n",
    "test_call.py": "import pytest\ndef test_a(): pytest.skip('r')\n",
    "test_fixture.py": "import pytest\n@pytest.fixture\ndef f(): pytest.skip('r')\ndef test_a(f): pass\n",
    "test_module.py": "import pytest\npytest.importorskip('no_such_package')\n",
    "test_xfail.py": "import pytest\n@pytest.mark.xfail(reason='r')\ndef test_a(): assert False\n",
    "test_pass.py": "def test_a(): pass\n",
}


def outcomes(folder: Path, ci: str) -> dict[str, str]:
    """What pytest says of each file, with CI set to `ci`."""
    shutil.copy(CONFTEST, folder)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--continue-on-collection-errors"],
        env={**os.environ, "CI": ci, "PYTEST_ADDOPTS": ""},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    lines = re.findall(r"^([A-Z]+) (?:\[1\] )?(test_\w+\.py)", done.stdout, re.MULTILINE)
    return {name: outcome for outcome, name in lines}


def test_a_skip_fails_under_ci(tmp_path: Path) -> None:
    assert outcomes(tmp_path, ci="true") == {
        "test_mark.py": "ERROR",
        "test_call.py": "FAILED",
        "test_fixture.py": "ERROR",
        "test_module.py": "ERROR",
        "test_xfail.py": "XFAIL",
        "test_pass.py": "PASSED",
    }


def test_a_skip_is_a_skip_elsewhere(tmp_path: Path) -> None:
    assert outcomes(tmp_path, ci="") == {
        "test_mark.py": "SKIPPED",
        "test_call.py": "SKIPPED",
        "test_fixture.py": "SKIPPED",
        "test_module.py": "SKIPPED",
        "test_xfail.py": "XFAIL",
        "test_pass.py": "PASSED",
    }


BESIDE = [
    [],
    pytest.param(
        ["-n", "2"],
        marks=pytest.mark.skipif(not importlib.util.find_spec("xdist"), reason="needs pytest-xdist"),
    ),
]
SOME = """
import pytest
def test_a(): pass
@pytest.mark.skipif({number} > 1, reason="needs radio: make system")
def test_b(): pass
@pytest.mark.skipif({number} > 3, reason="needs luck")
def test_c(): pass
"""


def last_lines(folder: Path, *options: str) -> list[str]:
    """The last two lines that pytest prints for five files, the first of which skips nothing."""
    shutil.copy(CONFTEST, folder)
    for number in range(5):
        (folder / f"test_{number}.py").write_text(SOME.format(number=number))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        env={**os.environ, "CI": "", "PYTEST_ADDOPTS": ""},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-2:]


@pytest.mark.parametrize("options", BESIDE, ids=["one by one", "side by side"])
def test_the_last_line_says_what_was_not_tested_and_what_helps(tmp_path: Path, options: list[str]) -> None:
    count, last = last_lines(tmp_path, *options)
    assert "11 passed, 4 skipped" in count
    assert last == (
        "not tested: 4 tests (3 needs radio; 1 needs luck); `make system` installs what they need"
    )


def test_where_all_was_tested_the_count_is_the_last_line(tmp_path: Path) -> None:
    assert "3 passed" in last_lines(tmp_path, "test_0.py")[-1]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 30])
def test_side_by_side_each_test_has_its_place_and_each_share_begins_elsewhere(count: int) -> None:
    ordered: Any = runpy.run_path(str(CONFTEST))["pytest_collection_modifyitems"]
    items = list(range(24))
    ordered(SimpleNamespace(workerinput={"workercount": count}), items)
    assert sorted(items) == list(range(24))
    if 24 % count == 0:
        begins = items[:: 24 // count]
        assert sorted(begins)[-1] - sorted(begins)[0] >= 24 - 2 * 24 // count
    if count == 1:
        assert items == list(range(24))
