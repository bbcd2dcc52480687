"""Public records: a D2 board of 24 cells, lists that memory overwrote, a P81 board on its first day."""

from __future__ import annotations

from typing import Any

import pytest
from support import HEALTHY, attach, captures, reply, talk
from test_third_records import KINDS, TOLD, a5_board, numbered, place, register_board, words_of

from dalybms import DalyBMS, NoReply, NotSupported
from dalybms.cli.check import verdict as check
from dalybms.cli.check.findings import SECTIONS

RECORDS = {record["id"]: record for record in captures("fifth")}
SPOILT = "a5-overwritten-205"
STALE, HARDWARE = "a5-stale-frame-first", "a5-hardware"
ALONE = (SPOILT, STALE, HARDWARE)
A5 = [name for name, record in RECORDS.items() if record["protocol"] == "a5" and name not in ALONE]
LARGE = ["d2-24-cells-1", "d2-24-cells-2"]
NUMBERED = RECORDS["a5-can-24s"]
LIVE, SETTINGS, VERSIONS = (RECORDS[f"p81-806-{name}"] for name in ("live-2", "settings", "versions"))


def frames(name: str) -> bytes:
    return bytes.fromhex("".join(RECORDS[name]["responses"]))


@pytest.mark.parametrize("name", A5)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_recorded_a5_board_says(kind: type[DalyBMS], name: str) -> None:
    """Slots beyond the last cell, and padding frames that memory overwrote, name no cell."""
    record = RECORDS[name]
    options = {"protocol": "a5", "board": record["board"]}
    bms = attach(a5_board(record), kind(**options), request_retries=1)
    for section, expected in record["expected"].items():
        found = getattr(bms, f"get_{section}")()
        if section in ("cell_voltages", "temperatures"):
            assert found == numbered(expected), section
        else:
            assert {key: found[key] for key in expected} == expected, section


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_frame_of_an_older_list_before_the_new_one(kind: type[DalyBMS]) -> None:
    """Both hold a frame 6; the stray byte before it is the end of a frame."""
    script = talk({**HEALTHY, 0x95: frames(STALE)})
    found = attach(script, kind(protocol="a5")).get_cell_voltages()
    assert found == numbered(RECORDS[STALE]["expected"]["cell_voltages"])


def test_the_hardware_text_in_two_frames() -> None:
    bms = attach(talk({**HEALTHY, 0x63: frames(HARDWARE)}), protocol="a5")
    found = bms.read(["info"], ["hardware_version"])["info"]
    assert isinstance(found, dict)
    assert found["hardware_version"] == RECORDS[HARDWARE]["expected"]["info"]["hardware_version"]


@pytest.mark.parametrize(
    ("hardware", "key"), [("JHB-R24TS-V1.2", "balancing_by_number"), ("DL-BMS-R32-01E", "balancing_by_mask")]
)
def test_of_24_cells_the_highest_one_is_balanced_by_number(hardware: str, key: str) -> None:
    """Bit 2 of byte 1 is cell 11 of a mask, one of the middle; as a number it is 4, the highest."""
    script = a5_board(NUMBERED)
    texts = [bytes((part,)) + hardware.encode().ljust(14)[7 * part - 7 : 7 * part] for part in (1, 2)]
    known = b"".join(reply(0x63, text) for text in texts)
    answer = script._answer
    script._answer = lambda request, n: [(0.04, known)] if request[2] == 0x63 else answer(request, n)
    found = attach(script, protocol="a5").get_balancing_status()
    assert [cell for cell, on in found.items() if on] == [NUMBERED[key]]
    highest = NUMBERED["expected"]["cell_voltage_range"]["highest_cell"]
    assert (NUMBERED[key] == highest) == (key == "balancing_by_number")


def test_of_24_cells_none_is_named_where_the_board_does_not_tell_what_it_is() -> None:
    with pytest.raises(NotSupported, match="does not say which cells") as caught:
        attach(a5_board(NUMBERED), protocol="a5").get_balancing_status()
    assert caught.value.passing


def test_a_list_that_lost_half_a_cell_is_an_error() -> None:
    """The cut stands in the first of 16 frames: no later cell moves to its place."""
    bms = attach(a5_board(RECORDS[SPOILT]), protocol="a5", request_retries=1)
    with pytest.raises(NoReply, match="damaged or incomplete"):
        bms.get_cell_voltages()


def test_a_check_of_a_list_that_lost_half_a_cell_is_not_ok() -> None:
    bms = attach(talk({**HEALTHY, 0x95: frames(SPOILT)}), protocol="a5", request_retries=1)
    read = bms.read(SECTIONS)
    assert isinstance(read["cell_voltages"], NoReply)
    verdict = check.verdict(read, left_out=bms.unusable)
    assert verdict.code == 3
    assert "cell_voltages" in verdict.first_line


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LARGE)
def test_a_d2_board_with_24_cells(kind: type[DalyBMS], name: str) -> None:
    record = RECORDS[name]
    bms = attach(register_board(0xD2, 0xD2, 0, words_of(record)), kind(protocol="d2"))
    expected, found = dict(record["expected"]), bms.get_all()
    told: Any = {key: value for section in TOLD for key, value in found[section].items()}
    assert list(found["cell_voltages"].values()) == expected.pop("cells_v")
    assert list(found["temperatures"].values()) == expected.pop("temperatures")
    assert [fault["code"] for fault in bms.get_faults()] == expected.pop("faults")
    assert {key: told[key] for key in expected} == expected
    assert bms.unusable == {}


@pytest.mark.parametrize("name", LARGE)
def test_a_check_of_24_cells_is_ok_and_counts_them(name: str) -> None:
    def verdict(**policy: Any) -> check.Verdict:
        bms = attach(register_board(0xD2, 0xD2, 0, words_of(RECORDS[name])), protocol="d2")
        return check.verdict(bms.read(SECTIONS), check.Policy(**policy), left_out=bms.unusable)

    assert verdict().code == 0
    assert verdict(cells=24, sensors=4).code == 0
    assert verdict(cells=16).code == 2


@pytest.mark.parametrize("name", LARGE)
def test_an_optional_block_of_nothing_but_zeros_tells_nothing(name: str) -> None:
    """Beyond the cells and the pack: 0 would be -40 C of the MOSFETs and -30 A of balancing."""
    record = RECORDS["d2-mosfet-zeros"]
    words = bytearray(2 * 0x47)
    for each in (RECORDS[name], record):
        place(words, each)
    found = attach(register_board(0xD2, 0xD2, 0, bytes(words)), protocol="d2").get_all()
    told: Any = {key: value for section in TOLD for key, value in found[section].items()}
    assert not set(record["absent"]) & told.keys()


def four_cells() -> DalyBMS:
    """The live block and the settings; the status of the same day is in third.json."""
    [status] = [record for record in captures("third") if record["id"] == "p81-806-status-2"]
    words = bytearray(2 * 0x1C2)
    for record in (LIVE, status, SETTINGS, VERSIONS):
        place(words, record)
    return attach(register_board(0x81, 0x51, 0, bytes(words)), protocol="p81")


def test_a_p81_board_of_four_cells_on_its_first_day() -> None:
    expected = dict(LIVE["expected"])
    bms = four_cells()
    found: Any = bms.get_all()
    assert list(found["cell_voltages"].values()) == expected.pop("cells")
    assert found["temperatures"] == expected.pop("temperatures")
    assert found["soc"] == {**found["soc"], **expected.pop("soc")}
    assert {key: found["cell_voltage_range"][key] for key in expected} == expected
    assert found["mosfet_status"]["capacity_ah"] == pytest.approx(180 * 0.089, abs=0.1)


def test_its_settings_up_to_where_the_record_ends() -> None:
    found = four_cells().get_parameters()
    assert {key: found[key] for key in SETTINGS["expected"]} == SETTINGS["expected"]


def test_its_rated_values_and_totals_and_never_its_password() -> None:
    found: Any = four_cells().get_info()
    expected = {**SETTINGS["info"], **VERSIONS["expected"]}
    assert {key: found[key] for key in expected} == expected
    assert "123456" not in str(found)
