"""A sample becomes one flat object: every key always, no value that is not in the sample."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

import pytest
from samples import BANK, ENERGY, FAILED, PROTOCOLS, read

from dalybms import readings
from dalybms.outputs.flat import NO_FAULT, Shape, flat
from dalybms.outputs.quantities import FLAG, LABELS, NUMBER, TABLE, TEXT, quantities

LEFT_OUT = {
    "status.fault_words", "status.old_fault_words",  # raw words; the faults in them are shown
    "mosfet_status.remaining_capacity_ah",  # the same as capacity_ah
}  # fmt: skip
SECTION_TYPES = {
    "soc": readings.Soc, "cell_voltage_range": readings.CellVoltageRange, "status": readings.Status,
    "temperature_range": readings.TemperatureRange, "mosfet_status": readings.MosfetStatus,
    "energy": readings.Energy,
}  # fmt: skip

COMPARED = (*SECTION_TYPES, "cell_voltages", "temperatures", "balancing_status")


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, (*path, str(key)))
    else:
        yield ".".join(path), value


def key_of(path: str) -> str:
    section, _, key = path.partition(".")
    single = {
        "cell_voltages": "cell_voltage",
        "temperatures": "temperature",
        "balancing_status": "cell_balancing",
    }
    if section in single:
        return f"{single[section]}_{key}"
    last = key.rpartition(".")[2]
    return next((row.key for row in TABLE if row.source == section and row.place == last), "")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("faults", [False, True])
def test_each_value_is_that_of_the_sample(protocol: str, faults: bool) -> None:
    sample = read(protocol, faults=faults, energy=ENERGY)
    values = flat(sample, Shape().grown(sample))
    compared = 0
    for path, value in leaves({name: sample.get(name) for name in COMPARED}):
        if path not in LEFT_OUT and value is not None and path != "soc.power":
            expected = "; ".join(value) or NO_FAULT if isinstance(value, list) else value
            assert values[key_of(path)] == expected, path
            compared += 1
    assert compared > 30
    assert values["fault_count"] == len(sample["faults"])
    assert (values["faults"] != NO_FAULT) == faults
    assert values["fault"] is faults


def test_every_key_of_a_reading_has_a_place() -> None:
    kinds = {float: NUMBER, int: NUMBER, bool: FLAG, str: TEXT, list[str]: TEXT}
    for section, kind in SECTION_TYPES.items():
        for key, hint in get_type_hints(kind).items():
            if f"{section}.{key}" in LEFT_OUT or f"{section}.{key}" in ("soc.power", "status.states"):
                continue
            row = next((row for row in TABLE if row.source == section and row.place == key), None)
            assert row, f"{section}.{key} has no row"
            assert row.kind == kinds[hint], key


def test_the_keys_of_a_bank_have_a_place() -> None:
    known = {row.key for row in TABLE}
    hints = get_type_hints(readings.Bank)
    assert {key for key in hints if not key.endswith("_unknown")} - known == {"errors", "left_out"}


def test_keys_are_there_once_and_stay() -> None:
    keys = [row.key for row in quantities(16, 4)]
    assert len(keys) == len(set(keys)) == len(TABLE) + 16 + 4 + 16
    good, failed = flat(read(), Shape(16, 4)), flat(FAILED, Shape(16, 4))
    assert list(good) == list(failed) == [*LABELS, *keys]


@pytest.mark.parametrize("state", ["asleep", "no_reply", "unplugged", "frozen", "error"])
def test_a_sample_that_failed_has_no_value_whatever_stands_in_it(state: str) -> None:
    values = flat({**read(), "state": state}, Shape(16, 4))
    assert {key for key, value in values.items() if value is not None} == {
        "time", "device", "name", "protocol", "state",
    }  # fmt: skip


def test_a_failed_section_is_unread_and_nothing_else() -> None:
    sample = read()
    values = flat({**sample, "state": "partial", "soc": {"error": "no answer"}}, Shape(16, 4))
    before = flat(sample, Shape(16, 4))
    lost = {key for key in before if before[key] != values[key]}
    assert lost == {
        "state", "soc_percent", "total_voltage", "current", "power", "charging_power", "discharging_power",
        "charging_current", "discharging_current",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("current", "polarity", "power", "charging", "discharging"),
    [
        (12.5, 1, 662.5, 0.0, 12.5), (-12.5, 1, -662.5, 12.5, 0.0), (-12.5, -1, 662.5, 0.0, 12.5),
        (12.5, -1, -662.5, 12.5, 0.0), (12.5, None, None, None, None), (0.0, None, None, None, None),
        (0.0, -1, 0.0, 0.0, 0.0),
    ],
)  # fmt: skip
def test_directions_follow_the_polarity(
    current: float, polarity: Any, power: Any, charging: Any, discharging: Any
) -> None:
    soc = {"total_voltage": 53.0, "current": current, "soc_percent": 50.0}
    values = flat({**FAILED, "state": "ok", "soc": soc, "polarity": polarity})
    directions = ("power", "charging_current", "discharging_current")
    assert tuple(values[key] for key in directions) == (power, charging, discharging)
    assert all(math.copysign(1, value) == 1 for key in directions if (value := values[key]) == 0)
    assert values["current"] == current


def test_the_power_of_a_register_board_is_turned_as_well() -> None:
    sample = read("d2")
    assert sample["soc"]["power"] == -651.9
    assert flat(sample)["power"] == 651.9


def test_a_bank_has_its_own_values() -> None:
    values = flat(BANK)
    assert (values["total_voltage"], values["power"], values["discharging_power"]) == (53.05, 1087.5, 1087.5)
    assert (values["boards_answering"], values["boards"], values["voltage_spread"]) == (2, 3, 0.1)
    assert (values["faults"], values["highest_cell_board"]) == (
        "left: cell voltage too low (level 2)",
        "left",
    )
    assert values["delta_voltage"] == 0.004
    assert values["cycles"] is None


@pytest.mark.parametrize("odd", [math.nan, math.inf, "3.3", None, True, [1]])
def test_what_is_no_number_is_not_shown_as_one(odd: Any) -> None:
    sample = {**FAILED, "state": "ok", "soc": {"total_voltage": odd}, "cell_voltages": {"1": odd}}
    values = flat(sample, Shape(1, 0))
    assert (values["total_voltage"], values["cell_voltage_1"]) == (None, None)


def test_a_pack_never_loses_a_key() -> None:
    shape = Shape().grown(read(options="&cells=16&sensors=4"))
    assert shape == Shape(16, 4)
    assert shape.grown(read(options="&cells=8&sensors=1")) == Shape(16, 4)
    assert shape.grown(FAILED) == Shape(16, 4)
    assert shape.grown(read(options="&cells=20&sensors=6")) == Shape(20, 6)


def test_json_and_python_keys_are_the_same() -> None:
    sample = read()
    text = {**sample, "cell_voltages": {str(key): value for key, value in sample["cell_voltages"].items()}}
    assert flat(text, Shape(16, 4)) == flat(sample, Shape(16, 4))


def test_energy_stands_when_nothing_could_be_read() -> None:
    assert flat({**FAILED, "energy": ENERGY})["energy_in_wh"] == 1234.5


def test_a_power_that_the_bank_does_not_know_is_not_made_of_a_mean_voltage() -> None:
    bank = {key: value for key, value in BANK["bank"].items() if key != "power"}
    values = flat({**BANK, "bank": {**bank, "power_unknown": "right: total_voltage was not read"}})
    assert [values[key] for key in ("power", "charging_power", "discharging_power")] == [None] * 3
    assert values["discharging_current"] == 20.5
