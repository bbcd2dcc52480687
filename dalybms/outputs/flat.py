"""A sample -> one flat {key: value}. Pure.

Every key is always there, None for what this sample did not read: a key that only
goes missing leaves its last value standing in Home Assistant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Union

from dalybms.outputs.quantities import (
    BALANCING,
    CELL,
    FLAG,
    GOOD,
    LABELS,
    NUMBER,
    SENSOR,
    TABLE,
    TEXT,
    Quantity,
    quantities,
)
from dalybms.polarity import number

Value = Union[str, int, float, bool, None]
NO_FAULT = "none"
"""An empty text would be taken for a missing one."""


class Shape(NamedTuple):
    """How many cells and sensors a pack has."""

    cells: int = 0
    sensors: int = 0

    def grown(self, sample: Mapping[str, Any]) -> Shape:
        """With what this sample has; it never shrinks, so that keys stay."""
        return Shape(
            max(self.cells, _count(sample, "cells"), *_numbers(sample, "cell_voltages", "balancing_status")),
            max(self.sensors, _count(sample, "temperature_sensors"), *_numbers(sample, "temperatures")),
        )


_NOTHING = Shape()


def section(sample: Mapping[str, Any], name: str) -> Mapping[Any, Any]:
    """A section that was read, else {}; a sample that failed has none, whatever stands in it."""
    reading = sample.get(name)
    if sample.get("state") not in GOOD or not isinstance(reading, Mapping) or "error" in reading:
        return {}
    return reading


def flat(sample: Mapping[str, Any], shape: Shape = _NOTHING) -> dict[str, Value]:
    """{key: value} with every key of a pack of that shape: LABELS, then the table, cells and sensors."""
    values = {**listed(sample), **chosen(sample, TABLE)}
    labels = {key: _label(sample.get(key)) for key in LABELS}
    return {**labels, **{row.key: values.get(row.key) for row in quantities(*shape)}}


def chosen(sample: Mapping[str, Any], rows: Iterable[Quantity]) -> dict[str, Value]:
    """{key: value} of these rows of TABLE alone, None for what this sample did not read."""
    worked_out = _worked_out(sample)
    places: dict[str, Mapping[Any, Any]] = {}
    values: dict[str, Value] = {}
    for row in rows:
        if row.key in worked_out:
            values[row.key] = worked_out[row.key]
            continue
        home = row.key if row.inside else row.source
        if home not in places:
            places[home] = _source(sample, row)
        values[row.key] = _value(places[home].get(row.place), row.kind)
    return values


def faults(sample: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The active faults, each {"code", "level", "text"} as far as known; None where they were not read."""
    if sample.get("state") not in GOOD:
        return None
    found, texts = sample.get("faults"), sample.get("errors", section(sample, "bank").get("errors"))
    if isinstance(found, list):
        return [dict(fault) for fault in found]
    return [{"text": str(text)} for text in texts] if isinstance(texts, list) else None


def _source(sample: Mapping[str, Any], row: Quantity) -> Mapping[Any, Any]:
    """Where the value of a row stands: a bank has most of them in one place."""
    whole = section(sample, "bank")
    if whole:
        return {**whole, **_boards(whole)}
    if row.source == "status" and row.inside:
        states = section(sample, "status").get("states")
        return states if isinstance(states, Mapping) else {}
    if row.source == "energy":
        return _energy(sample)
    return section(sample, row.source)


def _energy(sample: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was counted stays true when nothing could be read."""
    counted = sample.get("energy")
    return counted if isinstance(counted, Mapping) else {}


def _boards(whole: Mapping[str, Any]) -> dict[str, Any]:
    boards = whole.get("boards", {})
    return {"boards_answering": boards.get("answering"), "boards": boards.get("of")}


def _worked_out(sample: Mapping[str, Any]) -> dict[str, Value]:
    """What stands in no section as such."""
    return {**_directions(sample), **_spread(sample), **_balancing(sample), **_faults(sample)}


def _directions(sample: Mapping[str, Any]) -> dict[str, Value]:
    """By the polarity alone; nothing while that is not known."""
    whole = section(sample, "bank")
    reading, sign = (whole, 1) if whole else (section(sample, "soc"), sample.get("polarity"))
    amperes, volts = number(reading.get("current")), number(reading.get("total_voltage"))
    outward = None if amperes is None or sign not in (1, -1) else sign * amperes + 0.0
    power = number(whole.get("power")) if whole else None  # a bank says why it does not know it
    if not whole and outward is not None and volts is not None:
        power = round(outward * volts, 2) + 0.0
    return {
        "power": power,
        "charging_power": _below(power),
        "discharging_power": _above(power),
        "charging_current": _below(outward),
        "discharging_current": _above(outward),
    }


def _above(value: float | None) -> float | None:
    return None if value is None else max(0.0, value)


def _below(value: float | None) -> float | None:
    return None if value is None else max(0.0, -value)


def _spread(sample: Mapping[str, Any]) -> dict[str, Value]:
    """Mean and difference of the cells, where the board does not tell them itself."""
    found: dict[str, Value] = {}
    reading = section(sample, "bank") or section(sample, "cell_voltage_range")
    highest, lowest = number(reading.get("highest_voltage")), number(reading.get("lowest_voltage"))
    if number(reading.get("delta_voltage")) is None and highest is not None and lowest is not None:
        found["delta_voltage"] = round(highest - lowest, 3)
    cells = [value for each in section(sample, CELL.source).values() if (value := number(each)) is not None]
    if number(reading.get("average_voltage")) is None and cells:
        found["average_voltage"] = round(sum(cells) / len(cells), 4)
    return found


def _balancing(sample: Mapping[str, Any]) -> dict[str, Value]:
    cells = section(sample, BALANCING.source)
    told = "balancing" in section(sample, "mosfet_status")
    return {} if told or not cells else {"balancing": any(value is True for value in cells.values())}


def _faults(sample: Mapping[str, Any]) -> dict[str, Value]:
    active = faults(sample)
    if active is None:
        return {"fault": None, "fault_count": None, "faults": None}
    texts = "; ".join(str(fault.get("text", fault.get("code"))) for fault in active)
    return {"fault": bool(active), "fault_count": len(active), "faults": texts or NO_FAULT}


def listed(sample: Mapping[str, Any]) -> dict[str, Value]:
    """{key: value} of the single cells and sensors that this sample has."""
    return {
        f"{row.key}_{place}": _value(value, row.kind)
        for row in (CELL, SENSOR, BALANCING)
        for place, value in section(sample, row.source).items()
    }


def _value(value: Any, kind: str) -> Value:
    """A value of the kind that the table promises, else None."""
    if kind == NUMBER:
        return number(value)
    if kind == FLAG:
        return value if isinstance(value, bool) else None
    return _text(value)


def _text(value: Any) -> str | None:
    """On one line; several texts become one, and none is said in a word."""
    if isinstance(value, list):
        return "; ".join(" ".join(str(each).split()) for each in value) or NO_FAULT
    return " ".join(value.split()) or None if isinstance(value, str) else None


def _label(value: Any) -> Value:
    return value if isinstance(value, int) and not isinstance(value, bool) else _value(value, TEXT)


def _count(sample: Mapping[str, Any], key: str) -> int:
    count = section(sample, "status").get(key)
    return count if isinstance(count, int) and not isinstance(count, bool) else 0


def _numbers(sample: Mapping[str, Any], *names: str) -> list[int]:
    return [int(place) for name in names for place in section(sample, name)]
