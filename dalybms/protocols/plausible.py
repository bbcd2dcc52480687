"""Readings of one call that must agree: the 8-bit checksum misses one error in 256.

Sections are sampled some 100 ms apart and a load may switch in between, so the
margins are wide: they catch mixed-up replies, not noise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable, NamedTuple

from dalybms.errors import BadReply, DalyError

SUM_SHARE = 0.10
SUM_VOLTS = 1.0
"""The sum of the cells may differ from the pack voltage by 10 % and at least 1 V."""
EXTREME_VOLTS = 0.2
"""A named extreme may differ from the extreme of the list by 200 mV."""
EXTREME_DEGREES = 10
"""As EXTREME_VOLTS, for temperatures."""


class Pair(NamedTuple):
    """Two sections, and why they contradict each other. loses: those that become an error.

    meant: two answers that say the same are what the board means.
    """

    one: str
    other: str
    contradiction: Callable[[Any, Any], str | None]
    loses: tuple[str, ...]
    meant: bool = False


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


def named_cells(named: dict[str, Any], cells: dict[int, float]) -> str | None:
    """Why the cells that are named cannot be the extremes of the list, or None."""
    for end in ("highest", "lowest"):
        number: Any = named.get(f"{end}_cell")
        listed = cells.get(number)
        if number is not None and listed is None:
            return f"{end} cell {number} of a list of {len(cells)} cannot be"
        stated: Any = named.get(f"{end}_voltage", listed)
        if listed is not None and abs(listed - stated) > EXTREME_VOLTS:
            return f"{end} cell {number} of {stated:.3f} V has {listed:.3f} V in the list: a contradiction"
    return None


def unfitted(named: dict[str, Any], cells: dict[int, float]) -> str | None:
    """Why the last cells of 0 V are none that the board knows of: its count of cells is too high.

    None for a lost sense wire, which the board counts among its cells in what it states beside them.
    """
    dead = next((n for n, volts in enumerate(reversed(cells.values())) if volts), 0)
    key, found = "lowest_voltage", 0.0
    if key not in named:
        key, found = "average_voltage", sum(cells.values()) / len(cells)
    if not dead or abs(named.get(key, found) - found) <= EXTREME_VOLTS:
        return None
    name = key.replace("_", " ")
    return f"{name} {named[key]:.3f} V and {dead} of {len(cells)} cells without voltage contradict each other"


def _warmest(named: dict[str, Any], sensors: dict[int, int]) -> str | None:
    ends = (("highest", max), ("lowest", min)) if sensors else ()
    for end, choose in ends:
        found = choose(sensors.values())
        stated = named.get(f"{end}_temperature", found)
        if abs(stated - found) > EXTREME_DEGREES:
            return f"{end} temperature {stated} C and {end} of the list {found} C contradict each other"
    return None


PAIRS = (
    Pair("soc", "cell_voltages", _sum, ("soc", "cell_voltages")),
    Pair("cell_voltage_range", "cell_voltages", extremes, ("cell_voltage_range", "cell_voltages")),
    Pair("cell_voltage_range", "cell_voltages", named_cells, ("cell_voltage_range",)),
)
_TEMPERATURES = ("temperature_range", "temperatures")
WEAK_PAIRS = (*PAIRS, Pair(*_TEMPERATURES, _warmest, _TEMPERATURES, meant=True))
"""Where the check is weak. A range may know a sensor that no list has: what a board says twice it means."""


def reconcile(
    outcomes: dict[str, Any],
    again: Callable[[str], None],
    gaps: Callable[[str], bool],
    pairs: Iterable[Pair] = PAIRS,
) -> None:
    """Have contradicting pairs read once more; what still contradicts becomes an error.

    outcomes: section -> reading or DalyError, changed in place by `again` and here. gaps: does a list
    lack values that cannot be? Then neither its sum nor its ends are known.
    """
    for pair in pairs:
        if gaps(pair.other) or not _contradict(outcomes, pair):
            continue
        before = (outcomes[pair.one], outcomes[pair.other])
        again(pair.one)
        again(pair.other)
        message = None if gaps(pair.other) else _contradict(outcomes, pair)
        if message and not (pair.meant and before == (outcomes[pair.one], outcomes[pair.other])):
            error = BadReply(f"{message}, twice; read again, then check the sense wires")
            outcomes.update(dict.fromkeys(pair.loses, error))


def _contradict(outcomes: dict[str, Any], pair: Pair) -> str | None:
    both = [outcomes.get(section) for section in (pair.one, pair.other)]
    if any(reading is None or isinstance(reading, DalyError) for reading in both):
        return None
    return pair.contradiction(*both)
