"""Readings of one call that must agree: the 8-bit checksum misses one error in 256.

Sections are sampled some 100 ms apart and a load may switch in between, so the
margins are wide: they catch mixed-up replies, not noise.
"""

from __future__ import annotations

from typing import Any, Callable

from dalybms.errors import BadReply, DalyError

SUM_SHARE = 0.10
SUM_VOLTS = 1.0
"""The sum of the cells may differ from the pack voltage by 10 % and at least 1 V."""
EXTREME_VOLTS = 0.2
"""A named extreme may differ from the extreme of the list by 200 mV."""


def _sum(soc: dict[str, Any], cells: dict[int, float]) -> str | None:
    if "total_voltage" not in soc:
        return None
    pack, total = soc["total_voltage"], sum(cells.values())
    if abs(pack - total) <= max(SUM_VOLTS, SUM_SHARE * pack):
        return None
    return f"pack voltage {pack:g} V and sum of the {len(cells)} cells {total:.3f} V contradict each other"


def extremes(named: dict[str, Any], cells: dict[int, float]) -> str | None:
    """Why the named extremes and the list contradict each other, or None."""
    for name, found in (("highest", max(cells.values())), ("lowest", min(cells.values()))):
        stated = named.get(f"{name}_voltage", found)
        if abs(stated - found) > EXTREME_VOLTS:
            return f"{name} cell {stated:.3f} V and {name} of the list {found:.3f} V contradict each other"
    return None


_PAIRS: tuple[tuple[str, str, Callable[[Any, Any], str | None]], ...] = (
    ("soc", "cell_voltages", _sum),
    ("cell_voltage_range", "cell_voltages", extremes),
)


def reconcile(outcomes: dict[str, Any], again: Callable[[str], None], gaps: Callable[[str], bool]) -> None:
    """Have contradicting pairs read once more; what still contradicts becomes an error.

    outcomes: section -> reading or DalyError, changed in place by `again` and here. gaps: does a list
    lack values that cannot be? Then neither its sum nor its ends are known.
    """
    for one, other, contradiction in _PAIRS:
        if gaps(other) or not _contradict(outcomes, one, other, contradiction):
            continue
        again(one)
        again(other)
        message = None if gaps(other) else _contradict(outcomes, one, other, contradiction)
        if message:
            outcomes[one] = outcomes[other] = BadReply(
                f"{message}, twice; read again, then check the sense wires"
            )


def _contradict(
    outcomes: dict[str, Any], one: str, other: str, contradiction: Callable[[Any, Any], str | None]
) -> str | None:
    pair = [outcomes.get(section) for section in (one, other)]
    if any(reading is None or isinstance(reading, DalyError) for reading in pair):
        return None
    return contradiction(*pair)
