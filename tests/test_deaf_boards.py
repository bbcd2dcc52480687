"""Boards that hear nothing for a while after an answer, and lines that lose some, in virtual time."""

from __future__ import annotations

from typing import Any

import pytest
from support import HEALTHY, Clock, VirtualWire, attach, talk

from dalybms import DalyBMS, DalyBMSBluetooth, NoReply
from dalybms.cable import Cable
from dalybms.emulator.options import build

GAPS = (0, 7, 20, 45, 60, 100, 150, 250)
BOARDS = {
    "a5": "cells=14&sensors=1",
    "d2": "protocol=d2",
    "p81": "protocol=p81",
    "sinowealth": "protocol=sinowealth",
}
PROTOCOLS = tuple(BOARDS)


def deaf(protocol: str, gap: int, more: str = "") -> Any:
    return build(f"{BOARDS[protocol]}&latency=25&paced=1&deaf={gap}{more}")


def battery(protocol: str, **options: Any) -> DalyBMS:
    return DalyBMS(protocol="sinowealth" if protocol == "sinowealth" else "auto", **options)


def seconds(bms: DalyBMS) -> float:
    """How long one get_all() takes, all sections of which are read."""
    began = bms.clock.now  # type: ignore[attr-defined]
    outcome: dict[str, Any] = dict(bms.get_all())
    assert not [section for section, reading in outcome.items() if "error" in reading]
    return float(bms.clock.now - began)  # type: ignore[attr-defined]


def lost(bms: DalyBMS) -> int:
    """Requests of this connection that were not answered."""
    assert bms._link is not None
    return bms._link.counters["sent"] - bms._link.counters["answered"]


def keys(bms: DalyBMS) -> dict[str, Any]:
    """The keys of each section of a reading; of those that are errors, that they are."""
    return {section: sorted(map(str, reading)) for section, reading in dict(bms.get_all()).items()}


def asked_for(line: Any, register: int) -> list[float]:
    """When a block of registers will have been asked for."""
    write, times = line.write, []

    def noted(data: bytes, now: float) -> None:
        times.extend([now] if data[2:4] == register.to_bytes(2, "big") else [])
        write(data, now)

    line.write = noted
    return times


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_first_reading_of_a_deaf_board_is_complete(protocol: str, gap: int) -> None:
    healthy = seconds(attach(deaf(protocol, 0), battery(protocol)))
    bms = attach(deaf(protocol, gap), battery(protocol))
    took = seconds(bms)
    requests = bms._link.counters["answered"]  # type: ignore[union-attr]
    rest = next(rest for rest in (0.007, 0.028, 0.112, 0.3) if rest >= gap / 1000)
    assert took <= healthy + requests * rest + 3


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_second_reading_of_a_deaf_board_loses_nothing(protocol: str, gap: int) -> None:
    bms = attach(deaf(protocol, gap), battery(protocol))
    bms.get_all()
    before = lost(bms)
    bms.get_all()
    assert lost(bms) == before


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_deaf_board_tells_whatever_it_has_in_every_reading(protocol: str, gap: int) -> None:
    """Also what some boards lack, and what is therefore asked for briefly."""
    whole = keys(attach(deaf(protocol, 0), battery(protocol)))
    bms = attach(deaf(protocol, gap), battery(protocol))
    assert [keys(bms) for _ in range(6)] == [whole] * 6


@pytest.mark.parametrize("kind", [DalyBMS, DalyBMSBluetooth])
@pytest.mark.parametrize("options", [{}, {"timeout": 0.2}, {"pause": 0.3}, {"request_retries": 0}])
def test_what_a_board_lacks_is_asked_for_in_two_readings_once_where_it_must_have_been_heard(
    kind: type[DalyBMS], options: dict[str, Any]
) -> None:
    line = deaf("d2", 0, "&unsupported=3e")
    asked = asked_for(line, 0x3E)
    bms = attach(line, kind(protocol="d2", **options))
    for _ in range(5):
        bms.get_all()
    silence = 0.3 if "timeout" in options or kind is DalyBMS else 0.6
    if "pause" in options:
        assert len(asked) == 2
    else:
        assert len(asked) == 4
        assert [asked[1] - asked[0], asked[3] - asked[2]] == pytest.approx([silence] * 2, abs=0.001)


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_deaf_board_that_lacks_commands_gives_the_others(protocol: str, gap: int) -> None:
    lacks = {"a5": "91,92,97", "d2": "3e", "p81": "100", "sinowealth": "54"}[protocol]
    bms = attach(deaf(protocol, gap, f"&unsupported={lacks}"), battery(protocol))
    errors = [
        {section for section, reading in dict(bms.get_all()).items() if "error" in reading} for _ in range(3)
    ]
    expected = {"cell_voltage_range", "temperature_range", "balancing_status"} if protocol == "a5" else set()
    if protocol != "sinowealth":
        assert errors == [expected] * 3
    assert errors[1:] == errors[:1] * 2


@pytest.mark.parametrize("kind", [DalyBMS, DalyBMSBluetooth])
def test_a_board_that_lacks_commands_is_not_given_longer_rests(kind: type[DalyBMS]) -> None:
    bms = attach(build("latency=25&paced=1&unsupported=91,92,93,97"), kind(protocol="a5"))
    for _ in range(20):
        bms.get_all()
    assert bms._detection._pace.usual == 0.007


@pytest.mark.parametrize("protocol", ["a5", "p81", "sinowealth"])
def test_a_board_that_is_deaf_by_chance(protocol: str) -> None:
    """The first reading is complete; from the fifth on at most one in five loses a request."""
    lossy = 0
    for seed in range(50):
        bms = attach(
            deaf(protocol, 100, f"&deaf_rate=0.35&seed={seed}"), battery(protocol, request_retries=5)
        )
        for number in range(1, 15):
            before = lost(bms)
            seconds(bms)
            lossy += number >= 5 and lost(bms) > before
    assert lossy <= 50 * 10 / 5


def test_strays_do_not_slow_a_month() -> None:
    """One reply in twenty is lost: after 200 readings the rest is at most 20 ms in nine of ten seeds."""
    short = 0
    for seed in range(10):
        bms = attach(build(f"fault=drop-reply:0.05&seed={seed}"), protocol="a5")
        for _ in range(200):
            bms.get_all()
        short += bms._detection._pace.usual <= 0.02
    assert short >= 9


def test_a_board_that_needs_seven_milliseconds_is_read_as_quickly_as_ever() -> None:
    """Wire and board take 523 ms; 7 ms between requests, and 4 ms at the end to see that nothing follows."""
    assert seconds(attach(deaf("a5", 7), address=4)) == pytest.approx(0.523 + 8 * 0.007 + 0.007, abs=0.002)


def test_each_board_of_a_cable_has_a_pace_of_its_own() -> None:
    clock = Clock()
    line = build("board=1&deaf=100;board=2")
    cable = Cable(VirtualWire(line, clock), clock, protocol="a5")
    for _ in range(2):
        for number in (1, 2):
            cable.board(number).get_all()
    assert cable.board(1)._detection._pace.usual == pytest.approx(0.112)
    assert cable.board(2)._detection._pace.usual == 0.007


def test_a_pause_that_is_given_is_kept() -> None:
    line = deaf("a5", 100)
    bms = attach(line, address=4, pause=0.15)
    bms.get_all()
    assert lost(bms) == 0
    bms = attach(deaf("a5", 100), address=4, pause=0.05)
    bms.get_all()
    before = lost(bms)
    bms.get_all()
    assert lost(bms) > before


# What is said.


def test_a_command_that_was_asked_after_a_long_rest_may_be_missing() -> None:
    bms = attach(talk({0x90: HEALTHY[0x90]}), address=4)
    error = bms.read(["soc", "mosfet_status"])["mosfet_status"]
    assert "its firmware may not have it" in str(error)


def test_a_command_that_was_only_asked_in_haste_need_not_be() -> None:
    bms = attach(talk({0x90: HEALTHY[0x90]}), address=4, request_retries=0)
    error = bms.read(["soc", "mosfet_status"])["mosfet_status"]
    assert isinstance(error, NoReply)
    assert error.seen == "another command"
    assert "firmware" not in str(error)
    assert "a longer rest before it (--pause 0.3)" in str(error)
