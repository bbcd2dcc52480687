"""The commands that README and docs show are run, and where they show output it must be that.

A shown command is a line `$ daly-bms-cli.py -d demo:...` in a ```console block; the lines under it, up to the
next `$`, are its output. A line `...` in the output stands for any lines.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from support import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Shown(NamedTuple):
    """One command of a document, its arguments, and the output shown under it."""

    where: str
    arguments: list[str]
    output: str


def shown_commands(text: str, where: str) -> list[Shown]:
    found = []
    for block in BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            words = shlex.split(line, comments=True)
            if words[0].endswith(("daly-bms-cli.py", "daly-bms-cli")) and reads_the_demo(words):
                found.append(Shown(where, words[1:], output))
    return found


def reads_the_demo(words: list[str]) -> bool:
    return any(word.startswith("demo:") for word in words) and not {"|", ">", "&&", ";"} & set(words)


def fits(shown: str, printed: str) -> bool:
    """Whether printed output is what is shown; `...` alone on a line stands for any lines."""
    parts = re.split(r"^[ \t]*\.\.\.[ \t]*\n", shown, flags=re.MULTILINE)
    return re.fullmatch("(?:.*\n)*?".join(re.escape(part) for part in parts), printed) is not None


def documents() -> list[Path]:
    return [*ROOT.glob("README.md"), *sorted((ROOT / "docs").glob("*.md"))]


COMMANDS = [
    shown
    for path in documents()
    for shown in shown_commands(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
]


def test_the_readme_shows_commands() -> None:
    assert any(shown.where == "README.md" for shown in COMMANDS)


@pytest.mark.parametrize("shown", COMMANDS, ids=lambda shown: f"{shown.where}: {shlex.join(shown.arguments)}")
def test_a_shown_command_works(shown: Shown, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "daly-bms-cli.py"), *shown.arguments],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert not shown.output or fits(shown.output, done.stdout), done.stdout


def test_commands_are_found_with_their_output() -> None:
    first = "$ daly-bms-cli.py -d demo: --soc\n{\n}\n"
    text = f"```console\n{first}$ ls\na\n$ x/daly-bms-cli -d 'demo:?cells=4'\n```\n"
    assert shown_commands(text, "here") == [
        Shown("here", ["-d", "demo:", "--soc"], "{\n}\n"),
        Shown("here", ["-d", "demo:?cells=4"], ""),
    ]


@pytest.mark.parametrize(
    ("shown", "printed", "equal"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n  ...\nd\n", "a\nd\n", True),
        ("a\n...\nd\n", "a\nb\nc\n", False),
        ("a.\n", "ab\n", False),
    ],
)
def test_output_is_compared(shown: str, printed: str, equal: bool) -> None:
    assert fits(shown, printed) is equal
