"""A single reading on the topics of dalybms 0.5; it fails when the broker did not take it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from broker import Gate, free_port, listening, running, until
from samples import read

from dalybms.errors import DalyError
from dalybms.outputs.mqtt.once import messages, publish
from dalybms.outputs.mqtt.settings import Settings
from dalybms.sections import SECTIONS


def test_the_topics_are_those_of_0_5() -> None:
    sample = read()
    found = dict(messages("daly_bms", {section: sample[section] for section in SECTIONS}))
    assert found["daly_bms/soc/total_voltage"] == "53.0"
    assert found["daly_bms/mosfet_status/charging_mosfet"] == "True"
    assert found["daly_bms/status/states/DI2"] == "True"
    assert found["daly_bms/cell_voltages/3"] == "3.314"
    assert found["daly_bms/errors"] == "[]"
    assert dict(messages("daly_bms", sample["soc"]))["daly_bms/soc_percent"] == "76.5"
    assert dict(messages("t", read(faults=True)["faults"])) == {"t": json.dumps(read(faults=True)["faults"])}


@pytest.mark.parametrize("old", ["", "answer", "hang up"])
def test_every_value_arrives(tmp_path: Path, old: str) -> None:
    values = list(messages("daly_bms", {section: read()[section] for section in SECTIONS}))
    with running(tmp_path) as broker, listening(broker.port) as listener:
        gate = Gate(broker.port, old=old)
        publish(Settings("127.0.0.1", gate.port), values)
        gate.close()
        until(lambda: len(listener.heard) == len(values))
        assert sorted((topic, payload) for topic, payload, _ in listener.heard) == sorted(values)
    with running(tmp_path) as broker, listening(broker.port) as late:
        late.publish("end", "")
        until(lambda: late.of("end"))
        assert len(late.heard) == 1, "nothing is retained"


@pytest.mark.alone
def test_a_broker_that_is_away_or_frozen_is_an_error_in_time(tmp_path: Path) -> None:
    with pytest.raises(DalyError, match="cannot connect"):
        publish(Settings("127.0.0.1", free_port()), [("a", "1")])
    with running(tmp_path) as broker:
        broker.freeze()
        begun = time.monotonic()
        with pytest.raises(DalyError, match="does not answer"):
            publish(Settings("127.0.0.1", broker.port), [("a", "1")], patience=0.5)
        assert time.monotonic() - begun < 3


def test_a_broker_that_goes_away_meanwhile_is_an_error(tmp_path: Path) -> None:
    values = [(f"daly_bms/{number}", "x" * 1000) for number in range(100)]
    with running(tmp_path) as broker:
        gate = Gate(broker.port, slow=20_000)
        with pytest.raises(DalyError, match=r"it took \d+ of 100 values"):
            publish(Settings("127.0.0.1", gate.port), values, patience=1)
        gate.close()


def test_a_refused_password_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "passwords").touch()
    extra = f"allow_anonymous false\npassword_file {tmp_path / 'passwords'}"
    with running(tmp_path, extra) as broker, pytest.raises(DalyError, match="it refuses us"):
        publish(Settings("127.0.0.1", broker.port, user="me", password="no"), [("a", "1")])
