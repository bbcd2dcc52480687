"""Writes through the public methods, against boards that obey, refuse, lie, lag and vanish; virtual time."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from fault_runs import SEEDS
from support import attach

from dalybms import DalyBMS, DalyBMSBluetooth, DalyError, NotSupported, WriteRefused, WriteUnverified
from dalybms.emulator import faults
from dalybms.emulator.options import build

PROTOCOLS = ("a5", "d2", "p81")
NOW = time.struct_time((2026, 11, 26, 13, 5, 7, 3, 330, 0))
WRITES = {
    "charge": ("set_charge_mosfet", False),
    "discharge": ("set_discharge_mosfet", False),
    "soc": ("set_soc", 80.5),
}


def battery(options: str, kind: type[DalyBMS] = DalyBMS, **arguments: Any) -> tuple[DalyBMS, Any]:
    line = build(options)
    bms = attach(line, kind(**arguments))
    bms._now = lambda: NOW  # type: ignore[method-assign]
    return bms, line


def write(bms: DalyBMS, what: str, *value: Any) -> tuple[str, dict[str, Any]]:
    """(outcome, result), whether it was returned or raised."""
    name, usual = WRITES.get(what, (what, None))
    try:
        result: Any = getattr(bms, name)(*(value or (() if usual is None else (usual,))))
        assert result["outcome"] in ("done", "unchanged")
    except (WriteRefused, WriteUnverified) as error:
        result = error.result
        name = "refused" if isinstance(error, WriteRefused) else "unverified"
        assert result["outcome"] == name
    return result["outcome"], result


def written(line: Any) -> list[str]:
    """The frames that write which any board of the line heard."""
    return [heard.frame.hex() for board in line.boards for heard in board.log.writes]


def holds(line: Any, what: str) -> bool:
    """Does the board's own state show it? Looked at when everything that is late has happened."""
    pack = line.boards[0].pack
    return {
        "charge": pack.charge_mosfet == 0,
        "discharge": pack.discharge_mosfet == 0,
        "soc": pack.soc == 805,
    }[what]


@pytest.mark.parametrize("kind", [DalyBMS, DalyBMSBluetooth])
@pytest.mark.parametrize("what", WRITES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_write_that_is_done(protocol: str, what: str, kind: type[DalyBMS]) -> None:
    bms, line = battery(f"protocol={protocol}&latency=25&paced=1", kind)
    outcome, result = write(bms, what)
    assert outcome == "done"
    assert written(line) == [result["frame"]], "sent once"
    assert holds(line, what)
    assert (result["before"], result["after"]) == ((76.5, 80.5) if what == "soc" else (True, False))
    assert result["protocol"] == protocol
    assert ("board" in result) is (protocol != "d2")
    assert list(result)[:2] == ["action", "requested"]


FRAMES = {
    ("a5", "charge"): "a540da080000000000000000c7",
    ("a5", "discharge"): "a540d9080000000000000000c6",
    ("a5", "soc"): "a54021081a0b1a0d050703258e",
    ("d2", "charge"): "d20600a500008a4a",
    ("d2", "discharge"): "d20600a600007a4a",
    ("d2", "soc"): "d20600a70325eaa1",
    ("p81", "charge"): "810601210000c7fc",
    ("p81", "discharge"): "81060122000037fc",
    ("p81", "soc"): "810601160325b719",
    ("a5", "restart"): "a5400008" + "00" * 8 + "ed",
    ("d2", "restart"): "d20600f0000",
    ("p81", "restart"): "810600f0000",
}


@pytest.mark.parametrize(("protocol", "what"), [each for each in FRAMES if each[1] != "restart"])
def test_the_bytes_of_each_write(protocol: str, what: str) -> None:
    """By hand from the documents: A5 layouts of 0x10 to 0x21, function 06 of the register boards."""
    bms, line = battery(f"protocol={protocol}")
    write(bms, what)
    assert written(line) == [FRAMES[protocol, what]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_bytes_of_a_restart(protocol: str) -> None:
    bms, line = battery(f"protocol={protocol}&restart=4")
    assert write(bms, "restart")[0] == "done"
    (frame,) = written(line)
    assert frame.startswith(FRAMES[protocol, "restart"])


CONDUCT = [
    # how the board takes it, what becomes of it
    ("act,ack", "done"),
    ("act,silent", "done"),
    ("act,refuse", "done"),
    ("act,echo", "done"),
    ("act,leftover", "done"),
    ("late:1", "done"),
    ("late:10,silent", "done"),
    ("lag:5", "done"),
    ("late:30", "unverified"),
    ("late:30,refuse", "refused"),
    ("lag:30", "unverified"),
    ("ignore,ack", "unverified"),
    ("ignore,silent", "unverified"),
    ("ignore,echo", "unverified"),
    ("ignore,leftover", "refused or unverified"),  # its answer holds what an earlier reply held
    ("refuse", "refused"),
]


@pytest.mark.parametrize(("conduct", "expected"), CONDUCT)
@pytest.mark.parametrize("what", WRITES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_reading_back_decides(protocol: str, what: str, conduct: str, expected: str) -> None:
    bms, line = battery(f"protocol={protocol}&latency=25&write={conduct}")
    began = bms.clock.now  # type: ignore[attr-defined]
    outcome, _ = write(bms, what)
    assert outcome in expected.split(" or ")
    assert len(written(line)) == 1
    assert bms.clock.now - began < 21  # type: ignore[attr-defined]
    if outcome == "done":
        assert holds(line, what)


@pytest.mark.parametrize("protocol", ["d2", "p81"])
def test_a_switch_that_stands_so_already_is_left_alone(protocol: str) -> None:
    bms, line = battery(f"protocol={protocol}")
    outcome, result = write(bms, "set_charge_mosfet", True)
    assert (outcome, result["before"], result["after"]) == ("unchanged", True, True)
    assert "frame" not in result
    assert written(line) == []


def test_a5_has_no_switch_to_read_so_it_is_always_sent() -> None:
    bms, line = battery("protocol=a5")
    assert write(bms, "set_charge_mosfet", True)[0] == "done", "the answer settles it"
    assert len(written(line)) == 1
    bms, line = battery("protocol=a5&write=silent")
    assert write(bms, "set_charge_mosfet", True)[0] == "unverified"
    assert len(written(line)) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_state_of_charge_that_stands_so_already(protocol: str) -> None:
    bms, line = battery(f"protocol={protocol}&soc=80.5")
    outcome, result = write(bms, "soc")
    assert (outcome, written(line)) == ("unchanged", [])
    assert line.boards[0].pack.clock_set is None
    assert "frame" not in result


@pytest.mark.parametrize("protocol", ["d2", "p81"])
def test_a_switch_taken_and_a_mosfet_held_otherwise(protocol: str) -> None:
    bms, line = battery(f"protocol={protocol}&hold=discharge:on")
    outcome, result = write(bms, "discharge")
    assert (outcome, result["after"], result["mosfet"]) == ("done", False, True)
    assert result["held_by"]
    assert line.boards[0].pack.discharge_mosfet in (0, 1)


def test_an_a5_transistor_that_is_held_shows_nothing() -> None:
    bms, _ = battery("protocol=a5&hold=discharge:on")
    assert write(bms, "discharge")[0] == "unverified"


def test_an_a5_write_of_the_state_of_charge_sets_the_clock_to_local_time() -> None:
    bms, line = battery("protocol=a5")
    write(bms, "soc")
    assert line.boards[0].pack.clock == bytes((26, 11, 26, 13, 5, 7))


def test_a_clock_that_cannot_be_right_is_refused_before_sending() -> None:
    bms, line = battery("protocol=a5")
    bms._now = lambda: time.struct_time((1970, 1, 1, 0, 0, 0, 3, 1, 0))  # type: ignore[method-assign]
    outcome, result = write(bms, "soc")
    assert (outcome, result["before"], written(line)) == ("refused", 76.5, [])
    assert "frame" not in result


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("conduct", "expected"),
    [
        ("restart=4", "done"),
        ("restart=4&write=silent", "done"),
        ("write=ignore,ack", "unverified"),
        ("write=refuse", "refused or unverified"),  # what A5 boards answer is not known
        ("restart=60", "unverified"),
    ],
)
def test_a_restart_is_done_only_on_proof(protocol: str, conduct: str, expected: str) -> None:
    bms, line = battery(f"protocol={protocol}&latency=25&{conduct}")
    assert write(bms, "restart")[0] in expected.split(" or ")
    assert len(written(line)) == 1
    assert (line.boards[0].pack.restarts == 1) is (expected == "done" or conduct == "restart=60")


def test_the_time_since_power_on_proves_a_quick_restart() -> None:
    bms, _ = battery("protocol=p81&restart=0.1")
    outcome, result = write(bms, "restart")
    assert outcome == "done"
    assert result["after"] <= 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_power_that_goes_with_the_discharge_mosfet(protocol: str) -> None:
    """The computer that lived on this battery: the wire is gone, and that is no proof."""
    bms, line = battery(f"protocol={protocol}&discharge_off=gone")
    outcome, result = write(bms, "discharge")
    assert outcome == "unverified"
    assert len(written(line)) == 1
    assert result["frame"]
    bms, line = battery(f"protocol={protocol}&discharge_off=silent")
    assert write(bms, "discharge")[0] == "unverified"


# What is refused before a byte is sent.


@pytest.mark.parametrize("wrong", ["off", "on", 0, 1, None, 1.0])
def test_only_true_and_false_switch(wrong: Any) -> None:
    bms, line = battery("")
    for name in ("set_charge_mosfet", "set_discharge_mosfet"):
        with pytest.raises(TypeError):
            getattr(bms, name)(wrong)
    assert list(line.log.heard) == []


@pytest.mark.parametrize("wrong", [True, False, float("nan"), float("inf"), -0.1, 100.1, 50.05, 1e300])
def test_a_state_of_charge_that_cannot_be(wrong: float) -> None:
    bms, line = battery("")
    with pytest.raises(ValueError, match="a state of charge must be"):
        bms.set_soc(wrong)
    assert list(line.log.heard) == []


@pytest.mark.parametrize("wrong", ["80", None, b"80"])
def test_a_state_of_charge_that_is_no_number(wrong: Any) -> None:
    with pytest.raises(TypeError):
        battery("")[0].set_soc(wrong)


@pytest.mark.parametrize("percent", [0, 100, 0.1, 99.9, 33.3])
def test_a_state_of_charge_at_its_ends(percent: float) -> None:
    bms, line = battery("protocol=d2")
    assert write(bms, "set_soc", percent)[0] == "done"
    assert line.boards[0].pack.soc == round(10 * percent)


@pytest.mark.parametrize("how", ["argument", "1", "yes", "false"])
def test_read_only_refuses_every_write(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bms, line = battery("", read_only=how == "argument")
    if how != "argument":
        monkeypatch.setenv("DALY_BMS_READ_ONLY", how)
    for what in (*WRITES, "restart"):
        assert write(bms, what)[0] == "refused"
    with pytest.raises(WriteRefused):
        bms.request(0xD9)
    assert list(line.log.heard) == []
    assert bms.request(0x90)
    assert written(line) == []


@pytest.mark.parametrize("value", ["", "0"])
def test_an_empty_variable_is_no_setting(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DALY_BMS_READ_ONLY", value)
    assert write(battery("")[0], "charge")[0] == "done"


def test_sinowealth_has_no_writes() -> None:
    bms, line = battery("protocol=sinowealth&cells=4", protocol="sinowealth")
    with pytest.raises(NotSupported):
        bms.set_charge_mosfet(False)
    assert written(line) == []


def test_a_board_that_cannot_be_read_is_not_written_to() -> None:
    bms, line = battery("fault=asleep")
    with pytest.raises(DalyError):
        bms.restart()
    assert written(line) == []


def test_a_preview_sends_only_reads() -> None:
    bms, line = battery("protocol=p81")
    shown = bms.preview("discharge_mosfet", False)
    assert (shown["before"], shown["frame"]) == (True, FRAMES["p81", "discharge"])
    assert written(line) == []


@pytest.mark.parametrize("protocol", ["a5", "d2", "p81"])
@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("charge_mosfet", "off"),
        ("discharge_mosfet", 0),
        ("charge_mosfet", None),
        ("soc", 150),
        ("soc", -1),
        ("soc", 50.55),
        ("soc", "50"),
        ("soc", float("nan")),
        ("soc", True),
        ("restart", 5),
        ("sleep", None),
    ],
)
def test_a_write_by_its_name_is_checked_like_its_method(protocol: str, action: str, value: object) -> None:
    """carry_out("charge_mosfet", "off") once switched it on: a text is true."""
    bms, line = battery(f"protocol={protocol}")
    with pytest.raises((ValueError, TypeError)):
        bms.preview(action, value)
    with pytest.raises((ValueError, TypeError)):
        bms.carry_out(action, value, {})
    assert not line.log.heard


# Several boards on one cable: D2 has no number, so every awake board would obey.

TWO = "protocol=d2+p81&soc=50;board=2&protocol=d2+p81&cells=8&soc=60"
ONE = "board=2&protocol=d2+p81&soc=60"


def test_one_of_two_k_series_boards_is_never_written_to_without_a_number() -> None:
    """The first answers P81 under number 1, which a battery without a number is asked by."""
    for protocol in ("auto", "p81"):
        bms, line = battery(TWO, protocol=protocol)
        with pytest.raises(WriteRefused, match="under the numbers 1, 2") as caught:
            bms.set_discharge_mosfet(False)
        assert caught.value.result["outcome"] == "refused"
        assert written(line) == []


def test_two_d2_answers_that_collide_are_no_answer() -> None:
    bms, line = battery(TWO, protocol="d2")
    with pytest.raises(DalyError):
        bms.set_discharge_mosfet(False)
    assert written(line) == []


def test_a_write_with_a_number_reaches_that_board_alone() -> None:
    bms, line = battery(TWO, board=2)
    outcome, result = write(bms, "discharge")
    assert (outcome, result["protocol"], result["board"]) == ("done", "p81", 2)
    assert not line.boards[0].log.writes
    assert len(line.boards[1].log.writes) == 1
    assert [board.pack.discharge_mosfet for board in line.boards] == [1, 0]


def test_a_lone_board_with_another_number_wants_it_said() -> None:
    """It answers D2 without a number, but another that sleeps might obey too."""
    bms, line = battery(ONE)
    with pytest.raises(WriteRefused, match="under the numbers 2"):
        bms.set_discharge_mosfet(False)
    assert written(line) == []
    assert write(battery(ONE, board=2)[0], "discharge")[0] == "done"


def test_over_bluetooth_one_link_is_one_board() -> None:
    bms, _ = battery("protocol=d2+p81", DalyBMSBluetooth)
    outcome, result = write(bms, "discharge")
    assert (outcome, result["protocol"]) == ("done", "d2")


def test_a_lone_p81_board_needs_no_number() -> None:
    bms, line = battery("protocol=p81")
    assert write(bms, "discharge")[0] == "done"
    asked = {heard.frame[0] for heard in line.log.heard if heard.frame[1] == 3}
    assert set(range(0x81, 0x91)) <= asked, "all sixteen numbers were asked"


CONDUCTS = (
    "act",
    "ignore",
    "refuse",
    "act,silent",
    "late:3",
    "late:10",
    "ignore,echo",
    "act,leftover",
    "lag:3",
)


@pytest.mark.parametrize("fault", faults.KINDS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_fault_of_the_line_makes_a_lie(protocol: str, fault: str) -> None:
    """Done only if the board's state shows it, refused only if it does not; and never sent twice."""
    cases = itertools.product(range(-(-SEEDS // 2)), CONDUCTS, WRITES)
    for seed, (_, conduct, what) in enumerate(cases):
        bms, line = battery(f"protocol={protocol}&latency=25&fault={fault}&seed={seed}&write={conduct}")
        try:
            outcome, _ = write(bms, what)
        except DalyError:
            assert written(line) == [], (seed, conduct, what)
            continue
        assert len(written(line)) <= 1, (seed, conduct, what)
        shown = holds(line, what)
        assert outcome != "done" or shown, (seed, conduct, what)
        assert outcome != "refused" or not shown, (seed, conduct, what)
        assert outcome != "unchanged", (seed, conduct, what)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("at", range(1, 9))
def test_a_plug_pulled_at_each_step(protocol: str, at: int) -> None:
    bms, line = battery(f"protocol={protocol}&fault=unplug:1:{at}")
    try:
        outcome, result = write(bms, "discharge")
    except DalyError:
        assert written(line) == []
        return
    assert outcome == ("done" if result["after"] is False else "unverified")
    assert len(written(line)) == 1


@pytest.mark.parametrize("fault", ["drop", "cut", "late", "garbage"])
def test_a_bad_line_is_seldom_taken_for_a_restart(fault: str) -> None:
    """P81 tells its time since power-on, so there never; elsewhere a gap must begin at once to count."""
    lies = 0
    for protocol in PROTOCOLS:
        for seed in range(10 * SEEDS):
            bms, line = battery(f"protocol={protocol}&latency=25&fault={fault}&seed={seed}&write=ignore")
            try:
                outcome, _ = write(bms, "restart")
            except DalyError:
                continue
            assert line.boards[0].pack.restarts == 0
            lie = outcome == "done"
            assert not (lie and protocol == "p81")
            lies += lie
    assert lies <= 2 * SEEDS, "a quarter of all replies is lost here"
