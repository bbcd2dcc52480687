"""Readings that follow from others, for boards that do not state them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dalybms.errors import BadReply


def power(soc: dict[str, Any]) -> dict[str, Any]:
    """With `power` (W) = voltage * current, so that its sign is that of the current."""
    if "total_voltage" not in soc or "current" not in soc:
        return soc
    return {**soc, "power": round(soc["total_voltage"] * soc["current"], 2)}


def ends(stated: dict[str, Any], values: dict[int, float], quantity: str, thing: str) -> dict[str, Any]:
    """A range with highest and lowest `quantity` and the number of each `thing`.

    What the board states stays; the rest is taken from the list (the first of equal
    ones). Without any value there is no highest and no lowest.
    """
    found: dict[str, Any] = {}
    rest = dict(stated)
    for end, choose in (("highest", max), ("lowest", min)):
        own_value, own_number = rest.pop(f"{end}_{quantity}", None), rest.pop(f"{end}_{thing}", None)
        if values:
            number = choose(values, key=lambda each: values[each])
            found[f"{end}_{quantity}"] = values[number] if own_value is None else own_value
            found[f"{end}_{thing}"] = number if own_number is None else own_number
    return {**found, **rest}


def unknown_ends(
    stated: Mapping[str, Any], left_out: Mapping[Any, str], quantity: str, thing: str
) -> dict[str, str]:
    """{key: why} of what a range would have from its list, which lacks values.

    BadReply where nothing is stated either: then nothing of the range is known.
    """
    why = next(iter(left_out.values()))
    if not stated:
        raise BadReply(f"no ends of a list without {why}")
    keys = (f"{end}_{what}" for end in ("highest", "lowest") for what in (quantity, thing))
    return {key: why for key in keys if key not in stated}
