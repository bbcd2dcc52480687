"""What `--check` measures: one row per value, for the performance data and for the thresholds."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Callable, NamedTuple

Section = Mapping[Any, Any]


class Metric(NamedTuple):
    """A value of one section; `of` gives None where this pack has no such value."""

    label: str
    unit: str
    section: str
    of: Callable[[Section], Any]
    digits: int = 3
    minimum: float | None = None
    maximum: float | None = None

    def value(self, section: Section) -> float | None:
        """The value as it is printed and compared; ValueError when it cannot be true."""
        raw = self.of(section)
        if raw is None:
            return None
        if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not math.isfinite(raw):
            raise ValueError(f"{self.label} is not a number")
        value = round(float(raw), self.digits)
        if not self._low() <= value <= self._high():
            raise ValueError(f"{self.label} cannot be {value:g}{self.spaced_unit}")
        return value

    @property
    def spaced_unit(self) -> str:
        """The unit as it follows a number in a sentence."""
        return f" {self.unit}" if self.unit else ""

    def _low(self) -> float:
        return -math.inf if self.minimum is None else self.minimum

    def _high(self) -> float:
        return math.inf if self.maximum is None else self.maximum


def _key(name: str | int) -> Callable[[Section], Any]:
    return lambda section: section.get(name)


def _power(soc: Section) -> Any:
    voltage, current = soc.get("total_voltage"), soc.get("current")
    return None if voltage is None or current is None else voltage * current


def _delta(cells: Section) -> Any:
    highest, lowest = cells.get("highest_voltage"), cells.get("lowest_voltage")
    return None if highest is None or lowest is None else highest - lowest


METRICS = (
    Metric("soc", "%", "soc", _key("soc_percent"), 1, 0, 100),
    Metric("voltage", "V", "soc", _key("total_voltage")),
    Metric("current", "A", "soc", _key("current")),
    Metric("power", "W", "soc", _power, 1),
    Metric("cell_min", "V", "cell_voltage_range", _key("lowest_voltage")),
    Metric("cell_max", "V", "cell_voltage_range", _key("highest_voltage")),
    Metric("cell_delta", "V", "cell_voltage_range", _delta, 3, 0),
    Metric("temp_min", "C", "temperature_range", _key("lowest_temperature"), 1),
    Metric("temp_max", "C", "temperature_range", _key("highest_temperature"), 1),
    Metric("capacity", "Ah", "mosfet_status", _key("capacity_ah")),
    Metric("cycles", "", "status", _key("cycles"), 0),
)
"""In the order of the performance data. Current and power keep the board's sign."""

LABELS = tuple(metric.label for metric in METRICS)

_CELL = re.compile(r"cell_([1-9]|[1-3][0-9]|4[0-8])")


def cell_number(label: str) -> int | None:
    """3 for "cell_3"; None for anything that names no cell of 1 to 48."""
    match = _CELL.fullmatch(label)
    return int(match[1]) if match else None


def cell_metric(cell: int) -> Metric:
    return Metric(f"cell_{cell}", "V", "cell_voltages", _key(cell))


def metrics(readings: Mapping[str, Any], all_cells: bool) -> Iterator[Metric]:
    """The rows that apply to this pack, the single cells last."""
    yield from METRICS
    cells = readings.get("cell_voltages")
    if all_cells and isinstance(cells, Mapping):
        yield from (cell_metric(cell) for cell in sorted(cells))
