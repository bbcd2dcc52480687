"""`--get soc.soc_percent`: one bare value by its path."""

from __future__ import annotations

import pytest
from samples import read

from dalybms.errors import DalyError
from dalybms.outputs.one_value import section_of, value


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("soc.soc_percent", "76.5"), ("mosfet_status.mode", "discharging"), ("cell_voltages.3", "3.314"),
        ("mosfet_status.charging_mosfet", "true"), ("status.states.DI2", "true"), ("errors", "[]"),
        ("soc", '{"total_voltage": 53.0, "current": 12.3, "soc_percent": 76.5}'),
    ],
)  # fmt: skip
def test_a_path_gives_the_bare_value(path: str, text: str) -> None:
    assert value(read(), path) == text


def test_a_fault_is_named_by_its_place() -> None:
    assert value(read(faults=True), "faults.0.code") == "cell_voltage_low_2"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("soc.volts", "total_voltage, current, soc_percent"), ("cell_voltages.17", "1, 2, 3"),
        ("faults.0", "empty list"), ("soc.current.x", "single value"), ("status.cells", "no answer"),
        ("temperature_range.lowest_sensor", "raw value 99"), ("errors.x", "an empty list"),
    ],
)  # fmt: skip
def test_what_was_not_read_is_an_error_that_says_why(path: str, words: str) -> None:
    sample = read()
    sample["status"] = {"error": "no answer to command 94"}
    del sample["temperature_range"]["lowest_sensor"]
    sample["unusable"] = {"temperature_range.lowest_sensor": "raw value 99 cannot be"}
    with pytest.raises(DalyError, match=words):
        value(sample, path)


def test_the_section_follows_from_the_path() -> None:
    assert section_of("cell_voltages.3") == "cell_voltages"
    assert section_of("faults") == "faults"
    with pytest.raises(ValueError, match="one of soc, "):
        section_of("voltage")
