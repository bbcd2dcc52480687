"""From steps to causes: one where what was seen has only one, else the two or three that fit. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dalybms.diagnosis import radio
from dalybms.diagnosis.advice import CAUSES
from dalybms.diagnosis.cause import ASKS, Cause, Facts, Wanted, cause, other_program
from dalybms.diagnosis.causes_answered import of_answered
from dalybms.diagnosis.causes_silent import of_silence
from dalybms.diagnosis.steps import Step

_MOST = 3
_SAID_OF_BOTH = cause("other-program", by="the system says the same of both")


def causes(steps: Sequence[Step], wanted: Wanted) -> list[Cause]:
    """The causes that fit, the likeliest first; a single one is as certain as software can be."""
    facts = {step.name: step.facts for step in steps}
    failed = next((step for step in steps if step.facts.get("error")), None)
    if failed:
        return _of_error(failed, facts, wanted)[:_MOST]
    answered = [step for step in steps if step.name in ASKS and step.facts.get("answered")]
    found = of_answered(facts, answered, wanted) if answered else of_silence(facts, steps, wanted)
    return found[:_MOST]


def _of_error(step: Step, facts: Facts, wanted: Wanted) -> list[Cause]:
    """It does not open, or the wire went away."""
    word, takers = step.facts["error"], step.facts.get("takers") or []
    if wanted.kind == "bluetooth":
        word = "write" if step.facts.get("stage") == "write" else word
        return [cause(code, **step.facts) for code in radio.of_error(_stage(step, word), word, facts)]
    if word in ("missing", "gone") and takers:
        return [cause("taken", takers=" or ".join(takers)), cause(word)]
    if word == "busy":
        return [cause("busy", by=", ".join(step.facts.get("by") or ["the system does not say which"]))]
    if word == "cut":
        return _of_cut(facts, step)
    if word == "gone" and wanted.kind == "serial":
        known = other_program(facts)
        return [*known, cause("gone")] if known else [cause("gone"), _SAID_OF_BOTH]
    return [cause(word if word in CAUSES else "other", error=step.detail)]


def _stage(step: Step, word: str) -> str:
    """A recording that is played has all of Bluetooth's steps in one."""
    if step.name != "opens":
        return step.name
    return "advertising" if word in ("not-heard", "nothing-heard") else "connects"


def _of_cut(facts: Facts, step: Step) -> list[Cause]:
    """The far side ended the connection; perhaps it said why."""
    texts = [each for each in (step.facts, facts.get("listens", {})) if each.get("heard") == "text"]
    if any(each.get("server") for each in texts):
        return [cause("text")]
    if texts:
        return [cause("client")] if texts[0].get("taken") else [cause("client"), cause("text")]
    answered = any(facts.get(name, {}).get("answered") for name in ASKS)
    first = [] if answered else [cause("modbus-tcp")]
    return [*first, cause("client"), cause("gateway-restarts")]
