"""What `watch` has written -> a track per battery.

Nothing of a log is believed: lines cut off by a crash, lines of other programs and numbers that cannot be
are counted, not drawn and not hidden. Logs may follow each other in one file, headers included.
"""

from __future__ import annotations

import csv
import functools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple, TextIO

from dalybms.errors import DalyError
from dalybms.outputs.flat import NO_FAULT, chosen, listed
from dalybms.outputs.names import title
from dalybms.outputs.plot.track import NOTHING, Track
from dalybms.outputs.quantities import STATES, TABLE

VALUES = ("soc_percent", "total_voltage", "current", "power", "energy_in_wh", "energy_out_wh")
_ROWS = tuple(row for row in TABLE if row.key in (*VALUES, "faults"))
_LISTED = re.compile(r"(?:cell_voltage|temperature)_(?:[1-9]|[1-3][0-9]|4[0-8])")
"""No pack has more cells."""
_LONGEST = 1_000_000
"""Characters of a line."""
_MOST_TRACKS = 64
_LATEST = 7.3e9
"""Seconds since 1970, the year 2201: what dates on an axis can be."""
_LARGEST = 1e9
"""No battery has such volts, amperes, watts or watt-hours."""


class Row(NamedTuple):
    at: float
    name: str
    state: str
    faults: str
    values: dict[str, float]
    odd: int
    """Values that cannot be, left out."""


class Log(NamedTuple):
    """tracks by name; lines that were no samples; numbers that cannot be."""

    tracks: list[Track]
    bad: int
    odd: int


def read(path: str, since: float = -math.inf) -> Log:
    """A JSON Lines or CSV log, without what is older than `since` (s since 1970). Raises DalyError."""
    tracks: dict[str, Track] = {}
    bad = odd = old = 0
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            for row in _rows(file):
                if row is None:
                    bad += 1
                elif row.at < since:
                    old += 1
                else:
                    odd += row.odd
                    _track(tracks, row.name).add(row.at, row.state, row.faults, row.values)
    except OSError as error:
        raise DalyError(f"cannot read {path}: {error.strerror}; check its name and permissions") from None
    if not tracks:
        raise DalyError(
            f"nothing to draw in {path}: {_nothing(bad, old)}; `daly-bms-cli watch` writes such logs"
        )
    return Log(sorted(tracks.values(), key=lambda track: _order(track.name)), bad, odd)


def _nothing(bad: int, old: int) -> str:
    if old:
        return f"all {old} samples are older than --since"
    return f"none of its {bad} lines is a sample" if bad else "it is empty"


def _order(name: str) -> list[tuple[str, int]]:
    """Board 2 before board 10."""
    return [(text, int(number or 0)) for text, number in re.findall(r"([^0-9]*)([0-9]{0,9})", name)]


def _track(tracks: dict[str, Track], name: str) -> Track:
    if name not in tracks:
        if len(tracks) == _MOST_TRACKS:
            raise DalyError(
                f"more than {_MOST_TRACKS} batteries in one log: draw them from files of their own"
            )
        tracks[name] = Track(name)
    return tracks[name]


def _rows(file: TextIO) -> Iterator[Row | None]:
    """Each line that is not empty; None for one that is no sample."""
    header: Sequence[str] = ()
    for line in _lines(file):
        if line.startswith("{"):
            yield _sample(line)
        elif line.startswith("time,"):
            header = _fields(line)
        elif line:
            yield _table_row(header, _fields(line))


def _lines(file: TextIO) -> Iterator[str]:
    """Without their ends; one that is too long is cut, and so no sample."""
    while True:
        line = file.readline(_LONGEST)
        if not line:
            return
        if not line.endswith("\n") and len(line) == _LONGEST:
            while (more := file.readline(_LONGEST)) and not more.endswith("\n"):
                pass
        yield line.strip()


def _sample(line: str) -> Row | None:
    try:
        sample = json.loads(line)
        if sample.get("state") not in STATES:
            return None
        values = {**chosen(sample, _ROWS), **listed(sample)}
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None  # not JSON, or sections that no battery has
    return _row(sample, values)


def _table_row(header: Sequence[str], fields: Sequence[str]) -> Row | None:
    row = dict(zip(header, fields))
    return _row(row, row) if len(fields) == len(header) and row.get("state") in STATES else None


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _row(labels: Mapping[str, Any], values: Mapping[str, Any]) -> Row | None:
    at = _time(labels.get("time"))
    if at is None:
        return None
    board, faults = labels.get("board"), values.get("faults")
    name = title({"name": labels.get("name") or "battery", "board": None if board == "" else board})
    told = {key: value for key, value in values.items() if value not in (None, "") and _is_drawn(key)}
    numbers = {key: _number(value) for key, value in told.items()}
    odd = sum(map(math.isnan, numbers.values()))
    return Row(
        at, name, str(labels["state"]), "" if faults in (None, NO_FAULT) else str(faults), numbers, odd
    )


@functools.lru_cache(maxsize=1024)
def _is_drawn(key: str) -> bool:
    return key in VALUES or _LISTED.fullmatch(key) is not None


def _number(value: Any) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return NOTHING
    return found if abs(found) < _LARGEST else NOTHING


def _time(text: Any) -> float | None:
    """Seconds since 1970 of RFC 3339."""
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        at = moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()
    except (ValueError, OverflowError):
        return None
    return at if 0 <= at < _LATEST else None
