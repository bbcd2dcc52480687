"""Several packs in parallel as the one bank that they are."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalybms import bank, readings
from dalybms.errors import NoReply

FAILED = {"error": "no answer to soc in 4 attempts"}


def pack(**changes: Any) -> dict[str, Any]:
    """An A5 pack that discharges with 10 A; a change is section__key=value, None takes the key away."""
    sections: dict[str, Any] = {
        "soc": {"total_voltage": 53.0, "current": 10.0, "soc_percent": 50.0},
        "cell_voltage_range": {
            "highest_voltage": 3.32,
            "highest_cell": 4,
            "lowest_voltage": 3.31,
            "lowest_cell": 9,
        },
        "temperature_range": {
            "highest_temperature": 23,
            "highest_sensor": 2,
            "lowest_temperature": 21,
            "lowest_sensor": 1,
        },
        "mosfet_status": {
            "mode": "discharging",
            "charging_mosfet": True,
            "discharging_mosfet": True,
            "capacity_ah": 150.0,
        },
        "errors": [],
        "info": {"protocol": "a5", "rated_capacity_ah": 300.0},
    }
    for name, value in changes.items():
        section, _, key = name.partition("__")
        if not key:
            sections[section] = value
        elif value is None:
            del sections[section][key]
        else:
            sections[section][key] = value
    return sections


def test_300_ah_at_50_and_100_ah_at_25_percent_are_43_75() -> None:
    found = bank({"1": pack(), "2": pack(info__rated_capacity_ah=100.0, soc__soc_percent=25.0)})
    assert found["soc_percent"] == 43.75
    assert "soc_percent_unknown" not in found


def test_the_public_name_is_the_function() -> None:
    code = (
        "import dalybms.banking, dalybms; from dalybms import bank; print(bank({})['boards'], callable(bank))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "{'answering': 0, 'of': 0} True\n"


def test_means_sums_and_extremes() -> None:
    second = pack(
        soc__total_voltage=53.2,
        soc__current=2.5,
        cell_voltage_range__lowest_voltage=3.2,
        cell_voltage_range__lowest_cell=1,
        temperature_range__highest_temperature=40,
    )
    found = bank({"1": pack(), "2": second})
    assert found == {
        "boards": {"answering": 2, "of": 2},
        "total_voltage": 53.1,
        "voltage_spread": 0.2,
        "current": 12.5,
        "power": 663.0,
        "capacity_ah": 300.0,
        "soc_percent": 50.0,
        "highest_voltage": 3.32,
        "highest_cell": 4,
        "highest_cell_board": "1",
        "lowest_voltage": 3.2,
        "lowest_cell": 1,
        "lowest_cell_board": "2",
        "highest_temperature": 40,
        "highest_sensor": 2,
        "highest_sensor_board": "2",
        "lowest_temperature": 21,
        "lowest_sensor": 1,
        "lowest_sensor_board": "1",
        "errors": [],
        "left_out": {},
    }


# Polarity


@pytest.mark.parametrize("protocol", ["d2", "p81"])
def test_d2_and_p81_are_turned(protocol: str) -> None:
    other = pack(soc__current=-5.0, info__protocol=protocol)
    assert bank({"1": pack(), "2": other})["current"] == 15.0
    quiet = pack(soc__current=-0.4, info__protocol=protocol, mosfet_status__mode="stationary")
    assert bank({"1": pack(), "2": quiet})["current"] == 10.4
    turned = pack(soc__current=0.4, info__protocol=protocol, mosfet_status__mode="stationary")
    assert bank({"1": pack(), "2": turned}, inverted=["2"])["current"] == 10.4


@pytest.mark.parametrize(("current", "mode", "sum_"), [(-5.0, "discharging", 15.0), (-5.0, "charging", 5.0)])
def test_a5_is_turned_by_its_mode(current: float, mode: str, sum_: float) -> None:
    """An A5 board that counts discharge down, and one that charges and counts it down."""
    found = bank({"1": pack(), "2": pack(soc__current=current, mosfet_status__mode=mode)})
    assert found["current"] == sum_
    assert found["power"] == 53.0 * sum_


@pytest.mark.parametrize("current", [0.4, -0.9, 12.0])
def test_an_unknown_polarity_leaves_current_and_power_out(current: float) -> None:
    found = bank({"1": pack(), "2": pack(soc__current=current, mosfet_status__mode="stationary")})
    assert "current" not in found
    assert "power" not in found
    assert found["current_unknown"].startswith("2: ")
    assert f"{current:+.1f} A" in found["current_unknown"]


def test_what_was_learnt_before_counts_and_the_state_is_a_plain_dict() -> None:
    quiet = pack(soc__current=-0.4, mosfet_status__mode="stationary")
    known = {"2": {"discharge_positive": 0, "discharge_negative": 7}}
    assert bank({"1": pack(), "2": quiet}, json.loads(json.dumps(known)))["current"] == 10.4
    assert bank({"1": pack(), "2": quiet}, known, inverted={"2"})["current"] == 9.6


def test_a_pack_at_rest_needs_no_polarity() -> None:
    found = bank({"1": pack(), "2": pack(soc__current=0.0, mosfet_status__mode="stationary")})
    assert (found["current"], found["power"]) == (10.0, 530.0)
    assert "current_unknown" not in found


def test_a_d2_board_that_contradicts_its_protocol_is_not_summed() -> None:
    found = bank({"1": pack(), "2": pack(info__protocol="d2")})
    assert "current" not in found
    assert "current_unknown" in found


# Failures


@pytest.mark.parametrize(
    "failed",
    [
        FAILED,
        NoReply("no answer"),
        {"state": "asleep", "soc": {"total_voltage": 1.0, "current": 99.0, "soc_percent": 1.0}},
        {"error": "x", "soc": {"total_voltage": 1.0, "current": 99.0, "soc_percent": 1.0}},
        {"soc": FAILED, "errors": FAILED},
        {},
        None,
    ],
)
def test_a_pack_that_failed_gives_no_value_and_is_named(failed: Any) -> None:
    found = bank({"1": pack(), "2": failed})
    assert found.pop("boards") == {"answering": 1, "of": 2}
    assert found.pop("left_out").keys() == {"2"}
    alone = bank({"1": pack()})
    assert {name: alone[name] for name in found} == found  # type: ignore[literal-required]


def test_no_pack_that_answers_is_no_value_at_all() -> None:
    found = bank({"1": FAILED, "2": FAILED})
    assert found["boards"] == {"answering": 0, "of": 2}
    reasons = {name for name in found if name.endswith("_unknown")}
    assert set(found) - reasons == {"boards", "left_out", "errors"}
    assert found["errors"] == []


def test_a_pack_without_discharge_mosfet_flows_but_does_not_count() -> None:
    off = pack(soc__current=-20.0, soc__soc_percent=10.0, mosfet_status__discharging_mosfet=False)
    off["mosfet_status"]["mode"] = "charging"
    found = bank({"1": pack(), "2": off})
    assert found["soc_percent"] == 50.0
    assert found["left_out"] == {"2": "discharge MOSFET off"}
    assert found["current"] == -10.0
    assert found["capacity_ah"] == 300.0
    assert found["boards"] == {"answering": 2, "of": 2}


def test_the_capacity_when_full_is_rated_or_stated_never_computed() -> None:
    stated = pack(info=FAILED, mosfet_status__full_capacity_ah=100.0, soc__soc_percent=25.0)
    assert bank({"1": pack(), "2": stated})["soc_percent"] == 43.75
    unknown = bank({"1": pack(), "2": pack(info__rated_capacity_ah=None)})
    assert "soc_percent" not in unknown
    assert unknown["soc_percent_unknown"].startswith("2: ")
    assert "soc_percent" not in bank({"1": pack(info__rated_capacity_ah=0)})


def test_an_unknown_mosfet_keeps_the_state_of_charge_unknown() -> None:
    found = bank({"1": pack(), "2": pack(mosfet_status=FAILED)})
    assert "soc_percent" not in found
    assert "discharge MOSFET" in found["soc_percent_unknown"]
    assert "capacity_ah" not in found
    assert found["capacity_unknown"].startswith("2: ")


def test_a_section_that_failed_keeps_its_sums_and_extremes_unknown() -> None:
    found = bank({"1": pack(), "2": pack(soc=FAILED, cell_voltage_range=FAILED)})
    assert not {"current", "power", "highest_voltage", "lowest_voltage"} & found.keys()
    assert found["left_out"].keys() == {"2"}
    assert found["total_voltage"] == 53.0
    assert found["cell_extremes_unknown"].startswith("2: ")


def test_a_value_that_cannot_be_is_named() -> None:
    odd = pack(soc__current=None, cell_voltage_range__lowest_voltage=None)
    odd["unusable"] = {
        "soc.current": "-3000 A cannot be",
        "cell_voltage_range.lowest_voltage": "0 V cannot be",
    }
    found = bank({"1": pack(), "2": odd})
    assert found["current_unknown"] == "2: current was not read: -3000 A cannot be"
    assert found["cell_extremes_unknown"] == "2: 0 V cannot be"


def test_the_list_stands_in_for_a_range_that_failed() -> None:
    listed = pack(cell_voltage_range=FAILED, cell_voltages={1: 3.3, 2: 3.5, 3: 3.1})
    found = bank({"1": pack(), "2": listed})
    assert (found["highest_voltage"], found["highest_cell"], found["highest_cell_board"]) == (3.5, 2, "2")
    assert (found["lowest_voltage"], found["lowest_cell"], found["lowest_cell_board"]) == (3.1, 3, "2")


def test_a_pack_without_sensors_is_passed_over() -> None:
    found = bank({"1": pack(), "2": pack(temperature_range={}, temperatures={})})
    assert found["highest_temperature"] == 23
    assert found["highest_sensor_board"] == "1"


def test_errors_are_prefixed_and_silence_is_not_health() -> None:
    faulty = pack(errors=["cell voltage too low (level 2)"])
    assert bank({"1": pack(), "garage": faulty})["errors"] == ["garage: cell voltage too low (level 2)"]
    found = bank({"1": faulty, "2": pack(errors=FAILED)})
    assert found["errors"] == ["1: cell voltage too low (level 2)"]
    assert found["errors_unknown"] == f"2: {FAILED['error']}"
    assert "errors" not in bank({"1": pack(), "2": pack(errors=FAILED)})
    by_faults = pack(faults=[{"code": "rtc", "level": 3, "text": "clock (RTC) failed"}])
    del by_faults["errors"]
    assert bank({"2": by_faults})["errors"] == ["2: clock (RTC) failed"]


def test_board_10_stands_behind_board_2() -> None:
    faulty = pack(errors=["x"])
    assert bank({"10": faulty, "b": faulty, "2": faulty})["errors"] == ["2: x", "10: x", "b: x"]


# Properties

amperes = st.integers(-3000, 3000).map(lambda tenths: tenths / 10)
SOUND = st.builds(
    pack,
    soc__total_voltage=st.integers(400, 600).map(lambda tenths: tenths / 10),
    soc__current=amperes,
    soc__soc_percent=st.integers(0, 1000).map(lambda tenths: tenths / 10),
    mosfet_status__mode=st.sampled_from(["stationary", "charging", "discharging"]),
    mosfet_status__capacity_ah=st.integers(0, 10**6).map(lambda milli: milli / 1000),
    mosfet_status__discharging_mosfet=st.booleans(),
    info__rated_capacity_ah=st.integers(1, 1000),
    info__protocol=st.sampled_from(["a5", "d2", "p81", "sinowealth"]),
    errors=st.lists(st.sampled_from(["a", "b"]), max_size=2),
)


@st.composite
def torn(draw: Any) -> Any:
    """A pack that lacks anything: keys, sections, all of it."""
    if draw(st.integers(0, 9)) == 0:
        return FAILED
    sections = draw(SOUND)
    for section in list(sections):
        fate = draw(st.integers(0, 9))
        if fate == 0:
            del sections[section]
        elif fate == 1:
            sections[section] = FAILED
        elif isinstance(sections[section], dict):
            for key in draw(st.sets(st.sampled_from(sorted(sections[section])), max_size=2)):
                del sections[section][key]
    return sections


NAMES = st.sampled_from(["1", "2", "3", "10", "garage", "shed"])


@given(st.dictionaries(NAMES, torn(), max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_the_packs_does_not_matter(packs: dict[str, Any], random: Any) -> None:
    names = list(packs)
    random.shuffle(names)
    assert bank({name: packs[name] for name in names}) == bank(packs)


@given(st.dictionaries(NAMES, torn(), max_size=5))
def test_any_key_may_be_missing_and_what_is_absent_is_explained(packs: dict[str, Any]) -> None:
    found = bank(packs)
    json.dumps(found)
    assert set(found) <= set(readings.Bank.__annotations__)
    for key, reason in (
        ("total_voltage", "total_voltage_unknown"),
        ("current", "current_unknown"),
        ("capacity_ah", "capacity_unknown"),
        ("soc_percent", "soc_percent_unknown"),
    ):
        assert (key in found) != (reason in found)
    assert ("power" in found) != ("current_unknown" in found or "power_unknown" in found)
    answering = [each for each in packs.values() if each != FAILED]
    assert found["boards"]["answering"] <= len(answering)


@given(SOUND)
def test_one_pack_is_its_own_bank(sections: dict[str, Any]) -> None:
    found = bank({"1": sections})
    assert found["total_voltage"] == sections["soc"]["total_voltage"]
    assert found["voltage_spread"] == 0
    assert found["capacity_ah"] == sections["mosfet_status"]["capacity_ah"]
    for key in ("highest_voltage", "lowest_voltage", "highest_cell", "lowest_cell"):
        assert found[key] == sections["cell_voltage_range"][key]  # type: ignore[literal-required]
    if "current" in found:
        assert abs(found["current"]) == abs(sections["soc"]["current"])
    if sections["mosfet_status"]["discharging_mosfet"]:
        assert found["soc_percent"] == sections["soc"]["soc_percent"]
    else:
        assert "soc_percent" not in found


@given(st.lists(SOUND, min_size=1, max_size=5))
def test_sums_are_sums_and_the_mean_lies_between(packs: list[dict[str, Any]]) -> None:
    found = bank({str(number): each for number, each in enumerate(packs, 1)})
    alone = [bank({"1": each}) for each in packs]
    assert found["capacity_ah"] == pytest.approx(sum(each["capacity_ah"] for each in alone), abs=0.001)
    if all("current" in each for each in alone):
        assert found["current"] == pytest.approx(sum(each["current"] for each in alone), abs=0.001)
        assert found["power"] == pytest.approx(sum(each["power"] for each in alone), abs=0.02 * len(packs))
    else:
        assert "current" not in found
    counting = [each["soc_percent"] for each in alone if "soc_percent" in each]
    if counting:
        assert min(counting) - 0.01 <= found["soc_percent"] <= max(counting) + 0.01
    volts = [each["total_voltage"] for each in alone]
    assert min(volts) <= found["total_voltage"] <= max(volts)


@given(st.dictionaries(NAMES, SOUND, min_size=1, max_size=3), SOUND)
def test_nothing_of_a_failed_pack_shows(packs: dict[str, Any], lost: dict[str, Any]) -> None:
    """Whatever stands beside its error: the bank is the same, but for the count and its name."""
    one = bank({**packs, "lost": {**lost, "error": "no answer"}})
    other = bank({**packs, "lost": {"error": "no answer"}})
    assert one == other
    assert one["left_out"]["lost"] == "no answer"


@given(torn())
def test_sections_are_not_changed(sections: dict[str, Any]) -> None:
    before = json.dumps(sections)
    bank({"1": sections, "2": sections})
    assert json.dumps(sections) == before
