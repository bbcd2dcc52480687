"""From steps to causes, without a wire: one only where what was seen has no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dalybms.diagnosis.advice import CAUSES
from dalybms.diagnosis.cause import Wanted, answers_as_wanted
from dalybms.diagnosis.causes import causes
from dalybms.diagnosis.listening import judge
from dalybms.diagnosis.steps import FAILED, NAMES, NOTED, OK, Step
from dalybms.protocols.a5.frame import Frame
from dalybms.protocols.modbus.frame import read_request

ROOT = Path(__file__).resolve().parents[2]


def asked(name: str = "a5-pc", **facts: Any) -> Step:
    usual = {"answered": False, "seen": "silence", "protocol": "a5", "host": 0x40, "number": 1}
    return Step(name, NOTED, "", {**usual, **facts})


def codes(*steps: Step, **wanted: Any) -> list[str]:
    return [each.code for each in causes(steps, Wanted(**wanted))]


def heard(what: str, **facts: Any) -> Step:
    return Step("listens", NOTED, "", {"heard": what, **facts})


RATE = Step("rate", OK, "", {"asked": 20, "answered": 20})


@pytest.mark.parametrize(
    ("error", "facts", "found"),
    [
        ("missing", {"takers": ["brltty"]}, ["taken", "missing"]),
        ("missing", {}, ["missing"]),
        ("gone", {"takers": ["brltty"]}, ["taken", "gone"]),
        ("cut", {"heard": "text", "taken": True}, ["client"]),
        ("cut", {"heard": "text", "taken": False}, ["client", "text"]),
        ("cut", {"heard": "text", "taken": False, "server": True}, ["text"]),
        ("permission", {}, ["permission"]),
        ("busy", {"by": ["ModemManager (process 7)"]}, ["busy"]),
        ("rfc2217", {}, ["rfc2217"]),
        ("hangs", {}, ["hangs"]),
        ("strange", {}, ["other"]),
        ("gone", {}, ["gone", "other-program"]),
        ("cut", {}, ["modbus-tcp", "client", "gateway-restarts"]),
    ],
)
def test_it_does_not_open(error: str, facts: dict[str, Any], found: list[str]) -> None:
    assert codes(Step("opens", FAILED, "said", {"error": error, **facts})) == found


def test_a_program_that_has_the_port_open_is_named_also_where_all_is_well_or_the_port_fails() -> None:
    busy = Step("busy", NOTED, "", {"by": ["reader (process 7)"]})
    gone = Step("a5-pc", FAILED, "said", {"error": "gone"})
    assert codes(busy, asked(answered=True, seen=""), RATE) == ["other-program"]
    found = causes([busy, gone], Wanted())
    assert [each.code for each in found] == ["other-program", "gone"]
    assert "reader (process 7)" in found[0].detail


def test_the_program_that_holds_the_port_is_named() -> None:
    step = Step("busy", FAILED, "said", {"error": "busy", "by": ["ModemManager (process 7)"]})
    assert "ModemManager (process 7)" in causes([step], Wanted())[0].detail


def test_silence_has_three_causes_never_one() -> None:
    assert codes(asked()) == ["asleep", "wires", "adapter"]
    assert codes(asked(), kind="socket") == ["asleep", "wires", "gateway-settings"]
    busy = Step("busy", NOTED, "", {"by": ["other (process 9)"]})
    assert codes(busy, asked()) == ["asleep", "other-program", "wires"]


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        ("echo", ["asleep", "joined"]),
        ("damage", ["disturbed", "collision", "wires"]),
        ("noise", ["baudrate", "swapped", "disturbed"]),
        ("another protocol", ["slow", "master", "unsteady"]),
        ("another command", ["slow", "master", "unsteady"]),
    ],
)
def test_what_was_heard_instead(seen: str, found: list[str]) -> None:
    assert codes(asked(seen=seen)) == found


def test_another_master_is_never_the_only_cause_of_silence() -> None:
    """Collisions spoil some answers; a board that answers him and never us does not hear us."""
    assert codes(heard("master", boards=[1]), asked()) == ["master", "wires"]
    assert codes(heard("boards", boards=[1]), asked()) == ["master", "wires"]
    assert codes(heard("master", boards=[]), asked()) == ["master", "asleep"]
    assert codes(heard("master", boards=[3]), asked()) == ["master", "number"]


def test_a_number_that_was_heard_and_does_not_answer_us_is_not_certain() -> None:
    numbers = {"numbers": {"3": "a5"}, "twins": []}
    assert codes(asked(), Step("numbers", OK, "", {**numbers, "sure": False})) == ["master", "number"]
    spoken = Step("numbers", OK, "", {**numbers, "sure": True})
    assert codes(heard("boards", boards=[3]), asked(), spoken) == ["master", "number"]


def test_noise_after_some_questions_alone_is_a_damaged_answer() -> None:
    noise = asked(seen="noise", bytes="noise")
    assert codes(heard("nothing"), noise, asked("d2")) == ["disturbed", "collision", "wires"]
    assert codes(heard("nothing"), noise) == ["baudrate", "swapped", "disturbed"]
    assert codes(heard("nothing"), asked(seen="noise", bytes="echo")) == ["asleep", "joined", "disturbed"]


@pytest.mark.parametrize(
    ("what", "kind", "found"),
    [
        ("text", "serial", ["text", "asleep"]),
        ("text", "socket", ["asleep", "text", "gateway-settings"]),
        ("make", "serial", ["make", "asleep"]),
        ("modbus", "serial", ["modbus", "asleep"]),
        ("modem", "serial", ["modem", "asleep"]),
    ],
)
def test_what_others_say_unasked(what: str, kind: str, found: list[str]) -> None:
    """A server may greet, and a board behind it sleep."""
    assert codes(heard(what, make="JK"), asked(), kind=kind) == found


@pytest.mark.parametrize("kind", ["text", "make", "modbus"])
def test_what_answers_our_questions_and_is_no_battery(kind: str) -> None:
    assert codes(heard("nothing"), asked(seen="noise", bytes=kind), kind="socket") == [kind]


def test_a_frame_that_refuses_or_holds_nothing_is_no_disturbance() -> None:
    refused = asked("p81", seen="unbelievable", protocol="p81", host=None)
    assert codes(heard("nothing"), asked(), refused) == ["unbelievable"]
    assert codes(heard("nothing"), asked(seen="unbelievable", protocol="sinowealth")) == [
        "disturbed",
        "collision",
        "wires",
    ]


def test_what_can_be_nothing_else() -> None:
    gateway = Step("gateway", FAILED, "", {"modbus_tcp": True})
    assert codes(asked(), gateway, kind="socket") == ["modbus-tcp"]
    assert codes(heard("telnet"), asked(seen="noise"), kind="socket") == ["telnet"]
    assert codes(asked(), asked("p81-115200", answered=True)) == ["baudrate-found"]
    numbers = Step("numbers", OK, "", {"numbers": {"3": "a5"}, "twins": []})
    assert codes(asked(), numbers) == ["number"]
    assert causes([asked(), numbers], Wanted())[0].next == "give --board 3"
    twins = Step("numbers", OK, "", {"numbers": {"1": "a5"}, "twins": [1]})
    assert codes(asked(answered=True), twins, RATE) == ["twins"]


@pytest.mark.parametrize(
    ("facts", "wanted", "found"),
    [
        ({}, {}, "well"),
        ({"host": 0x80}, {"address": 0x40}, "host-address"),
        ({"protocol": "d2", "host": None}, {"board": 2}, "number-d2"),
        ({"protocol": "d2", "host": None}, {"protocol": "a5"}, "protocol"),
        ({"protocol": "d2", "host": None}, {"address": 0x80}, "no-host"),
        ({"protocol": "d2", "host": None}, {"address": 0x80, "protocol": "d2"}, "well"),
    ],
)
def test_an_option_that_is_in_vain(facts: dict[str, Any], wanted: dict[str, Any], found: str) -> None:
    step = asked(answered=True, seen="", **facts)
    assert codes(step, RATE, **wanted) == [found]
    assert answers_as_wanted([step], Wanted(**wanted)) is (found == "well")


def test_a_gateway_behind_which_a_board_has_answered_hands_raw_bytes_on() -> None:
    cut = Step("rate", FAILED, "said", {"error": "cut"})
    assert codes(asked(answered=True), cut, kind="socket") == ["client", "gateway-restarts"]


def test_bytes_of_a_port_are_no_frames_of_a_network() -> None:
    assert "modbus-tcp" not in codes(heard("modbus-tcp"), asked(seen="noise", bytes="noise"))
    assert codes(heard("modbus-tcp"), asked(), kind="socket") == ["modbus-tcp"]


def test_two_boards_under_this_number_are_no_answer() -> None:
    step = asked(answered=True, seen="")
    assert not answers_as_wanted([step, Step("twins", NOTED, "", {"twins": [1]})], Wanted())
    assert answers_as_wanted([step, Step("numbers", NOTED, "", {"numbers": {}, "twins": [5]})], Wanted())


def test_how_well_it_is_answered() -> None:
    step = asked(answered=True, seen="")
    poor = Step("rate", NOTED, "", {"asked": 20, "answered": 12})
    damage = Step("damage", NOTED, "", {"asked": 20, "damaged": 8})
    assert codes(step, poor) == ["unsteady"]
    assert codes(step, poor, damage) == ["disturbed", "collision", "unsteady"]
    deaf = Step("deaf", NOTED, "", {"seconds": 0.2, "pause": 0.25})
    assert codes(step, RATE, deaf) == ["deaf"]
    assert codes(step, poor, deaf) == ["unsteady", "deaf"]
    assert codes(step, Step("rate", OK, "", {"asked": 2, "answered": 2})) == ["unmeasured"]
    assert codes(step, Step("rate", OK, "", {"asked": 9, "answered": 5, "slow": 0.7})) == ["slow"]
    assert codes(step, RATE, Step("twins", NOTED, "", {"twins": [1]})) == ["twins"]
    missing = Step("commands", NOTED, "", {"missing": ["balancing_status"]})
    assert causes([step, RATE, missing], Wanted())[0].next.endswith("--without balancing")
    assert codes(heard("boards"), step, RATE) == ["master"]
    assert codes(heard("boards"), step, RATE, missing) == ["master", "commands"]
    several = Step("commands", NOTED, "", {"missing": ["balancing_status", "cell_voltage_range", "info"]})
    assert causes([step, RATE, several], Wanted())[0].next.endswith(
        ": --without balancing --without cell-voltage-range"
    )


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "nothing"),
        (Frame(1, 0x90, bytes(8)).encode(), "boards"),
        (Frame(0x40, 0x90, bytes(8)).encode(), "master"),
        (b"\x13" + read_request(0xD2, 0, 62), "master"),
        (b"~20024642E00202FD33\r", "inverter"),
        (b"\xff\xfb\x01\xff\xfd\x03", "telnet"),
        (b"Welcome\r\n\xff\xfb\x01login: ", "telnet"),
        (b"\xff\xfb\x01\x80\x9c\xe3\x00\x7f", "noise"),
        (b"\x13" + bytes.fromhex("010400000010f1c6"), "master"),
        (bytes.fromhex("010304000100022a32"), "modbus"),
        (bytes.fromhex("dda50300fffd77"), "make"),
        (bytes.fromhex("4e5700130000000006030000000000006800000129"), "make"),
        (b"$GPRMC,123519,A,4807.038,N*6A\r\n", "text"),
        (b"AT\rAT+GCAP\r", "modem"),
        (b"\xa5^@^P\x08\r\nPassword: ", "text"),
        (b"\0\1\0\0\0\3\xd2\x83\x0b", "modbus-tcp"),
        (bytes(20), "zeros"),
        (bytes(range(100, 140)), "noise"),
    ],
)
def test_what_bytes_tell(data: bytes, what: str) -> None:
    assert judge(data).what == what


def test_the_document_has_each_cause_and_step() -> None:
    text = (ROOT / "docs" / "diagnose.md").read_text()
    text = text.partition("## Findings")[0]
    rows = [row for row in text.splitlines() if row.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row.split(" | ")[0])}
    assert {*CAUSES, *NAMES} - {*re.findall(r"`([a-z0-9-]+)`", text)} == set()
    assert {name for name in named if not name.startswith("bluetooth-")} <= {*CAUSES, *NAMES}


def test_each_cause_is_one_line_with_one_next_step() -> None:
    for detail, advice in CAUSES.values():
        assert detail
        assert advice
        assert "\n" not in detail + advice
