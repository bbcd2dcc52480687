"""What Prometheus is told: the last sample of each battery, and no series for what that one did not have."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Callable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

from dalybms.elapsed import elapsed
from dalybms.outputs.flat import Shape, Value, faults, flat, section
from dalybms.outputs.quantities import BALANCING, CELL, GOOD, MODES, SENSOR, STATES, TABLE, TEXT
from dalybms.outputs.times import nanoseconds

PREFIX = "daly_bms_"
_LABELS = ("battery", "board")
_ABOUT = (
    "protocol", "chemistry", "software_version", "hardware_version", "firmware_index", "platform",
    "production_date", "serial_number", "battery_code",
)  # fmt: skip
_RESULTS = ("success", "failure")
Family = Any
"""A GaugeMetricFamily, CounterMetricFamily or InfoMetricFamily."""
Key = tuple[str, str]


class _Battery:
    """What is kept of one battery."""

    def __init__(self) -> None:
        self.sample: Mapping[str, Any] = {}
        self.at = 0.0
        self.about: dict[str, str] = {}
        self.last_success: float | None = None
        self.results = Counter(dict.fromkeys(_RESULTS, 0))


class Collector:
    """Takes samples in one thread, and is collected in others.

    expire: seconds after which a sample that no other followed is no longer shown.
    """

    def __init__(self, expire: float, clock: Callable[[], float] = elapsed) -> None:
        self._expire, self._clock = expire, clock
        self._batteries: dict[Key, _Battery] = {}
        self._lock = threading.Lock()

    def take(self, sample: Mapping[str, Any]) -> None:
        board = sample.get("board")
        key = (str(sample.get("name")), "" if board is None else str(board))
        with self._lock:
            battery = self._batteries.setdefault(key, _Battery())
            battery.sample, battery.at = sample, self._clock()
            battery.about = _about(sample) or battery.about
            good = sample.get("state") in GOOD
            battery.results[_RESULTS[0] if good else _RESULTS[1]] += 1
            if good:
                battery.last_success = nanoseconds(str(sample["time"])) / 1e9

    def forget(self) -> None:
        """Show no sample any more: nobody is there who would renew it."""
        with self._lock:
            for battery in self._batteries.values():
                battery.at = -self._expire

    def collect(self) -> Iterator[Family]:
        with self._lock:
            now = self._clock()
            live = {
                key: battery for key, battery in self._batteries.items() if now - battery.at < self._expire
            }
            batteries = dict(self._batteries)
        samples = {key: battery.sample for key, battery in live.items()}
        yield from _health(batteries, samples)
        yield from _values({key: flat(sample, Shape().grown(sample)) for key, sample in samples.items()})
        yield _faults(samples)


def _about(sample: Mapping[str, Any]) -> dict[str, str]:
    """What the board says of itself; {} where it was not read, as it is but once per connection."""
    info = section(sample, "info")
    return {key: str(info[key]) for key in _ABOUT if info.get(key)}


def _health(batteries: Mapping[Key, _Battery], samples: Mapping[Key, Mapping[str, Any]]) -> Iterator[Family]:
    up = GaugeMetricFamily(f"{PREFIX}up", "1 when the last sample had readings", labels=_LABELS)
    last = GaugeMetricFamily(
        f"{PREFIX}last_success_timestamp_seconds", "time of the last good sample", labels=_LABELS
    )
    counts = CounterMetricFamily(f"{PREFIX}samples", "samples since the start", labels=(*_LABELS, "result"))
    state = GaugeMetricFamily(
        f"{PREFIX}state", "1 for the state of the last sample", labels=(*_LABELS, "state")
    )
    about = InfoMetricFamily(PREFIX.rstrip("_"), "what the board says of itself", labels=_LABELS)
    for key, battery in batteries.items():
        now = samples.get(key, {}).get("state")
        up.add_metric(key, int(now in GOOD))
        about.add_metric(key, {name: battery.about.get(name, "") for name in _ABOUT})
        if battery.last_success is not None:
            last.add_metric(key, battery.last_success)
        for result, count in battery.results.items():
            counts.add_metric((*key, result), count)
        for word in STATES if key in samples else ():
            state.add_metric((*key, word), int(now == word))
    yield from (up, last, counts, state, about)


def _values(flats: Mapping[Key, Mapping[str, Value]]) -> Iterator[Family]:
    for row in TABLE:
        if row.metric and row.kind != TEXT:
            family = _family(row.metric, row.name, _LABELS)
            for key, values in flats.items():
                _add(family, key, values.get(row.key), row.factor)
            yield from _unless_empty(family)
    for row, label in ((CELL, "cell"), (SENSOR, "sensor"), (BALANCING, "cell")):
        family = _family(row.metric, f"{row.name}, by number", (*_LABELS, label))
        for key, values in flats.items():
            for name, value in values.items():
                stem, _, number = name.rpartition("_")
                if stem == row.key and number.isdigit():
                    _add(family, (*key, number), value)
        yield from _unless_empty(family)
    mode = GaugeMetricFamily(f"{PREFIX}mode", "1 for the direction of the current", labels=(*_LABELS, "mode"))
    for key, values in flats.items():
        for word in MODES if values.get("mode") in MODES else ():
            mode.add_metric((*key, word), int(values["mode"] == word))
    yield from _unless_empty(mode)


def _faults(samples: Mapping[Key, Mapping[str, Any]]) -> Family:
    """Each once: a series that comes twice spoils the whole answer."""
    parts = ("code", "level", "text")
    family = GaugeMetricFamily(f"{PREFIX}fault", "1 for each active fault", labels=(*_LABELS, *parts))
    for key, sample in samples.items():
        active = [tuple(str(fault.get(part, "")) for part in parts) for fault in faults(sample) or ()]
        for fault in dict.fromkeys(active):
            family.add_metric((*key, *fault), 1)
    return family


def _family(metric: str, text: str, labels: tuple[str, ...]) -> Family:
    stem, _, end = metric.rpartition("_")
    kind = CounterMetricFamily if end == "total" else GaugeMetricFamily
    return kind(PREFIX + (stem if end == "total" else metric), text, labels=labels)


def _add(family: Family, key: tuple[str, ...], value: Value, factor: float = 1) -> None:
    if value is not None and not isinstance(value, str):
        family.add_metric(key, round(value * factor, 9))


def _unless_empty(family: Family) -> Iterator[Family]:
    if family.samples:
        yield family
