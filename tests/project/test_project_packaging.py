"""What an installation gets: every package, the type marker, the command, the right metadata."""

from __future__ import annotations

import importlib
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import setuptools
from support import PATIENCE

import dalybms

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The arguments that setup.py hands to setuptools."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: given.update(arguments))
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(ROOT / "setup.py"))
    return given


def test_the_version_is_the_packages(metadata: dict[str, Any]) -> None:
    assert metadata["version"] == dalybms.__version__


def test_the_changelog_knows_the_version() -> None:
    assert f"[{dalybms.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_module_is_in_a_package_that_is_shipped(metadata: dict[str, Any]) -> None:
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "dalybms").rglob("*.py")}
    assert {".".join(folder.parts) for folder in folders} == set(metadata["packages"])


def test_the_types_are_shipped(metadata: dict[str, Any]) -> None:
    assert metadata["package_data"] == {"dalybms": ["py.typed"]}
    assert (ROOT / "dalybms" / "py.typed").is_file()


def test_the_command_exists(metadata: dict[str, Any]) -> None:
    name, target = metadata["entry_points"]["console_scripts"][0].split("=")
    module, function = target.split(":")
    assert name == "daly-bms-cli"
    assert callable(getattr(importlib.import_module(module), function))


def test_the_needed_packages_have_a_lowest_version(metadata: dict[str, Any]) -> None:
    extras = [need for needs in metadata["extras_require"].values() for need in needs]
    assert all(">=" in need for need in metadata["install_requires"] + extras)


def test_classifiers_and_floor_agree(metadata: dict[str, Any]) -> None:
    minors = [text.split(" :: 3.")[1] for text in metadata["classifiers"] if " :: 3." in text]
    assert minors == ["9", "10", "11", "12", "13", "14", "15"]
    assert metadata["python_requires"] == f">=3.{minors[0]}"


@pytest.mark.parametrize(
    "command", [[str(ROOT / "daly-bms-cli.py")], ["-m", "dalybms"]], ids=["from the tree", "module"]
)
def test_the_version_is_told_by_each_command(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *command, "--version"], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0
    assert dalybms.__version__ in done.stdout
