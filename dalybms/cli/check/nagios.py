"""The dialect of monitoring plugins: states, ranges, performance data, the printed text.

Source: "Monitoring Plugins Development Guidelines" of the Monitoring Plugins
Project, the interface that Nagios, Icinga, Checkmk (MRPE), Centreon and Naemon
share. Nothing here knows about batteries.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

OK, WARNING, CRITICAL, UNKNOWN = range(4)
STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
"""Names of the states; the index is the exit code."""

BY_WEIGHT = (CRITICAL, WARNING, UNKNOWN, OK)
"""Worst first. UNKNOWN stands below WARNING: one unread value must not hide a real fault."""

_NUMBER = r"-?(?:[0-9]{1,30}(?:\.[0-9]*)?|\.[0-9]+)"
_RANGE = re.compile(rf"(?P<inside>@?)(?:(?P<start>~|{_NUMBER})?(?P<colon>:))?(?P<end>{_NUMBER})?")


def worst(states: Iterable[int]) -> int:
    """The state that counts: CRITICAL, then WARNING, then UNKNOWN; OK when there is none."""
    return min(states, key=BY_WEIGHT.index, default=OK)


def number(value: float, digits: int = 3) -> str:
    """`value` as plain decimal text: no exponent, no trailing zeros, never "-0"."""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class Range(NamedTuple):
    """`[@]start:end`: alerts outside start..end, with "@" inside; both ends belong to it."""

    start: float
    end: float
    inside: bool = False

    @classmethod
    def parse(cls, text: str) -> Range:
        """Raises ValueError for anything that the guidelines do not define, "" and ":" included."""
        match = _RANGE.fullmatch(text)
        if match is None or not (match["start"] or match["end"]):
            raise ValueError(
                f"{text!r} is no range: END, START:, START:END or ~:END, @ in front alerts inside"
            )
        start = -math.inf if match["start"] == "~" else float(match["start"] or 0)
        end = float(match["end"] or math.inf)
        if start > end:
            raise ValueError(f"{text!r} is no range: its start is above its end")
        return cls(start, end, bool(match["inside"]))

    def alerts(self, value: float) -> bool:
        return (self.start <= value <= self.end) == self.inside

    def describe(self, value: float, unit: str) -> str:
        """Why `value` alerts, in words: "below 10 %"."""
        if not self.inside and value < self.start:
            return f"below {_bound(self.start)}{unit}"
        if not self.inside:
            return f"above {_bound(self.end)}{unit}"
        if self.start == -math.inf:
            return "never wanted" if self.end == math.inf else f"not above {_bound(self.end)}{unit}"
        if self.end == math.inf:
            return f"not below {_bound(self.start)}{unit}"
        return f"within {_bound(self.start)} to {_bound(self.end)}{unit}"

    def __str__(self) -> str:
        start = "~:" if self.start == -math.inf else f"{_bound(self.start)}:"
        if self.start == 0 and self.end != math.inf:
            start = ""
        return f"{'@' * self.inside}{start}{'' if self.end == math.inf else _bound(self.end)}"


def _bound(value: float) -> str:
    return number(value, 9)


class Perf(NamedTuple):
    """One value of the performance data; `unit` is the same on every run."""

    label: str
    value: float
    unit: str = ""
    warning: Range | None = None
    critical: Range | None = None
    minimum: float | None = None
    maximum: float | None = None
    digits: int = 3

    def __str__(self) -> str:
        """`label=value[unit];warn;crit;min;max` without the empty tail."""
        shown = f"{self.label}={number(self.value, self.digits)}{self.unit}"
        alert = ["" if limit is None else str(limit) for limit in (self.warning, self.critical)]
        ends = ["" if end is None else _bound(end) for end in (self.minimum, self.maximum)]
        return ";".join([shown, *alert, *ends]).rstrip(";")


def plain(text: str) -> str:
    """One line of ASCII without "|", which would begin the performance data."""
    line = " ".join(text.split()).replace("|", "/")
    return "".join(char if " " <= char <= "~" else "?" for char in line)


class Verdict(NamedTuple):
    """What a plugin says: exit code 0 to 3, first line, more lines, performance data."""

    code: int
    first_line: str
    more_lines: tuple[str, ...] = ()
    perfdata: str = ""

    def text(self, verbose: bool = False) -> str:
        """What goes to stdout, without the last line end; `more_lines` only when `verbose`."""
        first = f"{self.first_line} | {self.perfdata}" if self.perfdata else self.first_line
        return "\n".join([first, *(self.more_lines if verbose else ())])
