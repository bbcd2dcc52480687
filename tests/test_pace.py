"""How long to rest, and when a reply has ended: learnt without a wire or a clock."""

from __future__ import annotations

import random
from typing import Callable

import pytest
from support import HEALTHY

from dalybms.pace import Pace, Quiet, Tails, Trial
from dalybms.protocols.a5.board import A5
from dalybms.protocols.a5.frame import Frame
from dalybms.timing import WIRE

LONG = WIRE.last_pause
Loses = Callable[[float], bool]
FRAMES = [Frame(1, 0x95, HEALTHY[0x95][at + 4 : at + 12]) for at in range(0, 78, 13)]


def ask(pace: Pace, call: int, loses: Loses, attempts: int = 4) -> int:
    """One request; each repeat follows half a second of silence. How many attempts were lost."""
    trials = [Trial(rest := pace.rest(call), loses(rest))]
    while trials[-1].lost and len(trials) < attempts:
        trials.append(Trial(WIRE.timeout, loses(WIRE.timeout)))
    if not trials[-1].lost:
        pace.learn(trials, call)
    return sum(trial.lost for trial in trials)


def calls(pace: Pace, loses: Loses, count: int, requests: int = 9, first: int = 0) -> list[int]:
    """How many attempts of each call were lost."""
    return [sum(ask(pace, call, loses) for _ in range(requests)) for call in range(first, first + count)]


def deaf(seconds: float) -> Loses:
    return lambda rest: rest < seconds


def test_it_starts_at_seven_milliseconds() -> None:
    assert Pace().rest(0) == Pace().usual == 0.007


def test_it_grows_at_least_fourfold_to_300_ms() -> None:
    pace, rests = Pace(), [0.007]
    calls(pace, lambda rest: bool(rests.append(rest)) or rest < 10, 1)
    assert pace.usual == 0.007
    rests.clear()
    for call in range(4):
        pace.learn([Trial(pace.usual, True), Trial(WIRE.timeout, False)], call)
        rests.append(pace.usual)
    assert rests == pytest.approx([0.028, 0.112, 0.3, 0.3])


@pytest.mark.parametrize("milliseconds", [0, 7, 20, 28, 45, 60, 100, 112, 150, 250])
@pytest.mark.parametrize("requests", [2, 9, 19])
def test_a_deaf_board_is_learnt_in_the_first_call(milliseconds: int, requests: int) -> None:
    pace, loses = Pace(), deaf(milliseconds / 1000)
    pace.learn([Trial(float("inf"), False)], 0)
    lost = calls(pace, loses, 2, requests)
    assert lost[0] <= 3
    assert lost[1] == 0
    calls(pace, loses, 10, requests, first=2)
    assert pace.usual == next(rest for rest in (0.007, 0.028, 0.112, 0.3) if rest >= milliseconds / 1000)


@pytest.mark.parametrize("milliseconds", [20, 100, 250])
def test_what_a_deaf_board_cannot_hear_is_tried_ever_more_rarely(milliseconds: int) -> None:
    lost = calls(Pace(), deaf(milliseconds / 1000), 10_000)
    assert sum(lost) < 10
    assert sum(lost[2000:]) < 3


def test_a_rest_that_was_found_in_the_last_request_of_a_call_waits_for_its_trial() -> None:
    """The call after the one that paid for learning loses nothing: it keeps the longest rest."""
    pace = Pace()
    pace.learn([Trial(0.007, True), Trial(WIRE.timeout, False)], call=1)
    assert [pace.rest(1), pace.rest(2), pace.rest(3)] == pytest.approx([0.028, LONG, 0.028])


def test_one_loss_after_a_longer_rest_than_was_asked_for_is_a_stray() -> None:
    pace = Pace()
    loss = [Trial(0.15, True), Trial(WIRE.timeout, False)]
    pace.learn(loss, 0)
    assert pace.usual == 0.007
    pace.learn(loss, 0)
    assert pace.usual == LONG


@pytest.mark.parametrize("requests", [2, 9, 19])
def test_strays_do_not_slow(requests: int) -> None:
    """One request in twenty is lost whatever the rest: after 200 calls it is short in nine of ten seeds."""
    usual = []
    for seed in range(100):
        pace, dice = Pace(), random.Random(seed)
        calls(pace, lambda _, dice=dice: dice.random() < 0.05, 200, requests)  # type: ignore[misc]
        usual.append(pace.usual)
    assert sum(rest <= 0.02 for rest in usual) >= 90


@pytest.mark.parametrize(("chance", "requests"), [(0.35, 2), (0.35, 9), (0.35, 19), (0.6, 9), (0.9, 9)])
def test_a_board_that_is_deaf_by_chance_is_learnt(chance: float, requests: int) -> None:
    lossy = 0
    for seed in range(50):
        dice = random.Random(seed)

        def loses(rest: float, dice: random.Random = dice) -> bool:
            return rest < 0.1 and dice.random() < chance

        lossy += sum(map(bool, calls(Pace(), loses, 24, requests)[4:]))
    assert lossy <= 50 * 20 / 5


def test_a_board_that_changes_is_noticed() -> None:
    pace = Pace()
    calls(pace, deaf(0), 1000)
    lost = calls(pace, deaf(0.1), 10, first=1000)
    assert sum(lost) < 15
    assert sum(lost[4:]) == 0
    calls(pace, deaf(0), 20_000, first=1010)
    assert pace.usual == 0.007


def test_a_command_that_is_never_answered_says_nothing() -> None:
    pace = Pace()
    for call in range(100):
        ask(pace, call, deaf(10))
        ask(pace, call, deaf(0))
    assert pace.usual == 0.007


def test_a_board_that_misses_the_first_request_after_a_long_rest_is_no_reason_to_rest() -> None:
    pace = Pace()
    for call in range(50):
        pace.learn([Trial(60.0, True), Trial(WIRE.timeout, False)], call)
        calls(pace, deaf(0), 1, first=call)
        assert pace.usual == 0.007


# When a reply has ended.


def cell_question() -> tuple[A5, object, bytes]:
    board = A5([0x40])
    board._counts = {"cells": 16, "temperature_sensors": 2}
    request = board._question(next(row for row in board._plan(["cell_voltages"]) if row.series))
    return board, request, request.writes[0]


def test_a_reply_of_several_frames_may_run_on() -> None:
    _, request, written = cell_question()
    tails = Tails()
    assert not tails.running
    tails.used(request, written, FRAMES)  # type: ignore[arg-type]
    assert tails.running
    assert tails.missing == 13
    tails.over()
    assert not tails.running


def test_how_far_it_runs_is_learnt_and_unlearnt() -> None:
    _, request, written = cell_question()
    tails, later = Tails(), b"".join(Frame(1, 0x95, bytes((n, *[0] * 7))).encode() for n in range(7, 17))
    tails.used(request, written, FRAMES)  # type: ignore[arg-type]
    tails.feed(later)
    tails.over()
    tails.used(request, written, FRAMES)  # type: ignore[arg-type]
    tails.feed(later[:26])
    assert tails.running
    tails.feed(later[26:])
    assert not tails.running
    tails.over()
    tails.used(request, written, [Frame(1, 0x95, bytes((16, *[0] * 7)))])  # type: ignore[arg-type]
    assert not tails.running
    tails.dropped(Frame(1, 0x90, bytes(8)))
    assert not tails.running
    tails.dropped(Frame(1, 0x95, bytes((17, *[0] * 7))))
    assert tails.running


def test_a_single_frame_has_no_tail() -> None:
    board = A5([0x40])
    request = board.probe(["soc"])
    tails = Tails()
    tails.used(request, request.writes[0], FRAMES)
    assert not tails.running
    assert tails.missing == 1
    tails.dropped(FRAMES[0])
    tails.over()


@pytest.mark.parametrize(
    ("pieces", "late", "seconds"),
    [
        ([], [], WIRE.quiet),
        ([1], [0.0], WIRE.least_quiet),
        ([1, 1], [0.0, 0.003], 5 * (WIRE.byte + 0.003)),
        ([1, 1], [0.0, 0.016], WIRE.quiet),
        ([1, 13, 1], [0.0], WIRE.quiet),
        ([8], [], WIRE.quiet),
    ],
)
def test_the_quiet_that_ends_a_reply(pieces: list[int], late: list[float], seconds: float) -> None:
    """Only a line that was never seen to gather bytes needs less."""
    quiet = Quiet()
    for size in pieces:
        quiet.began(size)
    for more in late:
        quiet.went_on(12, 12 * WIRE.byte + more)
    assert quiet.seconds == pytest.approx(seconds)
