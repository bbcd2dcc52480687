"""What a cause is, how it is worded, and whether a reading is answered as its options want. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dalybms.diagnosis.advice import CAUSES
from dalybms.diagnosis.steps import Step

ASKS = ("a5-named", "a5-pc", "a5-app", "d2", "p81", "sinowealth", "again")
NETWORK = ("socket", "rfc2217")
NOTICED = 8
"""Bytes of noise; fewer come of opening the port."""
Facts = Mapping[str, Mapping[str, Any]]


class Cause(NamedTuple):
    """code: a row of docs/diagnose.md. detail: what it is. next: one thing to do."""

    code: str
    detail: str
    next: str


class Wanted(NamedTuple):
    """What the options ask for; None and "auto": nothing. kind: of the wire."""

    kind: str = "serial"
    protocol: str = "auto"
    address: int | None = None
    board: int | None = None


def cause(code: str, **words: Any) -> Cause:
    detail, advice = CAUSES[code]
    return Cause(code, detail.format(**words), advice.format(**words))


def answers_as_wanted(steps: Sequence[Step], wanted: Wanted) -> bool:
    """Would a reading with these options be answered, by one board, with values that can be?"""
    mine = wanted.board or 1
    mixed = any(mine in step.facts.get("twins", ()) for step in steps)
    failed = any(step.facts.get("error") or step.facts.get("read") == 0 for step in steps)
    return not (failed or mixed) and any(
        step.name in ASKS and step.facts.get("answered") and fits(step.facts, wanted) for step in steps
    )


def fits(facts: Mapping[str, Any], wanted: Wanted) -> bool:
    if wanted.protocol not in ("auto", facts["protocol"]):
        return False
    addressed = wanted.address is not None and wanted.protocol in ("auto", "a5")
    if addressed and facts["host"] != wanted.address:
        return False
    return not (wanted.board and facts["protocol"] == "d2" and wanted.kind != "bluetooth")


def spoken(facts: Mapping[str, Any]) -> str:
    """Who answers, and in what."""
    host = f" as host 0x{facts['host']:02X}" if facts["host"] is not None else ""
    return f"board {facts['number']} speaks {facts['protocol'].upper()}{host}"


def slow(seconds: float) -> Cause:
    longer = max(0.1, round(1.5 * seconds, 1))
    return cause("slow", time=f"up to {1000 * seconds:.0f} ms", seconds=longer)


def counts(rate: Mapping[str, int]) -> dict[str, int]:
    return {"answered": rate["answered"], "asked": rate["asked"]}


def other_program(facts: Facts) -> list[Cause]:
    """Who has the port open as well."""
    by = facts.get("busy", {}).get("by")
    return [cause("other-program", by=", ".join(by))] if by else []


def twins_of(facts: Facts) -> list[Cause]:
    """Two boards under one number, where that was proven."""
    numbers = [n for name in ("numbers", "twins") for n in facts.get(name, {}).get("twins", [])]
    return [cause("twins", numbers=", ".join(map(str, sorted(set(numbers)))))] if numbers else []
