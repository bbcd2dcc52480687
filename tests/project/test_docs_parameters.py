"""docs/parameters.md beside the tables: every setting, its unit, and where each protocol has it."""

from __future__ import annotations

import re
from pathlib import Path

from dalybms.protocols.a5.parameters import MESSAGES
from dalybms.protocols.modbus.parameters import PARTS
from dalybms.protocols.parameters import Row

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
Places = dict[str, tuple[str, dict[str, str]]]


def documented() -> Places:
    """{name: (unit, {protocol: place})}."""
    table = PAGE.split("\n| name | unit |")[1].split("\n\n")[0].splitlines()[2:]
    found: Places = {}
    for line in table:
        name, unit, _, *places = (cell.strip() for cell in line.split("|")[1:-1])
        named = dict(zip(("a5", "d2", "p81"), places))
        found[name.strip("`")] = (unit, {protocol: place for protocol, place in named.items() if place})
    return found


def mark(row: Row) -> str:
    return "" if row.proven else " S"


def known() -> Places:
    found: Places = {}
    for code, rows in MESSAGES.items():
        for row in rows:
            found.setdefault(row.name, (row.unit, {}))[1]["a5"] = f"{code:02X} byte {row.at}{mark(row)}"
    for protocol, parts in PARTS.items():
        for _, rows in parts:
            for row in rows:
                found.setdefault(row.name, (row.unit, {}))[1][protocol] = f"{row.at // 2:02X}{mark(row)}"
    return found


def test_the_table_is_what_the_code_reads() -> None:
    assert documented() == known()


def test_registers_that_are_never_read_are_named() -> None:
    assert re.search(r"never read.*C9-CB.*123-128", PAGE, re.IGNORECASE | re.DOTALL)
