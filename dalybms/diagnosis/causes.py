"""From steps to causes: one where what was seen has only one, else the two or three that fit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dalybms.diagnosis import radio
from dalybms.diagnosis.advice import CAUSES
from dalybms.diagnosis.steps import Step
from dalybms.sections import SECTIONS, word

POOR = 0.9
"""Below this share of answered questions a line is not sound."""
DEAF = 0.05
"""Seconds; what is shorter no program notices."""
ASKS = ("a5-named", "a5-pc", "a5-app", "d2", "p81", "sinowealth")
_MOST = 3
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


def causes(steps: Sequence[Step], wanted: Wanted) -> list[Cause]:
    """The causes that fit, the likeliest first; a single one is as certain as software can be."""
    facts = {step.name: step.facts for step in steps}
    failed = next((step for step in steps if step.facts.get("error")), None)
    if failed:
        return _of_error(failed, facts, wanted)
    answered = [step for step in steps if step.name in ASKS and step.facts.get("answered")]
    found = _of_answered(facts, answered, wanted) if answered else _of_silence(facts, steps, wanted)
    return found[:_MOST]


def answers_as_wanted(steps: Sequence[Step], wanted: Wanted) -> bool:
    """Would a reading with these options be answered?"""
    return not any(step.facts.get("error") for step in steps) and any(
        step.name in ASKS and step.facts.get("answered") and _fits(step.facts, wanted) for step in steps
    )


def _fits(facts: Mapping[str, Any], wanted: Wanted) -> bool:
    if wanted.protocol not in ("auto", facts["protocol"]):
        return False
    if wanted.address is not None and facts["host"] != wanted.address:
        return False
    return not (wanted.board and facts["protocol"] == "d2")


def _of_error(step: Step, facts: Facts, wanted: Wanted) -> list[Cause]:
    """It does not open, or the wire went away."""
    word, takers = step.facts["error"], step.facts.get("takers") or []
    if wanted.kind == "bluetooth" and step.name != "opens":  # that is a recording which is played
        return [cause(code, **step.facts) for code in radio.of_error(step.name, word, facts)]
    if word == "missing" and takers:
        return [cause("taken", takers=" or ".join(takers)), cause("missing")]
    if word == "busy":
        return [cause("busy", by=", ".join(step.facts.get("by") or ["the system does not say which"]))]
    if word == "cut":
        return [cause("modbus-tcp"), cause("client"), cause("gateway-restarts")]
    if word == "gone" and wanted.kind == "serial":
        return [cause("gone"), cause("other-program", by="the system says the same of both")]
    return [cause(word if word in CAUSES else "other", error=step.detail)]


def _of_answered(facts: Facts, answered: Sequence[Step], wanted: Wanted) -> list[Cause]:
    fitting = [step for step in answered if _fits(step.facts, wanted)]
    if not fitting:
        return [_in_vain(answered, wanted)]
    twins = facts.get("numbers", {}).get("twins")
    if twins:
        return [cause("twins", numbers=", ".join(map(str, twins)))]
    rate = facts.get("rate", {"asked": 0, "answered": 0})
    if rate["answered"] < POOR * rate["asked"]:
        return _poor(facts, rate)
    if facts.get("listens", {}).get("heard") == "master":
        return [cause("master")]
    deaf = facts.get("deaf", {}).get("seconds", 0.0)
    missing = facts.get("commands", {}).get("missing")
    if missing:
        spared = " ".join(f"--without {word(name)}" for name in missing if name in SECTIONS)
        return [cause("commands", missing=", ".join(missing), spared=spared or "nothing: --all goes without")]
    if deaf > DEAF:
        return [cause("deaf", ms=round(1000 * deaf), pause=round(deaf + 0.05, 2))]
    return [cause("well", spoken=_spoken(fitting[0].facts), **_counts(rate))]


def _in_vain(answered: Sequence[Step], wanted: Wanted) -> Cause:
    """Something answers, and not what the options name."""
    spoken = [step.facts["protocol"] for step in answered]
    if wanted.board and set(spoken) == {"d2"}:
        return cause("number-d2")
    if wanted.protocol not in ("auto", *spoken):
        return cause("protocol", spoken=" and ".join(sorted({name.upper() for name in spoken})))
    hosts = [step.facts["host"] for step in answered if step.facts["host"] is not None]
    if wanted.address is not None and hosts:
        return cause("host-address", host=" and ".join(f"0x{host:02X}" for host in hosts))
    return cause("protocol", spoken=" and ".join(sorted({name.upper() for name in spoken})))


def _poor(facts: Facts, rate: Mapping[str, int]) -> list[Cause]:
    """It answers, and too seldom."""
    found = [cause("disturbed")] if facts.get("damage", {}).get("damaged") else []
    by = facts.get("busy", {}).get("by")
    if by:
        found.append(cause("other-program", by=", ".join(by)))
    if facts.get("listens", {}).get("heard") == "master":
        found.append(cause("master"))
    return [*found, cause("unsteady", **_counts(rate))]


def _counts(rate: Mapping[str, int]) -> dict[str, int]:
    return {"answered": rate["answered"], "asked": rate["asked"]}


def _spoken(facts: Mapping[str, Any]) -> str:
    host = f" as host 0x{facts['host']:02X}" if facts["host"] is not None else ""
    return f"board {facts['number']} speaks {facts['protocol'].upper()}{host}"


def _of_silence(facts: Facts, steps: Sequence[Step], wanted: Wanted) -> list[Cause]:
    """No way of asking was answered."""
    certain = _certain(facts, wanted)
    if certain:
        return certain
    seen = {step.facts.get("seen", "") for step in steps if step.name in ASKS}
    if wanted.kind == "bluetooth":
        return [cause(code) for code in radio.of_silence(seen)]
    heard = facts.get("listens", {}).get("heard", "nothing")
    by = facts.get("busy", {}).get("by")
    other = [cause("other-program", by=", ".join(by))] if by else []
    if heard == "master":
        return [cause("master"), *other] + ([] if facts["listens"].get("boards") else [cause("asleep")])
    if heard == "inverter":
        return [cause("inverter"), cause("master")]
    if seen & {"another protocol", "another board", "another command"}:
        return [*other, cause("master"), cause("unsteady", answered=0, asked="all")]
    if "damage" in seen or "unbelievable" in seen:
        return [*other, cause("disturbed"), cause("collision"), cause("wires")]
    if "noise" in seen or heard in ("noise", "zeros", "boards"):
        return _of_noise(facts, steps, heard, other, wanted)
    if "echo" in seen:
        return [cause("asleep"), cause("joined"), *other]
    if wanted.kind in ("socket", "rfc2217"):
        return [cause("asleep"), cause("wires"), cause("gateway-settings")]
    return [cause("asleep"), *other, cause("wires"), cause("adapter")]


def _certain(facts: Facts, wanted: Wanted) -> list[Cause]:
    """What can be nothing else."""
    heard = facts.get("listens", {}).get("heard")
    kinds = {heard, *(of.get("bytes") for of in facts.values())}
    if facts.get("gateway", {}).get("modbus_tcp") or "modbus-tcp" in kinds:
        return [cause("modbus-tcp")]
    if "telnet" in kinds and wanted.kind == "socket":
        return [cause("telnet")]
    for name, rate in (("p81-115200", 115200), ("a5-9600", 9600)):
        if facts.get(name, {}).get("answered"):
            return [cause("baudrate-found", rate=rate)]
    numbers = facts.get("numbers", {}).get("numbers")
    twins = facts.get("numbers", {}).get("twins")
    if twins:
        return [cause("twins", numbers=", ".join(map(str, twins)))]
    if numbers and str(wanted.board or 1) not in numbers:
        text = ", ".join(f"{number} ({name.upper()})" for number, name in numbers.items())
        return [cause("number", wanted=wanted.board or 1, numbers=text, first=next(iter(numbers)))]
    return [cause("unsteady", answered="some", asked="the")] if numbers else []


def _of_noise(
    facts: Facts, steps: Sequence[Step], heard: str, other: list[Cause], wanted: Wanted
) -> list[Cause]:
    """Bytes of no known protocol."""
    zeros = heard == "zeros" or any(step.facts.get("bytes") == "zeros" for step in steps)
    rate = cause("baudrate") if wanted.kind == "serial" else cause("gateway-settings")
    if zeros:
        return [cause("swapped"), rate, cause("disturbed")]
    return [*other, rate, cause("swapped"), cause("disturbed")]
