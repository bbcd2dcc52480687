"""Prometheus: a real HTTP scrape and a file, each against the JSON of the same sample, judged by promtool."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from broker import until
from prometheus_client.parser import text_string_to_metric_families
from samples import BANK, ENERGY, FAILED, PROTOCOLS, read
from support import PATIENCE
from tools import demand

from dalybms.errors import DalyError
from dalybms.outputs.flat import Shape, flat
from dalybms.outputs.prometheus.collector import Collector
from dalybms.outputs.prometheus.output import Server, TextFile, prometheus, target
from dalybms.outputs.quantities import BALANCING, CELL, SENSOR, TABLE, TEXT

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(server: Server) -> str:
    with urllib.request.urlopen("http://{}:{}/metrics".format(*server.address), timeout=PATIENCE) as answer:
        return str(answer.read().decode())


def series(text: str) -> Series:
    """{(name, labels but the empty ones): value}; none may come twice."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = frozenset((key, value) for key, value in sample.labels.items() if value)
            assert (sample.name, labels) not in found
            found[sample.name, labels] = sample.value
    return found


def expected(sample: dict[str, Any]) -> Series:
    """What the JSON of the sample says, by the table."""
    loaded = json.loads(json.dumps(sample))
    values = flat(loaded, Shape().grown(loaded))
    own = {"battery": sample["name"], **({} if sample["board"] is None else {"board": str(sample["board"])})}
    found: Series = {}
    for row in TABLE:
        value = values[row.key]
        if row.metric and row.kind != TEXT and value is not None:
            found["daly_bms_" + row.metric, frozenset(own.items())] = round(float(value) * row.factor, 9)
    for row, label in ((CELL, "cell"), (SENSOR, "sensor"), (BALANCING, "cell")):
        for number, value in loaded.get(row.source, {}).items():
            found["daly_bms_" + row.metric, frozenset({**own, label: number}.items())] = float(value)
    return found


def about_the_sample(found: Series) -> Series:
    apart = ("up", "state", "info", "samples_total", "last_success_timestamp_seconds", "mode", "fault")
    return {
        key: value for key, value in found.items() if key[0] not in [f"daly_bms_{word}" for word in apart]
    }


@pytest.fixture
def server() -> Any:
    output = prometheus(target("0"), 60, print)
    assert isinstance(output, Server)
    yield output
    output.close()


@pytest.mark.parametrize("faults", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_scrape_is_the_json_and_promtool_likes_it(server: Server, protocol: str, faults: bool) -> None:
    sample = read(protocol, faults=faults, energy=ENERGY, board=2)
    server.take(sample)
    text = scrape(server)
    assert about_the_sample(series(text)) == expected(sample)
    own = {("battery", "house"), ("board", "2")}
    active = {
        (dict(labels)["code"], dict(labels)["level"])
        for name, labels in series(text)
        if name == "daly_bms_fault"
    }
    assert active == {(fault["code"], str(fault["level"])) for fault in sample["faults"]}
    assert bool(active) is faults
    assert series(text)["daly_bms_mode", frozenset({*own, ("mode", sample["mosfet_status"]["mode"])})] == 1
    assert series(text)["daly_bms_up", frozenset(own)] == 1
    promtool(text)


def promtool(text: str) -> None:
    done = subprocess.run(
        [demand("promtool"), "check", "metrics"], input=text, text=True, capture_output=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_several_batteries_a_bank_and_a_failed_one_in_one_scrape(server: Server) -> None:
    samples = [read(name="left"), read("p81", name="right", board=3), BANK, {**FAILED, "name": "gone"}]
    for sample in samples:
        server.take(sample)
    text = scrape(server)
    wanted: Series = {}
    for sample in samples:
        wanted.update(expected(sample))
    assert about_the_sample(series(text)) == wanted
    promtool(text)


def test_what_the_last_sample_did_not_have_is_no_series(server: Server) -> None:
    server.take(read(energy=ENERGY))
    partial = {**read(), "state": "partial", "soc": {"error": "lost"}}
    server.take(partial)
    assert about_the_sample(series(scrape(server))) == expected(partial)
    server.take(FAILED)
    found = series(scrape(server))
    assert about_the_sample(found) == {}
    own = ("battery", "house")
    assert found["daly_bms_up", frozenset({own})] == 0
    assert found["daly_bms_samples_total", frozenset({own, ("result", "success")})] == 2
    assert found["daly_bms_samples_total", frozenset({own, ("result", "failure")})] == 1
    assert found["daly_bms_state", frozenset({own, ("state", "asleep")})] == 1
    assert found["daly_bms_last_success_timestamp_seconds", frozenset({own})] == 1795654923.456
    info = [dict(labels) for name, labels in found if name == "daly_bms_info"]
    assert info[0]["battery_code"] == read()["info"]["battery_code"]


def test_a_sample_that_nothing_followed_is_no_longer_shown() -> None:
    now = [100.0]
    collector = Collector(60, lambda: now[0])
    collector.take(read())
    now[0] = 159.9
    assert any(family.name == "daly_bms_voltage_volts" for family in collector.collect())
    now[0] = 160.0
    families = {family.name: family for family in collector.collect()}
    assert "daly_bms_voltage_volts" not in families
    assert [sample.value for sample in families["daly_bms_up"].samples] == [0]


def test_directions_are_absent_while_the_polarity_is_unknown(server: Server) -> None:
    server.take(read(polarity=None))
    names = {name for name, _ in series(scrape(server))}
    assert "daly_bms_current_amperes" in names
    assert not any(
        "charging_watts" in name or "charging_amperes" in name or "power" in name for name in names
    )


def test_equal_faults_do_not_spoil_the_scrape(server: Server) -> None:
    fault = {"code": "unknown_1", "level": 0, "text": "unknown"}
    server.take(read(faults=True) | {"faults": [fault, fault]})
    assert sum(name == "daly_bms_fault" for name, _ in series(scrape(server))) == 1


@pytest.mark.parametrize("name", ['a"b', "back\\slash", "new\nline", "Küche"])
def test_any_name_of_a_battery_is_a_label(server: Server, name: str) -> None:
    server.take(read(name=name))
    assert any(("battery", name) in labels for _, labels in series(scrape(server)))


def test_a_client_that_says_nothing_stops_nobody(server: Server) -> None:
    with socket.create_connection(server.address, 5):
        server.take(read())
        assert series(scrape(server))


def test_a_port_in_use_is_told_at_once(server: Server) -> None:
    with pytest.raises(DalyError, match="cannot listen on 127"):
        prometheus(target(f"127.0.0.1:{server.address[1]}"), 60, print)


def test_who_looks_whether_somebody_is_there_is_answered(server: Server) -> None:
    server.take(read())
    with socket.create_connection(server.address, PATIENCE) as wire:
        wire.sendall(b"HEAD /metrics HTTP/1.0\r\n\r\n")
        head = wire.makefile("rb").read()
    assert head.startswith(b"HTTP/1.0 200 ")
    assert b"text/plain" in head
    assert head.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "rough",
    [
        b"\x16\x03\x01\x02\0\x01\r\n\r\n", b"GET\r\n\r\n", b"GET /" + b"x" * 70_000 + b" HTTP/1.0\r\n\r\n",
        b"GET http://[bad/ HTTP/1.0\r\n\r\n", b"POST / HTTP/1.0\r\nContent-Length: 9\r\n\r\n", b"\0" * 1000,
        b"GET / HTTP/1.0\r\n" + b"a: b\r\n" * 500,
    ],
)  # fmt: skip
def test_rough_requests_harm_no_other_and_say_nothing(
    server: Server, rough: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    server.take(read())
    with socket.create_connection(server.address, PATIENCE) as wire:
        wire.sendall(rough)
        assert series(scrape(server))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("where", ["http://x:80", "192.0.2.5:9000", "no-host.invalid:9000"])
def test_an_address_of_somebody_else_is_no_port_in_use(where: str) -> None:
    with pytest.raises(DalyError, match="give an address of this machine"):
        prometheus(target(where), 60, print)


def test_an_address_of_ipv6() -> None:
    output = prometheus(target("[::1]:0"), 60, print)
    assert isinstance(output, Server)
    output.take(read())
    with urllib.request.urlopen(f"http://[::1]:{output.address[1]}/metrics", timeout=PATIENCE) as answer:
        assert series(answer.read().decode())
    output.close()


def test_a_reader_who_does_not_read_delays_neither_samples_nor_others(server: Server) -> None:
    for number in range(30):
        server.take(read(name=f"battery {number}"))
    held = [socket.socket() for _ in range(10)]
    for each in held:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1000)
        each.connect(server.address)
        each.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    server.take(read(name="last"))
    assert ("daly_bms_up", frozenset({("battery", "last")})) in series(scrape(server))
    for each in held:
        each.close()


def test_the_file_is_renewed_and_left_without_values(tmp_path: Path) -> None:
    path = tmp_path / "daly.prom"
    output = prometheus(target(str(path)), 60, print)
    sample = read(energy=ENERGY)
    output.take(sample)
    assert about_the_sample(series(path.read_text())) == expected(sample)
    promtool(path.read_text())
    assert all(
        len(line.split("} ")[-1].split()) == 1 for line in path.read_text().splitlines() if line[0] != "#"
    )
    output.close()
    assert about_the_sample(series(path.read_text())) == {}
    assert [name.name for name in tmp_path.iterdir()] == ["daly.prom"]


def test_a_file_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    folder, told = tmp_path / "there", []  # type: Path, list[str]
    folder.mkdir()
    output = TextFile(str(folder / "daly.prom"), 60, told.append)
    shutil.rmtree(folder)
    output.take(read())
    output.take(read())
    assert len(told) == 1
    folder.mkdir()
    output.take(read())
    assert (folder / "daly.prom").exists()
    output.close()
    assert "dalybms-metrics" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(DalyError, match="cannot write"):
        prometheus(target(str(tmp_path / "no" / "daly.prom")), 60, print)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("9100", ("127.0.0.1", 9100)), ("0.0.0.0:9100", ("0.0.0.0", 9100)), ("[::1]:9100", ("::1", 9100)),
        ("a/b.prom", "a/b.prom"), ("host:80", ("host", 80)),
    ],
)  # fmt: skip
def test_places(text: str, place: Any) -> None:
    assert target(text) == place


@pytest.mark.parametrize("text", ["", "x", ":80", "80000", "host:", "a.txt", "1.5"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="give PORT"):
        target(text)


def test_the_file_loses_its_values_when_no_sample_comes(tmp_path: Path) -> None:
    """Another output that blocks the watch must not keep a battery alive."""
    path = tmp_path / "daly.prom"
    output = TextFile(str(path), 0.4, print)
    output.take(read())
    assert about_the_sample(series(path.read_text()))
    until(lambda: not about_the_sample(series(path.read_text())))
    assert series(path.read_text())["daly_bms_up", frozenset({("battery", "house")})] == 0
    output.take(read())
    assert about_the_sample(series(path.read_text()))
    output.close()


def test_a_file_that_cannot_be_renewed_does_not_keep_old_values(tmp_path: Path) -> None:
    path, told = tmp_path / "daly.prom", []  # type: Path, list[str]
    output = TextFile(str(path), 60, told.append)
    output.take(read())
    (tmp_path / "daly.prom.new").mkdir()  # nothing can be written there
    output.take(FAILED)
    assert not path.exists()
    (tmp_path / "daly.prom.new").rmdir()
    output.take(read())
    assert about_the_sample(series(path.read_text()))
    output.close()
    assert len(told) == 1


def test_hundreds_of_connections_that_say_nothing_cost_few_threads_and_handles(server: Server) -> None:
    server.take(read())
    before = threading.active_count()
    held = [socket.create_connection(server.address, 5) for _ in range(100)]
    try:
        assert series(scrape(server))
        until(lambda: threading.active_count() - before < 50, 5)  # of themselves they go after ten
        assert series(scrape(server))
    finally:
        for each in held:
            each.close()
        until(lambda: threading.active_count() <= before)
