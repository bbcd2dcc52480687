"""The cells of a pack: volts, a bar and the millivolts from the mean, three marks."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from dalybms.outputs.table.history import History
from dalybms.outputs.table.words import Signs

_REACH = 6
"""Blocks of a bar on either side of the mean."""
_LEAST = 5.0
"""mV that a full bar means at the least, so that noise does not fill it."""
_WIDTHS = {"tiny": 10, "short": 19, "bars": 34, "all": 47}
"""Columns of the screen that one cell takes: mV alone, then with volts, with a bar, with its extremes."""
_GAP = {"tiny": 1, "short": 1, "bars": 2, "all": 2}


def cells(history: History, signs: Signs, width: int, height: int) -> Table | None:
    """As much of each cell as fits into width x height; None when no cell was read."""
    known = history.cells()
    if not known:
        return None
    forms = ("all", "bars", "short") if history.count > 1 else ("bars", "short")
    form = next((form for form in forms if _columns(form, width, len(known), height)), "short")
    columns = _columns(form, width, len(known), height) or _most(form, width)
    per_column = -(-len(known) // columns)
    volts = {number: cell[0] for number, cell in known.items()}
    mean = sum(volts.values()) / len(volts)
    reach = max(_LEAST, *(abs(value - mean) * 1000 for value in volts.values()))
    table = Table.grid(padding=(0, _GAP[form]))
    numbers = list(known)
    for start in range(per_column):
        table.add_row(
            *(_cell(history, signs, number, form, mean, reach) for number in numbers[start::per_column])
        )
    return table


def _columns(form: str, width: int, count: int, height: int) -> int:
    """How many columns of this form show all cells, 0 when they do not fit."""
    most = _most(form, width)
    needed = -(-count // max(1, height))
    fits = needed <= most and _WIDTHS[form] <= width
    return max(needed, min(most, -(-count // 8))) if fits else 0


def _most(form: str, width: int) -> int:
    return max(1, (width + _GAP[form]) // (_WIDTHS[form] + _GAP[form]))


def _cell(history: History, signs: Signs, number: int, form: str, mean: float, reach: float) -> Text:
    volts, balancing = history.cells()[number]
    off = (volts - mean) * 1000
    text = Text(no_wrap=True)
    text.append(f"{number:>3} ")
    text.append(_marks(history, signs, number, balancing), "bold")
    if form != "tiny":
        text.append(f" {volts:.3f} V")
    if form in ("bars", "all"):
        text.append(" ")
        text.append(bar(off, reach, signs), "yellow" if abs(off) >= 30 else "cyan")
    text.append(f" {round(off):+4d}", "yellow" if abs(off) >= 30 else "")
    if form == "all":
        low, high = history.extremes[f"cell_voltage_{number}"]
        text.append(f"  {low:.3f}{signs.to}{high:.3f}", "dim")
    return text


def _marks(history: History, signs: Signs, number: int, balancing: bool | None) -> str:
    highest, lowest = history.values.get("highest_cell"), history.values.get("lowest_cell")
    extreme = signs.highest if number == highest else signs.lowest if number == lowest else " "
    return extreme + (signs.balancing if balancing else " ")


def bar(off: float, reach: float, signs: Signs) -> str:
    """To the left of the middle for less than the mean, to the right for more."""
    blocks = min(_REACH, round(abs(off) / reach * _REACH))
    left, right = (blocks, 0) if off < 0 else (0, blocks)
    below, above = signs.block * left, signs.block * right
    return f"{below:>{_REACH}}{signs.middle}{above:<{_REACH}}"
