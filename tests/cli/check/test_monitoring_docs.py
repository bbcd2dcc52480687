"""docs/monitoring.md: its commands run, and it leaves out no metric and no option."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess

import pytest
from check_grammar import take_apart
from monitoring import DOC, example, here
from support import PATIENCE

from dalybms.cli.check.metrics import METRICS
from dalybms.cli.check.nagios import Range
from dalybms.cli.check.policy import CRITICAL_DEFAULT, WARNING_DEFAULT
from dalybms.cli.check.verdict import add_options

DEVICE = "demo:?cells=16&sensors=4"


@pytest.mark.parametrize(
    ("language", "pattern"),
    [
        ("mrpe", r"(?P<name>\S+) \(interval=\d+\) (?P<command>.+)\n"),
        ("nrpe", r"command\[(?P<name>\w+)\]=(?P<command>.+)\n"),
    ],
)
def test_the_one_line_examples_run(language, pattern):
    line = re.fullmatch(pattern, example(language))
    assert line
    command = here(line["command"], shlex.quote(DEVICE))
    result = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=PATIENCE)
    assert result.stderr == ""
    assert result.returncode == 0
    output = take_apart(result.stdout)
    assert output.state == "OK"
    assert output.perf["cell_delta"]["warning"] == "0.1"


def test_every_metric_is_documented_with_its_unit():
    for metric in METRICS:
        row = re.search(rf"^\|[^|]*`{metric.label}`[^|]*\|([^|]*)\|", DOC, re.MULTILINE)
        assert row, f"{metric.label} is not in docs/monitoring.md"
        assert row[1].strip() == metric.unit


def test_every_option_is_documented():
    parser = argparse.ArgumentParser(add_help=False)
    add_options(parser)
    for action in parser._actions:
        assert any(f"`{option}" in DOC or f" {option} " in DOC for option in action.option_strings), (
            action.dest
        )


def test_every_range_of_the_table_is_one():
    rows = re.findall(r"^\| `([-@~0-9:]+)` \| ", DOC, re.MULTILINE)
    assert len(rows) == 6
    for text in rows:
        assert str(Range.parse(text)) == text


def test_the_defaults_are_as_documented():
    assert {name: str(limits) for name, limits in WARNING_DEFAULT.items()} == {"soc": "20:"}
    assert {name: str(limits) for name, limits in CRITICAL_DEFAULT.items()} == {"soc": "10:"}
    assert "| state of charge below 20 % | WARNING |" in DOC
    assert "| state of charge below 10 % | CRITICAL |" in DOC


def test_the_icinga_command_offers_every_option_of_the_check():
    parser = argparse.ArgumentParser(add_help=False)
    add_options(parser)
    offered = set(re.findall(r'"(--?[a-z-]+)"', example("icinga2")))
    for action in parser._actions:
        assert offered & set(action.option_strings), action.dest
    known = {option for action in parser._actions for option in action.option_strings}
    assert offered <= known | {"-d", "-t", "--verbose"}
