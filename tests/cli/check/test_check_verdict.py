"""The verdict of `--check`: every rule as a row, and what holds for every verdict."""

from __future__ import annotations

import math

import pytest
from check_grammar import take_apart
from hypothesis import given
from hypothesis import strategies as st

from dalybms.cli.check.findings import SECTIONS
from dalybms.cli.check.nagios import UNKNOWN, Range
from dalybms.cli.check.policy import CRITICAL_DEFAULT, WARNING_DEFAULT
from dalybms.cli.check.verdict import Policy, unknown, verdict, verdict_for
from dalybms.errors import BadReply, DalyError, NoReply, NotSupported, TransportError
from dalybms.protocols.faults import FAULTS
from dalybms.protocols.faults import unknown as unknown_fault

NO_ANSWER = NoReply("no answer to status in 4 attempts; is the BMS awake?")
OK, WARNING, CRITICAL = "OK", "WARNING", "CRITICAL"


def pack(**changes):
    """The readings of a healthy pack of 16 cells; `section__key=value` or `section=value` changes them."""
    readings = {
        "soc": {"total_voltage": 53.0, "current": -2.0, "soc_percent": 52.0},
        "cell_voltage_range": {
            "highest_voltage": 3.318,
            "highest_cell": 3,
            "lowest_voltage": 3.306,
            "lowest_cell": 9,
        },
        "temperature_range": {
            "highest_temperature": 22,
            "highest_sensor": 1,
            "lowest_temperature": 20,
            "lowest_sensor": 4,
        },
        "mosfet_status": {
            "mode": "discharging",
            "charging_mosfet": True,
            "discharging_mosfet": True,
            "capacity_ah": 145.6,
            "heartbeat": 77,
        },
        "status": {
            "cells": 16,
            "temperature_sensors": 4,
            "charger_running": False,
            "load_running": False,
            "states": {"DI1": False, "DO4": False},
            "cycles": 212,
        },
        "cell_voltages": {cell: 3.306 + 0.012 * (cell == 3) for cell in range(1, 17)},
        "temperatures": {1: 22, 2: 21, 3: 21, 4: 20},
        "balancing_status": dict.fromkeys(range(1, 17), False),
        "errors": [],
        "faults": [],
    }
    for name, value in changes.items():
        section, _, key = name.partition("__")
        if key:
            readings[section] = {**readings[section], key: value}
        else:
            readings[section] = value
    return readings


def fault(*codes):
    return [FAULTS[code] for code in codes]


def alerting(**ranges):
    """Keyword arguments of a policy: its own critical ranges beside the default."""
    return {"critical": {**CRITICAL_DEFAULT, **{name: Range.parse(text) for name, text in ranges.items()}}}


def warning(**ranges):
    return {"warning": {**WARNING_DEFAULT, **{name: Range.parse(text) for name, text in ranges.items()}}}


TWO_SILENT = {"cell_voltages": NO_ANSWER, "status": NO_ANSWER}
CANNOT_TELL = NotSupported("this board does not tell its MOSFETs")
MOSFETS = {"expect_charge": "charging_mosfet", "expect_discharge": "discharging_mosfet"}

TABLE = [
    # what, changed readings, policy, state, how the text begins
    ("healthy", {}, {}, OK, "SOC 52 %, 53 V, -2 A"),
    (
        "level 2 fault",
        {"faults": fault("cell_voltage_low_2")},
        {},
        CRITICAL,
        "cell voltage too low (level 2);",
    ),
    ("level 1 fault", {"faults": fault("soc_low_1")}, {}, WARNING, "state of charge too low (level 1);"),
    ("hardware fault", {"faults": fault("eeprom")}, {}, CRITICAL, "settings memory (EEPROM) failed;"),
    ("unknown bit", {"faults": [unknown_fault("byte3_bit5", "byte 3 bit 5")]}, {}, WARNING, "byte 3 bit 5;"),
    (
        "two faults, the heavier first",
        {"faults": fault("soc_low_1", "short_circuit")},
        {},
        CRITICAL,
        "short circuit; state of charge too low (level 1);",
    ),
    (
        "five faults",
        {"faults": fault("afe", "rtc", "eeprom", "precharge", "short_circuit")},
        {},
        CRITICAL,
        "measuring chip (AFE) failed; clock (RTC) failed; settings memory (EEPROM) failed (+2);",
    ),
    ("discharge off", {"mosfet_status__discharging_mosfet": False}, {}, CRITICAL, "discharge MOSFET off;"),
    ("charge off", {"mosfet_status__charging_mosfet": False}, {}, WARNING, "charge MOSFET off;"),
    (
        "charge off at 98.9 %",
        {"mosfet_status__charging_mosfet": False, "soc__soc_percent": 98.9},
        {},
        WARNING,
        "charge MOSFET off;",
    ),
    (
        "charge off, nearly full",
        {"mosfet_status__charging_mosfet": False, "soc__soc_percent": 99.0},
        {},
        OK,
        "charge MOSFET off, normal when nearly full;",
    ),
    (
        "charge off, nearly full, but on was asked for",
        {"mosfet_status__charging_mosfet": False, "soc__soc_percent": 100.0},
        {"expect_charge": "on"},
        WARNING,
        "charge MOSFET off;",
    ),
    (
        "charge off, state of charge unknown",
        {"mosfet_status__charging_mosfet": False, "soc": NO_ANSWER},
        {},
        WARNING,
        "charge MOSFET off; soc not read: no answer",
    ),
    ("stored pack", {"mosfet_status__discharging_mosfet": False}, {"expect_discharge": "off"}, OK, "SOC"),
    ("stored pack, but on", {}, {"expect_discharge": "off"}, CRITICAL, "discharge MOSFET on;"),
    ("charge on, off expected", {}, {"expect_charge": "off"}, WARNING, "charge MOSFET on;"),
    ("discharge any", {"mosfet_status__discharging_mosfet": False}, {"expect_discharge": "any"}, OK, "SOC"),
    ("charge any", {"mosfet_status__charging_mosfet": False}, {"expect_charge": "any"}, OK, "SOC"),
    ("MOSFETs not told", {"mosfet_status": CANNOT_TELL}, {}, OK, "SOC"),
    (
        "MOSFETs not told, but asked for",
        {"mosfet_status": CANNOT_TELL},
        {"expect_discharge": "on"},
        "UNKNOWN",
        "discharge MOSFET should be on, but this board does not tell;",
    ),
    ("soc 20", {"soc__soc_percent": 20.0}, {}, OK, "SOC 20 %"),
    ("soc 19.9", {"soc__soc_percent": 19.9}, {}, WARNING, "soc 19.9 % below 20 %;"),
    ("soc 9.9", {"soc__soc_percent": 9.9}, {}, CRITICAL, "soc 9.9 % below 10 %;"),
    ("soc not told", {"soc": NotSupported("no SOC")}, {}, "UNKNOWN", "soc has a threshold,"),
    (
        "soc not told, not asked",
        {"soc": NotSupported("no SOC")},
        {"warning": {}, "critical": {}},
        OK,
        "cells 3.306",
    ),
    ("own range", {}, alerting(voltage="44:52"), CRITICAL, "voltage 53 V above 52 V;"),
    (
        "own negative range",
        {"temperature_range__lowest_temperature": -6},
        warning(temp_min="-5:45"),
        WARNING,
        "temp_",
    ),
    ("own inside range", {}, warning(current="@-3:-1"), WARNING, "current -2 A within -3 to -1 A;"),
    ("power", {}, alerting(power="-100:"), CRITICAL, "power -106 W below -100 W;"),
    ("spread", {}, alerting(cell_delta="0.011"), CRITICAL, "cell_delta 0.012 V above 0.011 V;"),
    ("spread, at the limit", {}, alerting(cell_delta="0.012"), OK, "SOC"),
    ("cycles", {}, warning(cycles="200"), WARNING, "cycles 212 above 200;"),
    ("capacity", {}, warning(capacity="150:"), WARNING, "capacity 145.6 Ah below 150 Ah;"),
    (
        "one cell",
        {},
        {"all_cells": True, **alerting(cell_3="3.31")},
        CRITICAL,
        "cell_3 3.318 V above 3.31 V;",
    ),
    (
        "a cell that is not there",
        {},
        {"all_cells": True, **alerting(cell_17="3:")},
        "UNKNOWN",
        "cell_17 has a threshold, but this pack does not tell it;",
    ),
    (
        "no sensors",
        {"temperature_range": {}, "temperatures": {}, "status__temperature_sensors": 0},
        {},
        OK,
        "SOC",
    ),
    ("a sensor unread", {"temperatures": {1: 22, 3: 21, 4: 20}}, {}, WARNING, "temperature sensor 2 cannot"),
    (
        "no sensor readable",
        {"temperature_range": {}, "temperatures": {}, "faults": fault("temperature_sensors_unreadable")},
        {},
        WARNING,
        "temperature sensors cannot be read; temperature sensors 1, 2, 3, 4 cannot be read;",
    ),
    (
        "no sensor readable, as expected",
        {"temperature_range": {}, "temperatures": {}, "faults": fault("temperature_sensors_unreadable")},
        {"sensors": 0},
        OK,
        "SOC",
    ),
    (
        "no sensor readable, but one expected",
        {"temperature_range": {}, "temperatures": {}, "faults": fault("temperature_sensors_unreadable")},
        {"sensors": 1},
        CRITICAL,
        "0 temperature sensors, expected 1; temperature sensors cannot be read;",
    ),
    ("a sensor unread, as expected", {"temperatures": {1: 22, 3: 21, 4: 20}}, {"sensors": 3}, OK, "SOC"),
    (
        "configured sensors are not the readable ones",
        {"temperatures": {1: 22, 3: 21, 4: 20}},
        {"sensors": 4},
        CRITICAL,
        "3 temperature sensors, expected 4;",
    ),
    ("sensors not read", {"temperatures": NO_ANSWER}, {"sensors": 4}, "UNKNOWN", "temperatures not read:"),
    (
        "sensors not told",
        {"temperatures": NotSupported("no sensors")},
        {"sensors": 4},
        "UNKNOWN",
        "4 temperature sensors expected, but this board does not tell;",
    ),
    ("sensors readable, status not", {"status": CANNOT_TELL}, {"sensors": 4}, OK, "SOC"),
    (
        "switched off by command",
        {"faults": fault("mosfet_switched_off")},
        {},
        WARNING,
        "a MOSFET was switched off by command;",
    ),
    *(
        (
            f"{code}, {name} {expected}",
            {"faults": fault(code), f"mosfet_status__{MOSFETS[name]}": False},
            {name: expected},
            OK,
            "SOC",
        )
        for code in ("mosfet_switched_off", "mosfet_switched_off_by_switch")
        for name in MOSFETS
        for expected in ("off", "any")
    ),
    (
        "switched off by command, but on was expected",
        {"faults": fault("mosfet_switched_off"), "mosfet_status__charging_mosfet": False},
        {"expect_charge": "on"},
        WARNING,
        "a MOSFET was switched off by command; charge MOSFET off;",
    ),
    (
        "switched off by command, but the other one",
        {"faults": fault("mosfet_switched_off"), "mosfet_status__discharging_mosfet": False},
        {"expect_charge": "any"},
        CRITICAL,
        "discharge MOSFET off;",
    ),
    (
        "a balancing pack that cannot say where",
        {"balancing_status": NotSupported("this board balances, but does not say which cells")},
        {},
        OK,
        "SOC",
    ),
    (
        "no sensors, but a threshold",
        {"temperature_range": {}},
        warning(temp_max="50"),
        "UNKNOWN",
        "temp_max has a thr",
    ),
    ("cells as expected", {}, {"cells": 16, "sensors": 4}, OK, "SOC"),
    ("a cell lost", {"status__cells": 15}, {"cells": 16}, CRITICAL, "15 cells, expected 16;"),
    ("a sensor more", {}, {"sensors": 3}, CRITICAL, "4 temperature sensors, expected 3;"),
    (
        "counts not told",
        {"status": NotSupported("no status")},
        {"cells": 16},
        "UNKNOWN",
        "16 cells expected, but this board does not tell;",
    ),
    ("faults not told", {"faults": NotSupported("no faults")}, {}, "UNKNOWN", "faults not read: no faults;"),
    ("status not told", {"status": NotSupported("no status")}, {}, OK, "SOC"),
    ("one missing section", {"status": NO_ANSWER}, {}, "UNKNOWN", "status not read: no answer to status"),
    ("two missing", TWO_SILENT, {}, "UNKNOWN", "2 sections not read: status, cell_voltages: no answer"),
    ("missing and asked for", {"status": NO_ANSWER}, {"cells": 16}, "UNKNOWN", "status not read:"),
    (
        "missing and a fault",
        {"status": NO_ANSWER, "faults": fault("soc_low_1")},
        {},
        WARNING,
        "state of charge too low (level 1); status not read:",
    ),
    ("faults not read", {"faults": NO_ANSWER, "errors": NO_ANSWER}, {}, "UNKNOWN", "faults not read:"),
    (
        "implausible",
        {"soc": BadReply("-3000.0 A cannot be")},
        {},
        "UNKNOWN",
        "soc not read: -3000.0 A cannot be;",
    ),
    (
        "not a number",
        {"soc__current": math.nan},
        {},
        "UNKNOWN",
        "current is not a number; power is not a number;",
    ),
    ("infinite", {"mosfet_status__capacity_ah": math.inf}, {}, "UNKNOWN", "capacity is not a number;"),
    ("soc 101", {"soc__soc_percent": 101.0}, {}, "UNKNOWN", "soc cannot be 101 %;"),
    (
        "extremes swapped",
        {"cell_voltage_range__highest_voltage": 3.2},
        {},
        "UNKNOWN",
        "cell_delta cannot be -0.106 V;",
    ),
    ("a text for a number", {"status__cycles": "many"}, {}, "UNKNOWN", "cycles is not a number;"),
    (
        "unplugged half way",
        {"faults": TransportError("adapter is gone")},
        {},
        "UNKNOWN",
        "faults not read: adapter",
    ),
    ("a switch for a number", {"status__cycles": True}, {}, "UNKNOWN", "cycles is not a number;"),
    (
        "a fault, and a note that is none",
        {"faults": fault("eeprom"), "mosfet_status__charging_mosfet": False, "soc__soc_percent": 99.0},
        {},
        CRITICAL,
        "settings memory (EEPROM) failed; SOC 99 %",
    ),
    (
        "board silent in every section",
        dict.fromkeys(SECTIONS, NO_ANSWER),
        {},
        CRITICAL,
        "no answer to status",
    ),
    (
        "silent, and that is normal here",
        dict.fromkeys(SECTIONS, NO_ANSWER),
        {"no_reply": UNKNOWN},
        "UNKNOWN",
        "no answer to status",
    ),
    (
        "nothing but impossible replies",
        dict.fromkeys(SECTIONS, BadReply("0 V and -3000 A cannot be")),
        {},
        "UNKNOWN",
        "0 V and -3000 A cannot be",
    ),
]


@pytest.mark.parametrize(
    ("changes", "policy", "state", "begins"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_table_of_verdicts(changes, policy, state, begins):
    said = verdict(pack(**changes), Policy(**policy))
    output = take_apart(said.text(verbose=True))
    assert output.state == state
    assert said.code == ("OK", "WARNING", "CRITICAL", "UNKNOWN").index(state)
    assert output.text.startswith(begins)
    assert take_apart(said.text()).more == []


@pytest.mark.parametrize("code", FAULTS)
def test_every_fault_has_the_state_of_its_level(code):
    said = verdict(pack(faults=fault(code)))
    assert said.code == {1: 1, 2: 2, 3: 2}[FAULTS[code]["level"]]
    assert FAULTS[code]["text"] in said.first_line


def test_a_section_that_was_never_asked_is_missing():
    for name in SECTIONS:
        readings = pack()
        del readings[name]
        assert verdict(readings).code == UNKNOWN
    assert verdict({}).code == UNKNOWN


def test_performance_data_in_full():
    said = verdict(pack(), Policy(**warning(temp_min="-5:45")))
    assert said.perfdata == (
        "soc=52%;20:;10:;0;100 voltage=53V current=-2A power=-106W cell_min=3.306V cell_max=3.318V"
        " cell_delta=0.012V;;;0 temp_min=20C;-5:45 temp_max=22C capacity=145.6Ah cycles=212"
    )


def test_all_cells_are_added_in_order():
    labels = list(take_apart(verdict(pack(), Policy(all_cells=True)).text()).perf)
    assert labels[-16:] == [f"cell_{cell}" for cell in range(1, 17)]


def test_what_was_not_read_has_no_performance_data():
    perf = take_apart(verdict(pack(soc=NO_ANSWER, temperature_range={})).text()).perf
    assert list(perf) == ["cell_min", "cell_max", "cell_delta", "capacity", "cycles"]


def test_power_is_computed_and_rounded_and_never_minus_zero():
    readings = pack(soc__total_voltage=53.1, soc__current=-12.3)
    assert "power=-653.1W" in verdict(readings).perfdata
    assert "power=0W" in verdict(pack(soc__current=-0.0)).perfdata


def test_spread_is_rounded_to_a_millivolt():
    said = verdict(pack(cell_voltage_range__highest_voltage=0.3, cell_voltage_range__lowest_voltage=0.1))
    assert "cell_delta=0.2V" in said.perfdata


def test_verbose_lines_name_every_finding_and_every_section():
    said = verdict(pack(faults=fault("soc_low_1", "eeprom"), status=NO_ANSWER, soc__current=math.nan))
    assert said.more_lines[:2] == (
        "CRITICAL: settings memory (EEPROM) failed",
        "WARNING: state of charge too low (level 1)",
    )
    assert [line.partition(":")[0] for line in said.more_lines[-len(SECTIONS) :]] == list(SECTIONS)
    assert f"status: not read: {NO_ANSWER}" in said.more_lines
    assert "soc: total_voltage 53, current not a number, soc_percent 52" in said.more_lines
    assert "temperatures: 1 22, 2 21, 3 21, 4 20" in said.more_lines


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NoReply("silence"), CRITICAL),
        (NoReply("only our own echo", seen="echo"), CRITICAL),
        (NoReply("only noise", seen="noise"), CRITICAL),
        (TransportError("no such port"), "UNKNOWN"),
        (BadReply("cannot be"), "UNKNOWN"),
        (NotSupported("cannot tell"), "UNKNOWN"),
        (DalyError("something else"), "UNKNOWN"),
        (KeyError("soc"), "UNKNOWN"),
    ],
)
def test_verdict_when_nothing_was_read(error, state):
    output = take_apart(verdict_for(error).text())
    assert output.state == state
    assert output.perf == {}
    assert take_apart(verdict_for(error, Policy(no_reply=UNKNOWN)).text()).state == "UNKNOWN"


def test_the_stage_that_bluetooth_reached_is_named():
    error = TransportError("AA:BB:CC:DD:EE:FF is not advertising")
    error.stage = "scan"
    assert verdict_for(error).first_line.endswith("is not advertising (stage: scan)")


def test_our_own_mistakes_ask_to_be_reported():
    assert "report it: KeyError: 'soc'" in verdict_for(KeyError("soc")).first_line


def test_no_text_breaks_the_first_line():
    for text in ("a|b", "a\nb", "20 °C", "\x1b[31m", "a\0b"):
        take_apart(unknown(text + " end").text())
        take_apart(verdict_for(NoReply(text + " end")).text())
        take_apart(verdict(pack(status=BadReply(text))).text(verbose=True))


any_number = st.one_of(st.none(), st.floats(), st.integers(-(10**9), 10**9), st.booleans())
any_error = st.sampled_from([NO_ANSWER, BadReply("x|y"), NotSupported("cannot"), TransportError("gone")])


def _section(*keys):
    return st.one_of(any_error, st.fixed_dictionaries({}, optional=dict.fromkeys(keys, any_number)))


@given(
    soc=_section("total_voltage", "current", "soc_percent"),
    cell_voltage_range=_section("highest_voltage", "lowest_voltage"),
    temperature_range=_section("highest_temperature", "lowest_temperature"),
    status=_section("cells", "temperature_sensors", "cycles"),
    cell_voltages=st.one_of(any_error, st.dictionaries(st.integers(1, 48), any_number, max_size=3)),
    faults=st.one_of(any_error, st.lists(st.sampled_from(list(FAULTS.values())), max_size=5)),
)
def test_whatever_comes_the_output_keeps_the_grammar_and_ok_means_all_was_read(**changes):
    said = verdict(pack(**changes), Policy(all_cells=True, cells=16))
    output = take_apart(said.text(verbose=True))
    assert said.code in range(4)
    if said.code == 0:
        unread = [one for one in changes.values() if isinstance(one, DalyError)]
        assert all(isinstance(one, NotSupported) for one in unread)
        assert not isinstance(changes["faults"], DalyError)
        assert output.state == "OK"
    assert "nan" not in said.perfdata + said.first_line
    assert "inf" not in said.perfdata


@pytest.mark.parametrize(
    ("left_out", "code"),
    [
        ({}, 0),
        ({"mosfet_status.mode": "mode 20 cannot be"}, 0),
        ({"soc.total_voltage": "total_voltage of 0 V cannot be"}, UNKNOWN),
        ({"cell_voltages.3": "cell 3 of 65.535 V cannot be"}, UNKNOWN),
    ],
)
def test_a_value_left_out_is_unknown_except_the_mode(left_out, code):
    told = verdict(pack(), left_out=left_out)
    assert told.code == code
    for why in left_out.values():
        assert (why in told.first_line) is (code == UNKNOWN)


def test_a_threshold_on_a_value_left_out_is_said_once():
    why = {"soc.soc_percent": "soc_percent of 120 % cannot be"}
    soc = {key: value for key, value in pack()["soc"].items() if key != "soc_percent"}
    told = verdict(pack(soc=soc), left_out=why)
    assert told.first_line.startswith("DALY UNKNOWN - soc_percent of 120 % cannot be; 53 V")


def test_a_mode_left_out_hides_no_other_gap():
    mosfets = {key: value for key, value in pack()["mosfet_status"].items() if key != "capacity_ah"}
    policy = Policy(**alerting(capacity="5:"))
    told = verdict(pack(mosfet_status=mosfets), policy, {"mosfet_status.mode": "mode 20 cannot be"})
    assert told.code == UNKNOWN
