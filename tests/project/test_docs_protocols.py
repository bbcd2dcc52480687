"""docs/protocols.md: its tables are those of the code, and what it says of detection is what is done."""

from __future__ import annotations

import re

import pytest
from protocol_tables import PAGE, rewritten, tables

from dalybms.device import PROTOCOLS
from dalybms.protocols.faults import FAULTS
from dalybms.sections import SECTIONS

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    assert rewritten(TEXT) == TEXT, "run python tests/protocol_tables.py"


@pytest.mark.parametrize("part", ["a5", "d2", "p81", "sinowealth"])
def test_every_section_stands_in_the_table_of_the_protocol(part: str) -> None:
    named = {cell.strip() for line in tables()[part].splitlines() for cell in line.split("|")}
    missing = set(SECTIONS) - named - {"errors"}
    computed = {"cell_voltage_range", "temperature_range", "balancing_status"}
    assert missing <= (computed if part == "sinowealth" else set())


def test_every_fault_belongs_to_a_protocol() -> None:
    shown = set(
        re.findall(r"`([a-z_0-9]+)`", "".join(text for part, text in tables().items() if "bits" in part))
    )
    assert shown == set(FAULTS)


def test_every_protocol_has_a_chapter() -> None:
    for name in PROTOCOLS[1:]:
        assert re.search(rf"^## {name}\b", TEXT, re.IGNORECASE | re.MULTILINE)
