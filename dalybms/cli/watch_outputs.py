"""Where samples go: the outputs that the options name, each loaded only then."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Callable

from dalybms.cli import mqtt_flags, output
from dalybms.cli.watch_config import blamed
from dalybms.errors import DalyError

Complain = Callable[[str], None]


class ReaderGone(Exception):
    """Who read our stdout has ended: `... | head -1`."""


class Outputs:
    """All outputs of a watch. Raises ValueError or DalyError for what cannot work at all.

    kept: what stands in the config file, which the options overrule. names: of the batteries, in order.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        kept: Mapping[str, Any],
        interval: float,
        complain: Complain,
        names: Sequence[str] = (),
    ) -> None:
        self._all: list[Any] = []
        self.complain, self._names = complain, names
        self.tick: Callable[[], None] | None = None
        """To be called each second, where there is a live view."""
        form = options.format or kept.get("output", {}).get("format", "jsonl")
        file = options.output or kept.get("output", {}).get("file")
        with blamed(options.config if "output" in kept else None):
            self._add_lines(form, file)
        where = options.prometheus or kept.get("prometheus", {}).get("at")
        if where is not None:
            with blamed(None if options.prometheus else options.config):
                self._add_prometheus(str(where), interval)
        if options.mqtt or "mqtt" in kept:
            with blamed(options.config if "mqtt" in kept else None):
                self._add_mqtt(options, dict(kept.get("mqtt", {})), interval)

    def take(self, sample: Mapping[str, Any]) -> None:
        for each in self._all:
            each.take(sample)

    def close(self) -> None:
        """All of them, also behind one that fails: values that nobody renews must not stay."""
        failures: list[Exception] = []
        for each in self._all:
            try:
                each.close()
            except (DalyError, ReaderGone) as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    def _add_lines(self, form: str, file: str | None) -> None:
        if form == "table":
            if file:
                raise ValueError("a table is for a terminal: leave -o away, or take another format")
            from dalybms.outputs.table.view import TableView

            with _stdout():
                table = _Table(TableView(names=self._names, complain=self.complain))
            self.complain = table.note
            self.tick = table.tick if table.is_live else None
            self._all.append(table)
        elif form == "csv":
            self._all.append(_csv(file, self.complain))
        else:
            self._all.append(_plain(form, file, self.complain))

    def _add_prometheus(self, where: str, interval: float) -> None:
        from dalybms.outputs.prometheus.output import prometheus, target
        from dalybms.outputs.times import expiry

        self._all.append(prometheus(target(where), expiry(interval), self.complain))

    def _add_mqtt(self, options: argparse.Namespace, kept: dict[str, Any], interval: float) -> None:
        settings = mqtt_flags.settings(options, kept)
        from dalybms.outputs.mqtt.output import Mqtt

        hass = options.mqtt_hass or kept.get("hass", False)
        prefix = options.mqtt_hass_prefix or kept.get("hass_prefix", "homeassistant")
        self._all.append(Mqtt(settings, interval, self.complain, hass=prefix if hass else None))


class _Table:
    """The view, whose stdout may fail as that of any other format."""

    def __init__(self, view: Any) -> None:
        self._view, self.is_live = view, view.is_live

    def take(self, sample: Mapping[str, Any]) -> None:
        with _stdout():
            self._view.take(sample)

    def tick(self) -> None:
        with _stdout():
            self._view.tick()

    def close(self) -> None:
        with _stdout():
            self._view.close()

    def note(self, text: str) -> None:
        """From any thread: who draws next is told of a stdout that is gone."""
        with suppress(OSError):
            self._view.note(text)


@contextmanager
def _stdout() -> Iterator[None]:
    """Raises ReaderGone when nobody reads any more, DalyError when it cannot be written."""
    if sys.stdout is None:
        raise DalyError("stdout is closed: nothing can be written")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as error:
        output.silence()
        raise DalyError(f"cannot write to stdout: {error.strerror}") from None


def to_stdout(line: str) -> None:
    with _stdout():
        sys.stdout.write(output.encodable(line) + "\n")


def _plain(form: str, file: str | None, complain: Complain) -> Any:
    from dalybms.outputs import influx, jsonl

    if form == "influx":
        return influx.Influx(_lines(file, complain, influx.whole, influx.MEASUREMENT))
    return jsonl.JsonLines(_lines(file, complain, jsonl.whole, "{"))


def _lines(
    file: str | None, complain: Complain, whole: Callable[[str], bool], begins: str
) -> Callable[[str], None]:
    from dalybms.outputs.line_file import LineFile

    return LineFile(file, complain, whole, begins).write if file else to_stdout


def _csv(file: str | None, complain: Complain) -> Any:
    from dalybms.outputs import csv
    from dalybms.outputs.line_file import LineFile

    if file is None:
        told: list[str] = []

        def write(row: str, header: str) -> None:
            if not told:
                told.append(header)
                to_stdout(header)
            to_stdout(row)

        return csv.Csv(write, complain)
    lines = LineFile(file, complain, lambda line: csv.whole(line, _columns(file)))
    return csv.Csv(lines.write, complain, lines.first_line())


def _columns(file: str) -> int:
    """Of the file that is appended to."""
    from dalybms.outputs import csv

    with open(file, encoding="utf-8", errors="replace") as opened:
        return len(csv.columns_of(opened.readline(100_000).rstrip("\r\n")))
