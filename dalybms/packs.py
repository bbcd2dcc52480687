"""What one pack told: sections or a sample, in which any key may be missing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dalybms.polarity import number, polarity, witness
from dalybms.sections import MORE_SECTIONS, SECTIONS

_SECTIONS = (*SECTIONS, *MORE_SECTIONS)
_GOOD = ("ok", "partial")
"""States of a sample that has readings."""
MOST_SENSORS = 16
"""More than these no board has; some are set to more."""


class Unknown(Exception):
    """A value of one pack that cannot be done without; the text says whose, and why."""


class Pack:
    """The readings of one pack.

    voices: what was learnt of its polarity before. inverted: its current was turned by `invert_current`.
    """

    def __init__(
        self, name: Any, sections: Mapping[str, Any], voices: Mapping[str, int], inverted: bool = False
    ) -> None:
        self.name, self.sections = name, sections
        self.seen = witness(self.get("soc", "current"), self.get("mosfet_status", "mode"), inverted)
        self.protocol = sections.get("protocol") or self.get("info", "protocol")
        self.polarity = polarity(self.protocol, voices, self.seen, inverted)

    def failure(self, section: str, key: str = "") -> str:
        """Why this section, or a key of it, was asked for and not read; "" where that is not known."""
        unusable = self.sections.get("unusable")
        alone = unusable.get(f"{section}.{key}", "") if isinstance(unusable, Mapping) else ""
        return failure(self.sections.get(section)) or str(alone)

    def get(self, section: str, key: Any) -> Any:
        reading = self.sections.get(section)
        return reading.get(key) if isinstance(reading, Mapping) and not failure(reading) else None

    def number(self, section: str, key: str) -> float:
        """Raises Unknown where this pack has no such value."""
        value = number(self.get(section, key))
        if value is None:
            raise Unknown(f"{self.name}: {key} was not read{because(self.failure(section, key))}")
        return value

    def current(self) -> float:
        """A, positive while discharging. Raises Unknown where it was not read, or its sign is not known."""
        amperes = self.number("soc", "current")
        if amperes and self.polarity is None:
            raise Unknown(
                f"{self.name}: which sign means discharging is learnt from its mode at 1 A and more, "
                f"now it says {amperes:+.1f} A"
            )
        return amperes * (self.polarity or 0)

    def power(self) -> float:
        """W, positive while discharging. Raises as current() does; a pack at rest needs no voltage."""
        amperes = self.current()
        return amperes * self.number("soc", "total_voltage") if amperes else 0.0

    def full(self) -> float:
        """Ah when full, which a remaining capacity does not tell. Raises Unknown."""
        for section, key in (("info", "rated_capacity_ah"), ("mosfet_status", "full_capacity_ah")):
            capacity = number(self.get(section, key))
            if capacity is not None and capacity > 0:
                return capacity
        raise Unknown(f"{self.name}: its capacity when full is not known{because(self.failure('info'))}")


def failure(reading: Any) -> str:
    """Why a section, or a whole sample, was not read; "" when it was, or was never asked for."""
    if isinstance(reading, Exception):
        return str(reading) or type(reading).__name__
    if not isinstance(reading, Mapping):
        return ""
    if "error" in reading:
        return str(reading["error"])
    return "" if reading.get("state", "ok") in _GOOD else f"state {reading['state']}"


def absence(pack: Any) -> str:
    """Why a pack has told nothing; "" when one of its sections was read."""
    if failure(pack) or not isinstance(pack, Mapping):
        return failure(pack) or "was not read"
    readings = [pack[section] for section in _SECTIONS if section in pack]
    failures = list(filter(None, map(failure, readings)))
    if len(failures) < len(readings):
        return ""
    return failures[0] if failures else "was not read"


def because(why: str) -> str:
    return f": {why}" if why else ""


def lost_sensors(configured: Any, readable: Any) -> list[int]:
    """Numbers of the temperature sensors that a board is set to and does not read.

    configured: how many it is set to. readable: {number: C} of those it reads. Either may be anything.
    """
    if not isinstance(readable, Mapping) or failure(readable) or not isinstance(configured, int):
        return []
    return [number for number in range(1, min(configured, MOST_SENSORS) + 1) if number not in readable]
