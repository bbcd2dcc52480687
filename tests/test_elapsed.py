"""A laptop that was suspended: what was read before is not what is now."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest
from broker import listening, running, until
from prometheus_client.core import CollectorRegistry
from samples import read

from dalybms.elapsed import elapsed
from dalybms.energy_file import EnergyFile
from dalybms.outputs.mqtt.output import Mqtt
from dalybms.outputs.mqtt.settings import Settings
from dalybms.outputs.prometheus.collector import Collector
from dalybms.outputs.prometheus.output import TextFile
from dalybms.watching import Watch

NIGHT = 8 * 3600.0
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the clock of Linux is put forward")


@pytest.fixture
def suspend(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A call that puts the clock forward which counts sleep, as a suspended machine does."""
    asleep = [0.0]
    clock = time.clock_gettime

    def shifted(which: int) -> float:
        return clock(which) + (asleep[0] if which == time.CLOCK_BOOTTIME else 0)

    monkeypatch.setattr(time, "clock_gettime", shifted)

    def add() -> None:
        asleep[0] += NIGHT

    return add


def test_it_counts_sleep(suspend: Any) -> None:
    before, awake = elapsed(), time.monotonic()
    suspend()
    assert elapsed() - before >= NIGHT
    assert time.monotonic() - awake < 60


def test_prometheus_is_not_told_what_was_read_the_evening_before(suspend: Any) -> None:
    collector = Collector(3600)
    registry = CollectorRegistry()
    registry.register(collector)
    collector.take(read())
    labels = {"battery": "house", "board": ""}
    assert registry.get_sample_value("daly_bms_voltage_volts", labels) == 53.0
    suspend()
    assert registry.get_sample_value("daly_bms_voltage_volts", labels) is None
    assert registry.get_sample_value("daly_bms_up", labels) == 0


def test_the_metrics_file_loses_what_was_read_the_evening_before(suspend: Any, tmp_path: Path) -> None:
    output = TextFile(str(tmp_path / "daly.prom"), 8, print)
    output.take(read())
    assert "daly_bms_voltage_volts" in (tmp_path / "daly.prom").read_text()
    suspend()
    until(lambda: "daly_bms_voltage_volts" not in (tmp_path / "daly.prom").read_text(), 5)
    output.close()


def test_mqtt_does_not_send_what_was_read_the_evening_before(suspend: Any, tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker.port) as listener:
        broker.freeze()
        output = Mqtt(Settings("127.0.0.1", broker.port), 10, lambda text: None)
        output.take(read())
        suspend()
        broker.thaw()
        output.take(read(name="later"))
        until(lambda: listener.of("daly_bms/later/state"))
        assert listener.of("daly_bms/house/state") == []
        assert output.dropped == 1
        output.close()


def test_energy_and_the_bank_know_of_the_gap(suspend: Any, tmp_path: Path) -> None:
    energy = EnergyFile(str(tmp_path / "energy.json"), 0.2)
    with Watch(["demo:"], interval=0.2) as samples:
        for number, sample in enumerate(samples):
            energy.add(sample, samples.read_at)
            if number == 1:
                suspend()
            if number == 4:
                break
    energy.save()
    assert energy.shown(sample)["gap_seconds"] >= NIGHT
    assert energy.shown(sample)["energy_out_wh"] < 10
