"""What readings.py says of each key is what a board of each protocol gives, as far as Python's types go."""

from __future__ import annotations

import typing
from typing import Any

import pytest

from dalybms import open_bms, readings

KINDS: dict[str, Any] = {
    "soc": readings.Soc,
    "cell_voltage_range": readings.CellVoltageRange,
    "temperature_range": readings.TemperatureRange,
    "mosfet_status": readings.MosfetStatus,
    "status": readings.Status,
    "cell_voltages": readings.CellVoltages,
    "temperatures": readings.Temperatures,
    "balancing_status": readings.BalancingStatus,
    "errors": readings.Errors,
    "info": readings.Info,
}
PACKS = ("", "&temperature=20.4", "&sensors=0", "&current=-5", "&alarms=0102000400000000", "&balancing=2")


def assert_is(value: Any, kind: Any, where: str) -> None:
    """A float may be an int, and nothing else another type; a dict has no key that is not declared."""
    inner = typing.get_args(kind)
    if typing.get_origin(kind) is dict:
        for key, item in value.items():
            assert_is(key, inner[0], where)
            assert_is(item, inner[1], f"{where}.{key}")
    elif typing.get_origin(kind) is list:
        for item in value:
            assert_is(item, inner[0], where)
    elif hasattr(kind, "__required_keys__"):
        hints = typing.get_type_hints(kind)
        assert kind.__required_keys__ <= value.keys() <= hints.keys(), where
        for key, item in value.items():
            assert_is(item, hints[key], f"{where}.{key}")
    else:
        assert type(value) is kind or (kind is float and type(value) is int), f"{where}: {value!r}"


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("protocol", ["a5", "d2", "p81", "sinowealth"])
def test_readings_are_of_the_types_that_are_declared(protocol: str, pack: str) -> None:
    with open_bms(f"demo:?protocol={protocol}{pack}", protocol=protocol, pause=0) as bms:
        read = bms.read(list(KINDS))
    told = {section: reading for section, reading in read.items() if not isinstance(reading, Exception)}
    assert {"soc", "status", "cell_voltages", "info"} <= told.keys()
    for section, reading in told.items():
        assert_is(reading, KINDS[section], section)


def test_another_type_would_be_seen() -> None:
    with pytest.raises(AssertionError):
        assert_is({"highest_cell": 1.5}, readings.CellVoltageRange, "")
    with pytest.raises(AssertionError):
        assert_is({"soc": 1.5}, readings.Soc, "")
