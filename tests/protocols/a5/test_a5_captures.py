"""Every recorded A5 exchange, replayed through the public methods: the values its source states."""

from __future__ import annotations

from typing import Any

import pytest
from support import Script, attach, captures, reply

from dalybms import DalyBMS
from dalybms.protocols.a5.frame import FrameReader

RECORDS = captures("a5")
READS = [
    record
    for record in RECORDS
    if record["link"] != "can" and record["responses"] and 0x90 <= int(record["request"][4:6], 16) <= 0x98
]
STREAMS = captures("a5_streams")


def board(record: dict[str, Any], cells: int = 16, sensors: int = 1) -> DalyBMS:
    """A board that answers the recorded request as recorded, and a status with the counts."""
    recorded = bytes.fromhex(record["request"])
    status = reply(0x94, bytes((cells, sensors)))

    def answer(request: bytes, _: int) -> list[tuple[float, bytes]]:
        if request == recorded:
            return [(0.04, bytes.fromhex("".join(record["responses"])))]
        return [(0.04, status)] if request[:3] == b"\xa5" + recorded[1:2] + b"\x94" else []

    return attach(Script(answer), address=recorded[1])


def soc(bms: DalyBMS) -> dict[str, Any]:
    reading = bms.get_soc()
    current = reading["current"]
    return {
        "voltage_v": reading["total_voltage"],
        "current_a": current,
        "current_raw_a": current,
        "soc_pct": reading["soc_percent"],
    }


def voltage_range(bms: DalyBMS) -> dict[str, Any]:
    reading = bms.get_cell_voltage_range()
    return {
        "max_mv": round(reading["highest_voltage"] * 1000),
        "max_cell": reading["highest_cell"],
        "min_mv": round(reading["lowest_voltage"] * 1000),
        "min_cell": reading["lowest_cell"],
    }


def temperature_range(bms: DalyBMS) -> dict[str, Any]:
    reading = bms.get_temperature_range()
    return {"max_c": reading["highest_temperature"], "min_c": reading["lowest_temperature"]}


def mosfets(bms: DalyBMS) -> dict[str, Any]:
    reading = bms.get_mosfet_status()
    return {
        "state": ("stationary", "charging", "discharging").index(reading["mode"]),
        "chg_mos": int(reading["charging_mosfet"]),
        "dsg_mos": int(reading["discharging_mosfet"]),
        "life": reading["heartbeat"],
        "remaining_mah": round(reading["capacity_ah"] * 1000),
    }


def status(bms: DalyBMS) -> dict[str, Any]:
    reading = bms.get_status()
    return {
        "cells": reading["cells"],
        "sensors": reading["temperature_sensors"],
        "cycles": reading["cycles"],
        "di2": int(reading["states"]["DI2"]),
    }


def balancing(bms: DalyBMS) -> dict[str, Any]:
    return {"balancing_cells": [cell for cell, active in bms.get_balancing_status().items() if active]}


def faults(bms: DalyBMS) -> dict[str, Any]:
    words = {"cell_voltage_high_2": "cell voltage high level 2"}
    return {"faults": [words[fault["code"]] for fault in bms.get_faults()]}


DECODERS = {
    "90": soc,
    "91": voltage_range,
    "92": temperature_range,
    "93": mosfets,
    "94": status,
    "97": balancing,
    "98": faults,
}
NOT_DECODED = {"app_discharge_switch", "checksum_printed", "byte7_derived"}
"""What sources state beside the reply: settings of the app, printed sums."""


@pytest.mark.parametrize("record", READS, ids=lambda record: record["id"])
def test_record_decodes_to_what_its_source_states(record: dict[str, Any]) -> None:
    command = record["request"][4:6]
    stated = {key: value for key, value in (record["decoded"] or {}).items() if key not in NOT_DECODED}
    if command == "95":
        return check_cells(record, stated)
    if command == "96":
        bms = board(record, sensors=len(stated["temps_c"]))
        assert bms.get_temperatures() == dict(enumerate(stated["temps_c"], 1))
        return None
    found = DECODERS[command](board(record))
    assert {key: found[key] for key in stated} == stated
    return None


def check_cells(record: dict[str, Any], stated: dict[str, Any]) -> None:
    if record["responses"][0][8:10] != "01":
        frames = FrameReader().feed(bytes.fromhex("".join(record["responses"])))
        slots = [int.from_bytes(frame.data[at : at + 2], "big") for frame in frames for at in (1, 3, 5)]
        assert slots[: len(stated.get("cells_13_16_mv", []))] == stated.get("cells_13_16_mv", [])
        return
    cells = stated["cells_mv"]
    voltages = board(record, cells=len(cells)).get_cell_voltages()
    assert voltages == {number: mv / 1000 for number, mv in enumerate(cells, 1)}


def test_every_record_of_a_reading_is_used() -> None:
    assert len(READS) >= 66
    assert {record["request"][4:6] for record in READS} == {f"{code:02x}" for code in range(0x90, 0x99)}


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream["id"])
@pytest.mark.parametrize("size", [1, 7, 13, 4096])
def test_stream_holds_the_frames_a_correct_reader_finds(stream: dict[str, Any], size: int) -> None:
    raw, reader = bytes.fromhex(stream["raw"]), FrameReader()
    frames = [frame for at in range(0, len(raw), size) for frame in reader.feed(raw[at : at + size])]
    assert [frame.encode().hex() for frame in frames] == stream["resync_reader_finds"]
    boards = [frame.encode().hex() for frame in frames if frame.source == 1]
    assert boards == stream["frames_expected"]
    assert raw.endswith(bytes(reader._buffer))
    assert len(reader._buffer) < 13
