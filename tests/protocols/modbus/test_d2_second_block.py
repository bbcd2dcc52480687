"""The block 0x3E x 9 of D2, which some boards lack: asked briefly, and not again where it tells nothing.

A board may be deaf after its first answer, so silence counts only after a rest of 0.3 s.
"""

from __future__ import annotations

from typing import Any

import pytest
from register_replay import RECORDS, WIRES, board, registers
from support import Script, attach, captures

from dalybms import DalyBMS, DalyBMSBluetooth
from dalybms.protocols.modbus.frame import crc
from dalybms.sections import MORE_SECTIONS, SECTIONS

QUIET = RECORDS["d2-syssi-test-status_frame_62_reg_no_alarms"]
POLL, SECOND = "d2030000003ed7b9", "d203003e0009f7a3"
SPOKEN = {0x3E: 0, 0x3F: 1, 0x40: 30008, 0x41: 12, 0x42: 0x3B, 0x43: 0x3C, 0x44: 0, 0x45: 0, 0x46: 0}
EXTRAS = {"balance_current": 0.8, "balancing_cells": 12}


def known(block: dict[int, int] | None) -> dict[int, int]:
    base = {register: raw for register, raw in registers(QUIET).items() if register < 0x3E}
    return {**base, **(block or {})}


def d2(block: dict[int, int] | None, kind: type[DalyBMS] = DalyBMS) -> Any:
    bms: Any = attach(board(0xD2, 0xD2, known(block)), kind(protocol="d2"))
    bms.script = bms._link._transport.line
    return bms


def changed(**changes: int) -> Any:
    return d2({**SPOKEN, **{int(register[1:], 16): raw for register, raw in changes.items()}})


def asked(bms: Any) -> int:
    return sum(request.hex() == SECOND for request in bms.script.requests)


@pytest.mark.parametrize("kind", WIRES)
def test_what_it_says(kind: type[DalyBMS]) -> None:
    bms = d2(SPOKEN, kind)
    mosfets, temperatures = bms.get_mosfet_status(), bms.get_temperature_range()
    assert EXTRAS.items() <= mosfets.items()
    assert (temperatures["mosfet_temperature"], temperatures["board_temperature"]) == (19, 20)


def test_all_asks_it_once_a_poll() -> None:
    bms = d2(SPOKEN)
    for polls in (1, 2, 3):
        bms.get_all()
        assert (asked(bms), len(bms.script.sent)) == (polls, 2 * polls)


ASKED_FOR = ("temperature_range", "mosfet_status")


@pytest.mark.parametrize("section", [*SECTIONS, *MORE_SECTIONS])
def test_who_asks_for_it(section: str) -> None:
    bms = d2(SPOKEN)
    bms.read([section])
    assert asked(bms) == (section in ASKED_FOR)


@pytest.mark.parametrize(("kind", "seconds"), [(DalyBMS, 0.3 + 0.25), (DalyBMSBluetooth, 0.6 + 0.6)])
def test_silence_costs_one_short_try_in_haste_and_one_after_a_rest_twice_a_connection(
    kind: type[DalyBMS], seconds: float
) -> None:
    bms = d2(None, kind)
    found = bms.get_all()
    first = bms.clock() - 100
    assert not any("error" in section for section in found.values())
    bms.get_all()
    again = bms.clock()
    bms.get_all()
    bms.get_mosfet_status()
    assert asked(bms) == 4, "silent in two readings"
    assert first - (bms.clock() - again) / 2 == pytest.approx(seconds, abs=0.05)


@pytest.mark.parametrize("raws", [[0], [0xFFFF], [0, 0xFFFF]])
def test_nothing_said_is_not_asked_again(raws: list[int]) -> None:
    bms = d2({register: raws[register % len(raws)] for register in range(0x3E, 0x47)})
    assert not EXTRAS.keys() & bms.get_mosfet_status().keys()
    assert "mosfet_temperature" not in bms.get_all()["temperature_range"]
    assert asked(bms) == 1


def test_a_board_that_refuses_it_is_not_asked_again() -> None:
    body = bytes((0xD2, 0x83, 2))
    good = d2(None).script
    script = Script(
        lambda request, n: good._answer(request, n) if request.hex() == POLL else [(0.04, body + crc(body))]
    )
    bms = attach(script, protocol="d2")
    assert not any("error" in section for section in bms.get_all().values())  # type: ignore[operator,attr-defined]
    bms.get_all()
    assert [request.hex() for request in script.requests].count(SECOND) == 2


KEYS = {
    "mosfet_status": {"balance_current", "balancing_cells"},
    "temperature_range": {"mosfet_temperature", "board_temperature"},
}


def spoilt(bms: Any, *answers: bytes | None) -> None:
    """The next answers to the question for the block; None: silence, b"": damaged. Then it is whole again."""
    good, left = bms.script._answer, list(answers)

    def answer(request: bytes, n: int) -> Any:
        whole = good(request, n)
        if request.hex() != SECOND or not left:
            return whole
        instead = left.pop(0)
        [(after, data)] = whole
        return [(after, data[:-1] if instead == b"" else instead)] if instead is not None else []

    bms.script._answer = answer


@pytest.mark.parametrize("section", KEYS)
def test_what_was_told_before_was_only_lost(section: str) -> None:
    """It is asked as often as all else, and what goes missing then is told."""
    bms = d2(SPOKEN)
    whole = bms.read([section])[section]
    spoilt(bms, *[None] * 3)
    assert bms.read([section])[section] == whole
    spoilt(bms, *[None] * 4)
    found = bms.read([section])[section]
    assert found == {key: value for key, value in whole.items() if key not in KEYS[section]}
    assert {name.partition(".")[2] for name in bms.unusable} == KEYS[section]
    assert all("no answer to balancing and MOSFET temperature" in why for why in bms.unusable.values())
    assert bms.read([section])[section] == whole
    assert bms.unusable == {}


@pytest.mark.parametrize("section", KEYS)
@pytest.mark.parametrize("why", ["damaged", "busy"])
def test_an_answer_that_came_damaged_is_no_lack(section: str, why: str) -> None:
    """The block is there: what was lost of it is told, and it is asked for again."""
    bms = d2(SPOKEN)
    whole = attach(bms.script, DalyBMS(protocol="d2")).read([section])[section]
    body = bytes((0xD2, 0x83, 6))
    spoilt(bms, *[b"" if why == "damaged" else body + crc(body)] * 2)
    found = bms.read([section])[section]
    assert found == {key: value for key, value in whole.items() if key not in KEYS[section]}
    assert {name.partition(".")[2] for name in bms.unusable} == KEYS[section]
    assert bms.read([section])[section] == whole
    assert bms.unusable == {}


@pytest.mark.parametrize("raw", [0, 0xFF, 0xFFFF])
def test_temperatures_that_are_not_there(raw: int) -> None:
    found = changed(r42=raw, r43=raw).get_temperature_range()
    assert not {"mosfet_temperature", "board_temperature"} & found.keys()


@pytest.mark.parametrize(
    ("raw", "amperes"),
    [(30000, 0.0), (29992, -0.8), (30200, 20.0), (29800, -20.0), (0, None), (0xFFFF, None)],
)
def test_balance_current(raw: int, amperes: float | None) -> None:
    bms = changed(r40=raw)
    assert bms.get_mosfet_status().get("balance_current") == amperes
    assert bms.unusable == {}


@pytest.mark.parametrize(
    ("register", "raw", "section", "key"),
    [
        ("r40", 30201, "mosfet_status", "balance_current"),
        ("r40", 29799, "mosfet_status", "balance_current"),
        ("r41", 33, "mosfet_status", "balancing_cells"),
        ("r42", 256, "temperature_range", "mosfet_temperature"),
        ("r43", 256, "temperature_range", "board_temperature"),
    ],
)
def test_what_cannot_be_loses_itself_alone(register: str, raw: int, section: str, key: str) -> None:
    whole, bms = changed().read([section])[section], changed(**{register: raw})
    found = bms.read([section])[section]
    assert found == {name: value for name, value in whole.items() if name != key}
    assert list(bms.unusable) == [f"{section}.{key}"]


@pytest.mark.parametrize("instead", [None, b"", b"\x07\x13\x99"])
def test_one_lost_answer_costs_nothing_but_time(instead: bytes | None) -> None:
    bms = d2(SPOKEN)
    spoilt(bms, instead)
    assert EXTRAS.items() <= bms.get_mosfet_status().items()


@pytest.mark.parametrize("instead", [None, b"\x07\x13\x99"])
def test_a_block_that_was_lost_in_the_first_reading_is_asked_for_again(instead: bytes | None) -> None:
    """Silence counts when it comes in two readings, noise never."""
    bms = d2(SPOKEN)
    spoilt(bms, *[instead] * 2)
    assert not EXTRAS.keys() & bms.get_mosfet_status().keys()
    assert EXTRAS.items() <= bms.get_mosfet_status().items()


def test_noise_in_two_readings_is_no_silence() -> None:
    bms = d2(SPOKEN)
    spoilt(bms, *[b"\x07\x13\x99"] * 4)
    for _ in range(2):
        assert not EXTRAS.keys() & bms.get_mosfet_status().keys()
    assert EXTRAS.items() <= bms.get_mosfet_status().items()


def test_counts_of_balancing_cells() -> None:
    assert changed(r41=0).get_mosfet_status()["balancing_cells"] == 0
    assert changed(r41=32).get_mosfet_status()["balancing_cells"] == 32
    bms = changed(r41=0xFFFF)
    assert "balancing_cells" not in bms.get_mosfet_status()
    assert bms.unusable == {}


def test_a_blank_poll_is_not_saved_by_the_second_block() -> None:
    blank = dict.fromkeys((0x2F, 0x30, 0x34, 0x35, 0x36), 0)
    with pytest.raises(ValueError, match="nothing but zeros"):
        d2({**SPOKEN, **blank}).get_mosfet_status()


def test_recorded_block_of_a_balancer() -> None:
    """A board at rest: no MOSFET temperature, nobody balances."""
    record = RECORDS["d2-btsnoop-10"]
    bms = d2(registers(record))
    mosfets = bms.get_mosfet_status()
    assert (mosfets["balance_current"], mosfets["balancing_cells"]) == (0.0, 0)
    assert not {"mosfet_temperature", "board_temperature"} & bms.get_temperature_range().keys()
    assert asked(bms) == 2


def test_recorded_poll_of_126_registers_is_not_ours() -> None:
    """The vendor's WiFi module asks so many; over Bluetooth nobody has seen more than 80 answered."""
    record = next(each for each in captures("second") if each["id"] == "b2-04-poll126")
    bms = d2(SPOKEN)
    bms.get_all()
    assert record["request"] not in [request.hex() for request in bms.script.requests]
