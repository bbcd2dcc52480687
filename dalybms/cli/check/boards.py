"""`--check --board 1,2,3`: one verdict on several boards of a cable. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from dalybms.cli.check.findings import Finding, Readings, Seen, findings, look, wanted
from dalybms.cli.check.nagios import BY_WEIGHT, STATES, Verdict, number, plain, worst
from dalybms.cli.check.policy import Policy
from dalybms.cli.check.verdict import first_findings, left_out, perfdata, section_lines, verdict_for
from dalybms.errors import DalyError


class Board(NamedTuple):
    """What came of one board, as verdict() takes it."""

    readings: Readings
    left_out: Mapping[str, str] = MappingProxyType({})


class _Judged(NamedTuple):
    board: int
    found: list[Finding]
    seen: Seen


def verdict_of(boards: Mapping[int, Board | DalyError], policy: Policy) -> Verdict:
    """The state of the worst board. Thresholds hold for each; findings and labels name their board."""
    judged = [_judged(board, came, policy) for board, came in boards.items()]
    found = [Finding(each.state, f"board {one.board}: {each.text}") for one in judged for each in one.found]
    found.sort(key=lambda finding: BY_WEIGHT.index(finding.state))
    state = worst(finding.state for finding in found)
    parts = [first_findings(found), *map(_summary, judged), left_out(policy)]
    lines = [f"{STATES[finding.state]}: {finding.text}" for finding in found]
    lines += [f"board {one.board}: {line}" for one in judged for line in section_lines(one.seen)]
    values = " ".join(filter(None, (perfdata(one.seen, policy, f"b{one.board}_") for one in judged)))
    first = plain(f"DALY {STATES[state]} - {'; '.join(filter(None, parts))}")
    return Verdict(state, first, tuple(map(plain, lines)), values)


def _judged(board: int, came: Board | DalyError, policy: Policy) -> _Judged:
    if isinstance(came, DalyError):
        came = Board(dict.fromkeys(wanted(policy), came))
    seen = look(came.readings, policy, came.left_out)
    if seen.sections:
        return _Judged(board, findings(seen, policy), seen)
    states = {verdict_for(error, policy).code: str(error) for error in reversed(list(seen.unread.values()))}
    state = worst(states)
    return _Judged(board, [Finding(state, states[state])], seen)


def _summary(one: _Judged) -> str:
    """ "board 2 SOC 52 %, 53 V, -2 A", as far as it was read."""
    known = {label: number(value, metric.digits) for label, (metric, value) in one.seen.values.items()}
    parts = [("SOC {soc} %", "soc"), ("{voltage} V", "voltage"), ("{current} A", "current")]
    told = ", ".join(text.format(**known) for text, label in parts if label in known)
    return f"board {one.board} {told}" if told else ""
