"""What there is to say about a pack: one finding for each thing that is wrong or not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from dalybms.cli.check.metrics import METRICS, Metric, cell_metric, cell_number, metrics
from dalybms.cli.check.nagios import BY_WEIGHT, CRITICAL, OK, UNKNOWN, WARNING, number
from dalybms.cli.check.policy import Policy
from dalybms.cli.without import CHECK_CAN_SPARE, advice, is_lacking
from dalybms.errors import DalyError, NotSupported
from dalybms.packs import lost_sensors
from dalybms.protocols.faults import SWITCHED_OFF

SECTIONS = (
    "soc",
    "cell_voltage_range",
    "temperature_range",
    "mosfet_status",
    "status",
    "cell_voltages",
    "temperatures",
    "balancing_status",
    "faults",
)
"""What a verdict rests on; OK means that each of them was read."""

NEARLY_FULL = 99.0
"""State of charge (%) from which a pack may switch its charge MOSFET off in normal use."""

Readings = Mapping[str, Any]
"""Section -> its reading, or the exception that came instead."""


def wanted(policy: Policy) -> list[str]:
    """The sections to read for a verdict, in their order."""
    return [section for section in SECTIONS if section not in policy.without]


class Finding(NamedTuple):
    state: int
    text: str


class Seen(NamedTuple):
    """What was read (sections, and values by metric label) and what was not, with the reason."""

    sections: dict[str, Any]
    unread: dict[str, Exception]
    values: dict[str, tuple[Metric, float]]
    impossible: dict[str, str]
    left_out: Mapping[str, str]
    """{"section.key": why} of single values that cannot be."""


def look(readings: Readings, policy: Policy, left_out: Mapping[str, str] = MappingProxyType({})) -> Seen:
    """Sorts the sections by whether they were read, and takes the values out of them."""
    seen = Seen({}, {}, {}, {}, left_out)
    for name in wanted(policy):
        reading = readings.get(name, DalyError("was not asked"))
        if isinstance(reading, Exception):
            seen.unread[name] = reading
        else:
            seen.sections[name] = reading
    for metric in metrics(seen.sections, policy.all_cells):
        try:
            value = metric.value(seen.sections.get(metric.section, {}))
        except ValueError as error:
            seen.impossible[metric.label] = str(error)
            continue
        if value is not None:
            seen.values[metric.label] = (metric, value)
    return seen


def findings(seen: Seen, policy: Policy) -> list[Finding]:
    """Most important first: by state, then faults, MOSFETs, counts, values, missing data."""
    found = [*_faults(seen, policy), *_mosfets(seen, policy), *_counts(seen, policy), *_sensors(seen, policy)]
    found += [*_left_out(seen), *_values(seen, policy), *_missing(seen)]
    return sorted(found, key=lambda finding: BY_WEIGHT.index(finding.state))


def _faults(seen: Seen, policy: Policy) -> Iterable[Finding]:
    """Level 2 and hardware faults are critical; level 1 and unknown bits a warning."""
    for fault in seen.sections.get("faults", ()):
        if not _is_expected(fault["code"], seen, policy):
            yield Finding(CRITICAL if fault["level"] >= 2 else WARNING, fault["text"])


def _is_expected(code: str, seen: Seen, policy: Policy) -> bool:
    """What the operator has said is as it should be: each MOSFET and the sensors are judged by themselves."""
    if code in SWITCHED_OFF:
        return not {"off", "any"}.isdisjoint((policy.expect_charge, policy.expect_discharge))
    told = policy.sensors is not None and policy.sensors == _readable(seen)
    return code == "temperature_sensors_unreadable" and told


def _mosfets(seen: Seen, policy: Policy) -> Iterable[Finding]:
    yield from _mosfet("discharge", policy.expect_discharge, CRITICAL, seen)
    for finding in _mosfet("charge", policy.expect_charge, WARNING, seen):
        if policy.expect_charge is None and _is_nearly_full(seen):
            yield Finding(OK, f"{finding.text}, normal when nearly full")
        else:
            yield finding


def _is_nearly_full(seen: Seen) -> bool:
    return "soc" in seen.values and seen.values["soc"][1] >= NEARLY_FULL


def _mosfet(name: str, expected: str | None, state: int, seen: Seen) -> Iterable[Finding]:
    if expected == "any" or _is_missing("mosfet_status", seen):
        return
    key = {"charge": "charging_mosfet", "discharge": "discharging_mosfet"}[name]
    switched_on = seen.sections.get("mosfet_status", {}).get(key)
    if switched_on is None and expected:
        yield Finding(UNKNOWN, f"{name} MOSFET should be {expected}, but this board does not tell")
    elif switched_on is not None and switched_on != (expected != "off"):
        yield Finding(state, f"{name} MOSFET {'on' if switched_on else 'off'}")


def _counts(seen: Seen, policy: Policy) -> Iterable[Finding]:
    cells = seen.sections.get("status", {}).get("cells")
    yield from _count("cells", cells, policy.cells, "status", seen)
    yield from _count("temperature sensors", _readable(seen), policy.sensors, "temperatures", seen)


def _count(name: str, count: int | None, expected: int | None, section: str, seen: Seen) -> Iterable[Finding]:
    if expected is None or _is_missing(section, seen):
        return
    if not isinstance(count, int):
        yield Finding(UNKNOWN, f"{expected} {name} expected, but this board does not tell")
    elif count != expected:
        yield Finding(CRITICAL, f"{count} {name}, expected {expected}")


def _readable(seen: Seen) -> int | None:
    """The number of temperature sensors that tell a temperature; None where that was not read."""
    return len(seen.sections["temperatures"]) if "temperatures" in seen.sections else None


def _sensors(seen: Seen, policy: Policy) -> Iterable[Finding]:
    """A sensor that the board is set to but cannot read, unless the operator has said how many it can."""
    configured = seen.sections.get("status", {}).get("temperature_sensors")
    lost = lost_sensors(configured, seen.sections.get("temperatures"))
    if lost and policy.sensors is None:
        numbers = ", ".join(map(str, lost))
        yield Finding(WARNING, f"temperature sensor{'s' * (len(lost) > 1)} {numbers} cannot be read")


def _values(seen: Seen, policy: Policy) -> Iterable[Finding]:
    yield from (Finding(UNKNOWN, text) for text in seen.impossible.values())
    for metric in _asked(policy):
        label = metric.label
        if label in seen.values:
            yield from _compared(*seen.values[label], policy)
        elif label not in seen.impossible and not _is_told(metric.section, seen):
            yield Finding(UNKNOWN, f"{label} has a threshold, but this pack does not tell it")


def _asked(policy: Policy) -> Iterable[Metric]:
    """The metrics that have a threshold, in the order of the performance data."""
    labels = {*policy.warning, *policy.critical}
    yield from (metric for metric in METRICS if metric.label in labels)
    numbers = sorted(filter(None, map(cell_number, labels)))
    yield from map(cell_metric, numbers)


def _compared(metric: Metric, value: float, policy: Policy) -> Iterable[Finding]:
    for state, ranges in ((CRITICAL, policy.critical), (WARNING, policy.warning)):
        limits = ranges.get(metric.label)
        if limits is not None and limits.alerts(value):
            unit = metric.spaced_unit
            shown = f"{metric.label} {number(value, metric.digits)}{unit}"
            yield Finding(state, f"{shown} {limits.describe(value, unit)}")
            return


def _is_missing(section: str, seen: Seen) -> bool:
    """Not read, though the board should be able to tell: said once, by `_missing`. No pack is OK whose
    faults nobody knows."""
    told = section != "faults" and isinstance(seen.unread.get(section), NotSupported)
    return section in seen.unread and not told


def _left_out(seen: Seen) -> Iterable[Finding]:
    """Boards have states of their own beside charging and discharging: an unknown mode is no news."""
    for why in dict.fromkeys(seen.left_out[name] for name in _named(seen)):
        yield Finding(UNKNOWN, why)


def _named(seen: Seen) -> list[str]:
    return [name for name in seen.left_out if name != "mosfet_status.mode"]


def _is_told(section: str, seen: Seen) -> bool:
    """Is it said elsewhere why a value of this section is not there?"""
    return _is_missing(section, seen) or any(name.startswith(f"{section}.") for name in _named(seen))


def _missing(seen: Seen) -> Iterable[Finding]:
    names = [name for name in seen.unread if _is_missing(name, seen)]
    if not names:
        return
    reason = str(seen.unread[names[0]])
    spare = [name for name in names if name in CHECK_CAN_SPARE and is_lacking(seen.unread[name])]
    if spare:
        reason += f"; {advice(spare)}"
    if len(names) == 1:
        yield Finding(UNKNOWN, f"{names[0]} not read: {reason}")
    else:
        yield Finding(UNKNOWN, f"{len(names)} sections not read: {', '.join(names)}: {reason}")
