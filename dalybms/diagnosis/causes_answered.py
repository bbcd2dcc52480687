"""The causes where something answers: not as the options name it, too seldom, in part. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dalybms.diagnosis.cause import (
    NETWORK,
    NOTICED,
    Cause,
    Facts,
    Wanted,
    cause,
    counts,
    fits,
    other_program,
    slow,
    spoken,
    twins_of,
)
from dalybms.diagnosis.steps import Step
from dalybms.sections import SECTIONS, word

POOR = 0.95
"""Below this share of answered questions a line is not sound."""
_CHANCE = 1
"""So many lost questions say nothing."""
REST = 0.3
"""Seconds; this program rests no longer between questions by itself."""
DEAF = 0.05
"""Seconds; what is shorter no program notices."""
_PATIENT = 1.5
"""Seconds to wait where a part of an answer comes and the rest does not."""
_NEED_STATUS = ("cell_voltages", "temperatures", "balancing_status")
"""Sections that mean nothing without the counts of the status."""
_BESIDE = {
    "make": "a board of another make ({make}) speaks",
    "modbus": "another Modbus device speaks",
    "inverter": "somebody speaks an inverter's protocol (~...)",
    "modem": "a program looks for a modem (AT...)",
    "text": "readable text is heard",
    "noise": "bytes of no known protocol are heard",
    "zeros": "bytes of no known protocol are heard",
}
_FEWEST = 5
"""Questions: fewer say nothing of a line."""


def of_answered(facts: Facts, answered: Sequence[Step], wanted: Wanted) -> list[Cause]:
    """answered: the steps that were; never empty."""
    fitting = [step for step in answered if fits(step.facts, wanted)]
    if not fitting:
        return [_in_vain(answered, wanted)]
    rate = facts.get("rate", {"asked": 0, "answered": 0})
    found = twins_of(facts) or _of_quality(facts, rate, wanted)
    if not found and all(step.name == "again" for step in fitting):
        return [cause("woken", spoken=spoken(fitting[0].facts))]
    return found or [_of_well(facts, _chosen(fitting), rate)]


def _chosen(fitting: Sequence[Step]) -> Mapping[str, Any]:
    """Whom a reading takes: D2 last, which tells no board number."""
    return min((step.facts for step in fitting), key=lambda facts: facts["protocol"] == "d2")


def _of_quality(facts: Facts, rate: Mapping[str, Any], wanted: Wanted) -> list[Cause]:
    """What is wrong with the line, or with what the board answers; [] for nothing."""
    deaf = _deaf(facts)
    if rate.get("slow"):
        return [slow(rate["slow"])]
    if rate["answered"] < min(POOR * rate["asked"], rate["asked"] - _CHANCE):
        radio = [cause("bluetooth-disturbed")] if wanted.kind == "bluetooth" else []
        return [*radio, *_poor(facts, rate), *deaf]
    commands = facts.get("commands", {})
    found = _of_others(facts, rate, wanted)
    if commands.get("read") == 0 and commands["refused"]:
        return [*found, cause("unbelievable", spoken="the board")]
    damaged = ", ".join(commands.get("damaged", ()))
    if damaged:
        late = cause("slow", time="longer, or pause, for some readings", seconds=_PATIENT)
        return [*found, cause("changed", damaged=damaged), cause("disturbed"), late]
    return found + _lacking(commands.get("missing", ())) or deaf


def _of_others(facts: Facts, rate: Mapping[str, Any], wanted: Wanted) -> list[Cause]:
    """Who else is on port or line. A server of a network may greet, and a line that is opened twitch."""
    found = other_program(facts)
    if found:
        return found
    seen = [facts.get(name, {}) for name in ("listens", "others")]
    what = [each.get("heard") for each in seen]
    if "master" in what or "boards" in what:
        return [cause("master")]
    if "telnet" in what and wanted.kind == "socket":
        return [cause("telnet")]
    for each in seen:
        words = _BESIDE.get(each.get("heard", ""))
        greeting = each.get("heard") == "text" and wanted.kind in NETWORK
        twitch = each.get("heard") == "noise" and each.get("bytes", 0) < NOTICED
        if words and not (greeting or twitch):
            return [cause("beside", what=words.format(make=each.get("make")), **counts(rate))]
    return []


def _lacking(missing: Sequence[str]) -> list[Cause]:
    spared = " ".join(f"--without {word(name)}" for name in missing if name in SECTIONS)
    spared = spared or "nothing: --all goes without"
    told = [name for name in missing if "status" not in missing or name not in _NEED_STATUS]
    rest = [name for name in missing if name not in told]
    text = ", ".join(told) + (f", which {', '.join(rest)} need" if rest else "")
    return [cause("commands", missing=text, spared=spared)] if missing else []


def _deaf(facts: Facts) -> list[Cause]:
    deaf = facts.get("deaf", {})
    seconds = deaf.get("seconds", 0.0)
    if seconds > REST:
        return [cause("deaf-long", rest=round(1000 * REST), pause=deaf["pause"])]
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
    heard = {facts.get(name, {}).get("heard") for name in ("listens", "others")}
    found += [cause(each) for each in ("master", "modem") if each in heard]
    found += [cause("collision")] if damaged else []
    return [*found, cause("unsteady", **counts(rate))]
