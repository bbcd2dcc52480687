"""Home Assistant: what is announced, by the rules that a real one enforces, over a real mosquitto."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from broker import Gate, listening, running, until
from samples import BANK, ENERGY, FAILED, PROTOCOLS, read

from dalybms.outputs.flat import Shape, flat
from dalybms.outputs.home_assistant import Discovery
from dalybms.outputs.mqtt.output import Mqtt
from dalybms.outputs.mqtt.removal import remove
from dalybms.outputs.mqtt.settings import Settings

CONFIG = "homeassistant/device/daly_bms_house/config"
UNITS = {
    "battery": {"%"}, "voltage": {"V"}, "current": {"A"}, "power": {"W"}, "temperature": {"°C"},
    "energy": {"kWh"}, "duration": {"h", "s"},
}  # fmt: skip


def announced(
    *samples: dict[str, Any], discovery: Discovery | None = None
) -> list[tuple[str, dict[str, Any]]]:
    made, shape = discovery or Discovery("daly_bms", 60), Shape()
    found = []
    for sample in samples:
        shape = shape.grown(sample)
        found += [(topic, json.loads(text)) for topic, text in made.take(sample, shape)]
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_rules_are_kept(protocol: str) -> None:
    sample = read(protocol, energy=ENERGY)
    ((topic, config),) = announced(sample)
    assert topic == CONFIG
    assert set(config) == {
        "device", "origin", "availability", "availability_mode", "state_topic", "qos", "components",
    }  # fmt: skip
    assert [each["topic"] for each in config["availability"]] == ["daly_bms/status", "daly_bms/house/status"]
    assert config["availability_mode"] == "all"
    keys = set(flat(sample, Shape().grown(sample)))
    for key, component in config["components"].items():
        check(key, component)
        assert set(re.findall(r"value_json\.(\w+)", component["value_template"])) == {key} <= keys
        assert not component["name"].lower().startswith(config["device"]["name"].lower())
    ids = [component["unique_id"] for component in config["components"].values()]
    assert len(ids) == len(set(ids))


def check(key: str, component: dict[str, Any]) -> None:
    kind, unit = component.get("device_class"), component.get("unit_of_measurement")
    assert component["expire_after"] == 60
    assert "object_id" not in component
    assert component["default_entity_id"].startswith(component["platform"] + ".")
    assert component.get("entity_category") in (None, "diagnostic")
    if component["platform"] == "binary_sensor":
        assert kind in (None, "power", "problem")
        assert unit is None
        return
    assert ("options" in component) == (kind == "enum")
    if kind == "enum":
        assert unit is None
        assert "state_class" not in component
    elif kind:
        assert unit in UNITS[kind], key
    else:
        assert unit in (None, "Ah"), key
    if kind == "energy":
        assert component["state_class"] == "total_increasing"
    if unit:
        assert isinstance(component["suggested_display_precision"], int)
        assert component["state_class"] in ("measurement", "total_increasing")


def test_every_value_of_a_sample_has_an_entity() -> None:
    sample = read("p81", energy=ENERGY)
    (_, config), = announced(sample)  # fmt: skip
    values = flat(sample, Shape().grown(sample))
    without = {key for key, value in values.items() if value is not None} - set(config["components"])
    assert without == {
        "time", "device", "name", "protocol", "charging_power", "discharging_power", "charging_current",
        "discharging_current", "rated_capacity_ah", "lifetime_charged_ah", "lifetime_discharged_ah",
    }  # fmt: skip
    cells = [config["components"][f"cell_voltage_{number}"] for number in range(1, 17)]
    assert all(cell["entity_category"] == "diagnostic" for cell in cells)
    assert "entity_category" not in config["components"]["soc_percent"]


def test_the_device_is_told_by_its_board_and_known_by_its_name() -> None:
    (_, config), = announced(read(board=2))  # fmt: skip
    assert config["device"]["serial_number"] == "DL-280AH-16S-000123"
    assert config["device"]["identifiers"] == ["daly_bms_house-board2"]
    assert config["state_topic"] == "daly_bms/house-board2/state"
    assert config["device"]["name"] == "Daly house board 2"
    assert "DL-280AH" not in json.dumps(config["components"])


def test_the_state_of_the_sample_can_be_seen_while_the_board_is_away() -> None:
    (_, config), = announced(read())  # fmt: skip
    state = config["components"]["state"]
    assert state["availability"] == [{"topic": "daly_bms/status"}]
    assert state["options"] == ["ok", "partial", "asleep", "no_reply", "unplugged", "frozen", "error"]


def test_it_is_said_after_the_first_status_and_again_only_for_something_new() -> None:
    made = Discovery("daly_bms", 60)
    no_status = {**read(), "state": "partial", "status": {"error": "no answer"}}
    assert announced(FAILED, no_status, discovery=made) == []
    partial = {**read(), "state": "partial", "soc": {"error": "no answer"}}
    ((_, first),) = announced(partial, discovery=made)
    assert "soc_percent" in first["components"]
    assert announced(read(), FAILED, read(), discovery=made) == []
    ((_, second),) = announced(read(energy=ENERGY), discovery=made)
    assert second["components"].keys() - first["components"].keys() == set(ENERGY)


def test_it_is_the_same_after_a_restart() -> None:
    assert announced(read(energy=ENERGY)) == announced(read(energy=ENERGY))


def test_two_batteries_are_never_one() -> None:
    names = ["a b", "a_b", "a/b", "a-b", "x-board2", "Küche", "K_che", "x" * 70, "x" * 71]
    found = [announced(read(name=name)) for name in names] + [announced(read(name="x", board=2))]
    topics = [topic for ((topic, _),) in found]
    assert len(set(topics)) == len(topics)
    assert len({config["state_topic"] for ((_, config),) in found}) == len(topics)
    assert all(re.fullmatch(r"homeassistant/device/[A-Za-z0-9_-]+/config", topic) for topic in topics)


def test_a_bank_has_a_device_of_its_own() -> None:
    ((topic, config),) = announced(BANK)
    assert topic == "homeassistant/device/daly_bms_bank/config"
    assert {"boards", "boards_answering", "voltage_spread", "power", "soc_percent"} <= set(
        config["components"]
    )
    assert "cycles" not in config["components"]


def settings(port: int) -> Settings:
    return Settings("127.0.0.1", port)


def test_birth_brings_the_discovery_and_the_last_sample_again(tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker.port) as listener:
        output = Mqtt(settings(broker.port), 10, print, hass="homeassistant")
        output.take(read())
        until(lambda: output.delivered == 1)
        until(lambda: "homeassistant/status (QoS" in broker.log())
        listener.publish("homeassistant/status", "online")
        until(lambda: len(listener.of(CONFIG)) == 2 and len(listener.of("daly_bms/house/state")) == 2)
        order = [topic for topic, _, _ in listener.heard]
        assert order.index(CONFIG) < order.index("daly_bms/house/state")
        output.close()
        assert (output.delivered, output.dropped) == (1, 0)


def test_a_state_that_is_not_retained_is_sent_again_after_the_discovery(tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker.port) as listener:
        gate = Gate(broker.port, old="answer")
        output = Mqtt(settings(gate.port), 10, print, hass="homeassistant")
        output.take(read())
        until(lambda: len(listener.of("daly_bms/house/state")) == 2)
        output.close()
        gate.close()


def test_removal_finds_ours_among_thousands_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a watch does not keep, because it needs none of it, an errand has to see."""
    monkeypatch.setattr("dalybms.outputs.mqtt.session._HEARD", 1)
    with running(tmp_path, "allow_anonymous true\nmax_queued_messages 0") as broker:
        output = Mqtt(settings(broker.port), 10, print, hass="homeassistant")
        output.take(read())
        until(lambda: output.delivered)
        output.close()
        with listening(broker.port, "none") as writer:
            for number in range(3000):
                writer._client.publish(f"homeassistant/device/other{number}/config", "{}", 0, True)
            writer.publish("end", "")
        assert CONFIG in remove(settings(broker.port))


def test_removal_clears_ours_and_the_old_ones_and_nothing_else(tmp_path: Path) -> None:
    old = {
        "unique_id": "daly_bms__soc_total_voltage", "state_topic": "daly_bms/soc/total_voltage",
        "device": {"identifiers": ["daly_bms"], "name": "Daly BMS"},
    }  # fmt: skip
    kept = {
        "homeassistant/device/other/config": json.dumps({"origin": {"name": "other"}, "state_topic": "a/b"}),
        "homeassistant/sensor/daly_bms/foreign/config": json.dumps({"device": {"identifiers": ["mine"]}}),
        "homeassistant/sensor/x/config": "{}",
        "elsewhere/house/state": "1",
    }
    theirs = "homeassistant/sensor/daly_bms/_soc_total_voltage/config"
    with running(tmp_path) as broker:
        output = Mqtt(settings(broker.port), 10, print, hass="homeassistant")
        other = Mqtt(settings(broker.port)._replace(topic="second"), 10, print, hass="homeassistant")
        output.take(read())
        other.take(read(name="garage"))
        until(lambda: output.delivered and other.delivered)
        output.close()
        other.close()
        with listening(broker.port, "none") as writer:
            for topic, payload in {**kept, theirs: json.dumps(old)}.items():
                writer.publish(topic, payload, retain=True)
        cleared = remove(settings(broker.port))
        assert cleared == sorted(
            [CONFIG, theirs, "daly_bms/house/state", "daly_bms/house/status", "daly_bms/status"]
        )
        with listening(broker.port) as late:
            late.publish("end", "")
            until(lambda: late.of("end"))
            left = {topic for topic, payload, retained in late.heard if retained}
        assert left == {*kept, "homeassistant/device/daly_bms_garage/config", "second/garage/state",
                        "second/garage/status", "second/status"}  # fmt: skip
        assert remove(settings(broker.port)) == []
