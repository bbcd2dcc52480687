"""contrib/: each file is read by the tool that it is for, and each series that it names is in our output."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from samples import BANK, ENERGY, PROTOCOLS, read
from support import PATIENCE, ROOT
from tools import demand

from dalybms.outputs.prometheus.collector import Collector
from dalybms.outputs.quantities import STATES

CONTRIB = ROOT / "contrib"
DASHBOARD = json.loads((CONTRIB / "grafana.json").read_text())


def shown() -> dict[str, set[str]]:
    """{series: its labels} of a scrape of all protocols, with faults, energy and a bank."""
    collector, registry = Collector(60), CollectorRegistry()
    registry.register(collector)
    for protocol in PROTOCOLS:
        collector.take(read(protocol, faults=True, name=protocol, energy=ENERGY))
    collector.take(BANK)
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


@pytest.mark.parametrize("file", ["grafana.json", "alerts.yml"])
def test_every_series_exists(file: str) -> None:
    text = (CONTRIB / file).read_text()
    named = set(re.findall(r"\bdaly_bms_\w+", text))
    assert len(named) > 8
    assert named <= set(shown())


def test_every_label_exists() -> None:
    series = shown()
    texts = [*expressions(), *re.findall(r"expr: (.*)", (CONTRIB / "alerts.yml").read_text())]
    for name, labels in re.findall(r"(daly_bms_\w+)\{([^}]*)\}", " ".join(texts)):
        assert set(re.findall(r"(\w+)=", labels)) <= series[name], name
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            known = set().union(*(series[name] for name in re.findall(r"daly_bms_\w+", target["expr"])))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= known


def promtool(*arguments: Any) -> None:
    done = subprocess.run(
        [demand("promtool"), *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_takes_the_alerts() -> None:
    promtool("check", "rules", CONTRIB / "alerts.yml")


def test_promtool_takes_what_the_dashboard_asks(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel_{number}", "expr": expression}
        for number, expression in enumerate(expressions())
        if not expression.startswith("label_values")
    ]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "rules.yml")


def test_the_alerts_come_when_they_should(tmp_path: Path) -> None:
    """Each kind once, and none for a healthy battery."""
    well = {"daly_bms_up": "1", "daly_bms_discharging_mosfet": "1", "daly_bms_charging_mosfet": "1",
            "daly_bms_soc_ratio": "0.5", "daly_bms_cell_voltage_difference_volts": "0.004",
            "daly_bms_temperature_highest_celsius": "23", "daly_bms_bank_packs": "3",
            "daly_bms_bank_packs_answering": "3",
            "daly_bms_last_success_timestamp_seconds": "7200"}  # fmt: skip
    ill = {**well, "daly_bms_up": "0", "daly_bms_discharging_mosfet": "0", "daly_bms_charging_mosfet": "0",
           "daly_bms_soc_ratio": "0.05", "daly_bms_temperature_highest_celsius": "55",
           "daly_bms_bank_packs_answering": "2", "daly_bms_last_success_timestamp_seconds": "0"}  # fmt: skip
    series = [
        {"series": f'{name}{{battery="{battery}",board=""}}', "values": f"{value}x120"}
        for battery, values in (("well", well), ("ill", ill))
        for name, value in values.items()
    ]
    series += [
        {"series": f'daly_bms_fault{{battery="ill",board="",code="x",level="{level}",text="a fault"}}',
         "values": "1x120"} for level in "12"
    ]  # fmt: skip
    series.append(
        {"series": 'daly_bms_cell_voltage_difference_volts{battery="apart",board=""}', "values": "0.2x120"}
    )
    series.append({"series": 'daly_bms_soc_ratio{battery="apart",board=""}', "values": "0.5x120"})
    series.append(
        {"series": 'daly_bms_energy_gap_seconds_total{battery="ill",board=""}', "values": "0+60x120"}
    )
    counted = {"DalyBmsCellsApart": "apart"}
    names = re.findall(r"alert: (\w+)", (CONTRIB / "alerts.yml").read_text())
    checks = [
        {"expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) by (battery)', "eval_time": "2h",
         "exp_samples": [{"labels": f'{{battery="{counted.get(name, "ill")}"}}', "value": 1}]}
        for name in names
    ]  # fmt: skip
    (tmp_path / "test.yml").write_text(
        json.dumps(
            {
                "rule_files": [str(CONTRIB / "alerts.yml")],
                "evaluation_interval": "1m",
                "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": checks}],
            }
        )
    )
    promtool("test", "rules", tmp_path / "test.yml")


def test_the_dashboard_has_what_is_wanted() -> None:
    titles = {panel["title"] for panel in DASHBOARD["panels"]}
    assert {"Cells, from their mean", "Energy a day", "Age of the last good sample"} <= titles
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    assert all(state in STATES for state in re.findall(r'state="(\w+)"', json.dumps(DASHBOARD)))


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = (CONTRIB / "daly-bms.service").read_text()
    assert unit.count("/usr/local/bin/daly-bms-cli") == 1
    path = tmp_path / "daly-bms.service"
    path.write_text(unit.replace("/usr/local/bin/daly-bms-cli", "/bin/true"))
    done = subprocess.run(
        [demand("systemd-analyze"), "verify", "--man=no", str(path)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    own = [line for line in done.stderr.splitlines() if "daly-bms.service" in line]
    assert (done.returncode, own) == (0, [])


def test_the_udev_rules_have_the_form_of_rules() -> None:
    """udevadm verify, which systemd has from 254 on, takes them too (docs/testing.md)."""
    rule = re.compile(
        r'^(?:\w+(?:\{\w+\})?(?:==|\+=|=)"[^"]*")(?:, (?:\w+(?:\{\w+\})?(?:==|\+=|=)"[^"]*"))*$'
    )
    lines = [
        line for line in (CONTRIB / "60-daly-bms.rules").read_text().splitlines() if line and line[0] != "#"
    ]
    assert len(lines) == 4
    assert all(rule.match(line) for line in lines)


def test_telegraf_runs_our_command() -> None:
    text = (CONTRIB / "telegraf.conf").read_text()
    command = json.loads(re.findall(r"command = (\[.*\])", text)[0])
    assert command[:2] == ["daly-bms-cli", "watch"]
    assert command[-2:] == ["--format", "influx"]
    assert 'signal = "none"' in text
    assert 'data_format = "influx"' in text
