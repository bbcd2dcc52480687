"""Signs and numbers for people, for terminals that have Unicode and for those that have not."""

from __future__ import annotations

from typing import Any, NamedTuple

from rich.cells import cell_len

from dalybms.outputs.quantities import TABLE

_PRECISION = {row.key: row.precision for row in TABLE}


class Signs(NamedTuple):
    """Highest, lowest and balancing differ by shape, not by colour alone."""

    highest: str = "▲"
    lowest: str = "▼"
    balancing: str = "◆"
    block: str = "█"
    empty: str = "░"
    middle: str = "│"
    delta: str = "Δ"
    degree: str = "°C"
    dot: str = "·"
    more: str = "…"
    to: str = "–"


UNICODE = Signs()
ASCII = Signs("^", "v", "*", "#", ".", "|", "delta", "C", "-", "...", " to ")


def plain(text: Any, encoding: str = "utf-8") -> str:
    """On one line, without what would steer the terminal, in letters that it has."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in str(text)).split())
    return line.encode(encoding, "replace").decode(encoding)


def cut(text: str, room: int, signs: Signs) -> str:
    """The end of a name, which tells one from another, where all of it does not fit in `room` columns."""
    if cell_len(text) <= room:
        return text
    while len(text) > 1 and cell_len(signs.more + text) > room:
        text = text[1:]
    return signs.more + text


def shown(value: Any, unit: str = "", precision: int = 0) -> str:
    """A value with its unit, "?" for what was not read."""
    if value is None:
        return f"? {unit}".rstrip()
    if isinstance(value, bool):
        return "on" if value else "off"
    text = f"{value:.{precision}f}" if isinstance(value, (int, float)) else str(value)
    return f"{text} {unit}".rstrip()


def precision(key: str) -> int:
    return _PRECISION.get(key, 0)
