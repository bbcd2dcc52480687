"""Man page and completion: what is kept is what the parsers say, shells understand it, packages hold it."""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import runpy
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import setuptools
from processes import raw_pty
from support import PATIENCE
from tools import needs

from dalybms.cli.verbs import VERBS

ROOT = Path(__file__).resolve().parents[2]


def load() -> Any:
    spec = importlib.util.spec_from_file_location("make_man", ROOT / "contrib" / "make_man.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = load()
PATHS = [MAKER.MAN, *MAKER.COMPLETION.values()]


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def options() -> set[str]:
    """Every option of the command and of its verbs."""
    whole = MAKER.command()
    verbs = next(each for each in whole._actions if isinstance(each, argparse._SubParsersAction))
    assert set(verbs.choices) == set(VERBS)
    parsers = (whole, *verbs.choices.values())
    return {option for parser in parsers for action in parser._actions for option in action.option_strings}


def test_what_is_kept_is_what_the_parsers_say() -> None:
    """By one Python: each words some of the help in its own way. Else `make man` makes them anew."""
    if sys.version_info[:2] == MAKER.WITH:
        stale = [path for path, made in MAKER.made().items() if text(path) != made]
        assert stale == [], "the help has changed: `make man` makes these anew"


@pytest.mark.parametrize("path", PATHS)
def test_every_option_and_verb_is_in_it(path: str) -> None:
    plain = text(path).replace("\\-", "-")
    assert [verb for verb in VERBS if verb not in plain] == []
    missing = {option for option in options() if option not in plain and f"-l {option[2:]}" not in plain}
    assert (
        missing - {option for option in missing if f"-s {option[1:]}" in plain} == {"-h", "--help"} & missing
    )


@needs("man")
def test_man_has_no_complaint() -> None:
    done = subprocess.run(
        ["man", "--warnings", "-l", str(ROOT / MAKER.MAN)],
        env={"LC_ALL": "C.UTF-8", "MANWIDTH": "80", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "daly-bms-cli plot" in done.stdout


def complete(line: str) -> list[str]:
    """What bash offers after a line."""
    script = f"""
    source {ROOT / MAKER.COMPLETION["bash"]}
    COMP_WORDS=({line}) COMP_CWORD={len(line.split())} COMP_LINE='{line} '
    COMP_WORDS+=('')
    $(complete -p daly-bms-cli | sed 's/.*-F \\([^ ]*\\).*/\\1/')
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes() -> None:
    assert set(VERBS) <= set(complete("daly-bms-cli"))
    assert {"save", "diff"} < set(complete("daly-bms-cli parameters"))
    assert complete("daly-bms-cli watch --format") == ["jsonl", "csv", "table", "influx"]
    assert complete("daly-bms-cli --protocol") == ["auto", "a5", "d2", "p81", "sinowealth"]
    assert complete("daly-bms-cli --set-charge-mosfet") == ["on", "off"]


def silent(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs("zsh")
def test_zsh_reads_it() -> None:
    """Without any start-up file, whose words could be others'."""
    silent(["zsh", "-fn", str(ROOT / MAKER.COMPLETION["zsh"])])


class Zsh:
    """One at a terminal: its completion works nowhere else."""

    def __init__(self, ours: int, theirs: str, home: Path) -> None:
        self._ours = ours
        with open(theirs, "r+b", buffering=0) as end:
            self.process = subprocess.Popen(
                ["zsh", "-f", "-i"],
                stdin=end, stdout=end, stderr=end, cwd=home, start_new_session=True,
                env={"PATH": "/usr/bin:/bin", "HOME": str(home), "TERM": "vt100"},
            )  # fmt: skip
        folder = ROOT / "contrib" / "completion"
        self._send(f"fpath=({folder} $fpath); autoload -U compinit; compinit -u -D; print READ''Y\r")
        self._until({"READY"})

    def offered(self, line: str, words: set[str]) -> None:
        """Fails where these words do not come."""
        self._send(f"\x15{line}\t")
        self._until(words)

    def _send(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def _until(self, words: set[str]) -> None:
        heard, end = "", time.monotonic() + 20
        while not words <= set(re.findall(r"\w+", heard)):
            ready, _, _ = select.select([self._ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, heard
            heard += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", " ", os.read(self._ours, 4096).decode())


@needs("zsh")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("daly-bms-cli ", set(VERBS)),
        ("daly-bms-cli --format ", {"json", "table"}),
        ("daly-bms-cli watch --format ", {"jsonl", "csv", "table", "influx"}),
        ("daly-bms-cli parameters ", {"save", "diff"}),
        ("daly-bms-cli watch --interval 3 --protocol ", {"auto", "a5", "d2", "p81", "sinowealth"}),
    ],
)
def test_zsh_completes(line: str, words: set[str], tmp_path: Path) -> None:
    """Behind a verb its own words, also where the command has an option of that name."""
    with raw_pty() as (ours, theirs):
        zsh = Zsh(ours, theirs, tmp_path)
        try:
            zsh.offered(line, words)
        finally:
            zsh.process.kill()
            zsh.process.wait(PATIENCE)


@needs("fish")
def test_fish_reads_it() -> None:
    silent(["fish", "--no-execute", str(ROOT / MAKER.COMPLETION["fish"])])


@needs("fish")
def test_fish_completes(tmp_path: Path) -> None:
    def offered(line: str) -> list[str]:
        script = f"source {ROOT / MAKER.COMPLETION['fish']}; complete --do-complete '{line}'"
        done = subprocess.run(
            ["fish", "--no-config", "-c", script],
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb"},
            capture_output=True, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
        assert done.stderr == ""
        return [each.split("\t")[0] for each in done.stdout.splitlines()]

    assert set(VERBS) <= set(offered("daly-bms-cli "))
    assert {"auto", "a5", "d2", "p81", "sinowealth"} <= set(offered("daly-bms-cli --protocol "))
    assert {"on", "off"} <= set(offered("daly-bms-cli --set-charge-mosfet "))
    assert {"save", "diff"} < set(offered("daly-bms-cli parameters "))
    assert offered("daly-bms-cli watch --format ") == ["jsonl", "csv", "table", "influx"]


def test_a_package_holds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make dist-check` looks into the installed wheel."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: given.update(arguments))
    runpy.run_path(str(ROOT / "setup.py"))
    assert sorted(path for _, paths in given["data_files"] for path in paths) == sorted(PATHS)
    assert {folder.split("/")[0] for folder, _ in given["data_files"]} == {"share"}
