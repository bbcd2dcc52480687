"""The counters of all batteries in one file, so that they go on counting over years and crashes.

What is shown is what stands in the file, never more: so no counter falls after a crash.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, cast

from dalybms.energy import COUNTERS, Meter
from dalybms.errors import DalyError
from dalybms.files import is_special, put
from dalybms.polarity import learn, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dalybms.readings import Energy

FORMAT = 1
EVERY = 10.0
"""Seconds between two writings: so much is lost at the most, and one interval, when the power fails."""
_DIGITS = 6
_LARGEST = 10_000_000
"""Bytes; the file of a thousand batteries has a tenth of it."""


class EnergyFile:
    """The counters of some batteries, kept in a file.

    interval: seconds between the samples of a battery as planned. A file that does not exist is begun.
    Raises DalyError, one line, for a file that is none of ours, is broken, or was written
    by a newer version: it is never overwritten.
    """

    def __init__(self, path: str, interval: float) -> None:
        self._path, self._interval = path, interval
        self._kept = _load(path)
        self._meters: dict[str, Meter] = {}
        self._written_at: float | None = None
        self._trouble = ""
        self._write(self._kept)

    def add(self, sample: Mapping[str, Any], now: float, inverted: bool = False) -> Energy:
        """Count a sample of any battery, taken at `now` (monotonic, s); returns what may be shown with it.

        inverted: its current was turned by `invert_current`. Raises DalyError when the file cannot be
        written, once until something else is wrong or it is well again; counting goes on.
        """
        key = battery(sample)
        meter = self._meters.get(key)
        if meter is None:
            kept = self._kept.get(key, {})
            meter = self._meters[key] = Meter(self._interval, kept, kept.get("polarity"), inverted)
        meter.add(sample, now)
        if self._written_at is None:
            self._written_at = now
        if now - self._written_at >= EVERY:
            self._written_at = now
            self._save_in_passing()
        return cast("Energy", {**self.shown(sample), **meter.runtime(sample)})

    def _save_in_passing(self) -> None:
        try:
            self.save()
            self._trouble = ""
        except DalyError as error:
            told, self._trouble = self._trouble, str(error)
            if told != self._trouble:
                raise

    def shown(self, sample: Mapping[str, Any]) -> Energy:
        """What stands in the file for the battery of this sample."""
        kept = self._kept.get(battery(sample), {})
        return cast("Energy", {name: kept.get(name, 0.0) for name in COUNTERS})

    def save(self) -> None:
        """Write now, and at the end; a file that was removed anew.

        Raises DalyError when it cannot, or the file is no longer ours alone.
        """
        if _mark(self._path) not in (self._mark, None):
            raise DalyError(
                f"{self._path} was changed by another program: give each program an energy file of its own"
            )
        self._write({**self._kept, **{key: _counted(meter) for key, meter in self._meters.items()}})

    def _write(self, batteries: dict[str, Any]) -> None:
        document = {"format": FORMAT, "batteries": batteries}
        put(self._path, json.dumps(document, indent=2, sort_keys=True) + "\n")
        self._kept, self._mark = batteries, _mark(self._path)


def battery(sample: Mapping[str, Any]) -> str:
    """The name of a battery in the file: its own, and its number where a cable has several."""
    name, board = str(sample.get("name")), sample.get("board")
    return name if board is None else f"{name}/{board}"


def _counted(meter: Meter) -> dict[str, Any]:
    counters = {name: round(value, _DIGITS) for name, value in meter.counters.items()}
    return {**counters, "polarity": meter.voices}


def _mark(path: str) -> tuple[int, int, int] | None:
    """Tells whether the file is still the one that was written last."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _load(path: str) -> dict[str, Any]:
    """{battery: counters} of the file, {} where there is none. Raises DalyError."""
    if is_special(path):
        raise DalyError(f"{path} is no plain file: take another name for the energy file")
    try:
        with open(path, "rb") as file:
            raw = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DalyError(f"cannot read {path}: {error.strerror}; check its name and permissions") from None
    try:
        document = json.loads(raw[:_LARGEST].decode("utf-8"))
        version = document["format"]
        if isinstance(version, int) and version > FORMAT:
            raise DalyError(
                f"{path} was written by a newer version (format {version}): "
                "update dalybms, or take another file"
            )
        if version != FORMAT:
            raise ValueError("no such format")
        return {key: _checked(kept) for key, kept in document["batteries"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DalyError(
            f"{path} is no energy file, or a broken one: take another name, or move it away to begin anew"
        ) from None


def _checked(kept: Any) -> dict[str, Any]:
    """Raises ValueError, TypeError or KeyError for counters that cannot be."""
    found = {name: number(kept[name]) for name in COUNTERS}
    voices = dict(kept["polarity"])
    counts = [count for count in voices.values() if isinstance(count, int) and count >= 0]
    if any(value is None or value < 0 for value in found.values()) or len(counts) != len(learn(voices, 0)):
        raise ValueError("counters that cannot be")
    return {**found, "polarity": learn(voices, 0)}
