"""A diagnosis in virtual time: its limits, and what it concludes from questions that are lost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from register_replay import KINDS, Kind, answer_to
from support import HEALTHY, Clock, Script, VirtualWire

from dalybms.cable import CableBoard
from dalybms.device import APP_HOST, Target
from dalybms.diagnosis.asking import Found, ask_at
from dalybms.diagnosis.battery import _parameters
from dalybms.diagnosis.deafness import deafness
from dalybms.diagnosis.diagnose import _find
from dalybms.diagnosis.listening import is_echo
from dalybms.diagnosis.meter import Meter
from dalybms.diagnosis.numbers import call_roll
from dalybms.diagnosis.quality import measure
from dalybms.diagnosis.steps import NOTED, SKIPPED, Notebook
from dalybms.diagnosis.wire import Ear, Place, TimeUp, place_of
from dalybms.emulator.options import build
from dalybms.errors import TransportError
from dalybms.link import Link
from dalybms.protocols.a5.board import A5
from dalybms.protocols.modbus.frame import crc
from dalybms.timing import WIRE


def place_at(clock: Clock) -> Place:
    place = Place("demo:", Target(), WIRE, None)
    place.clock = clock
    return place


def test_a_wire_that_goes_while_the_settings_are_read_is_no_board_without_settings() -> None:
    clock = Clock()
    ear = Ear(VirtualWire(build("cells=8"), clock), clock, clock.now + 20)
    board = CableBoard(board=1, protocol="a5")
    board.hang_on(Link(ear, clock=clock), lambda: "")
    ear.close()
    with pytest.raises(TransportError):
        _parameters(board, ear)


def test_a_port_that_is_gone_when_another_rate_is_tried_is_no_silence(tmp_path: Path) -> None:
    place = Place(str(tmp_path / "ttyUSB7"), Target(), WIRE, None)
    with pytest.raises(TransportError) as caught:
        ask_at(115200, ("p81",), place, Notebook(lambda _: None), 20.0)
    assert caught.value.cause == "missing"


def test_the_step_that_runs_is_named_when_the_wire_goes() -> None:
    notes = Notebook(lambda _: None)
    notes.begin("commands")
    notes.lost(TransportError("/dev/x is gone: the adapter was unplugged", "gone"))
    assert notes.steps[-1].name == "commands"
    assert notes.steps[-1].facts["error"] == "gone"
    assert notes.steps[-1].outcome != NOTED


def test_no_wait_is_longer_than_the_time_that_is_left() -> None:
    clock = Clock()
    ear = Ear(VirtualWire(Script(lambda *_: []), clock), clock, clock.now + 2.0)
    began = clock.now
    assert ear.read(5.0) == b""
    assert clock.now - began == pytest.approx(2.0)
    for use in (lambda: ear.read(1.0), lambda: ear.write(b"?")):
        with pytest.raises(TimeUp):
            use()


@pytest.mark.parametrize(("boards", "more"), [("board=1", 0.0), ("board=1;board=2;board=5", 2.0)])
def test_each_further_board_is_worth_a_second_more(boards: str, more: float) -> None:
    clock = Clock()
    ends = clock.now + 18.5
    ear = Ear(VirtualWire(build(boards), clock), clock, ends)
    found = _find(ear, place_at(clock), Notebook(lambda _: None))
    assert found is not None
    assert ear.ends == ends + more


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("code", [None, 2, 3])
def test_a_board_that_answers_short_questions_only_is_found(kind: Kind, code: int | None) -> None:
    """As a reading finds it, whether it refuses longer ones or is silent."""

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        if request[:2] != bytes((kind.asked, 3)):
            return []
        if request[5] <= 20:
            return [(0.04, answer_to(kind.answers, kind.known, request))]
        refusal = bytes((kind.answers, 0x83, code or 0))
        return [] if code is None else [(0.04, refusal + crc(refusal))]

    clock = Clock()
    ear = Ear(VirtualWire(Script(answer), clock), clock, clock.now + 20)
    found = _find(ear, place_at(clock), Notebook(lambda _: None))
    assert found is not None
    assert found.speaker.name == kind.name


def test_one_lost_question_is_no_deafness() -> None:
    """A board counts as deaf when more is lost right behind an answer than chance explains."""

    def answer(request: bytes, n: int) -> Iterable[tuple[float, bytes]]:
        return [] if n in (1, 4) else [(0.04, HEALTHY[request[2]])]

    found = deafness(meter_of(Script(answer)))
    assert (found.seconds, found.lost) == (0.0, 2)
    assert not found.sure


def meter_of(line: Any, seconds: float = 60.0) -> Meter:
    clock = Clock()
    ear = Ear(VirtualWire(line, clock), clock, clock.now + seconds)
    return Meter(ear, place_at(clock), Found("a5-pc", A5([0x40]), 1, 0x40), 5.0)


@pytest.mark.parametrize(("deaf", "least"), [(30, 0.05), (120, 0.15), (190, 0.2), (260, 0.3)])
@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("chance", [1.0, 0.6])
def test_a_deaf_time_is_never_said_too_short(deaf: int, least: float, loss: float, chance: float) -> None:
    """On a line that loses as well; what is not known for certain is said to be the longest there is."""
    for seed in range(8):
        line = build(f"deaf={deaf}&deaf_rate={chance}&fault=drop-reply:{loss}&seed={seed}")
        found = deafness(meter_of(line, 12.0))
        assert found.seconds in (0.0, 0.3) or least <= found.seconds
        if not loss:
            assert found.seconds or not found.sure or chance < 1
        if not found.seconds and found.sure:
            assert found.lost == 0


def test_the_share_of_damaged_answers_is_that_of_the_line() -> None:
    asked = damaged = 0
    for seed in range(20):
        clock = Clock()
        ear = Ear(VirtualWire(build(f"fault=flip:0.3&seed={seed}"), clock), clock, clock.now + 60)
        notes = Notebook(lambda _: None)
        measure(ear, place_at(clock), Found("a5-pc", A5([0x40]), 1, 0x40), notes)
        facts = next(step.facts for step in notes.steps if step.name == "damage")
        asked, damaged = asked + facts["asked"], damaged + facts["damaged"]
    assert asked >= 400
    assert 0.25 <= damaged / asked <= 0.35


def test_a_line_that_loses_alone_is_not_deaf() -> None:
    found = [deafness(meter_of(build(f"fault=drop-reply:0.3&seed={seed}"))) for seed in range(30)]
    assert sum(each.seconds > 0 for each in found) <= 2


def measured(options: str, seconds: float = 60.0, target: Target | None = None) -> dict[str, Any]:
    """The steps of the measurement, by name."""
    clock, notes = Clock(), Notebook(lambda _: None)
    place = Place("demo:", target or Target(), WIRE, None)
    place.clock = clock
    ear = Ear(VirtualWire(build(options), clock), clock, clock.now + seconds)
    measure(ear, place, Found("a5-pc", A5([0x40]), 1, 0x40), notes)
    return {step.name: step for step in notes.steps}


def test_what_a_rest_on_trial_loses_is_no_loss_of_the_line() -> None:
    """A board that is deaf by chance answers all that is asked late enough."""
    runs = [measured(f"deaf=230&deaf_rate=0.3&seed={seed}") for seed in range(400)]
    told = [steps["rate"].facts for steps in runs if steps["deaf"].facts["seconds"]]
    assert len(told) > 30
    assert all(facts["answered"] == facts["asked"] for facts in told)


def test_the_pause_that_is_named_is_a_little_longer_than_the_deaf_time() -> None:
    facts = measured("deaf=120")["deaf"].facts
    assert facts["pause"] == round(facts["seconds"] + 0.05, 2)


def test_a_rest_that_is_too_short_is_never_said_to_be_enough() -> None:
    found = deafness(meter_of(build("deaf=400")))
    assert (found.seconds, found.sure) == (0.6, True)
    assert deafness(meter_of(build("deaf=260"))).seconds == 0.3


def test_late_answers_are_no_lost_questions() -> None:
    steps = measured("latency=900")
    assert steps["rate"].facts["slow"] == pytest.approx(0.93, abs=0.05)
    assert steps["deaf"].outcome == SKIPPED
    assert measured("latency=400")["rate"].facts["slow"] == 0.0
    assert measured("fault=drop-reply:0.3&seed=2")["rate"].facts["slow"] == 0.0


def test_a_second_board_that_answers_much_later_is_found() -> None:
    steps = measured("soc=50;board=1&soc=51&latency=280")
    assert steps["twins"].facts["twins"] == [1]


def test_why_nobody_looked_for_a_second_board() -> None:
    assert measured("")["twins"].detail == "one board answers"
    assert measured("", seconds=2.0)["twins"].detail == "no time was left"
    radio = Target(likely=APP_HOST)
    assert measured("", target=radio)["twins"].detail == "no other board can be on this wire"


def test_a_short_patience_is_that_of_the_roll_call_too() -> None:
    took = []
    for timeout in (0.5, 0.25):
        clock = Clock()
        place = place_at(clock)
        place.timing = WIRE._replace(timeout=timeout)
        ear = Ear(VirtualWire(Script(lambda *_: []), clock), clock, clock.now + 60)
        began = clock.now
        assert call_roll(ear, place, Notebook(lambda _: None), found=False) == {}
        took.append(clock.now - began)
    assert took[1] < 0.6 * took[0]


def test_a_long_patience_leaves_time_for_other_questions() -> None:
    options = {"baudrate": 9600, "protocol": "auto", "address": None, "timeout": 60.0}
    assert place_of("demo:", options).timing.timeout == 1.5


@pytest.mark.parametrize(
    ("heard", "echo"),
    [("a540900800000000", True), ("0090080000", True), ("00000000000000", False), ("9000000000", False)],
)
def test_what_is_a_piece_of_our_question(heard: str, echo: bool) -> None:
    assert is_echo(bytes.fromhex("a540900800000000000000007d"), bytes.fromhex(heard)) is echo
