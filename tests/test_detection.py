"""Which protocol a board speaks is found out, within bounds, also behind an adapter that echoes."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import PATIENCE, Script, attach

from dalybms import DalyBMS, DalyBMSBluetooth, NoReply, readings
from dalybms.device import PROTOCOLS
from dalybms.emulator.options import build

ROOT = Path(__file__).resolve().parent.parent
BOARDS = {
    "a5": "protocol=a5",
    "a5 at the PC's address": "protocol=a5&host=40",
    "a5 at the app's address": "protocol=a5&host=80",
    "d2": "protocol=d2",
    "p81": "protocol=p81",
}
BOUNDS = {DalyBMS: 5.0, DalyBMSBluetooth: 4.0}
"""Seconds."""


def line(options: str) -> Any:
    return build(f"{options}&paced=1&latency=25")


def found(name: str, bms: DalyBMS) -> None:
    """It is named, and what is read agrees with a reader that was told the protocol."""
    protocol = name.split()[0]
    assert bms.get_info()["protocol"] == protocol
    told = attach(line(BOARDS[name]), protocol=protocol)
    assert bms.get_cell_voltages() == told.get_cell_voltages()


@pytest.mark.parametrize("kind", BOUNDS)
@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("fault", ["", "&fault=echo", "&fault=echo-partial"])
def test_each_board_is_found_in_time(name: str, kind: type[DalyBMS], fault: str) -> None:
    bms = attach(line(BOARDS[name] + fault), kind())
    began = bms.clock.now  # type: ignore[attr-defined]
    bms.get_soc()
    assert bms.clock.now - began < BOUNDS[kind]  # type: ignore[attr-defined]
    found(name, bms)


@pytest.mark.parametrize("kind", BOUNDS)
@pytest.mark.parametrize("name", BOARDS)
def test_a_lost_first_answer_is_made_good_in_the_second_round(name: str, kind: type[DalyBMS]) -> None:
    real = line(BOARDS[name])
    lost = {"answers": 1}
    take = real.take

    def forgetful(now: float) -> bytes:
        data: bytes = take(now)
        if data and lost["answers"]:
            lost["answers"] -= 1
            data = b""
        return data

    real.take = forgetful
    bms = attach(real, kind())
    bms.get_soc()
    found(name, bms)


@pytest.mark.parametrize(
    ("kind", "first_bytes"),
    [
        (DalyBMS, [*[0xA5, 0xA5, 0x81, 0xD2] * 3, 0xD2, 0x81, 0xA5, 0xA5]),
        (DalyBMSBluetooth, [0xD2, 0x81, 0xA5, 0xA5] * 2),
    ],
)
def test_candidates_take_turns(kind: type[DalyBMS], first_bytes: list[int]) -> None:
    script = Script(lambda *_: [])
    bms = attach(script, kind())
    began = bms.clock.now  # type: ignore[attr-defined]
    with pytest.raises(NoReply, match="nothing was heard"):
        bms.get_all()
    asked = [request[0] for request in script.requests]
    assert asked[: len(first_bytes)] == first_bytes
    assert bms.clock.now - began < (5 if kind is DalyBMS else 8)  # type: ignore[attr-defined]


def test_the_first_answer_counts_as_data() -> None:
    real = line("protocol=d2")
    sent: list[bytes] = []
    write = real.write
    real.write = lambda data, now: (sent.append(data), write(data, now))
    bms = attach(real, DalyBMSBluetooth())
    bms.get_all()
    bms.get_all()
    assert [request.hex() for request in sent] == ["d2030000003ed7b9", "d203003e0009f7a3"] * 2


@pytest.mark.parametrize("name", BOARDS)
def test_the_protocol_is_remembered_for_the_connection(name: str) -> None:
    real = line(BOARDS[name])
    bms = attach(real)
    bms.get_soc()
    sent: list[bytes] = []
    write = real.write
    real.write = lambda data, now: (sent.append(data), write(data, now))
    bms.get_all()
    bms.get_info()
    assert len({request[0] for request in sent}) == 1
    if name.startswith("a5"):
        assert len({request[1] for request in sent}) == 1


def test_a_new_connection_finds_out_anew() -> None:
    bms = DalyBMS()
    for name in ("d2", "a5", "p81"):
        attach(line(BOARDS[name]), bms)
        found(name, bms)


def test_a_forced_protocol_tries_nothing_else() -> None:
    for protocol, byte in (("a5", 0xA5), ("d2", 0xD2), ("p81", 0x81), ("sinowealth", 0x0A)):
        script = Script(lambda *_: [])
        with pytest.raises(NoReply):
            attach(script, protocol=protocol).get_all()
        assert {request[0] for request in script.requests} == {byte}


def test_an_address_is_a_thing_of_a5() -> None:
    script = Script(lambda *_: [])
    with pytest.raises(NoReply):
        attach(script, address=8).get_all()
    assert {request[:2] for request in script.requests} == {b"\xa5\x80"}


@pytest.mark.parametrize("number", [2, 16])
def test_boards_with_a_number_are_a5_or_p81(number: int) -> None:
    script = Script(lambda *_: [])
    with pytest.raises(NoReply):
        attach(script, board=number).get_all()
    asked = {request[:2] for request in script.requests}
    assert asked == {bytes((0xA5, 0x3F + number)), bytes((0x80 + number, 0x03))}
    for protocol in ("a5", "p81"):
        bms = attach(build(f"protocol={protocol}&board={number}"), board=number)
        assert (bms.get_info()["protocol"], bms.get_info()["board"]) == (protocol, number)


@pytest.mark.parametrize("protocol", ["d2", "sinowealth"])
def test_a_number_is_ambiguous_where_boards_have_none(protocol: str) -> None:
    with pytest.raises(ValueError, match="have no number, so board 2 is ambiguous"):
        DalyBMS(protocol=protocol, board=2)


def test_several_p81_boards_on_one_line_are_told_apart() -> None:
    for number in (1, 2, 3):
        bms = attach(build("protocol=p81&boards=3"), board=number)
        assert bms.get_info()["board"] == number


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(ValueError, match="protocol 'modbus' is unknown: auto, a5, d2, p81, sinowealth"):
        DalyBMS(protocol="modbus")


HEARD = {
    "A5": ("a501900800a200007530038008", "d2"),
    "D2": ("d203020001fc56", "a5"),
    r"P81 \(81/51\)": ("510302ffff79f8", "a5"),
}


@pytest.mark.parametrize("name", HEARD)
def test_another_protocol_is_named(name: str) -> None:
    heard, asked = HEARD[name]
    script = Script(lambda *_: [(0.04, bytes.fromhex(heard))])
    with pytest.raises(NoReply, match=f"this board speaks {name}") as caught:
        attach(script, protocol=asked).get_soc()
    assert caught.value.seen == "another protocol"


@pytest.mark.parametrize(
    ("protocol", "heard", "seen"),
    [
        ("d2", "d2037c0d07", "damage"),
        ("p81", "5103800cf4", "damage"),
        ("d2", "d203020001fc56", "another command"),
        ("p81", "510302ffff79f8", "another command"),
        ("d2", "ffff00ff", "noise"),
    ],
)
def test_what_was_heard_instead(protocol: str, heard: str, seen: str) -> None:
    script = Script(lambda *_: [(0.04, bytes.fromhex(heard))])
    with pytest.raises(NoReply) as caught:
        attach(script, protocol=protocol).get_soc()
    assert caught.value.seen == seen


@pytest.mark.parametrize("protocol", ["d2", "p81"])
def test_an_echo_alone_is_named(protocol: str) -> None:
    with pytest.raises(NoReply, match="only our own request came back") as caught:
        attach(Script(lambda request, _: [(0.003, request)]), protocol=protocol).get_soc()
    assert caught.value.seen == "echo"


# How long a poll takes.


def seconds(bms: DalyBMS) -> float:
    bms.get_all()
    began = bms.clock.now  # type: ignore[attr-defined]
    bms.get_all()
    bms.get_all()
    return float(bms.clock.now - began) / 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("latency", [0, 25])
def test_a_d2_poll_takes_at_most_a_tenth_more_than_its_wire_time(latency: int) -> None:
    wire = (129 + 23 + 16) * 10 / 9600 + 2 * latency / 1000
    bms = attach(build(f"protocol=d2&paced=1&latency={latency}"), protocol="d2")
    assert seconds(bms) <= 1.1 * wire


def test_a_p81_poll_takes_at_most_a_tenth_more_than_its_wire_time() -> None:
    wire = (133 + 129 + 16) * 10 / 9600
    assert seconds(attach(build("protocol=p81&paced=1"), protocol="p81")) <= 1.1 * wire


# The command line.


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dalybms", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT)


@pytest.mark.parametrize("protocol", ["a5", "d2", "p81"])
def test_info_names_the_protocol(protocol: str) -> None:
    done = run("-d", f"demo:?protocol={protocol}", "--info")
    assert (done.returncode, done.stderr) == (0, "")
    info = json.loads(done.stdout)
    assert (info["protocol"], info["cells"], info["rated_capacity_ah"]) == (protocol, 16, 280.0)


@pytest.mark.parametrize("flags", [["--sinowealth"], ["--protocol", "sinowealth"]])
def test_sinowealth_must_be_named(flags: list[str]) -> None:
    done = run("-d", "demo:?protocol=sinowealth", *flags, "--info", "--status")
    assert json.loads(done.stdout)["info"] == {
        "protocol": "sinowealth",
        "cells": 4,
        "temperature_sensors": 2,
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sinowealth", "--protocol", "a5"], "--sinowealth and --protocol contradict each other"),
        (["--protocol", "d2", "--board", "2"], "ambiguous"),
        (["--protocol", "modbus"], "invalid choice"),
        (["--baudrate", "1"], "baudrate must be 1200 to 921600"),
    ],
)
def test_wrong_use(arguments: list[str], words: str) -> None:
    done = run("-d", "demo:", "--soc", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


@pytest.mark.parametrize("rate", [9600, 115200])
def test_the_baud_rate_reaches_the_port(rate: int) -> None:
    import termios

    master, slave = os.openpty()
    try:
        with DalyBMS(baudrate=rate) as bms:
            bms.connect(os.ttyname(slave))
            assert termios.tcgetattr(slave)[4] == getattr(termios, f"B{rate}")
    finally:
        os.close(master)
        os.close(slave)


def test_all_has_the_same_shape_for_every_protocol() -> None:
    documents = {}
    for protocol in PROTOCOLS[1:]:
        done = run("-d", f"demo:?protocol={protocol}&cells=8", "--protocol", protocol, "--all")
        documents[protocol] = json.loads(done.stdout)
    required = {"soc", "cell_voltage_range", "temperature_range", "mosfet_status", "status", "cell_voltages"}
    for document in documents.values():
        assert required <= document.keys()
        assert list(document) == [section for section in documents["a5"] if section in document]
        assert not any(isinstance(part, dict) and "error" in part for part in document.values())
        assert document["cell_voltages"] == documents["a5"]["cell_voltages"]
        assert abs(document["soc"]["current"]) == 12.3
    assert "balancing_status" not in documents["sinowealth"]


@pytest.mark.parametrize("protocol", PROTOCOLS[1:])
def test_every_key_is_declared_with_its_type(protocol: str) -> None:
    """Optional keys of a section stand in its TypedDict, and what is required is there."""
    found: Any = attach(build(f"protocol={protocol}&cells=8"), protocol=protocol).get_all()
    for section in ("soc", "cell_voltage_range", "temperature_range", "mosfet_status", "status"):
        kind = getattr(readings, "".join(word.title() for word in section.split("_")))
        assert kind.__required_keys__ <= found[section].keys() <= kind.__annotations__.keys()
        for key, value in found[section].items():
            declared = str(kind.__annotations__[key])
            assert not isinstance(value, bool) or "bool" in declared, key


def test_debug_lines_show_what_was_tried(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="dalybms"):
        attach(line("protocol=p81")).get_soc()
    sent = [record.getMessage() for record in caplog.records if record.getMessage().startswith("->")]
    assert [text.split()[1] for text in sent] == ["a5", "a5", "81"]
