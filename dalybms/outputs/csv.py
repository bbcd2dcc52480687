"""A table for spreadsheets: one row a sample, an empty field for what was not read.

The columns are those of the first good sample, or of the file that is appended to, and stay.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable

from dalybms.errors import DalyError
from dalybms.outputs.flat import Shape, Value, flat, section
from dalybms.outputs.quantities import LABELS, quantities

HELD = 1000
"""Samples kept until the first good one tells the columns."""
_FIRST = LABELS[:-1]
_LAST = LABELS[-1:]
"""A row that was cut off can only lack a part of this one, or columns."""


class Csv:
    """write(row, header): takes each row without its end, and the header that an empty file needs before it.

    header: the first line of the file that is appended to. Raises DalyError where that is none of ours.
    """

    def __init__(
        self, write: Callable[[str, str], None], complain: Callable[[str], None], header: str = ""
    ) -> None:
        self._write, self._complain = write, complain
        self._columns = columns_of(header) if header else ()
        self._waiting: deque[Mapping[str, Any]] = deque(maxlen=HELD)
        self._told: set[str] = set()
        self.dropped = 0
        """Failed samples that came before the first good one, and were too many to keep."""

    def take(self, sample: Mapping[str, Any]) -> None:
        if not self._columns:
            if not section(sample, "status"):
                self._hold(sample)
                return
            self._begin(sample)
        self._put(sample)

    def close(self) -> None:
        """Rows that have waited in vain for a good sample are written now."""
        if not self._columns and self._waiting:
            self._begin(self._waiting[0])

    def _hold(self, sample: Mapping[str, Any]) -> None:
        if len(self._waiting) == HELD:
            if not self.dropped:
                self._complain(f"no battery has answered yet: only the last {HELD} failed samples are kept")
            self.dropped += 1
        self._waiting.append(sample)

    def _begin(self, sample: Mapping[str, Any]) -> None:
        self._columns = columns_for(sample)
        while self._waiting:
            self._put(self._waiting.popleft())

    def _put(self, sample: Mapping[str, Any]) -> None:
        values = flat(sample, Shape().grown(sample))
        self._tell([key for key in values if values[key] is not None and key not in self._columns])
        self._write(row(text(values.get(key)) for key in self._columns), row(self._columns))

    def _tell(self, homeless: Sequence[str]) -> None:
        new = [key for key in homeless if key not in self._told]
        self._told.update(new)
        if new:
            self._complain(
                f"the CSV columns stay as they are, without {', '.join(new)}: begin a new file for all"
            )


def columns_for(sample: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of a file that begins with this sample: what its protocol tells, and what it has beyond."""
    protocol, shape = str(sample.get("protocol")), Shape().grown(sample)
    values = flat(sample, shape)
    rows = quantities(*shape)
    told = [each.key for each in rows if protocol in each.protocols.split() or values[each.key] is not None]
    return (*_FIRST, *told, *_LAST)


def columns_of(header: str) -> tuple[str, ...]:
    """The columns of a file by its first line. Raises DalyError for one that is none of ours."""
    names = tuple(next(csv.reader([header]), []))
    if not {"time", "name", "state"} <= set(names):
        raise DalyError(
            "the CSV file to append to has other columns (no time, name, state): take another name"
        )
    return names


def whole(line: str, columns: int) -> bool:
    """Whether a row without its end is a whole one (see LineFile)."""
    return len(next(csv.reader([line]), [])) == columns


def row(fields: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(list(fields))
    return out.getvalue()


def text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
