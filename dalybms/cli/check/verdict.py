"""`--check`: from readings and a policy to what a monitoring plugin says. Pure: no I/O, no clock.

The verdicts are explained in docs/monitoring.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dalybms.cli.check.findings import SECTIONS, Finding, Readings, Seen, findings, look, wanted
from dalybms.cli.check.flags import add_options, without_check
from dalybms.cli.check.metrics import Metric
from dalybms.cli.check.nagios import (
    BY_WEIGHT,
    OK,
    STATES,
    UNKNOWN,
    Perf,
    Verdict,
    number,
    plain,
    worst,
)
from dalybms.cli.check.policy import DEFAULT, Policy, policy_of
from dalybms.errors import DalyError, NoReply
from dalybms.sections import word

__all__ = [
    "SECTIONS",
    "Policy",
    "Verdict",
    "add_options",
    "policy_of",
    "unknown",
    "verdict",
    "verdict_for",
    "wanted",
    "without_check",
]

NAMED = 3
"""Findings in the first line; pagers show little more."""


def verdict(
    readings: Readings, policy: Policy = DEFAULT, left_out: Mapping[str, str] = MappingProxyType({})
) -> Verdict:
    """The state of the pack. `readings` has SECTIONS as keys; a section that is an exception, or
    is not there, was not read. left_out: single values that cannot be, as `DalyBMS.unusable` has them."""
    seen = look(readings, policy, left_out)
    if not seen.sections:
        return min((verdict_for(error, policy) for error in seen.unread.values()), key=_weight)
    found = findings(seen, policy)
    state = worst(finding.state for finding in found)
    first = _first_line(state, found, seen, policy)
    return Verdict(state, first, _more_lines(found, seen), perfdata(seen, policy))


def verdict_for(error: BaseException, policy: Policy = DEFAULT) -> Verdict:
    """The state when nothing was read because of `error`: a board that is silent on an open wire is
    `policy.no_reply`, whatever kept us from asking is UNKNOWN."""
    if not isinstance(error, DalyError):
        return unknown(f"internal error, please report it: {type(error).__name__}: {error}")
    state = policy.no_reply if isinstance(error, NoReply) else UNKNOWN
    stage = getattr(error, "stage", None)
    reached = f" (stage: {stage})" if stage else ""
    return Verdict(state, plain(f"DALY {STATES[state]} - {error}{reached}"))


def unknown(text: str) -> Verdict:
    """The verdict when `--check` itself cannot work: bad option, `-t` expired, terminated."""
    return Verdict(UNKNOWN, plain(f"DALY {STATES[UNKNOWN]} - {text}"))


def _weight(one: Verdict) -> int:
    return BY_WEIGHT.index(one.code)


def _first_line(state: int, found: list[Finding], seen: Seen, policy: Policy) -> str:
    parts = [first_findings(found), _summary(seen), left_out(policy)]
    return plain(f"DALY {STATES[state]} - {'; '.join(filter(None, parts)) or 'nothing to report'}")


def first_findings(found: list[Finding]) -> str:
    """The most important ones, and how many more there are."""
    told = [finding.text for finding in found if finding.state != OK] or [one.text for one in found]
    more = f" (+{len(told) - NAMED})" if len(told) > NAMED else ""
    return f"{'; '.join(told[:NAMED])}{more}"


def left_out(policy: Policy) -> str:
    return f"without {', '.join(map(word, policy.without))}" if policy.without else ""


def _summary(seen: Seen) -> str:
    """ "SOC 52 %, 53 V, -2 A, cells 3.31 to 3.32 V, 20 to 21 C", as far as it was read."""
    known = {label: number(value, metric.digits) for label, (metric, value) in seen.values.items()}
    parts = (
        ("SOC {soc} %", ("soc",)),
        ("{voltage} V", ("voltage",)),
        ("{current} A", ("current",)),
        ("cells {cell_min} to {cell_max} V", ("cell_min", "cell_max")),
        ("{temp_min} to {temp_max} C", ("temp_min", "temp_max")),
    )
    return ", ".join(
        text.format(**known) for text, labels in parts if all(label in known for label in labels)
    )


def _more_lines(found: list[Finding], seen: Seen) -> tuple[str, ...]:
    """Every finding with its state, then every section: what `--verbose` adds."""
    lines = [f"{STATES[finding.state]}: {finding.text}" for finding in found]
    return tuple(map(plain, [*lines, *section_lines(seen)]))


def section_lines(seen: Seen) -> list[str]:
    """Each section that was asked for, and what it told."""
    told = {name: _told(reading) for name, reading in seen.sections.items()}
    told.update({name: f"not read: {error}" for name, error in seen.unread.items()})
    return [f"{name}: {told[name]}" for name in SECTIONS if name in told]


def _told(value: Any) -> str:
    """A reading as a sentence of keys and values."""
    if isinstance(value, Mapping) and "code" in value:
        return str(value["text"])
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_told(item)}" for key, item in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_told, value)) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return number(value) if math.isfinite(value) else "not a number"
    return str(value)


def perfdata(seen: Seen, policy: Policy, prefix: str = "") -> str:
    """The values with their thresholds; prefix: of the labels, where several boards have the same."""
    return " ".join(str(_perf(metric, value, policy, prefix)) for metric, value in seen.values.values())


def _perf(metric: Metric, value: float, policy: Policy, prefix: str) -> Perf:
    warning, critical = policy.warning.get(metric.label), policy.critical.get(metric.label)
    ends = metric.minimum, metric.maximum
    return Perf(prefix + metric.label, value, metric.unit, warning, critical, *ends, digits=metric.digits)
