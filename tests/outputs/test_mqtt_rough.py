"""MQTT with brokers that no standard allows: told once, nothing stuck, nothing that grows."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from broker import listening, running, until
from rough_broker import CONNACK, DISCONNECT, PUBACK, PUBLISH, SUBACK, Connection, packet, rough
from samples import read

from dalybms.errors import DalyError
from dalybms.outputs.mqtt.once import publish
from dalybms.outputs.mqtt.output import Mqtt
from dalybms.outputs.mqtt.settings import Settings
from dalybms.outputs.mqtt.trouble import Trouble

STATE = "daly_bms/house/state"
NAME = "MQTT broker 127.0.0.1:{}: "


@contextmanager
def feeding(port: int, **options: Any) -> Iterator[tuple[Mqtt, list[str]]]:
    told: list[str] = []
    output = Mqtt(
        Settings("127.0.0.1", port), 10, lambda text: told.append(text[len(NAME.format(port)) :]), **options
    )
    try:
        yield output, told
    finally:
        output.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other soon."""
    monkeypatch.setattr("dalybms.outputs.mqtt.sender._FIRST", 0.05)
    monkeypatch.setattr("dalybms.outputs.mqtt.sender._LONGEST", 0.1)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (2, "it does not like our name"), (3, "it is not available"), (4, "user or password is wrong"),
        (5, "not allowed"),
    ],
)  # fmt: skip
def test_each_refusal_of_3_1_1_is_told_in_words(code: int, words: str) -> None:
    def handle(connection: Connection) -> None:
        connection.version = connection.read()[1][6]
        connection.wire.sendall(packet(CONNACK, bytes([0, 1 if connection.version == 5 else code])))

    with rough(handle) as broker, feeding(broker.port) as (output, told):
        output.take(read())
        until(lambda: len(broker.connections) > 5)
        assert told == [f"it refuses us: {words}"]
        with pytest.raises(DalyError, match=words):
            publish(Settings("127.0.0.1", broker.port), [("a", "1")])


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (128, "unspecified error"), (129, "malformed packet"), (130, "protocol error"),
        (131, "implementation specific error"), (133, "it does not like our name"),
        (134, "user or password is wrong"), (135, "not allowed"), (136, "it is not available"),
        (137, "server busy"), (138, "banned"), (140, "bad authentication method"),
        (144, "topic name invalid"), (149, "packet too large"), (151, "quota exceeded"),
        (154, "retain not supported"), (155, "qos not supported"),
        (156, "use another server"), (157, "server moved"), (159, "connection rate exceeded"),
    ],
)  # fmt: skip
def test_each_refusal_of_5_is_told_in_words(code: int, words: str) -> None:
    with (
        rough(lambda connection: connection.greet(code)) as broker,
        feeding(broker.port) as (output, told),
    ):
        output.take(read())
        until(lambda: told)
        if told != ["it closes the connection at once: is this its port, and is it with or without TLS?"]:
            assert told == [f"it refuses us: {words}"], "what paho takes for a fault is a connection closed"


GARBAGE = {
    "a topic that is no text": packet(PUBLISH, b"\0\x02\xff\xfe\0x"),
    "a message cut short": packet(PUBLISH, b"\0"),
    "properties beyond the end": packet(PUBLISH, b"\0\x01a\x05\xff\xff\xff"),
    "an empty answer to a message": packet(PUBACK),
    "an empty answer to a subscription": packet(SUBACK),
    "a reason that cannot be": packet(DISCONNECT, b"\x8e\x05\xff\xff"),
    "noise": bytes(range(1, 255)) * 20,
    "a length without end": b"\x30\xff\xff\xff\xff\xff\xff",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_no_bytes_stop_the_connections_for_good(
    garbage: bytes, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first connection is rough, the next ones are not: all has to arrive."""
    ended: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", ended.append)

    def handle(connection: Connection) -> None:
        connection.greet()
        rest = garbage if connection.number == 1 else b""
        connection.serve(lambda topic, number: packet(PUBACK, number) + rest)

    with rough(handle) as broker, feeding(broker.port, hass="homeassistant") as (output, told):
        output.take(read())
        until(lambda: output.delivered == 1)
    assert ended == []
    assert len(told) <= 2
    assert capfd.readouterr().err == ""


def test_a_broker_that_never_acknowledges_is_left_and_tried_anew() -> None:
    def handle(connection: Connection) -> None:
        connection.greet()
        silent = connection.number == 1
        connection.serve(lambda topic, number: b"" if silent else packet(PUBACK, number))

    with rough(handle) as broker, feeding(broker.port, keepalive=1) as (output, told):
        output.take(read())
        until(lambda: output.delivered == 1)
    assert told[0] == "the connection was lost: it does not answer what it is sent"


def test_a_connection_that_comes_and_goes_is_no_line_for_each_time() -> None:
    def handle(connection: Connection) -> None:
        connection.greet()
        connection.serve(lambda topic, number: None)

    with rough(handle) as broker, feeding(broker.port) as (output, told):
        for _ in range(20):
            output.take(read())
        until(lambda: len(broker.connections) > 20)
        assert [text.partition(";")[0] for text in told[:3]] == [
            "the connection was lost", "connected again", "the connection is lost again and again",
        ]  # fmt: skip
        assert len(told) <= 5, told


def test_the_reason_of_the_broker_is_told() -> None:
    def handle(connection: Connection) -> None:
        connection.greet()
        connection.read()
        connection.wire.sendall(packet(DISCONNECT, b"\x98\0"))

    with rough(handle) as broker, feeding(broker.port) as (output, told):
        output.take(read())
        until(lambda: told)
        if told[0] != "the connection was lost":  # paho 1.6 hands no reason on
            assert told[0] == "the connection was lost: administrative action"


def test_one_message_that_ends_each_connection_keeps_no_other_from_its_place() -> None:
    """A discovery beyond the broker's limit, which one of 3.1.1 shows by hanging up."""

    def handle(connection: Connection) -> None:
        connection.version = connection.read()[1][6]
        if connection.version == 5:
            return
        connection.wire.sendall(packet(CONNACK, b"\0\0"))
        connection.serve(
            lambda topic, number: None if topic.startswith("homeassistant/") else packet(PUBACK, number)
        )

    with rough(handle) as broker, feeding(broker.port, hass="homeassistant") as (output, told):
        for _ in range(30):
            output.take(read())
        until(lambda: output.delivered + output.dropped == 30)
        assert output.delivered == 30
        tries = broker.topics().count("homeassistant/device/daly_bms_house/config")
        assert 5 <= tries <= 8, "it is given up; an end that comes behind another message is not blamed on it"
        (line,) = [text for text in told if "hangs up" in text]
        assert line.startswith("it refuses the topic homeassistant/device/daly_bms_house/config")


def test_what_is_too_large_for_the_broker_is_not_sent() -> None:
    def handle(connection: Connection) -> None:
        connection.greet(properties=b"\x27" + (6000).to_bytes(4, "big"))
        connection.serve()

    with rough(handle) as broker, feeding(broker.port, hass="homeassistant") as (output, told):
        output.take(read())
        until(lambda: output.delivered == 1)
    assert "homeassistant/device/daly_bms_house/config" not in broker.topics()
    assert len(broker.connections) == 1
    (line,) = told
    assert "bytes are too many for it" in line


def test_a_real_broker_with_a_small_limit_gets_what_fits(tmp_path: Path) -> None:
    with (
        running(tmp_path, "allow_anonymous true\nmax_packet_size 6000") as broker,
        listening(broker.port) as listener,
        feeding(broker.port, hass="homeassistant") as (output, told),
    ):
        output.take(read())
        until(lambda: output.delivered == 1)
        until(lambda: listener.of(STATE))
        assert len(told) == 1
        assert "too many" in told[0]


def test_forbidden_topics_of_many_batteries_are_one_line_each_kind(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text("topic readwrite daly_bms/status\n")
    with (
        running(tmp_path, f"allow_anonymous true\nacl_file {tmp_path / 'acl'}") as broker,
        feeding(broker.port) as (output, told),
    ):
        for turn in range(5):
            for name in ("a", "b", "c"):
                output.take(read(name=name))
            until(lambda turn=turn: output.delivered + output.dropped == 3 * (turn + 1))
        assert len([text for text in told if "refuses the topic" in text]) <= 2
        assert len(told) <= 3


def test_a_name_that_is_unknown_at_first_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine whose network comes up after this program: the resolver alone is made to fail."""
    asked: list[Any] = []
    known = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(host)
        if len(asked) < 4:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return known(host, *arguments, **options)

    with running(tmp_path) as broker:
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with feeding(broker.port) as (output, told):
            output.take(read())
            until(lambda: output.delivered == 1)
    assert told == [
        "cannot connect: Temporary failure in name resolution", "connected again; 0 samples were dropped",
    ]  # fmt: skip


def test_a_broker_that_lost_what_it_kept_is_told_all_again(tmp_path: Path) -> None:
    with running(tmp_path) as broker, feeding(broker.port, hass="homeassistant") as (output, _):
        output.take(read())
        until(lambda: output.delivered == 1)
        broker.stop()  # it keeps nothing on the disk
        broker.start()
        with listening(broker.port) as listener:
            kept = ("daly_bms/status", "daly_bms/house/status", "homeassistant/device/daly_bms_house/config")
            until(lambda: all(listener.of(topic) for topic in kept))
            output.take(read())
            until(lambda: listener.of(STATE))


def test_nothing_that_is_heard_is_a_command(tmp_path: Path) -> None:
    """What others leave or send on our topics changes nothing but what is said anew."""
    with running(tmp_path) as broker, listening(broker.port) as listener:
        for topic in ("daly_bms/status", "daly_bms/house/status", STATE, "daly_bms/house/set"):
            listener.publish(topic, "{broken", retain=True)
        with feeding(broker.port, hass="homeassistant") as (output, told):
            output.take(read())
            until(lambda: output.delivered == 1)
            for payload in ("OFF", "", "x" * 100_000, "\0"):
                for topic in (
                    STATE,
                    "daly_bms/house/set",
                    "daly_bms/house/charge_mosfet/set",
                    "homeassistant/status",
                ):
                    listener.publish(topic, payload)
            output.take(read())
            until(lambda: output.delivered == 2)
            assert told == []
            subscribed = [line for line in broker.log().splitlines() if line.endswith("(QoS 0)")]
            ours = {line.split()[-3] for line in subscribed} - {"#"}
            assert ours <= {"daly_bms/status", "homeassistant/status"}


def test_many_connections_leave_no_handles_behind() -> None:
    with rough(lambda connection: None) as broker, feeding(broker.port) as (output, _):
        output.take(read())
        until(lambda: len(broker.connections) > 3)
        before = len(os.listdir("/proc/self/fd"))
        until(lambda: len(broker.connections) > 40)
        assert len(os.listdir("/proc/self/fd")) < before + 12


def test_a_flood_of_messages_is_not_kept() -> None:
    flood = packet(PUBLISH, b"\0\x0fdaly_bms/status\0offline") * 200

    def handle(connection: Connection) -> None:
        connection.greet()
        connection.serve(
            lambda topic, number: packet(PUBACK, number) + (flood if len(broker.got) < 50 else b"")
        )

    with rough(handle) as broker, feeding(broker.port) as (output, told):
        output.take(read())
        until(lambda: output.delivered == 1)
        assert output._sender.events.qsize() < 1100
    assert told == []


def test_a_battery_is_offline_when_its_program_ends_though_another_one_has_the_topic(tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker.port) as listener, feeding(broker.port) as (other, _):
        other.take(read(name="other"))
        with feeding(broker.port) as (output, _):
            output.take(read())
            until(lambda: output.delivered == 1 and other.delivered == 1)
        until(lambda: listener.of("daly_bms/status")[-2:] == ["offline", "online"])
        assert listener.of("daly_bms/house/status") == ["online", "offline"]
        assert listener.of("daly_bms/other/status") == ["online"]


def test_what_is_told_over_a_life_of_ups_and_downs() -> None:
    told: list[str] = []
    trouble = Trouble(told.append)
    trouble.connected(0)
    assert told == []
    trouble.lost()
    trouble.connected(3)
    for _ in range(1000):
        trouble.lost()
        trouble.connected(4)
    trouble.steady(7)
    trouble.steady(7)
    assert told == [
        "the connection was lost", "connected again; 3 samples were dropped",
        "the connection is lost again and again", "connected again; 4 samples were dropped",
    ]  # fmt: skip
    trouble.lost()
    assert told[-1] == "the connection was lost"
