"""What one battery told over time, as arrays, so that millions of samples fit. Pure, and without numpy."""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Mapping

NOTHING = math.nan
"""Of a value that was not read."""


class Words:
    """A word for each sample, kept as numbers: `codes` are places in `known`."""

    def __init__(self) -> None:
        self.codes = array("l")
        self.known: list[str] = []
        self._places: dict[str, int] = {}

    def add(self, word: str) -> None:
        place = self._places.setdefault(word, len(self.known))
        if place == len(self.known):
            self.known.append(word)
        self.codes.append(place)


class Track:
    """`times` (s since 1970) as the log has them; for each key as many values, NaN for what was not read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.times = array("d")
        self.values: dict[str, array[float]] = {}
        """Single precision: 0.001 mV of a cell, half the memory."""
        self.states = Words()
        self.faults = Words()
        """Texts joined by "; "; "" where there was none, or none could be read."""

    def add(self, at: float, state: str, faults: str, values: Mapping[str, float]) -> None:
        for key in values:
            if key not in self.values:
                self.values[key] = array("f", itertools.repeat(NOTHING, len(self.times)))
        for key, column in self.values.items():
            column.append(values.get(key, NOTHING))
        self.times.append(at)
        self.states.add(state)
        self.faults.add(faults)

    def numbered(self, key: str) -> list[tuple[int, array[float]]]:
        """The columns KEY_1, KEY_2 ... in order."""
        found = [
            (int(name[len(key) + 1 :]), column)
            for name, column in self.values.items()
            if name.startswith(f"{key}_") and name[len(key) + 1 :].isdigit()
        ]
        return sorted(found, key=lambda pair: pair[0])

    def setbacks(self) -> int:
        """How often the clock went back."""
        later = itertools.islice(self.times, 1, None)
        return sum(after < before for before, after in zip(self.times, later))
