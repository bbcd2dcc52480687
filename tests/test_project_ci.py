"""The rule of tests/conftest.py: under CI a skip is a failure, everywhere else it is a skip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parent / "conftest.py"
SKIPS = {
    "mark": "import pytest\n@pytest.mark.skip(reason='r')\ndef test_a(): pass\n",
    "call": "import pytest\ndef test_a(): pytest.skip('r')\n",
    "fixture": "import pytest\n@pytest.fixture\ndef f(): pytest.skip('r')\ndef test_a(f): pass\n",
    "module": "import pytest\npytest.importorskip('no_such_package')\n",
}
XFAIL = "import pytest\n@pytest.mark.xfail(reason='r')\ndef test_a(): assert False\n"


def outcome(folder: Path, text: str, ci: str) -> int:
    """Exit code of pytest over one file, with CI set to `ci`."""
    shutil.copy(CONFTEST, folder)
    (folder / "test_it.py").write_text(text + "\ndef test_b(): pass\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(folder)],
        env={**os.environ, "CI": ci, "PYTEST_ADDOPTS": ""},
        cwd=folder,
        capture_output=True,
        timeout=25,
    )
    return done.returncode


@pytest.mark.parametrize("text", SKIPS.values(), ids=SKIPS)
def test_a_skip_fails_under_ci(tmp_path: Path, text: str) -> None:
    assert outcome(tmp_path, text, ci="true") != 0


def test_a_skip_passes_elsewhere(tmp_path: Path) -> None:
    assert outcome(tmp_path, SKIPS["call"], ci="") == 0


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    assert outcome(tmp_path, XFAIL, ci="true") == 0
