"""The output of a monitoring plugin, taken apart strictly as the plugin guidelines write it.

Anything the guidelines do not allow is an AssertionError, so tests parse every output with it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
RANGE = rf"@?(?:(?:~|{NUMBER}):(?:{NUMBER})?|{NUMBER})"
PERF = re.compile(
    rf"(?P<label>[a-z][a-z0-9_]*)=(?P<value>{NUMBER})(?P<unit>V|A|W|%|C|Ah|)"
    rf"(?:;(?P<warning>{RANGE})?(?:;(?P<critical>{RANGE})?(?:;(?P<minimum>{NUMBER})?(?:;(?P<maximum>{NUMBER})?)?)?)?)?"
)
UNITS = {"soc": "%", "voltage": "V", "current": "A", "power": "W", "capacity": "Ah", "cycles": ""}


class Output(NamedTuple):
    state: str
    text: str
    perf: dict[str, re.Match[str]]
    more: list[str]


def take_apart(stdout: str) -> Output:
    first, *more = stdout.rstrip("\n").split("\n")
    assert not any("|" in line for line in more)
    assert stdout.isascii()
    assert stdout.replace("\n", "").isprintable()
    head, bar, perf = first.partition(" | ")
    assert "|" not in head + perf
    match = re.fullmatch(r"DALY (OK|WARNING|CRITICAL|UNKNOWN) - (\S.*\S)", head)
    assert match, first
    return Output(match[1], match[2], perf_values(perf) if bar else {}, more)


def perf_values(perfdata: str) -> dict[str, re.Match[str]]:
    values: dict[str, re.Match[str]] = {}
    for part in perfdata.split(" "):
        match = PERF.fullmatch(part)
        assert match, f"not performance data: {part!r}"
        assert match["unit"] == unit_of(match["label"])
        assert not part.endswith(";")
        assert match["label"] not in values
        values[match["label"]] = match
    assert len({label[:19] for label in values}) == len(values)
    return values


def unit_of(label: str) -> str:
    """The one unit that a metric has on every run; of several boards each has its number in front."""
    label = re.sub(r"^b([1-9]|1[0-6])_", "", label)
    return UNITS.get(label) or ("" if label == "cycles" else "C" if label.startswith("temp") else "V")
