"""README and docs beside the code: flags, links, Python examples, tables."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from support import PATIENCE

import dalybms
from dalybms.cli.options import build_parser
from dalybms.cli.output import (
    DECLINED,
    DIFFERENT,
    DONE,
    FAILED,
    INTERRUPTED,
    TERMINATED,
    UNVERIFIED,
    USAGE,
)

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")


class Example(NamedTuple):
    """A Python example of a page; `kind` is the word behind `python`, if there is one."""

    where: str
    kind: str
    code: str


def examples() -> list[Example]:
    return [
        Example(f"{page.name}:{text[: block.start()].count(chr(10)) + 1}", block[1].strip(), block[2])
        for page in PAGES
        for text in [page.read_text(encoding="utf-8")]
        for block in re.finditer(r"^```python([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


def at_hand(code: str) -> str:
    """The example with the fake board in place of every device."""
    return re.sub(
        r'"(/dev/[^"]+|COM\d|[0-9A-F]{2}(:[0-9A-F]{2}){5}|ble:[^"]+|socket:[^"]+)"', '"demo:"', code
    )


EXAMPLES = examples()
RUN = [example for example in EXAMPLES if not example.kind]
ONLY_READ = [example for example in EXAMPLES if example.kind]


@pytest.mark.parametrize("example", RUN, ids=lambda example: example.where)
def test_an_example_runs(example: Example, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", at_hand(example.code)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("example", ONLY_READ, ids=lambda example: example.where)
def test_an_example_that_needs_hardware_uses_names_that_exist(example: Example) -> None:
    for node in ast.walk(ast.parse(example.code)):
        if isinstance(node, ast.ImportFrom) and node.module == "dalybms":
            assert all(hasattr(dalybms, alias.name) for alias in node.names)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "bms":
            assert hasattr(dalybms.DalyBMSBluetooth, node.attr)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in dalybms.__all__:
            check_arguments(getattr(dalybms, node.func.id), node)


def check_arguments(function: object, call: ast.Call) -> None:
    assert callable(function)
    keywords = {keyword.arg: None for keyword in call.keywords if keyword.arg}
    inspect.signature(function).bind(*call.args, **keywords)


def test_the_readme_shows_the_library() -> None:
    assert sum(example.where.startswith("README") for example in EXAMPLES) >= 2


def test_devices_are_replaced_by_the_fake_board() -> None:
    devices = ["/dev/ttyUSB0", "COM3", "AA:BB:CC:DD:EE:FF", "ble:DL-1", "socket://a:1"]
    assert {at_hand(f'open("{device}")') for device in devices} == {'open("demo:")'}
    assert at_hand('print("V")') == 'print("V")'


def flags() -> dict[str, argparse.Action]:
    return {flag: action for action in build_parser()._actions for flag in action.option_strings}


def documented_flags() -> list[str]:
    table = README.split("<!-- flags:")[1].split("<!-- flags: end -->")[0]
    cells = re.findall(r"^\| (`-.*?) \|", table, re.MULTILINE)
    return [flag for cell in cells for flag in re.findall(r"`(-[\w-]+)", cell)]


def test_the_table_of_flags_is_the_parser() -> None:
    assert sorted(documented_flags()) == sorted(flags())


def test_defaults_in_the_table_of_flags_are_the_parsers() -> None:
    parser = build_parser()
    for flag, default in re.findall(r"^\| `(--[\w-]+)`.*\((\d+)\) \|$", README, re.MULTILINE):
        assert parser.get_default(flag[2:].replace("-", "_")) == int(default), flag


def test_the_table_of_exit_codes_is_complete() -> None:
    table = README.split("| exit code |")[1].split("\n## ")[0]
    codes = [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]
    assert codes == [DONE, FAILED, USAGE, DIFFERENT, UNVERIFIED, DECLINED, INTERRUPTED, TERMINATED]


def test_documented_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(
            r"(?:^|`)(?:\w+=\d+ )?make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert {"demo", "test"} <= named
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_have_as_many_cells_as_their_heads(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    width = 0
    for number, line in enumerate(lines, 1):
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not (cells and width) or cells == width, f"{page.name}:{number}"
        width = cells
