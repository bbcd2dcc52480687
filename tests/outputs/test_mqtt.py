"""MQTT with a real mosquitto: each sample is delivered or counted, whatever the broker does."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from broker import Broker, Gate, certificates, free_port, listening, running, until
from rough_broker import rough
from samples import BANK, ENERGY, FAILED, PROTOCOLS, TIME, read
from support import PATIENCE, ROOT

from dalybms.errors import DalyError
from dalybms.outputs.flat import Shape, flat
from dalybms.outputs.mqtt.output import Mqtt
from dalybms.outputs.mqtt.removal import remove
from dalybms.outputs.mqtt.settings import Settings, checked, find_password
from dalybms.outputs.times import expiry

STATE = "daly_bms/house/state"


@contextmanager
def feeding(port: int, interval: float = 10, **options: Any) -> Iterator[tuple[Mqtt, list[str]]]:
    told: list[str] = []
    settings = Settings("127.0.0.1", port)._replace(**options.pop("settings", {}))
    output = Mqtt(settings, interval, told.append, **options)
    try:
        yield output, told
    finally:
        output.close()


def numbered(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Samples that differ in their time."""
    first, sample = datetime.strptime(TIME, "%Y-%m-%dT%H:%M:%S.%fZ"), read()
    return [
        {**sample, "time": f"{first + timedelta(seconds=start + number):%Y-%m-%dT%H:%M:%S}.000Z"}
        for number in range(count)
    ]


def times(payloads: list[str]) -> list[str]:
    return list(dict.fromkeys(json.loads(payload)["time"] for payload in payloads))


@pytest.mark.parametrize("faults", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_state_is_the_json_of_the_sample(tmp_path: Path, protocol: str, faults: bool) -> None:
    sample = read(protocol, faults=faults, energy=ENERGY)
    loaded = json.loads(json.dumps(sample))
    with (
        running(tmp_path) as broker,
        listening(broker.port) as listener,
        feeding(broker.port) as (output, told),
    ):
        output.take(sample)
        (payload,) = until(lambda: listener.of(STATE))
        until(lambda: output.delivered == 1)
    assert json.loads(payload) == flat(loaded, Shape().grown(loaded))
    assert told == []


def test_topics_over_a_life(tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker.port) as listener:
        with feeding(broker.port) as (output, _):
            output.take(read())
            until(lambda: output.delivered == 1)
            for sample in (FAILED, read(board=2), BANK, read(name="a/b")):
                output.take(sample)
            until(lambda: output.delivered == 5)
        until(lambda: listener.of("daly_bms/status")[-1:] == ["offline"])
    good, failed = map(json.loads, listener.of(STATE))
    assert list(good) == list(failed)
    assert failed["state"] == "asleep"
    assert {key for key in good if failed[key] is not None} == {
        "time", "device", "name", "protocol", "state", "error",
    }  # fmt: skip
    assert listener.of("daly_bms/house/status") == ["online", "offline"]
    assert listener.of("daly_bms/status") == ["online", "offline"]
    assert json.loads(listener.of("daly_bms/house-board2/state")[0])["board"] == 2
    assert json.loads(listener.of("daly_bms/bank/state")[0])["boards_answering"] == 2
    assert [topic for topic, _, _ in listener.heard if topic.startswith("daly_bms/a_b_")]


def test_the_state_is_retained_and_expires(tmp_path: Path) -> None:
    with running(tmp_path) as broker, feeding(broker.port) as (output, _):
        output.take(read())
        until(lambda: output.delivered == 1)
        with listening(broker.port) as late:
            until(lambda: late.of(STATE))
            assert (STATE, late.of(STATE)[0], True) in late.heard
    assert "Message expiry interval" in broker.log() or "'daly_bms/house/state'" in broker.log()


def test_the_expiry_is_three_intervals_and_a_minute_at_least() -> None:
    assert [expiry(interval) for interval in (1, 10, 20, 21.5, 300)] == [60, 60, 60, 64, 900]


def test_an_expired_state_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dalybms.outputs.mqtt.output.expiry", lambda interval: 2)
    with running(tmp_path) as broker, feeding(broker.port) as (output, _):
        output.take(read())
        until(lambda: output.delivered == 1)
        until(lambda: not _kept(broker, STATE))
        until(lambda: _kept(broker, "daly_bms/house/status") == ["offline"])


def test_a_battery_that_no_sample_renews_is_offline_until_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its wire hangs for ever, or an output that blocks holds the watch."""
    monkeypatch.setattr("dalybms.outputs.mqtt.output.expiry", lambda interval: 2)
    with (
        running(tmp_path) as broker,
        listening(broker.port, "daly_bms/+/status") as listener,
        feeding(broker.port) as (output, told),
    ):
        output.take({**read(), "name": "other"})
        output.take(read())
        until(lambda: listener.of("daly_bms/house/status") == ["online", "offline"], 5)
        until(lambda: listener.of("daly_bms/other/status") == ["online", "offline"], 5)
        output.take(read())
        until(lambda: listener.of("daly_bms/house/status")[2:3] == ["online"])
        assert listener.of("daly_bms/other/status") == ["online", "offline"]
    assert told == []


def _kept(broker: Broker, topic: str) -> list[str]:
    """The retained message of a topic, as somebody sees it who comes now."""
    with listening(broker.port, "daly_bms/#") as late:
        late.publish("daly_bms/end", "")
        until(lambda: late.of("daly_bms/end"))
        return late.of(topic)


def test_a_broker_that_is_away_at_first(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    with feeding(broker.port, limit=5) as (output, told):
        samples = numbered(8)
        for sample in samples:
            output.take(sample)
        until(lambda: told)
        broker.start()
        try:
            until(lambda: output.delivered == 5)
            assert output.dropped == 3
            assert [json.loads(each)["time"] for each in _kept(broker, STATE)] == [samples[-1]["time"]]
        finally:
            broker.stop()
    assert any("dropped, the oldest first" in text for text in told)
    assert any("connected again; 3 samples were dropped" in text for text in told)


def test_a_broker_that_restarts_in_the_middle(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    broker.start()
    samples = numbered(60)
    with feeding(broker.port) as (output, told):
        for number, sample in enumerate(samples):
            output.take(sample)
            if number == 20:
                until(lambda: output.delivered)
                broker.stop()
            if number == 40:
                broker.start()
        until(lambda: output.delivered + output.dropped == 60)
        assert output.dropped == 0
        assert [json.loads(each)["time"] for each in _kept(broker, STATE)] == [samples[-1]["time"]]
        assert _kept(broker, "daly_bms/status") == ["online"]
        assert _kept(broker, "daly_bms/house/status") == ["online"]
    broker.stop()
    received = broker.log().count("'daly_bms/house/state'") - broker.log().count("Sending PUBLISH")
    assert received >= 60 - 20 * 3 - 2
    assert sum("connected again" in text for text in told) == 1


def test_a_frozen_broker_is_left_and_found_again(tmp_path: Path) -> None:
    with running(tmp_path) as broker, feeding(broker.port, keepalive=1) as (output, told):
        output.take(read())
        until(lambda: output.delivered == 1)
        broker.freeze()
        for sample in numbered(30, 1):
            output.take(sample)
        until(lambda: any("lost" in text for text in told))
        broker.thaw()
        until(lambda: output.delivered + output.dropped == 31)
        assert output.dropped == 0


@pytest.mark.alone
@pytest.mark.parametrize("amount", [1, 3000])
def test_the_end_is_quick_before_a_frozen_broker(tmp_path: Path, amount: int) -> None:
    """Also when the wire is full and takes nothing any more."""
    told: list[str] = []
    with running(tmp_path) as broker:
        output = Mqtt(Settings("127.0.0.1", broker.port), 10, told.append)
        output.take(read())
        until(lambda: output.delivered == 1)
        broker.freeze()
        sample = read(options="&cells=48", device="x" * (amount * 20))
        for _ in range(20):
            output.take(sample)
        begun = time.monotonic()
        output.close()
        assert time.monotonic() - begun < 2
        broker.thaw()
    assert output.delivered + output.dropped == 21
    assert "20 samples in all were not delivered" in told[-1]


@pytest.mark.alone
def test_the_end_is_quick_without_a_broker() -> None:
    told: list[str] = []
    output = Mqtt(Settings("127.0.0.1", free_port()), 10, told.append)
    output.take(read())
    until(lambda: told)
    begun = time.monotonic()
    output.close()
    assert time.monotonic() - begun < 2
    assert output.dropped == 1


@pytest.mark.alone
def test_a_slow_broker_gets_everything_in_order(tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker.port) as listener:
        gate = Gate(broker.port, slow=60_000)
        samples = numbered(60)
        with feeding(gate.port) as (output, told):
            begun = time.monotonic()
            for sample in samples:
                output.take(sample)
            assert time.monotonic() - begun < 1
            until(lambda: output.delivered == 60)
        gate.close()
        until(lambda: len(listener.of(STATE)) == 60)
    assert times(listener.of(STATE)) == [sample["time"] for sample in samples]
    assert told == []


@pytest.mark.parametrize("old", ["answer", "hang up"])
def test_a_broker_of_3_1_1_gets_all_and_keeps_nothing(tmp_path: Path, old: str) -> None:
    with running(tmp_path) as broker, listening(broker.port) as listener:
        gate = Gate(broker.port, old=old)
        with feeding(gate.port) as (output, _):
            output.take(read())
            until(lambda: output.delivered == 1)
            assert _kept(broker, STATE) == []
            assert _kept(broker, "daly_bms/house/status") == ["online"]
            first = len(gate.versions)
            broker.stop()
            broker.start()
            output.take(read())
            until(lambda: output.delivered == 2)
            assert gate.versions[0] == gate.versions[first] == 5, "each connection tries MQTT 5 first"
            assert gate.versions[-1] == 4
            assert gate.versions[:first] == [5, 4] if old == "answer" else [5, 5, 4]
        gate.close()
        assert listener.of(STATE)


def test_mqtt_5_is_not_left_because_a_broker_is_away(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    with feeding(broker.port) as (output, told):
        output.take(read())
        until(lambda: told)
        broker.start()
        until(lambda: output.delivered == 1)
        assert "(p5, " in broker.log()
        assert "(p2, " not in broker.log()
    broker.stop()


def test_a_wrong_password_is_told_once_and_mended_without_a_restart(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    write_password(passwords, "secret")
    extra = f"allow_anonymous false\npassword_file {passwords}"
    with running(tmp_path, extra) as broker:
        settings = {"user": "me", "password": "wrong"}
        with feeding(broker.port, settings=settings) as (output, told):
            output.take(read())
            until(lambda: broker.log().count("not authorised") >= 2)
            assert len(told) == 1
            assert "user or password is wrong" in told[0] or "not allowed" in told[0]
            assert "wrong" not in told[0].replace("is wrong", "")
            assert output.delivered == 0
            write_password(passwords, "wrong")
            broker.stop()
            broker.start()
            until(lambda: output.delivered == 1)


def write_password(file: Path, password: str) -> None:
    file.unlink(missing_ok=True)  # newer versions of the program overwrite nothing
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(file), "me", password], check=True, timeout=PATIENCE)


def test_tls_proves_the_broker(tmp_path: Path) -> None:
    files = certificates(tmp_path)
    extra = f"allow_anonymous true\ncertfile {files['server']}\nkeyfile {files['server key']}"
    with running(tmp_path, extra) as broker:
        with feeding(broker.port, settings={"ca": str(files["server"])}) as (output, told):
            output.take(read())
            until(lambda: output.delivered == 1)
        assert told == []
        for wrong in ({"tls": True}, {"ca": str(files["stranger"])}):
            with feeding(broker.port, settings=wrong) as (output, told):
                output.take(read())
                until(lambda told=told: told)
                assert "cannot connect: its certificate proves nothing: " in told[0]
                assert "_ssl.c" not in told[0]
                assert output.delivered == 0
        with feeding(broker.port) as (output, told):
            output.take(read())
            until(lambda told=told: told)
            assert "TLS" in told[0]


@pytest.mark.parametrize("other", ["plain", "text"])
def test_tls_on_a_port_without_it_is_told(tmp_path: Path, other: str) -> None:
    def banner(connection: Any) -> None:
        connection.wire.sendall(b"220 no TLS here\r\n")
        connection.wire.recv(1000)

    with running(tmp_path) as broker, rough(banner) as talker:
        port = broker.port if other == "plain" else talker.port
        with feeding(port, settings={"tls": True}) as (output, told):
            output.take(read())
            until(lambda: told)
        assert "is its port with TLS?" in told[0]
        assert "_ssl.c" not in told[0]


def test_a_topic_that_may_not_be_written_is_told_and_counted(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text("topic readwrite daly_bms/status\n")
    with running(tmp_path, f"allow_anonymous true\nacl_file {tmp_path / 'acl'}") as broker:
        with feeding(broker.port) as (output, told):
            for sample in numbered(3):
                output.take(sample)
            until(lambda: output.delivered + output.dropped == 3)
        if output.dropped:  # paho 1.6 does not tell what the broker answered
            assert "refuses the topic" in told[0]


def test_a_last_will_that_comes_late_does_not_stay(tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker.port) as listener, feeding(broker.port) as (output, _):
        output.take(read())
        until(lambda: output.delivered == 1)
        until(lambda: "daly_bms/status (QoS" in broker.log())
        listener.publish("daly_bms/status", "offline", retain=True)
        until(lambda: listener.of("daly_bms/status")[-2:] == ["offline", "online"])


def test_the_last_will_speaks_for_a_process_that_was_killed(tmp_path: Path) -> None:
    program = (
        "import sys; from dalybms.outputs.mqtt.output import *\n"
        "output = Mqtt(Settings('127.0.0.1', int(sys.argv[1])), 10, print)\n"
        "sys.stdin.read()"
    )
    with running(tmp_path) as broker, listening(broker.port) as listener:
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(broker.port)], stdin=subprocess.PIPE, cwd=ROOT
        )
        until(lambda: listener.of("daly_bms/status") == ["online"])
        process.kill()
        process.communicate(timeout=PATIENCE)
        until(lambda: listener.of("daly_bms/status") == ["online", "offline"])


def test_a_long_outage_keeps_no_more_than_the_limit() -> None:
    told: list[str] = []
    output = Mqtt(Settings("127.0.0.1", free_port()), 1000, told.append, limit=10)
    sample = read()
    for _ in range(5000):
        output.take(sample)
    assert output.dropped == 4990
    assert output._sender.events.qsize() <= 2
    output.close()
    assert output.dropped == 5000
    assert len(told) <= 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(topic="a/#"), "no MQTT topic"), (Settings(topic=""), "no MQTT topic"),
        (Settings(topic="$SYS"), "no MQTT topic"), (Settings(topic="a/"), "no MQTT topic"),
        (Settings(port=0), "1 to 65535"), (Settings(password="x"), "needs a user"),
        (Settings(broker=""), "no name of a broker"), (Settings(broker=" "), "no name of a broker"),
        (Settings(broker="mqtt://192.0.2.1"), "without mqtt"), (Settings(broker="192.0.2.1:1883"), "port"),
        (Settings(broker="a\udcff"), "no name of"), (Settings(broker="x" * 64), "no name of"),
        (Settings(topic="a\udcff"), "UTF-8"), (Settings(topic="x" * 70000), "up to 1000 bytes"),
        (Settings(user="a\udcff"), "UTF-8"), (Settings(user="a", password="x\udcff"), "UTF-8"),
        (Settings(user="a", password="x" * 65536), "65535 bytes"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be(settings: Settings, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked(settings)


@pytest.mark.parametrize("prefix", ["a+b", "a/", "a\udcff", "$SYS"])
def test_a_prefix_of_discoveries_that_cannot_be(prefix: str) -> None:
    with pytest.raises(ValueError, match="no MQTT topic"):
        Mqtt(Settings(), 10, print, hass=prefix)
    with pytest.raises(ValueError, match="no MQTT topic"):
        remove(Settings(), prefix)


@pytest.mark.parametrize("broker", ["::1", "127.0.0.1", "broker.example", "müller.example", "host_1"])
def test_brokers_that_can_be(broker: str) -> None:
    assert checked(Settings(broker=broker)).broker == broker


def test_a_password_of_odd_letters_reaches_the_broker(tmp_path: Path) -> None:
    """Also of a file that begins as Windows begins it."""
    password = " ä€$`'\"\\%s{} \u3042 "
    (tmp_path / "ours").write_bytes(f"{password}\r\nmore".encode("utf-8-sig"))
    write_password(tmp_path / "passwords", password)
    found = find_password(None, str(tmp_path / "ours"))
    with (
        running(tmp_path, f"allow_anonymous false\npassword_file {tmp_path / 'passwords'}") as broker,
        feeding(broker.port, settings={"user": "me", "password": found}) as (output, told),
    ):
        output.take(read())
        until(lambda: output.delivered == 1)
        assert told == []


def test_where_the_password_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret \n")
    monkeypatch.setenv("DALY_BMS_MQTT_PASSWORD", "")
    assert find_password(None, None) is None, "an empty variable is no setting"
    monkeypatch.setenv("DALY_BMS_MQTT_PASSWORD", "from outside")
    assert find_password(None, None) == "from outside"
    assert find_password("given", None) == "given"
    assert find_password("given", str(file)) == "s3cret "
    for bad in (tmp_path / "none", tmp_path / "empty"):
        (tmp_path / "empty").touch()
        with pytest.raises(DalyError, match="password file"):
            find_password(None, str(bad))
    with pytest.raises(DalyError, match="PEM"):
        Mqtt(Settings(ca=str(file)), 10, print)
