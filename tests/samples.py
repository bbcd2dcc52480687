"""Samples for the tests of the outputs: read from fake boards, or made by hand."""

from __future__ import annotations

import copy
import functools
from typing import Any

from dalybms import open_bms
from dalybms.getters import presentable
from dalybms.sections import MORE_SECTIONS, SECTIONS

TIME = "2026-11-26T01:02:03.456Z"
ALARMS = {
    "a5": "0800000000000000",
    "d2": "0400000000000000",
    "p81": "0800000000000000",
    "sinowealth": "0800000000000000",
}
PROTOCOLS = tuple(ALARMS)
FAILED: dict[str, Any] = {
    "time": TIME, "device": "demo:", "name": "house", "board": None, "protocol": "a5", "state": "asleep",
    "error": "only our own request came back: the board is asleep, or TX and RX are joined",
}  # fmt: skip
ENERGY: dict[str, Any] = {
    "energy_in_wh": 1234.5, "energy_out_wh": 2345.25, "charge_in_ah": 23.5, "charge_out_ah": 44.125,
    "gap_seconds": 60.0, "unassigned_seconds": 10.5, "runtime_hours": 17.4, "runtime_to": "empty",
}  # fmt: skip
BANK: dict[str, Any] = {
    "time": TIME, "device": None, "name": "bank", "board": None, "protocol": None, "state": "partial",
    "bank": {
        "boards": {"answering": 2, "of": 3}, "total_voltage": 53.05, "voltage_spread": 0.1, "current": 20.5,
        "power": 1087.5, "capacity_ah": 428.4, "soc_percent": 76.5, "highest_voltage": 3.314,
        "highest_cell": 3, "highest_cell_board": "left", "lowest_voltage": 3.31, "lowest_cell": 1,
        "lowest_cell_board": "right", "errors": ["left: cell voltage too low (level 2)"],
        "left_out": {"third": "was not read"},
    },
}  # fmt: skip


def read(protocol: str = "a5", options: str = "", faults: bool = False, **more: Any) -> dict[str, Any]:
    """A sample of a fake board, good or partial; `more` overrules."""
    outcomes = copy.deepcopy(_outcomes(protocol, options, faults))
    failed = any(isinstance(outcome, dict) and "error" in outcome for outcome in outcomes.values())
    sign = 1 if protocol == "a5" else -1
    return {
        "time": TIME, "device": "demo:", "name": "house", "board": None, "protocol": protocol,
        "state": "partial" if failed else "ok", "polarity": sign, **outcomes, **more,
    }  # fmt: skip


@functools.cache
def _outcomes(protocol: str, options: str, faults: bool) -> dict[str, Any]:
    alarms = f"&alarms={ALARMS[protocol]}" if faults else ""
    with open_bms(f"demo:?protocol={protocol}{alarms}{options}", protocol=protocol) as bms:
        return presentable(bms.read((*SECTIONS, *MORE_SECTIONS)))
