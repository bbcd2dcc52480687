"""Several packs in parallel -> the one bank that they are. Pure: no wire, no clock.

A value stands for all packs that answer, or it is absent and a key beside it says why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from math import fsum
from typing import TYPE_CHECKING, Any, cast

from dalybms.packs import Pack, Unknown, absence, because, failure
from dalybms.polarity import number

if TYPE_CHECKING:
    from dalybms.readings import Bank


def bank(
    packs: Mapping[Any, Any],
    voices: Mapping[Any, Mapping[str, int]] | None = None,
    inverted: Collection[Any] = (),
) -> Bank:
    """The bank of {name: sections as get_all() gives them, with "info" where it was read}.

    A pack that failed is {"error": why} or the error itself; samples are taken as well. Any key may be
    missing. voices: what was learnt of the polarity of each pack (see polarity.py); without it
    the readings themselves must tell. inverted: names of the packs whose current was turned
    by `invert_current`. `current` and `power` are positive while discharging.

    Of the packs that answer: mean voltage, sums of current, power and capacity, extremes with the name
    of the pack, errors. The state of charge is weighted by the capacity when full (`rated_capacity_ah`
    of info, else `full_capacity_ah`), without the packs that `left_out` names. Where one pack
    keeps a value from being known, it is absent, and `..._unknown` says why. Raises nothing.
    """
    failed = {name: why for name in packs for why in [absence(packs[name])] if why}
    answering = sorted(packs.keys() - failed.keys(), key=_order)
    known = voices or {}
    there = [Pack(name, packs[name], known.get(name, {}), name in inverted) for name in answering]
    left_out = {**failed, **_left_out(there)}
    found: dict[str, Any] = {"boards": {"answering": len(there), "of": len(packs)}}
    found.update(_voltage(there))
    found.update(_current(there))
    found.update(_capacity(there))
    found.update(_told("soc_percent", lambda: _soc([pack for pack in there if pack.name not in left_out])))
    found.update(_extremes(there, "cell_voltage_range", "cell_voltages", "voltage", "cell"))
    found.update(_extremes(there, "temperature_range", "temperatures", "temperature", "sensor"))
    found.update(_errors(there))
    found["left_out"] = {name: left_out[name] for name in sorted(left_out, key=_order)}
    return cast("Bank", found)


def _order(name: Any) -> tuple[bool, int, str]:
    """Board 10 after board 2, numbers before names."""
    text = str(name)
    plain = text.isascii() and text.isdigit()
    return not plain, int(text) if plain else 0, text


def _told(key: str, value: Any) -> dict[str, Any]:
    """{key: value()}, or {key_unknown: why}."""
    try:
        return {key: value()}
    except Unknown as unknown:
        return {f"{key.replace('_ah', '')}_unknown": str(unknown)}


def _total(values: Iterable[float]) -> float:
    """The sum, whatever the order of the packs; of no pack at all there is none."""
    known = list(values)
    if not known:
        raise Unknown("no pack answers")
    return round(fsum(known), 3) + 0.0


def _voltage(packs: list[Pack]) -> dict[str, Any]:
    """Mean and spread over the packs that tell it: in parallel each of them stands for all."""
    known = [value for pack in packs if (value := number(pack.get("soc", "total_voltage"))) is not None]
    if not known:
        return {"total_voltage_unknown": "no pack tells its voltage" if packs else "no pack answers"}
    mean = round(fsum(known) / len(known), 3)
    return {"total_voltage": mean, "voltage_spread": round(max(known) - min(known), 3)}


def _current(packs: list[Pack]) -> dict[str, Any]:
    """Current and power; where the current is not known it says why for both."""
    current = _told("current", lambda: _total(pack.current() for pack in packs))
    if "current" not in current:
        return current
    return {**current, **_told("power", lambda: round(_total(pack.power() for pack in packs), 2))}


def _capacity(packs: list[Pack]) -> dict[str, Any]:
    return _told("capacity_ah", lambda: _total(pack.number("mosfet_status", "capacity_ah") for pack in packs))


def _left_out(packs: list[Pack]) -> dict[Any, str]:
    """The packs that answer and do not count for the state of charge, and why."""
    found = {}
    for pack in packs:
        if pack.get("mosfet_status", "discharging_mosfet") is False:
            found[pack.name] = "discharge MOSFET off"
        elif number(pack.get("soc", "soc_percent")) is None:
            found[pack.name] = f"state of charge not read{because(pack.failure('soc', 'soc_percent'))}"
    return found


def _soc(packs: list[Pack]) -> float:
    """Weighted by the capacity when full."""
    if not packs:
        raise Unknown("no pack counts: each failed or has its discharge MOSFET off")
    for pack in packs:
        why = pack.failure("mosfet_status")
        if why:
            raise Unknown(f"{pack.name}: whether its discharge MOSFET is on was not read: {why}")
    weights = [pack.full() for pack in packs]
    parts = [weight * pack.number("soc", "soc_percent") for pack, weight in zip(packs, weights)]
    return round(fsum(parts) / fsum(weights), 2)


def _extremes(packs: list[Pack], named: str, listed: str, quantity: str, thing: str) -> dict[str, Any]:
    """Highest and lowest with the number of the cell or sensor, and the board; of equal ones the first.

    Packs without any are passed over; one whose reading failed may hold the extreme.
    """
    found: dict[str, Any] = {}
    for end, better in (("highest", max), ("lowest", min)):
        ends = []
        for pack in packs:
            value, place = _end(pack, named, listed, f"{end}_{quantity}", f"{end}_{thing}", better)
            if value is not None:
                ends.append((value, place, pack.name))
            elif why := pack.failure(named, f"{end}_{quantity}") or pack.failure(listed):
                return {f"{thing}_extremes_unknown": f"{pack.name}: {why}"}
        if ends:
            value, place, board = better(ends, key=lambda each: each[0])
            found[f"{end}_{quantity}"] = value
            if place is not None:
                found[f"{end}_{thing}"] = place
            found[f"{end}_{thing}_board"] = board
    return found


def _end(pack: Pack, named: str, listed: str, quantity: str, thing: str, better: Any) -> tuple[Any, Any]:
    """What the board names, else what its list tells, else None."""
    value = number(pack.get(named, quantity))
    if value is not None:
        return value, pack.get(named, thing)
    values = pack.sections.get(listed)
    if not isinstance(values, Mapping) or failure(values):
        return None, None
    known = {place: value for place, value in values.items() if number(value) is not None}
    place = better(known, key=known.__getitem__, default=None)
    return (None, None) if place is None else (known[place], place)


def _errors(packs: list[Pack]) -> dict[str, Any]:
    """Each with its board in front; "no error" is said only where all were asked."""
    texts = [f"{pack.name}: {text}" for pack in packs for text in _texts(pack)]
    unread = [f"{pack.name}: {pack.failure('errors') or 'not read'}" for pack in packs if _unread(pack)]
    found: dict[str, Any] = {"errors": texts} if texts or not unread else {}
    return {**found, "errors_unknown": "; ".join(unread)} if unread else found


def _unread(pack: Pack) -> bool:
    return not any(isinstance(pack.sections.get(section), list) for section in ("errors", "faults"))


def _texts(pack: Pack) -> list[str]:
    errors, faults = pack.sections.get("errors"), pack.sections.get("faults")
    if isinstance(errors, list):
        return list(map(str, errors))
    return [str(fault["text"]) for fault in faults] if isinstance(faults, list) else []
