"""What all writes share: their names, and what is read back.

An acknowledgement proves little: boards acknowledged and did nothing, or acted without one. What it
says is True (taken), False (it says otherwise) or None (it cannot be told from our own echo).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Union

from dalybms.errors import BadReply, DalyError

CHARGE, DISCHARGE, SOC, RESTART = "charge_mosfet", "discharge_mosfet", "soc", "restart"
MOSFETS = (CHARGE, DISCHARGE)
_KEYS = {CHARGE: "charging_mosfet", DISCHARGE: "discharging_mosfet", SOC: "soc_percent"}

Value = Union[bool, float, None]
"""True or False for a MOSFET, % for the state of charge, None for a restart."""


class State(NamedTuple):
    """What a write changes, as it is read.

    value: on or off, or %; of a restart the seconds since the board was powered, None where it
    does not tell. mosfet: the transistor, where `value` is a switch that a protection may overrule.
    """

    value: Value
    mosfet: bool | None = None


def tenths(percent: float) -> int:
    """0.1 % as boards keep it."""
    return round(10 * percent)


def section_of(action: str) -> str:
    """The section that tells what a write changes, or that the board is there."""
    return "mosfet_status" if action in MOSFETS else "soc"


def value_of(action: str, reading: Any, unusable: Mapping[str, str]) -> Value:
    """The part of a section that a write changes: of the MOSFETs the transistor, None for a restart.

    Raises the error that the section ended with, BadReply where the board states what cannot be.
    """
    if isinstance(reading, DalyError):
        raise reading
    key = _KEYS.get(action)
    if key is None:
        return None
    if key not in reading:
        raise BadReply(f"no {key} to compare with: {'; '.join(unusable.values())}")
    value: Value = reading[key]
    return value
