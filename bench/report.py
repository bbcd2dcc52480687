"""Results as text: a table for the terminal, the part of docs/performance.md between its marks, and JSON."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any, NamedTuple

from board import ROOT

BEGIN = "<!-- bench: written by make bench -->\n"
END = "<!-- bench: end -->\n"
DOCUMENT = ROOT / "docs" / "performance.md"


class Section(NamedTuple):
    """One group of measurements: a table for people, `data` for programs."""

    title: str
    header: list[str]
    rows: list[list[str]]
    data: Any


def goal(value: float, limit: float, text: str) -> str:
    return f"{text}: {'met' if value <= limit else 'MISSED'}"


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def machine() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "cpu": cpu_model(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def as_text(section: Section) -> str:
    rows = [section.header, *section.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(section.header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([section.title, *(f"  {line}" for line in lines)])


def as_markdown(section: Section) -> str:
    rows = [section.header, ["---"] * len(section.header), *section.rows]
    return "\n".join([f"### {section.title}", "", *(f"| {' | '.join(row)} |" for row in rows)])


def write(sections: list[Section], command: str) -> None:
    """Rewrite the marked part of docs/performance.md, and docs/performance.json beside it."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise RuntimeError(f"{DOCUMENT} has lost its marks: put back {BEGIN.strip()} and {END.strip()}")
    facts = machine()
    taken = f"Taken by `{command}` with Python {facts['python']} on {facts['cpu']}, {facts['system']}."
    parts = "\n\n".join([taken, *map(as_markdown, sections)])
    DOCUMENT.write_text(f"{before}{BEGIN}\n{parts}\n\n{END}{after}", encoding="utf-8")
    results = {"command": command, **facts, "results": {part.title: part.data for part in sections}}
    shorter = json.loads(json.dumps(results), parse_float=lambda digits: round(float(digits), 5))
    DOCUMENT.with_suffix(".json").write_text(json.dumps(shorter, indent=1) + "\n", encoding="utf-8")
