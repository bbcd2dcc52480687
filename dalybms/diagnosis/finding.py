"""One thing that is wrong with a pack, or worth knowing. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

ERROR, WARNING, NOTE = "error", "warning", "note"
_BY_WEIGHT = (ERROR, WARNING, NOTE)


class Finding(TypedDict):
    severity: str
    """one of the words error, warning, note"""
    area: str
    """one of the words faults, cells, sensors, capacity, settings, sleep, mosfets"""
    detail: str
    """what was found, with values and units"""
    fix: str
    """what to try next"""


def finding(severity: str, area: str, detail: str, fix: str) -> Finding:
    return {"severity": severity, "area": area, "detail": detail, "fix": fix}


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """Errors before warnings before notes; within them as they came."""
    return sorted(found, key=lambda each: _BY_WEIGHT.index(each["severity"]))
