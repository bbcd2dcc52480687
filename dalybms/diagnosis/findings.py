"""What is wrong with a pack that answers, and what of it could not be checked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from dalybms.diagnosis.finding import ERROR, NOTE, WARNING, Finding, finding, worst_first
from dalybms.diagnosis.limits import KINDS, bearable, limits
from dalybms.diagnosis.remedies import EMPTIED, OVERCHARGED, WIRES, way_out
from dalybms.packs import Pack, Unknown, failure, lost_sensors
from dalybms.polarity import LEAST_AMPERES, number
from dalybms.protocols.faults import SWITCHED_OFF
from dalybms.sections import SECTIONS

_REST_VOLTS, _REST_SHARE = 0.3, 0.01
_LOAD_VOLTS, _LOAD_SHARE = 1.0, 0.03
"""How far sum of cells and pack voltage may be apart. Both are read some 100 ms after each other, so with a
current more; a recorded pack differed by 2 % at 5.9 A."""
_SPREAD = 0.1
"""V between the cells of a pack at rest; more is seen near full and empty, or of cells out of balance."""
_CLOCK_OFF = timedelta(minutes=5)
_SET_CLOCK = "set it with the vendor's app or PC program"
_ROUNDING = 1.01
"""Remaining capacity may stand so much above the rated one: it is counted in steps of 0.1 Ah."""


def findings(seen: Mapping[str, Any]) -> tuple[list[Finding], list[str]]:
    """(what was found, worst first; what could not be checked, one line each). Any key may be absent.

    seen: `readings` {section: reading, with "faults" and "info"; a failed one is {"error": why}},
    `unusable` {"section.key": why}, `parameters` {name: value} or None, `interval` s between polls or None,
    `clock` {"board": its datetime or None, "here": that of this machine} or {"error": why}.
    """
    readings = seen.get("readings") or {}
    pack = Pack("pack", {**readings, "unusable": seen.get("unusable") or {}}, {})
    found: list[Finding] = []
    unchecked: list[str] = list(_unread(pack))
    for rule in _RULES:
        try:
            found += rule(pack, seen)
        except Unknown as reason:
            unchecked.append(str(reason))
    return worst_first(found), list(dict.fromkeys(unchecked))


def _unread(pack: Pack) -> Iterator[str]:
    for section in (*SECTIONS, "faults", "info"):
        if section == "errors":
            continue
        why = failure(pack.sections.get(section))
        if why and "contradict each other" not in why:
            yield f"{section}: {why}"
        elif section not in pack.sections:
            yield f"{section}: not read"
    for name, why in pack.sections["unusable"].items():
        if not name.startswith("cell_voltages.") and name != "mosfet_status.mode":
            yield f"{name}: {why}"


def _faults(pack: Pack, _: Mapping[str, Any]) -> Iterator[Finding]:
    faults = pack.sections.get("faults")
    for fault in faults if isinstance(faults, list) else ():
        code, text = str(fault.get("code", "")), str(fault.get("text", "unknown"))
        if code not in SWITCHED_OFF:  # a state: told with the MOSFETs
            severity = ERROR if fault.get("level", 0) >= 2 else WARNING
            yield finding(severity, "faults", text, way_out(code))


def _cell_count(pack: Pack, seen: Mapping[str, Any]) -> Iterator[Finding]:
    for name, why in pack.sections["unusable"].items():
        if name.startswith("cell_voltages."):
            yield finding(ERROR, "cells", f"a cell that the board is set to cannot be measured: {why}", WIRES)
    counted = pack.number("status", "cells")
    cells, missing = pack.sections.get("cell_voltages"), bool(_gaps(pack))
    if isinstance(cells, Mapping) and not failure(cells) and not missing and len(cells) != counted:
        yield _other_count(ERROR, f"{counted:g} cells are configured and {len(cells)} seen")
    told = _configured(seen.get("parameters") or {})
    if told is not None and told != counted:
        yield _other_count(WARNING, f"the settings say {told:g} cells and the status {counted:g}")


def _other_count(severity: str, detail: str) -> Finding:
    return finding(severity, "cells", detail, "set the number of cells in the vendor's app to what is there")


def _gaps(pack: Pack) -> list[str]:
    return [name for name in pack.sections["unusable"] if name.startswith("cell_voltages.")]


def _configured(told: Mapping[str, Any]) -> float | None:
    """Cells in all: one number of P81; others tell them by measuring board, also by absent ones."""
    cells, boards = number(told.get("cells")), number(told.get("measuring_boards"))
    if not cells or "cells_board_1" in told:
        return cells or None
    if boards not in (1, 2, 3):
        return None
    others = [number(told.get(f"cells_board_{board}")) for board in range(2, int(boards) + 1)]
    return None if None in others else cells + sum(filter(None, others))


def _sensors(pack: Pack, _: Mapping[str, Any]) -> Iterator[Finding]:
    lost = lost_sensors(pack.get("status", "temperature_sensors"), pack.sections.get("temperatures"))
    if lost:
        numbers = ", ".join(map(str, lost))
        detail = f"temperature sensor{'s' * (len(lost) > 1)} {numbers} cannot be read"
        yield finding(WARNING, "sensors", detail, "check its plug, then how many sensors the board is set to")


def _sum(pack: Pack, _: Mapping[str, Any]) -> Iterator[Finding]:
    for section in ("soc", "cell_voltages"):
        why = failure(pack.sections.get(section))
        if "contradict each other" in why:
            yield finding(ERROR, "cells", why, WIRES)
            return
    volts, cells = pack.number("soc", "total_voltage"), _voltages(pack)
    total, rests = sum(cells.values()), _rests(pack)
    least, share = (_REST_VOLTS, _REST_SHARE) if rests else (_LOAD_VOLTS, _LOAD_SHARE)
    if abs(total - volts) > max(least, share * volts):
        detail = f"the {len(cells)} cells make {total:.2f} V and the pack measures {volts:.2f} V"
        yield finding(WARNING, "cells", detail, f"{WIRES}, then its voltage calibration")


def _voltages(pack: Pack) -> Mapping[int, float]:
    cells = pack.sections.get("cell_voltages")
    if not isinstance(cells, Mapping) or failure(cells) or not cells:
        raise Unknown("sum and spread of the cells: their voltages were not read")
    if _gaps(pack):
        raise Unknown("sum and spread of the cells: a cell cannot be measured")
    return cells


def _rests(pack: Pack) -> bool:
    current = number(pack.get("soc", "current"))
    return current is not None and abs(current) < LEAST_AMPERES


def _capacity(pack: Pack, seen: Mapping[str, Any]) -> Iterator[Finding]:
    remaining, full = pack.number("mosfet_status", "capacity_ah"), pack.full()
    full = max(full, number((seen.get("parameters") or {}).get("actual_capacity")) or 0)
    if remaining > full * _ROUNDING:
        detail = f"{remaining:g} Ah remain of a rated {full:g} Ah"
        yield finding(
            WARNING, "capacity", detail, "set the rated capacity in the vendor's app to that of the cells"
        )


def _spread(pack: Pack, seen: Mapping[str, Any]) -> Iterator[Finding]:
    cells = _voltages(pack)
    current = pack.number("soc", "current")
    if not _rests(pack):
        raise Unknown(f"spread of the cells at rest: {abs(current):g} A flow; look again without a current")
    spread = max(cells.values()) - min(cells.values())
    lowest, highest = bearable(_chemistry(pack, seen))
    if spread > _SPREAD and min(cells.values()) >= lowest and max(cells.values()) <= highest:
        low, high = min(cells, key=cells.__getitem__), max(cells, key=cells.__getitem__)
        detail = f"cells are {spread * 1000:.0f} mV apart at rest: {low} is the lowest, {high} the highest"
        yield finding(
            WARNING, "cells", detail, "charge until it is full and let it balance; then compare again"
        )


def _chemistry(pack: Pack, seen: Mapping[str, Any]) -> str | None:
    word = pack.get("info", "chemistry") or (seen.get("parameters") or {}).get("chemistry")
    return word if word in KINDS else None


def _measured(pack: Pack, seen: Mapping[str, Any]) -> Iterator[Finding]:
    """A cell beyond what its kind bears is harmed, or of another kind than the board is set to."""
    chemistry = _chemistry(pack, seen)
    cells = _voltages(pack)
    lowest, highest = bearable(chemistry)
    low, high = min(cells, key=cells.__getitem__), max(cells, key=cells.__getitem__)
    if cells[high] > highest:
        yield _beyond(high, cells[high], f"much for {chemistry or 'any known kind'}", OVERCHARGED)
    if cells[low] < lowest:
        yield _beyond(low, cells[low], f"little for {chemistry or 'any known kind'}", EMPTIED)


def _beyond(cell: int, volts: float, what: str, fix: str) -> Finding:
    return finding(ERROR, "cells", f"cell {cell} has {volts:.3f} V, which is too {what}", fix)


def _settings(pack: Pack, seen: Mapping[str, Any]) -> Iterator[Finding]:
    told = seen.get("parameters")
    if not told:
        raise Unknown("settings: not read")
    yield from limits(told, _chemistry(pack, seen), pack.get("status", "cells"))


def _kind(pack: Pack, seen: Mapping[str, Any]) -> Iterator[Finding]:
    if _chemistry(pack, seen) is None:
        raise Unknown("limits of the chemistry: the board does not tell which kind its cells are")
    missing = {"cell_voltage_high_2", "cell_voltage_low_2"} - set(seen.get("parameters") or {})
    if missing and seen.get("parameters"):
        raise Unknown(f"limits of the chemistry: the board did not tell {', '.join(sorted(missing))}")
    yield from ()


def _sleep(_: Pack, seen: Mapping[str, Any]) -> Iterator[Finding]:
    seconds, interval = number((seen.get("parameters") or {}).get("sleep_time")), number(seen.get("interval"))
    if interval is None:
        raise Unknown("sleep time: no polling interval to compare it with")
    if seconds and seconds < interval:
        detail = (
            f"without current the board sleeps after {seconds:g} s, and is asked only every {interval:g} s"
        )
        yield finding(
            WARNING, "sleep", detail, "ask more often, or set a longer sleep time in the vendor's app"
        )


def _clock(_: Pack, seen: Mapping[str, Any]) -> Iterator[Finding]:
    told = seen.get("clock") or {"error": "not read"}
    if "error" in told:
        raise Unknown(f"clock: {told['error']}")
    board, here = told["board"], told["here"]
    if board is None:
        yield finding(WARNING, "clock", "the clock of the board was never set", _SET_CLOCK)
    elif abs(board - here) > _CLOCK_OFF:
        detail = f"the clock of the board says {board:%Y-%m-%d %H:%M}, here it is {here:%Y-%m-%d %H:%M}"
        yield finding(WARNING, "clock", detail, f"{_SET_CLOCK}; whole hours may be another time zone")


def _mosfets(pack: Pack, _: Mapping[str, Any]) -> Iterator[Finding]:
    for name in ("charging", "discharging"):
        state = pack.get("mosfet_status", f"{name}_mosfet")
        if state is False:
            detail = f"the {name} MOSFET is off: switched off by command, or by a protection"
            fix = "normal when full" if name == "charging" else "normal when empty"
            yield finding(
                NOTE, "mosfets", detail, f"{fix}; else look at the faults, and at the switch in the app"
            )


_RULES: tuple[Callable[[Pack, Mapping[str, Any]], Iterator[Finding]], ...] = (
    _faults,
    _cell_count,
    _measured,
    _sensors,
    _sum,
    _capacity,
    _settings,
    _kind,
    _sleep,
    _spread,
    _clock,
    _mosfets,
)
