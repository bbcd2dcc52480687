"""Which sign of the current means discharging: by protocol, or learnt."""

from __future__ import annotations

import json

import pytest

from dalybms.polarity import learn, polarity, witness


@pytest.mark.parametrize(
    ("current", "mode", "seen"),
    [
        (12.3, "discharging", 1),
        (-12.3, "discharging", -1),
        (12.3, "charging", -1),
        (-12.3, "charging", 1),
        (1.0, "discharging", 1),
        (0.9, "discharging", 0),
        (0.0, "charging", 0),
        (50.0, "stationary", 0),
        (50.0, None, 0),
        (None, "charging", 0),
        (True, "charging", 0),
        (float("nan"), "charging", 0),
    ],
)
def test_a_reading_bears_witness_from_1_a_on(current: object, mode: object, seen: int) -> None:
    assert witness(current, mode) == seen
    assert witness(current, mode, inverted=True) == -seen


@pytest.mark.parametrize("protocol", ["d2", "p81"])
def test_d2_and_p81_count_discharge_down(protocol: str) -> None:
    assert polarity(protocol, {}) == -1
    assert polarity(protocol, {}, inverted=True) == 1
    assert polarity(protocol, {}, seen=-1) == -1


@pytest.mark.parametrize("protocol", ["d2", "p81"])
def test_a_board_that_contradicts_the_rule_is_not_known(protocol: str) -> None:
    assert polarity(protocol, {}, seen=1) is None
    assert polarity(protocol, {"discharge_positive": 5}) is None


@pytest.mark.parametrize("protocol", ["a5", "sinowealth", None])
def test_others_are_not_known_before_a_witness(protocol: str | None) -> None:
    assert polarity(protocol, {}) is None
    assert polarity(protocol, {}, seen=1) == 1
    assert polarity(protocol, {}, seen=-1) == -1


def test_the_option_turns_what_is_shown_and_not_what_is_learnt() -> None:
    """A file that was begun without --invert-current stays right with it."""
    plain = learn(learn({}, witness(10.0, "discharging")), witness(11.0, "discharging"))
    turned = learn(plain, witness(-10.0, "discharging", inverted=True))
    assert turned == {"discharge_positive": 3, "discharge_negative": 0}
    assert polarity("a5", turned) == 1
    assert polarity("a5", turned, inverted=True) == -1


def test_the_majority_counts_and_one_voice_is_none() -> None:
    voices = learn({}, 1)
    assert polarity("a5", voices) is None
    for _ in range(3):
        voices = learn(voices, -1)
    assert voices == {"discharge_positive": 1, "discharge_negative": 3}
    assert polarity("a5", voices) == -1
    assert polarity("a5", voices, seen=1) == -1
    assert polarity("a5", learn(voices, 1), seen=1) == 1, "no lead: the reading itself"
    assert learn(voices, 0) == voices
    assert json.loads(json.dumps(voices)) == voices


def test_an_exchanged_board_is_learnt_anew() -> None:
    voices: dict[str, int] = {}
    for _ in range(100_000):
        voices = learn(voices, 1)
    for _ in range(1200):
        voices = learn(voices, -1)
    assert polarity("a5", voices) == -1
