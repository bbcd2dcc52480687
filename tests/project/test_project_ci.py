"""The rule of tests/conftest.py: under CI a skip is a failure, everywhere else it is a skip."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

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
        timeout=25,
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
