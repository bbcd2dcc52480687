"""Line protocol, as Telegraf's execd input and InfluxDB take it: one measurement, tags battery and board.

All numbers are floats, so that a field never changes its type. Source: InfluxDB documentation, line protocol.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable

from dalybms.outputs.flat import Shape, Value, flat
from dalybms.outputs.times import nanoseconds

MEASUREMENT = "daly_bms"
_TAGS = ("name", "board")
_NOT_FIELDS = (*_TAGS, "time")


class Influx:
    """write: takes each line, without its end."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def take(self, sample: Mapping[str, Any]) -> None:
        self._write(line(sample))

    def close(self) -> None:
        """Nothing is kept back."""


def line(sample: Mapping[str, Any]) -> str:
    """A sample as one line; what was not read is not in it, and `state` always is."""
    values = flat(sample, Shape().grown(sample))
    tags = {"battery": values["name"], "board": values["board"]}
    fields = {key: value for key, value in values.items() if key not in _NOT_FIELDS and value is not None}
    head = ",".join(
        [MEASUREMENT, *(f"{key}={_tag(value)}" for key, value in tags.items() if value is not None)]
    )
    body = ",".join(f"{key}={_field(value)}" for key, value in fields.items())
    return f"{head} {body} {nanoseconds(str(sample['time']))}"


def whole(text: str) -> bool:
    """Whether a line without its end is a whole one (see LineFile)."""
    return re.search(r" \d{19}$", text) is not None


def _tag(value: Value) -> str:
    """A backslash at the end of a tag would escape what follows."""
    text = " ".join(str(value).split()).replace("\\", "/")
    return re.sub(r"([,= ])", r"\\\1", text) or "_"


def _field(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(float(value))
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
