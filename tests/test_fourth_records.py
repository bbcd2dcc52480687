"""A nearly empty 16S pack with D2: its values, the one alarm it raises, and its settings."""

from __future__ import annotations

from typing import Any

import pytest
from support import attach, captures
from test_third_records import KINDS, TOLD, place, register_board

from dalybms import DalyBMS

RECORDS = {record["id"]: record for record in captures("fourth")}
LIVE, SETTINGS = RECORDS["d2-empty-live"], RECORDS["d2-empty-settings"]


def empty_pack(kind: type[DalyBMS]) -> Any:
    """Both recorded blocks; between them the registers hold nothing."""
    words = bytearray(2 * 0xA9)
    for record in (LIVE, SETTINGS):
        place(words, record)
    return attach(register_board(0xD2, 0xD2, 0, bytes(words)), kind(protocol="d2"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_nearly_empty_pack_says_so_as_its_only_alarm(kind: type[DalyBMS]) -> None:
    bms = empty_pack(kind)
    expected, found = dict(LIVE["expected"]), bms.get_all()
    assert list(found["cell_voltages"].values()) == expected.pop("cells_v")
    assert list(found["temperatures"].values()) == expected.pop("temperatures")
    assert [fault["code"] for fault in bms.get_faults()] == expected.pop("faults")
    told = {key: value for section in TOLD for key, value in found[section].items()}
    assert {key: told[key] for key in expected} == expected


@pytest.mark.parametrize("kind", KINDS)
def test_the_settings_of_the_nearly_empty_pack(kind: type[DalyBMS]) -> None:
    found = empty_pack(kind).get_parameters()
    assert {key: found[key] for key in SETTINGS["expected"]} == SETTINGS["expected"]
