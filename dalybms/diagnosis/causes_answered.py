"""The causes where something answers: not as the options name it, too seldom, in part. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dalybms.diagnosis.cause import Cause, Facts, Wanted, cause, counts, fits, other_program, spoken, twins_of
from dalybms.diagnosis.steps import Step
from dalybms.sections import SECTIONS, word

POOR = 0.9
"""Below this share of answered questions a line is not sound."""
DEAF = 0.05
"""Seconds; what is shorter no program notices."""
_FEWEST = 5
"""Questions: fewer say nothing of a line."""


def of_answered(facts: Facts, answered: Sequence[Step], wanted: Wanted) -> list[Cause]:
    """answered: the steps that were; never empty."""
    fitting = [step for step in answered if fits(step.facts, wanted)]
    if not fitting:
        return [_in_vain(answered, wanted)]
    rate = facts.get("rate", {"asked": 0, "answered": 0})
    found = twins_of(facts) or _of_quality(facts, rate, wanted)
    return found or [_of_well(facts, fitting[0].facts, rate)]


def _of_quality(facts: Facts, rate: Mapping[str, Any], wanted: Wanted) -> list[Cause]:
    """What is wrong with the line, or with what the board answers; [] for nothing."""
    deaf = _deaf(facts)
    if rate.get("slow"):
        seconds = rate["slow"]
        longer = max(0.1, round(1.5 * seconds, 1))
        return [cause("slow", time=f"up to {1000 * seconds:.0f} ms", seconds=longer)]
    if rate["answered"] < POOR * rate["asked"]:
        radio = [cause("bluetooth-disturbed")] if wanted.kind == "bluetooth" else []
        return [*radio, *_poor(facts, rate), *deaf]
    others = facts.get("listens", {}).get("heard") in ("master", "boards")
    commands = facts.get("commands", {})
    found = [cause("master")] if others else []
    if commands.get("read") == 0 and commands["refused"]:
        return [*found, cause("unbelievable", spoken="the board")]
    return found + _lacking(commands.get("missing", ())) or deaf


def _lacking(missing: Sequence[str]) -> list[Cause]:
    spared = " ".join(f"--without {word(name)}" for name in missing if name in SECTIONS)
    spared = spared or "nothing: --all goes without"
    return [cause("commands", missing=", ".join(missing), spared=spared)] if missing else []


def _deaf(facts: Facts) -> list[Cause]:
    deaf = facts.get("deaf", {})
    seconds = deaf.get("seconds", 0.0)
    return [cause("deaf", ms=round(1000 * seconds), pause=deaf["pause"])] if seconds > DEAF else []


def _of_well(facts: Facts, answered: Mapping[str, Any], rate: Mapping[str, Any]) -> Cause:
    if rate["asked"] < _FEWEST:
        return cause("unmeasured", spoken=spoken(answered))
    return cause("well", spoken=spoken(answered), **counts(rate))


def _in_vain(answered: Sequence[Step], wanted: Wanted) -> Cause:
    """Something answers, and not what the options name."""
    protocols = [step.facts["protocol"] for step in answered]
    named = " and ".join(sorted({name.upper() for name in protocols}))
    if wanted.board and set(protocols) == {"d2"} and wanted.protocol == "auto":
        return cause("number-d2")
    if wanted.protocol not in ("auto", *protocols):
        return cause("protocol", spoken=named)
    hosts = [step.facts["host"] for step in answered if step.facts["host"] is not None]
    if wanted.address is not None and hosts:
        return cause("host-address", host=" and ".join(f"0x{host:02X}" for host in hosts))
    return cause("no-host", spoken=named)


def _poor(facts: Facts, rate: Mapping[str, int]) -> list[Cause]:
    """It answers, and too seldom: the likeliest first."""
    damaged = facts.get("damage", {}).get("damaged")
    found = [cause("disturbed")] if damaged else []
    found += other_program(facts)
    heard = facts.get("listens", {}).get("heard")
    found += [cause(heard)] if heard in ("master", "modem") else []
    found += [cause("collision")] if damaged else []
    return [*found, cause("unsteady", **counts(rate))]
