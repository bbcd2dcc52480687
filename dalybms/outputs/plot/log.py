"""What `watch` has written -> a track per battery: times and values as arrays, so that millions fit.

Broken lines (a crash in the middle of one, another program's) are counted, not hidden.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from dalybms.errors import DalyError
from dalybms.outputs.flat import NO_FAULT, Shape, flat
from dalybms.outputs.quantities import GOOD

VALUES = ("soc_percent", "total_voltage", "current", "power", "energy_in_wh", "energy_out_wh")
_LISTED = re.compile(r"(?:cell_voltage|temperature)_[0-9]{1,2}")
_LONGEST = 1_000_000
"""Characters of a line."""
_MOST_TRACKS = 1000
NOTHING = math.nan


class Track:
    """One battery: `times` (s since 1970) and, for each key, as many values, NaN where nothing was read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.times = array("d")
        self.values: dict[str, array[float]] = {}
        self.states: list[tuple[float, str]] = []
        """(time, state) where it changes."""
        self.faults: list[tuple[float, str]] = []
        """(time, texts) where they change; "" for none."""

    def add(self, at: float, row: Mapping[str, Any]) -> None:
        """A row that is older than the one before is left out: the clock was set back."""
        if self.times and at <= self.times[-1]:
            return
        self.times.append(at)
        for key in {*self.values, *filter(_is_drawn, row)}:
            column = self.values.get(key)
            if column is None:
                column = self.values[key] = array("d", itertools.repeat(NOTHING, len(self.times) - 1))
            column.append(_number(row.get(key)))
        _note(self.states, at, str(row.get("state") or ""))
        told = row.get("faults")
        if row.get("state") in GOOD:
            _note(self.faults, at, "" if told in (None, NO_FAULT) else str(told))

    def numbered(self, key: str) -> list[tuple[int, array[float]]]:
        """The columns KEY_1, KEY_2 ... in order."""
        found = [
            (int(name[len(key) + 1 :]), column) for name, column in self.values.items() if _is(key, name)
        ]
        return sorted(found, key=lambda pair: pair[0])


def read(path: str, since: float = -math.inf) -> tuple[list[Track], int]:
    """(tracks by name, lines that were no samples) of a JSON Lines or CSV log. Raises DalyError."""
    tracks: dict[str, Track] = {}
    bad = 0
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            for row in _rows(file, path):
                at = None if row is None else _time(row.get("time"))
                if row is None or at is None:
                    bad += 1
                elif at >= since:
                    _track(tracks, row).add(at, row)
    except OSError as error:
        raise DalyError(f"cannot read {path}: {error.strerror}; check its name and permissions") from None
    if not tracks:
        why = f"{bad} lines are no samples" if bad else "it is empty, or all of it is older than --since"
        raise DalyError(f"nothing to draw in {path}: {why}; `daly-bms-cli watch` writes such logs")
    return sorted(tracks.values(), key=lambda track: track.name), bad


def _rows(lines: Iterable[str], path: str) -> Iterator[Mapping[str, Any] | None]:
    """A flat row for each line; None for one that is no sample."""
    several = iter(lines)
    first = next(several, "")
    rest = itertools.chain([first], several)
    if first.lstrip().startswith("{") or not first.startswith("time,"):
        return (_sample(line) for line in rest if line.strip())
    return _table(rest, path)


def _sample(line: str) -> Mapping[str, Any] | None:
    try:
        sample = json.loads(line) if len(line) <= _LONGEST else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(sample, dict) or "time" not in sample or "state" not in sample:
        return None
    return flat(sample, Shape().grown(sample))


def _table(lines: Iterable[str], path: str) -> Iterator[Mapping[str, Any] | None]:
    rows = csv.reader(lines)
    try:
        header = next(rows)
        for row in rows:
            yield dict(zip(header, row)) if len(row) == len(header) else None
    except csv.Error as error:
        raise DalyError(f"{path} is no CSV log: {error}; `daly-bms-cli watch` writes such logs") from None


def _track(tracks: dict[str, Track], row: Mapping[str, Any]) -> Track:
    board = row.get("board")
    name = str(row.get("name") or "battery") + ("" if board in (None, "") else f" / {board}")
    if name not in tracks:
        if len(tracks) == _MOST_TRACKS:
            raise DalyError(f"more than {_MOST_TRACKS} batteries in one log: is it one of `watch`?")
        tracks[name] = Track(name)
    return tracks[name]


def _note(changes: list[tuple[float, str]], at: float, text: str) -> None:
    if not changes or changes[-1][1] != text:
        changes.append((at, text))


def _is_drawn(key: str) -> bool:
    return key in VALUES or _LISTED.fullmatch(key) is not None


def _is(key: str, name: str) -> bool:
    return name.startswith(f"{key}_") and name[len(key) + 1 :].isdigit()


def _number(value: Any) -> float:
    try:
        found = float(value) if value not in (None, "") and not isinstance(value, bool) else NOTHING
    except (TypeError, ValueError):
        return NOTHING
    return found if math.isfinite(found) else NOTHING


def _time(text: Any) -> float | None:
    """Seconds since 1970 of RFC 3339."""
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()
    except (ValueError, OverflowError):
        return None
