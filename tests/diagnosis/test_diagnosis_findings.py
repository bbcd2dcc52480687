"""What is wrong with a pack that answers: each rule fires, and is silent where nothing is wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from make_recordings import recordings
from support import attach

from dalybms import DalyError, open_bms
from dalybms.diagnosis.finding import ERROR, NOTE, WARNING
from dalybms.diagnosis.findings import findings
from dalybms.diagnosis.limits import KINDS
from dalybms.emulator.options import build
from dalybms.protocols.faults import FAULTS
from dalybms.sections import SECTIONS

PROTOCOLS = ("a5", "d2", "p81")
CAPTURED = recordings()


def seen_of(bms: Any) -> dict[str, Any]:
    outcomes = bms.read((*SECTIONS, "faults", "info"))
    readings: dict[str, Any] = {
        name: {"error": str(each)} if isinstance(each, DalyError) else each for name, each in outcomes.items()
    }
    try:
        parameters = bms.get_parameters()
    except DalyError:
        parameters = None
    now = datetime(2026, 11, 26, 10, 0)
    return {
        "readings": readings,
        "unusable": dict(bms.unusable),
        "parameters": parameters,
        "interval": 60.0,
        "clock": {"board": now, "here": now},
    }


def healthy() -> dict[str, Any]:
    """The emulated LFP pack of 16 cells at rest."""
    seen = seen_of(attach(build("protocol=p81"), protocol="p81"))
    seen["readings"]["soc"]["current"] = 0.0
    seen["parameters"]["chemistry"] = "LFP"
    return seen


def changed(path: str, value: Any) -> dict[str, Any]:
    seen = healthy()
    *way, last = path.split(".")
    place: Any = seen
    for name in way:
        place = place[name]
    place[int(last) if last.isdigit() else last] = value
    return seen


def texts(seen: dict[str, Any], severity: str = "", area: str = "") -> list[str]:
    return [
        found["detail"]
        for found in findings(seen)[0]
        if severity in ("", found["severity"]) and area in ("", found["area"])
    ]


def test_nothing_is_found_in_a_healthy_pack() -> None:
    found, unchecked = findings(healthy())
    assert (found, unchecked) == ([], [])


@pytest.mark.parametrize("minutes", [-4, 5, 0])
def test_a_clock_within_five_minutes_is_right(minutes: int) -> None:
    seen = healthy()
    seen["clock"]["board"] += timedelta(minutes=minutes)
    assert texts(seen) == []


@pytest.mark.parametrize("seconds", [-301, 301, 7200, -86400 * 365])
def test_a_clock_more_than_five_minutes_off(seconds: int) -> None:
    seen = healthy()
    seen["clock"]["board"] += timedelta(seconds=seconds)
    (detail,) = texts(seen, WARNING, "clock")
    assert f"{seen['clock']['board']:%Y-%m-%d %H:%M}" in detail
    assert "here it is 2026-11-26 10:00" in detail


def test_a_clock_that_was_never_set() -> None:
    assert texts(changed("clock.board", None), WARNING, "clock") == ["the clock of the board was never set"]


def test_a_clock_that_was_not_told_is_unchecked() -> None:
    found, unchecked = findings(changed("clock", {"error": "no answer"}))
    assert (found, unchecked) == ([], ["clock: no answer"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_emulated_pack_is_healthy_in_every_protocol(protocol: str) -> None:
    found, _ = findings(seen_of(attach(build(f"protocol={protocol}"), protocol=protocol)))
    assert found == []


def test_any_key_may_be_absent() -> None:
    for seen in ({}, {"readings": {}}, {"readings": {}, "parameters": None, "unusable": None}):
        found, unchecked = findings(seen)
        assert found == []
        assert "soc: not read" in unchecked
        assert "settings: not read" in unchecked


@pytest.mark.parametrize(
    "section", ["soc", "status", "cell_voltages", "mosfet_status", "info", "temperatures"]
)
def test_a_section_that_failed_is_unchecked_and_nothing_is_found_for_it(section: str) -> None:
    seen = healthy()
    seen["readings"][section] = {"error": "no answer to it"}
    seen["parameters"].pop("chemistry")
    found, unchecked = findings(seen)
    assert found == []
    assert f"{section}: no answer to it" in unchecked
    assert all("\n" not in line for line in unchecked)


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_every_fault_is_found_with_a_way_out(code: str) -> None:
    found, _ = findings(changed("readings.faults", [FAULTS[code]]))
    if code.startswith("mosfet_switched_off"):
        assert found == []
        return
    [only] = found
    assert only["severity"] == (ERROR if FAULTS[code]["level"] in (2, 3) else WARNING)
    assert (only["area"], only["detail"]) == ("faults", FAULTS[code]["text"])
    assert only["fix"]


def test_an_unknown_fault_is_a_warning() -> None:
    seen = changed("readings.faults", [{"code": "unknown", "level": 0, "text": "unknown bit 3"}])
    assert texts(seen, WARNING) == ["unknown bit 3"]


def test_the_worst_is_first() -> None:
    seen = changed("readings.mosfet_status.discharging_mosfet", False)
    seen["readings"]["faults"] = [FAULTS["cell_voltage_low_1"], FAULTS["cell_voltage_low_2"]]
    assert [found["severity"] for found in findings(seen)[0]] == [ERROR, WARNING, NOTE]


def test_a_cell_that_cannot_be_measured_is_an_error() -> None:
    seen = healthy()
    del seen["readings"]["cell_voltages"][7]
    seen["unusable"] = {"cell_voltages.7": "cell 7: 0 V cannot be"}
    [only], unchecked = findings(seen)
    assert (only["severity"], only["area"]) == (ERROR, "cells")
    assert "cell 7: 0 V" in only["detail"]
    assert "sum and spread of the cells: a cell cannot be measured" in unchecked


def test_another_number_of_cells_than_is_seen_is_an_error() -> None:
    seen = healthy()
    seen["readings"]["cell_voltages"].pop(16)
    assert "16 cells are configured and 15 seen" in texts(seen, ERROR, "cells")


def test_another_number_of_cells_in_the_settings_is_a_warning() -> None:
    assert texts(changed("parameters.cells", 15)) == ["the settings say 15 cells and the status 16"]


def test_cells_found_are_kept_when_the_number_of_cells_is_not_known() -> None:
    seen = healthy()
    seen["unusable"] = {"cell_voltages.7": "cell 7: 0 V cannot be"}
    seen["readings"]["status"] = {"error": "no answer"}
    assert texts(seen, ERROR) == ["a cell that the board is set to cannot be measured: cell 7: 0 V cannot be"]


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"cells": 16, "cells_board_2": 6, "cells_board_3": 6, "measuring_boards": 1}, False),
        ({"cells": 8, "cells_board_2": 8, "cells_board_3": 6, "measuring_boards": 2}, False),
        ({"cells": 8, "cells_board_2": 6, "cells_board_3": 2, "measuring_boards": 3}, False),
        ({"cells": 8, "cells_board_2": 6, "measuring_boards": 2}, True),
        ({"cells": 8, "measuring_boards": 2}, False),
        ({"cells": 8}, False),
        ({"cells": 15, "measuring_boards": 1}, True),
    ],
)
def test_only_measuring_boards_that_are_there_count(told: dict[str, int], found: bool) -> None:
    """A recorded board with one measuring board names six cells for a second and third one."""
    assert bool(texts(changed("parameters", told), WARNING, "cells")) == found


def test_a_sensor_that_cannot_be_read_is_a_warning() -> None:
    seen = healthy()
    del seen["readings"]["temperatures"][2]
    assert texts(seen) == ["temperature sensor 2 cannot be read"]


@pytest.mark.parametrize(
    ("current", "volts", "found"),
    [(0.0, 53.5, False), (0.0, 53.7, True), (0.0, 52.2, True), (30.0, 54.2, False), (30.0, 55.0, True)],
)
def test_sum_and_pack_voltage_apart(current: float, volts: float, found: bool) -> None:
    seen = changed("readings.soc", {"total_voltage": volts, "current": current})
    seen["readings"]["cell_voltages"] = dict.fromkeys(range(1, 17), 3.3125)
    assert bool(texts(seen, WARNING, "cells")) == found


def test_sections_that_contradict_each_other_are_an_error_and_not_merely_unchecked() -> None:
    why = "pack voltage 66 V and sum of the 16 cells 53.000 V contradict each other, twice; read again"
    seen = changed("readings.soc", {"error": why})
    seen["readings"]["cell_voltages"] = {"error": why}
    found, unchecked = findings(seen)
    assert [(each["severity"], each["detail"]) for each in found] == [(ERROR, why)]
    assert not any(line.startswith("soc:") for line in unchecked)


@pytest.mark.parametrize(("remaining", "found"), [(280.0, False), (281.0, False), (290.0, True)])
def test_remaining_above_rated(remaining: float, found: bool) -> None:
    assert bool(texts(changed("readings.mosfet_status.capacity_ah", remaining), WARNING, "capacity")) == found


def test_a_set_capacity_above_the_rated_one_counts() -> None:
    seen = changed("readings.mosfet_status.capacity_ah", 290.0)
    seen["parameters"]["actual_capacity"] = 300.0
    assert texts(seen) == []


@pytest.mark.parametrize(
    ("seconds", "interval", "found"),
    [
        (3600, 60.0, False),
        (300, 600.0, True),
        ("never", 600.0, False),
        (0, 600.0, False),
        (600, 600.0, False),
    ],
)
def test_sleep_sooner_than_it_is_asked(seconds: Any, interval: float, found: bool) -> None:
    seen = changed("parameters.sleep_time", seconds)
    seen["interval"] = interval
    assert bool(texts(seen, WARNING, "sleep")) == found


def test_without_an_interval_the_sleep_time_is_unchecked() -> None:
    assert "sleep time: no polling interval to compare it with" in findings(changed("interval", None))[1]


@pytest.mark.parametrize(
    ("cell", "current", "found"),
    [
        (3.38, 0.0, False),
        (3.52, 0.0, True),
        (3.52, 0.9, True),
        (3.52, 20.0, False),
    ],
)
def test_spread_at_rest(cell: float, current: float, found: bool) -> None:
    seen = changed("readings.soc.current", current)
    seen["readings"]["cell_voltages"] = {**dict.fromkeys(range(1, 16), 3.3), 16: cell}
    assert any("apart at rest" in text for text in texts(seen, WARNING, "cells")) == found


def test_with_a_current_the_spread_is_unchecked() -> None:
    assert (
        "spread of the cells at rest: 12.3 A flow; look again without a current"
        in (findings(changed("readings.soc.current", -12.3))[1])
    )


@pytest.mark.parametrize("name", ["charging", "discharging"])
def test_a_mosfet_that_is_off_is_a_note(name: str) -> None:
    seen = changed(f"readings.mosfet_status.{name}_mosfet", False)
    assert [text.startswith(f"the {name} MOSFET is off") for text in texts(seen, NOTE, "mosfets")] == [True]
    assert len(findings(seen)[0]) == 1


def test_a_cell_above_what_its_kind_bears_is_an_error() -> None:
    seen = healthy()
    seen["readings"]["cell_voltages"] = dict.fromkeys(range(1, 17), 4.0)
    seen["readings"]["soc"]["total_voltage"] = 64.0
    assert texts(seen, ERROR) == ["cell 1 has 4.000 V, which is too much for LFP"]
    seen["readings"]["info"]["chemistry"] = "NMC"
    assert texts(seen, ERROR, "cells") == []


def test_without_a_chemistry_its_limits_are_unchecked() -> None:
    seen = changed("parameters.cell_voltage_high_2", 4.2)
    del seen["parameters"]["chemistry"]
    found, unchecked = findings(seen)
    assert found == []
    assert "limits of the chemistry: the board does not tell which kind its cells are" in unchecked


def test_limits_that_were_not_told_are_unchecked() -> None:
    seen = healthy()
    del seen["parameters"]["cell_voltage_high_2"]
    assert "limits of the chemistry: the board did not tell cell_voltage_high_2" in findings(seen)[1]


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [
        ("cell_voltage_high_2", 4.2, ERROR),
        ("cell_voltage_low_2", 1.5, ERROR),
        ("nominal_cell_voltage", 3.7, WARNING),
        ("pack_voltage_high_2", 67.2, WARNING),
        ("pack_voltage_low_2", 28.0, WARNING),
        ("charge_temperature_low_2", -20, WARNING),
        ("charge_temperature_low_2", -40, WARNING),
        ("charge_temperature_high_2", 80, WARNING),
    ],
)
def test_limits_of_another_kind_of_cell(name: str, value: float, severity: str) -> None:
    found = findings(changed(f"parameters.{name}", value))[0]
    assert any(
        each["severity"] == severity and each["detail"].startswith(f"{name} {value:g}") for each in found
    )
    assert all(each["area"] == "settings" for each in found)


TYPICAL = {
    "LFP": (3.65, 2.5, 3.2, 16),
    "NMC": (4.2, 2.8, 3.6, 14),
    "LTO": (2.8, 1.7, 2.3, 24),
    "sodium-ion": (3.95, 1.5, 3.1, 16),
}


@pytest.mark.parametrize("chemistry", KINDS)
def test_limits_that_fit_their_kind_and_no_other_high_one(chemistry: str) -> None:
    high, low, nominal, cells = TYPICAL[chemistry]
    told = {
        "cell_voltage_high_1": high - 0.05,
        "cell_voltage_high_2": high,
        "cell_voltage_low_1": low + 0.1,
        "cell_voltage_low_2": low,
        "nominal_cell_voltage": nominal,
        "pack_voltage_high_2": high * cells,
        "pack_voltage_low_2": low * cells,
        "charge_temperature_low_2": 0,
    }
    for kind in KINDS:
        readings = {"info": {"chemistry": kind}, "status": {"cells": cells}}
        found = texts({"readings": readings, "parameters": told}, area="settings")
        fits = kind == chemistry or (chemistry, kind) == ("LFP", "sodium-ion")  # those limits are but closer
        assert bool(found) != fits, (kind, found)


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [
        ("cell_voltage_high_1", 3.7, WARNING),
        ("cell_voltage_low_1", 2.4, WARNING),
        ("cell_voltage_low_2", 3.7, ERROR),
        ("pack_voltage_high_1", 59.0, WARNING),
        ("pack_voltage_low_2", 58.4, ERROR),
        ("charge_overcurrent_1", 250.0, WARNING),
        ("discharge_overcurrent_2", 400.0, WARNING),
        ("charge_temperature_high_1", 60, WARNING),
        ("charge_temperature_low_1", -5, WARNING),
        ("charge_temperature_low_2", 60, ERROR),
        ("discharge_temperature_low_1", -20, WARNING),
        ("soc_low_1", 4.0, WARNING),
        ("cell_voltage_difference_1", 0.6, WARNING),
        ("temperature_difference_1", 20, WARNING),
        ("mosfet_temperature_high_1", 90, WARNING),
        ("cell_voltage_high_release", 3.7, WARNING),
        ("cell_voltage_low_release", 2.4, WARNING),
        ("charge_temperature_low_release", -5, WARNING),
        ("balance_start", 3.7, WARNING),
    ],
)
def test_limits_in_the_wrong_order(name: str, value: float, severity: str) -> None:
    found = findings(changed(f"parameters.{name}", value))[0]
    assert any(
        name in each["detail"] and each["severity"] == severity and each["fix"].startswith("set both")
        for each in found
    ), found


def test_equal_limits_are_in_order() -> None:
    """A recorded board has the same value for both levels of each."""
    seen = healthy()
    told = seen["parameters"]
    for name in [name for name in told if name.endswith("_2")]:
        told[name.replace("_2", "_1")] = told[name]
    assert texts(seen) == []


def test_a_limit_of_zero_is_noted_and_compared_with_nothing() -> None:
    """A recorded board keeps 0 V as both upper and 500 V as both lower limits of the pack."""
    seen = changed("parameters.pack_voltage_high_2", 0.0)
    seen["parameters"]["discharge_overcurrent_2"] = 0.0
    assert [(each["severity"], each["detail"].partition(": ")[2]) for each in findings(seen)[0]] == [
        (NOTE, "discharge_overcurrent_2, pack_voltage_high_2")
    ]


def test_a_temperature_limit_whose_byte_is_zero_is_noted_and_compared_with_nothing() -> None:
    """-40 C is how the byte 0 reads; two recorded boards keep it."""
    found = findings(changed("parameters.discharge_temperature_high_2", -40))[0]
    assert [(each["severity"], each["detail"].partition(": ")[2]) for each in found] == [
        (NOTE, "discharge_temperature_high_2")
    ]


OPEN_WIRES = {"third-nordic12s-a5": {"cell 7 has 5.000 V, which is too much for any known kind"}}
"""As the source of the record says."""


@pytest.mark.parametrize("name", [name for name in CAPTURED if name.rpartition("-")[2] in PROTOCOLS])
def test_no_recorded_pack_has_an_error_that_its_board_does_not_tell(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.jsonl"
    path.write_text(CAPTURED[name])
    with open_bms(f"replay:{path}?pace=0", request_retries=1) as bms:
        try:
            seen = seen_of(bms)
        except DalyError:
            return
    told = seen["readings"]["faults"]
    faults = {fault["text"] for fault in told} if isinstance(told, list) else set()
    assert set(texts(seen, ERROR)) <= faults | OPEN_WIRES.get(name, set())


@pytest.mark.parametrize(
    ("chemistry", "volts", "words"),
    [
        ("LFP", 1.2, "too little for LFP"),
        ("NMC", 2.35, "too little for NMC"),
        ("LFP", 0.0, "too little for LFP"),
        (None, 1.1, "too little for any known kind"),
        (None, 5.0, "too much for any known kind"),
        (None, 1.5, ""),
        (None, 4.25, ""),
    ],
)
def test_a_cell_beyond_what_any_bears_is_no_matter_of_balancing(
    chemistry: str | None, volts: float, words: str
) -> None:
    """Nobody is told to charge a pack with such a cell until it is full."""
    seen = changed("readings.cell_voltages.16", volts)
    seen["parameters"]["chemistry"] = chemistry
    seen["readings"]["info"].pop("chemistry", None)
    found = texts(seen, ERROR, "cells")
    assert found == ([f"cell 16 has {volts:.3f} V, which is {words}"] if words else [])
    assert any("apart at rest" in each for each in texts(seen, WARNING, "cells")) is not bool(words)
