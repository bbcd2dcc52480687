"""What is remembered of one battery between two drawings: its last sample, the extremes since the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dalybms.outputs.flat import Shape, Value, flat
from dalybms.outputs.quantities import GOOD
from dalybms.outputs.times import nanoseconds
from dalybms.polarity import number


class History:
    def __init__(self) -> None:
        self.sample: Mapping[str, Any] = {}
        self.values: dict[str, Value] = {}
        self.extremes: dict[str, tuple[float, float]] = {}
        """{key of a flat sample: (lowest, highest)}, of readings alone."""
        self.last_good: str | None = None
        """The time of the last sample that had readings."""
        self.count = 0

    def take(self, sample: Mapping[str, Any]) -> None:
        self.sample, self.count = sample, self.count + 1
        self.values = flat(sample, Shape().grown(sample))
        if sample.get("state") in GOOD:
            self.last_good = str(sample["time"])
        for key, value in self.values.items():
            measured = number(value)
            if measured is not None:
                low, high = self.extremes.get(key, (measured, measured))
                self.extremes[key] = min(low, measured), max(high, measured)

    def age(self, now: float) -> float:
        """Seconds since the sample was taken, by the wall clock, which may have been set in between."""
        return max(0.0, now - nanoseconds(str(self.sample["time"])) / 1e9)

    def cells(self) -> dict[int, tuple[float, bool | None]]:
        """{number: (V, being balanced?)} of the last sample."""
        found = {}
        for key, value in self.values.items():
            place = key[len("cell_voltage_") :]
            volts = number(value)
            if key.startswith("cell_voltage_") and place.isdigit() and volts is not None:
                balancing = self.values.get(f"cell_balancing_{place}")
                found[int(place)] = volts, balancing if isinstance(balancing, bool) else None
        return found

    def temperatures(self) -> dict[str, float]:
        """{sensor's number, or what it sits on: C}."""
        found = {}
        for key, value in self.values.items():
            head, _, tail = key.rpartition("_")
            measured = number(value)
            if measured is None:
                continue
            if head == "temperature" and tail.isdigit():
                found[tail] = measured
            elif tail == "temperature" and head in ("mosfet", "board", "heater"):
                found["MOSFETs" if head == "mosfet" else head] = measured
        return found
