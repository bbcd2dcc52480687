"""What the seeded fault runs share: packs, seeds, the calls of one run, and what counts as wrong."""

from __future__ import annotations

import os
from typing import Any

from support import attach

from dalybms import DalyBMS, DalyError
from dalybms.emulator import faults
from dalybms.emulator.options import build
from dalybms.sections import SECTIONS

SEEDS = int(os.environ.get("DALY_SEEDS", "2"))
PACKS = (
    "cells=16&sensors=4",
    "cells=14&sensors=1&style=fixed&leftover=1",
    "cells=48&sensors=16&paced=1&latency=25",
)
MENDABLE = [name for name, kind in faults.KINDS.items() if kind.rate < 1]
WHOLE = ("echo", "echo-partial", "waking", "zero")
DEAD = ("asleep", "echo-only", "noise")
LONGEST_CALL = 60.0
"""Seconds of virtual time that nine sections may take when every one of them fails."""


def truth(pack: str) -> dict[str, Any]:
    outcome: dict[str, Any] = dict(attach(build(pack)).get_all())
    return outcome


def wrong_values(found: dict[str, Any], true: dict[str, Any]) -> list[str]:
    """Sections that hold something else than the truth or an error; the heartbeat moves by itself."""
    wrong = []
    for section, reading in found.items():
        if is_error(reading):
            continue
        expected = dict(true[section]) if isinstance(true[section], dict) else true[section]
        if section == "mosfet_status":
            assert isinstance(reading.pop("heartbeat"), int)
            expected.pop("heartbeat")
        if reading != expected:
            wrong.append(f"{section}: {reading} instead of {expected}")
    return wrong


def calls(bms: DalyBMS) -> list[dict[str, Any]]:
    """get_all twice and every getter, each outcome by section."""
    outcomes = []
    for section in (None, *SECTIONS, None):
        began = bms.clock.now  # type: ignore[attr-defined]
        try:
            outcomes.append(
                dict(bms.get_all()) if section is None else {section: getattr(bms, f"get_{section}")()}
            )
        except DalyError as error:
            outcomes.append({section or "all": error})
        assert bms.clock.now - began < LONGEST_CALL  # type: ignore[attr-defined]
    return outcomes


def run(pack: str, fault: str, seed: int, **options: Any) -> tuple[list[dict[str, Any]], Any]:
    line = build(f"{pack}&fault={fault}&seed={seed}")
    return calls(attach(line, **options)), line


def is_error(reading: Any) -> bool:
    return isinstance(reading, DalyError) or (isinstance(reading, dict) and set(reading) == {"error"})
