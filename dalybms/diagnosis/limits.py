"""Do the limits of a board fit its chemistry, and stand in their order? Pure.

A limit that lets cells be harmed is an error, any other doubt a warning: who sets limits closer than
needed harms nothing. Whether a raw 0 means "off" nobody knows, so it is noted and compared with nothing.
Sources, read in public copies: LFP, Lishen LP54173207-202Ah (2.5 V, when cold 2.0, to 3.65 V, charged at 0 to
60 C); NMC, YOK Energy's 18650 cell (2.75 to 4.2 V, 0 to 45 C); LTO, Toshiba SCiB 4.2 Ah (1.7 V, cold 1.5,
to 2.8 V) and Nichicon SLB (-30 to 60 C); sodium-ion, TOB-18650-C-Na (1.8 to 3.95 V, -20 to 55 C). Widened to
what the vendor sells boards with (LFP 2.2 and 3.75 V, NMC 2.7 and 4.25 V, LTO 1.7 and 2.85 V). Not checked on
cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dalybms.diagnosis.finding import ERROR, NOTE, WARNING, Finding, finding
from dalybms.polarity import number

_AREA = "settings"
_LOOK = "compare it with the data sheet of the cells, and set it in the vendor's app"
_ORDER = "set both in the vendor's app, in the order that the names say"
_RISING = (
    "cell_voltage_high",
    "pack_voltage_high",
    "charge_temperature_high",
    "discharge_temperature_high",
    "mosfet_temperature_high",
    "charge_overcurrent",
    "discharge_overcurrent",
    "soc_high",
    "cell_voltage_difference",
    "temperature_difference",
)
"""The next level lies above; of the others below."""
_FALLING = (
    "cell_voltage_low",
    "pack_voltage_low",
    "charge_temperature_low",
    "discharge_temperature_low",
    "soc_low",
)
_PAIRS = ("cell_voltage", "pack_voltage", "charge_temperature", "discharge_temperature", "soc")
_RAW_ZERO = -40
"""C, a temperature limit whose byte is 0."""


class Kind(NamedTuple):
    """What cells of one chemistry bear. V and C; `lowest` to `low` is where the lower limit belongs."""

    lowest: float
    low: float
    high: float
    highest: float
    nominal: tuple[float, float]
    coldest: int


KINDS = {
    "LFP": Kind(2.0, 3.1, 3.4, 3.8, (3.0, 3.4), 0),
    "NMC": Kind(2.5, 3.5, 3.9, 4.3, (3.5, 3.9), 0),
    "LTO": Kind(1.4, 2.2, 2.4, 2.9, (2.2, 2.5), -30),
    "sodium-ion": Kind(1.2, 2.8, 3.6, 4.2, (2.8, 3.3), -20),
}
HOTTEST = 65
"""C, no cell of these is charged above."""


def bearable(chemistry: str | None) -> tuple[float, float]:
    """V of a cell, the lowest and the highest; where its kind is not known, of all kinds."""
    kinds = KINDS.values() if chemistry is None else [KINDS[chemistry]]
    return min(kind.lowest for kind in kinds), max(kind.highest for kind in kinds)


def limits(parameters: Mapping[str, Any], chemistry: Any, cells: Any) -> list[Finding]:
    """What is wrong with the settings. chemistry: its word; cells: in series; either may be None."""
    told = {name: value for name, value in parameters.items() if number(value) is not None}
    usable = {name: value for name, value in told.items() if not _is_raw_zero(name, value)}
    found = [*_order(usable), *_opposites(usable), *_releases(usable), *_balancing(usable)]
    if chemistry in KINDS:
        kind = KINDS[chemistry]
        found += [*_cells(usable, chemistry, kind), *_packs(usable, chemistry, kind, cells)]
        found += [*_temperatures(told, chemistry, kind)]
    return [*found, *_zeros(told)]


def _is_raw_zero(name: str, value: float) -> bool:
    return value == (_RAW_ZERO if "temperature_high" in name or "temperature_low" in name else 0)


def _wrong_order(
    below: str, above: str, told: Mapping[str, float], severity: str = WARNING
) -> Iterator[Finding]:
    if below in told and above in told and told[below] > told[above]:
        detail = f"{below} {told[below]:g} is above {above} {told[above]:g}"
        yield finding(severity, _AREA, detail, _ORDER)


def _order(told: Mapping[str, float]) -> Iterator[Finding]:
    for name in _RISING:
        for level in (1, 2):
            yield from _wrong_order(f"{name}_{level}", f"{name}_{level + 1}", told)
    for name in _FALLING:
        yield from _wrong_order(f"{name}_2", f"{name}_1", told)


def _opposites(told: Mapping[str, float]) -> Iterator[Finding]:
    """Between the limits that act there must be room to work in."""
    for name in _PAIRS:
        low, high = f"{name}_low_2", f"{name}_high_2"
        if low in told and told.get(low) == told.get(high):
            yield finding(ERROR, _AREA, f"{low} and {high} are both {told[low]:g}", _ORDER)
        yield from _wrong_order(low, high, told, ERROR)


def _releases(told: Mapping[str, float]) -> Iterator[Finding]:
    """A fault ends within its limit, or it comes and goes."""
    for name in (*_RISING, *_FALLING):
        release, limit = f"{name}_release", f"{name}_2"
        pair = (limit, release) if name in _FALLING else (release, limit)
        yield from _wrong_order(*pair, told)


def _balancing(told: Mapping[str, float]) -> Iterator[Finding]:
    yield from _wrong_order("balance_start", "cell_voltage_high_2", told)


def _cells(told: Mapping[str, float], chemistry: str, kind: Kind) -> Iterator[Finding]:
    high, low = told.get("cell_voltage_high_2"), told.get("cell_voltage_low_2")
    if high is not None and not kind.high <= high <= kind.highest:
        yield _unfit("cell_voltage_high_2", high, "V", chemistry, high > kind.highest)
    if low is not None and not kind.lowest <= low <= kind.low:
        yield _unfit("cell_voltage_low_2", low, "V", chemistry, low < kind.lowest)
    nominal = told.get("nominal_cell_voltage")
    if nominal is not None and not kind.nominal[0] <= nominal <= kind.nominal[1]:
        yield _unfit("nominal_cell_voltage", nominal, "V", chemistry)


def _packs(told: Mapping[str, float], chemistry: str, kind: Kind, cells: Any) -> Iterator[Finding]:
    """The limits of the cells act as well, so these are no more than a warning."""
    if not number(cells):
        return
    for name, least, most in (
        ("pack_voltage_high_2", kind.high, kind.highest),
        ("pack_voltage_low_2", kind.lowest, kind.low),
    ):
        if name in told and not least * cells <= told[name] <= most * cells:
            yield _unfit(name, told[name], "V", f"{cells:g} cells of {chemistry}")


def _temperatures(told: Mapping[str, float], chemistry: str, kind: Kind) -> Iterator[Finding]:
    cold, hot = told.get("charge_temperature_low_2"), told.get("charge_temperature_high_2")
    if cold is not None and cold < kind.coldest:
        detail = f"charge_temperature_low_2 {cold:g} C lets {chemistry} be charged below {kind.coldest} C"
        yield finding(WARNING, _AREA, detail, _LOOK)
    if hot is not None and hot > HOTTEST:
        detail = f"charge_temperature_high_2 {hot:g} C lets {chemistry} be charged above {HOTTEST} C"
        yield finding(WARNING, _AREA, detail, _LOOK)


def _zeros(told: Mapping[str, float]) -> Iterator[Finding]:
    limits_of = {f"{name}_2" for name in (*_RISING, *_FALLING)}
    names = [name for name in sorted(limits_of & set(told)) if _is_raw_zero(name, told[name])]
    if names:
        detail = f"these limits hold the number 0, which may mean that they are off: {', '.join(names)}"
        yield finding(NOTE, _AREA, detail, "look in the vendor's app whether they are meant to be off")


def _unfit(name: str, value: float, unit: str, what: str, harms: bool = False) -> Finding:
    detail = f"{name} {value:g} {unit} does not fit {what}" + (
        ", it does not protect the cells" if harms else ""
    )
    return finding(ERROR if harms else WARNING, _AREA, detail, f"{_LOOK}; is the chemistry set right?")
