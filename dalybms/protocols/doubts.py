"""Values that cannot be: asked again, and left out once the board is seen to mean them.

A value loses itself alone. What a board means and what noise made of it is told apart by
repetition: the same raw value in the same field of two frames with good checksums, of two
attempts. A CRC-16 lets one damage in 65536 through, so there one frame is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from dalybms.errors import BadReply
from dalybms.protocols.fields import Field, Series

Key = TypeVar("Key", str, int)
COUNTS = ("cells", "temperature_sensors")
"""Never left out: without them a list means nothing."""
NOT_BLANK = ("soc", "cell_voltage_range", "mosfet_status", "status", "cell_voltages")
"""Sections that are never nothing but zeros; a board that wakes up has sent such."""


class Doubt(NamedTuple):
    """A value that cannot be: its bytes, and why."""

    raw: bytes
    why: str


class Doubts:
    """The doubtful values of one section, over the attempts of one call.

    frames: how many frames of different attempts must hold the same raw value. `left_out`: {key: why}
    of what the last reading goes without.
    """

    def __init__(self, section: str, frames: int) -> None:
        self._section, self._frames = section, frames
        self._seen: dict[tuple[str | int, bytes], set[int]] = {}
        self._attempts = 0
        self.left_out: dict[str | int, str] = {}

    def settle(
        self, values: dict[Key, Any], doubts: Mapping[Key, Doubt], attempt: int | None = None
    ) -> dict[Key, Any]:
        """The values without those in doubt. BadReply while one of these may still be noise,
        when it is a count, and when nothing would be left.

        attempt: the number of the attempt that the frames are of; None: of a new one.
        """
        self._attempts += 1
        noise = []
        for key, doubt in doubts.items():
            seen = self._seen.setdefault((key, doubt.raw), set())
            seen.add(self._attempts if attempt is None else attempt)
            needed = self._section == "status" and key in COUNTS
            if needed or len(seen) < self._frames:
                noise.append(doubt.why)
        if noise:
            raise BadReply(noise[0])
        left_out: dict[str | int, str] = {key: doubt.why for key, doubt in doubts.items()}
        left_out.update(_unmeasured(values, doubts))
        kept = {key: value for key, value in values.items() if key not in left_out}
        if left_out and not kept:
            raise BadReply(f"nothing of {self._section} can be: {', '.join(left_out.values())}")
        self.left_out = left_out
        return kept


def told(unusable: Mapping[str, str], section: str, doubts: Doubts) -> dict[str, str]:
    """What a call goes without, {"section.key": why}, after this section was read (once more)."""
    others = {name: why for name, why in unusable.items() if name.partition(".")[0] != section}
    return {**others, **{f"{section}.{key}": why for key, why in doubts.left_out.items()}}


def gaps_of(unusable: Iterable[str], section: str) -> bool:
    """Does the list of this section lack values that cannot be?"""
    return any(name.startswith(f"{section}.") for name in unusable)


def examine(fields: Iterable[Field], data: bytes) -> tuple[dict[str, Any], dict[str, Doubt]]:
    """What is present, and what of it cannot be, by name."""
    values: dict[str, Any] = {}
    doubts: dict[str, Doubt] = {}
    for field in fields:
        try:
            value = field.decode(data)
        except BadReply as error:
            doubts[field.name] = Doubt(data[field.at : field.at + field.size], str(error))
            continue
        if value is not None:
            values[field.name] = value
    return values, doubts


def examine_list(series: Series, slots: bytes, count: int) -> tuple[dict[int, Any], dict[int, Doubt]]:
    """The first `count` values of a list that are present, and those that cannot be, by number."""
    fields = series.items(count)
    numbers = {field.name: number for number, field in enumerate(fields, 1)}
    values, doubts = examine(fields, slots)
    return (
        {numbers[name]: value for name, value in values.items()},
        {numbers[name]: doubt for name, doubt in doubts.items()},
    )


def refuse_blank(section: str, raws: Iterable[bytes]) -> None:
    """Raises BadReply for a section of nothing but zeros where that cannot be."""
    if section in NOT_BLANK and not any(any(raw) for raw in raws):
        raise BadReply(f"{section} of nothing but zeros cannot be")


def refuse_unset(section: str, data: bytes) -> None:
    """As refuse_blank(), for a frame of memory that was never written.

    Not for the faults: an alarm is never swallowed.
    """
    if section in NOT_BLANK and not data.strip(b"\xff"):
        raise BadReply(f"{section} of nothing but ff cannot be")


def _unmeasured(values: Mapping[Any, Any], doubts: Mapping[Any, Doubt]) -> dict[str, str]:
    """Where a pack voltage of 0 was not measured, a current and a state of charge of 0 were not either."""
    voltage = doubts.get("total_voltage")
    keys = ("current", "soc_percent") if voltage and not any(voltage.raw) else ()
    return {key: f"{key} of 0 without a pack voltage cannot be" for key in keys if values.get(key) == 0}
