"""Random packs with random gaps: every output says the same of one sample, and nothing else."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from line_protocol_parser import parse_line
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from samples import PROTOCOLS, read

from dalybms.outputs import influx
from dalybms.outputs.csv import Csv
from dalybms.outputs.flat import Shape, flat
from dalybms.outputs.home_assistant import Discovery
from dalybms.outputs.one_value import value
from dalybms.outputs.prometheus.collector import Collector
from dalybms.outputs.quantities import LABELS, TABLE, TEXT

NUMBERED = {
    "cell_voltages": "cell_voltage", "temperatures": "temperature", "balancing_status": "cell_balancing",
}  # fmt: skip
ELSEWHERE = (
    "info",
    "unusable",
    "errors",
    "faults",
    "fault_words",
    "old_fault_words",
    "power",
    "polarity",
    "remaining_capacity_ah",
)
"""Shown under other names, worked out anew, or for those who know the words."""
NO_ENTITY = re.compile("(dis)?charging_(power|current)|rated_.*|lifetime_.*")


def sample(seed: int) -> dict[str, Any]:
    """A pack by chance; some sections were not read, some values cannot be."""
    dice = random.Random(seed)
    protocol = dice.choice(PROTOCOLS)
    cells, sensors = dice.randint(3, 10), dice.randint(1, 2)
    options = f"&cells={cells}&sensors={sensors}&soc={dice.randint(0, 1000) / 10}"
    found = read(protocol, options, faults=dice.random() < 0.5)
    for section in [name for name in found if isinstance(found[name], dict)]:
        if dice.random() < 0.1:
            found[section] = {"error": "no answer"}
            found["state"] = "partial"
        elif found[section] and dice.random() < 0.3:
            del found[section][dice.choice(list(found[section]))]
    return found


def leaves(reading: dict[Any, Any], *above: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, each in reading.items():
        if isinstance(each, dict):
            yield from leaves(each, *above, str(key))
        else:
            yield (*above, str(key)), each


@pytest.mark.parametrize("seed", range(40))
def test_all_outputs_agree(seed: int) -> None:
    found = sample(seed)
    document = json.loads(json.dumps(found, allow_nan=False))
    values = flat(document, Shape().grown(document))
    told = {key: each for key, each in values.items() if each is not None}
    assert flat(found, Shape().grown(found)) == values
    _compare_json(document, values)
    _compare_csv(found, told)
    fields = parse_line(influx.line(found))["fields"]
    assert fields == {key: each for key, each in told.items() if key not in ("time", "name", "board")}
    _compare_prometheus(found, values)
    _compare_home_assistant(found, told)


def _compare_json(document: dict[str, Any], values: dict[str, Any]) -> None:
    for path, each in leaves(document):
        if not {path[0], path[-1]} & {*ELSEWHERE, "error"} and not isinstance(each, list):
            stem = NUMBERED.get(path[0])
            key = f"{stem}_{path[-1]}" if stem else path[-1].lower()
            assert values[key] == each
            assert value(document, ".".join(path)) == (each if isinstance(each, str) else json.dumps(each))


def _compare_csv(found: dict[str, Any], told: dict[str, Any]) -> None:
    lines: list[str] = []
    output = Csv(lambda row, header: lines.extend([header, row]), print)
    output.take(found)
    output.close()
    (row,) = csv.DictReader(lines)
    written = {key: str(each).lower() if isinstance(each, bool) else str(each) for key, each in told.items()}
    assert {key: text for key, text in row.items() if text} == written


def _compare_prometheus(found: dict[str, Any], values: dict[str, Any]) -> None:
    collector, registry = Collector(60, lambda: 0.0), CollectorRegistry()
    collector.take(found)
    registry.register(collector)
    text = generate_latest(registry).decode()
    metrics = {
        each.name: each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
        if each.labels.keys() == {"battery", "board"}
    }
    for row in TABLE:
        if row.metric and row.kind != TEXT:
            shown, own = metrics.get(f"daly_bms_{row.metric}"), values[row.key]
            assert shown == (None if own is None else pytest.approx(own * row.factor)), row.key


def _compare_home_assistant(found: dict[str, Any], told: dict[str, Any]) -> None:
    for _, text in Discovery("daly_bms", 60).take(found, Shape().grown(found)):
        components = json.loads(text)["components"]
        shown = {
            word
            for each in components.values()
            for word in re.findall(r"value_json\.(\w+)", each["value_template"])
        }
        missing = {key for key in told if key not in shown and key not in LABELS}
        assert all(NO_ENTITY.fullmatch(key) for key in missing), missing
        ids = [each["unique_id"] for each in components.values()]
        assert len(ids) == len(set(ids))
