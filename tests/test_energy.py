"""Wh and Ah of one battery, counted from its samples."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalybms.energy import COUNTERS, Meter, areas

VOLTS = 50.0


def sample(watts: float, protocol: str = "a5", mode: str | None = None, **more: Any) -> dict[str, Any]:
    """A good sample at 50 V; watts with the board's own sign, `mode` for a board that counts discharge up."""
    amperes = watts / VOLTS
    direction = "discharging" if amperes > 0 else "charging" if amperes < 0 else "stationary"
    return {
        "name": "shed",
        "board": None,
        "protocol": protocol,
        "state": "ok",
        "soc": {"total_voltage": VOLTS, "current": amperes, "soc_percent": 50.0},
        "mosfet_status": {"mode": mode or direction, "capacity_ah": 100.0},
        "info": {"rated_capacity_ah": 280.0},
        **more,
    }


LOST = {"name": "shed", "board": None, "state": "no_reply", "error": "no answer"}
KNOWN = {"discharge_positive": 10, "discharge_negative": 0}


def counted(meter: Meter) -> dict[str, float]:
    return {name: value for name, value in meter.counters.items() if value}


def test_a_swing_counts_on_both_sides() -> None:
    """From +1000 W to -1000 W in 10 s: 2.5 kJ each way."""
    meter = Meter(10, voices=KNOWN)
    meter.add(sample(1000), 0)
    meter.add(sample(-1000), 10)
    assert counted(meter) == pytest.approx(
        {
            "energy_in_wh": 2500 / 3600,
            "energy_out_wh": 2500 / 3600,
            "charge_in_ah": 50 / 3600,
            "charge_out_ah": 50 / 3600,
        }
    )


@pytest.mark.parametrize(
    ("before", "after", "below", "above"),
    [(1000, -1000, 2500, 2500), (-1000, 1000, 2500, 2500), (300, -100, 125, 1125), (-300, 100, 1125, 125)],
)
def test_a_line_is_split_where_it_crosses_zero(
    before: float, after: float, below: float, above: float
) -> None:
    assert areas(before, after, 10) == pytest.approx((below, above))


@given(st.floats(-5000, 5000), st.floats(-5000, 5000), st.floats(0.1, 100))
def test_both_sides_together_are_the_trapezoid(before: float, after: float, seconds: float) -> None:
    below, above = areas(before, after, seconds)
    assert below >= 0
    assert above >= 0
    assert above - below == pytest.approx((before + after) / 2 * seconds, abs=1e-6)


def test_a_known_profile_is_counted_within_a_thousandth() -> None:
    """A day of a house with sun: 1.2 kW each way as a sine of two hours, a sample every ten seconds."""
    meter = Meter(10, voices=KNOWN)
    for second in range(0, 86_401, 10):
        meter.add(sample(1200 * math.sin(2 * math.pi * second / 7200)), second)
    exact = 12 * 1200 * 7200 / math.pi / 3600
    assert meter.counters["energy_in_wh"] == pytest.approx(exact, rel=0.001)
    assert meter.counters["energy_out_wh"] == pytest.approx(exact, rel=0.001)
    assert meter.counters["charge_out_ah"] == pytest.approx(exact / VOLTS, rel=0.001)
    assert meter.counters["gap_seconds"] == meter.counters["unassigned_seconds"] == 0


# Polarity


@pytest.mark.parametrize("protocol", ["d2", "p81"])
def test_d2_and_p81_need_no_learning(protocol: str) -> None:
    meter = Meter(10)
    meter.add(sample(-30, protocol, "stationary"), 0)
    meter.add(sample(-30, protocol, "stationary"), 10)
    assert meter.counters["energy_out_wh"] == pytest.approx(300 / 3600)
    turned = Meter(10, inverted=True)
    turned.add(sample(30, protocol, "stationary"), 0)
    turned.add(sample(30, protocol, "stationary"), 10)
    assert turned.counters["energy_out_wh"] == pytest.approx(300 / 3600)


def test_nothing_is_counted_before_an_a5_board_has_told_its_sign() -> None:
    meter = Meter(10)
    for now in range(0, 50, 10):
        meter.add(sample(40), now)  # 0.8 A say nothing
    assert counted(meter) == {"unassigned_seconds": 40}
    meter.add(sample(100), 50)
    assert counted(meter) == {"unassigned_seconds": 50}
    meter.add(sample(100), 60)
    assert meter.counters["unassigned_seconds"] == 50
    assert meter.counters["energy_out_wh"] == pytest.approx(1000 / 3600)


def test_the_majority_decides_for_a_board_that_counts_discharge_down() -> None:
    meter = Meter(10)
    meter.add(sample(-500, mode="charging"), 0)  # a load switched between the two readings
    for now in range(10, 60, 10):
        meter.add(sample(-500, mode="discharging"), now)
    assert meter.voices == {"discharge_positive": 1, "discharge_negative": 5}
    assert meter.counters["energy_in_wh"] == 0
    assert meter.counters["energy_out_wh"] > 0
    later = Meter(10, meter.counters, meter.voices)
    later.add(sample(-20, mode="stationary"), 0)
    later.add(sample(-20, mode="stationary"), 10)
    assert later.counters["energy_out_wh"] == pytest.approx(meter.counters["energy_out_wh"] + 200 / 3600)


def test_a_pack_at_rest_is_neither_unassigned_nor_counted() -> None:
    meter = Meter(10)
    meter.add(sample(0), 0)
    meter.add(sample(0), 10)
    assert counted(meter) == {}


# Gaps


def test_a_lost_sample_is_bridged_and_a_long_gap_is_not() -> None:
    meter = Meter(10, voices=KNOWN)
    for now, each in ((0, sample(360)), (10, LOST), (20, LOST), (30, sample(360)), (60.5, sample(360))):
        meter.add(each, now)
    assert counted(meter) == pytest.approx(
        {"energy_out_wh": 3.0, "charge_out_ah": 3.0 / VOLTS, "gap_seconds": 30.5}
    )


@pytest.mark.parametrize(
    "broken",
    [
        {"soc": {"error": "damaged"}},
        {"soc": {"soc_percent": 50.0, "total_voltage": 50.0}},
        {"soc": {"soc_percent": 50.0, "current": 7.0}},
        {"soc": None},
        {"state": "frozen"},
        {"error": "no answer"},
    ],
)
def test_a_sample_without_power_is_none(broken: dict[str, Any]) -> None:
    meter = Meter(10, voices=KNOWN)
    meter.add(sample(360), 0)
    meter.add({**sample(99_999), **broken}, 10)
    meter.add(sample(360), 20)
    assert meter.counters["energy_out_wh"] == pytest.approx(2.0)


def test_a_clock_that_stands_still_or_goes_back_counts_nothing() -> None:
    meter = Meter(10, voices=KNOWN)
    for now in (100, 100, 50):
        meter.add(sample(1000), now)
    assert counted(meter) == {}


steps = st.tuples(st.floats(-5000, 5000), st.floats(-5, 100), st.sampled_from(["a5", "d2"]), st.booleans())


@given(st.lists(steps, max_size=30))
def test_no_counter_ever_falls(given_steps: list[tuple[float, float, str, bool]]) -> None:
    meter, now = Meter(10), 0.0
    for watts, seconds, protocol, lost in given_steps:
        before, now = dict(meter.counters), now + seconds
        meter.add(LOST if lost else sample(watts, protocol), now)
        assert all(meter.counters[name] >= before[name] for name in COUNTERS)


# Runtime


def feed(meter: Meter, watts: float, since: int, until: int) -> dict[str, Any]:
    for now in range(since, until + 1, 10):
        meter.add(sample(watts), now)
    return meter.runtime(sample(watts))


def test_the_runtime_follows_the_direction() -> None:
    assert feed(Meter(10, voices=KNOWN), 500, 0, 310) == {"runtime_hours": 10.0, "runtime_to": "empty"}
    assert feed(Meter(10, voices=KNOWN), -500, 0, 310) == {"runtime_hours": 18.0, "runtime_to": "full"}


def test_the_runtime_is_absent_below_1_a_at_the_start_and_after_an_outage() -> None:
    meter = Meter(10, voices=KNOWN)
    assert feed(meter, 500, 0, 290) == {}
    assert feed(meter, 500, 300, 310)
    assert feed(meter, 500, 400, 690) == {}, "after an outage"
    assert feed(meter, 500, 700, 710)
    assert feed(Meter(10, voices=KNOWN), 45, 0, 1000) == {}


def test_the_runtime_is_absent_where_the_sample_does_not_tell() -> None:
    meter = Meter(10, voices=KNOWN)
    feed(meter, -500, 0, 400)
    assert meter.runtime(LOST) == {}
    assert meter.runtime(sample(-500, info={})) == {}
    assert meter.runtime(sample(-500, mosfet_status={"error": "x"})) == {}
    assert meter.runtime(sample(-500, info={"rated_capacity_ah": 90.0})) == {}, "more remains than fits"


def test_a_short_load_does_not_move_the_runtime_much() -> None:
    meter = Meter(10, voices=KNOWN)
    feed(meter, 500, 0, 1000)
    assert feed(meter, 1000, 1010, 1010)["runtime_hours"] == pytest.approx(10.0, rel=0.1)
    assert feed(meter, 1000, 1020, 1400)["runtime_hours"] == pytest.approx(5.0, rel=0.06)
