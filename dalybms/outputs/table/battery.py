"""One battery on the screen: the difference of its cells on top, then what it tells, then cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from dalybms.outputs.flat import faults
from dalybms.outputs.names import title
from dalybms.outputs.quantities import GOOD
from dalybms.outputs.table.cells import cells
from dalybms.outputs.table.history import History
from dalybms.outputs.table.words import Signs, cut, plain, precision, shown
from dalybms.polarity import number

_STYLES = {"ok": "bold green", "partial": "bold yellow"}
_LEVELS = {1: "warning", 2: "protection", 3: "hardware"}
_ALONE = {
    "cell_voltage_range": "cell_voltages",
    "temperature_range": "temperatures",
    "balancing_status": "cell_voltages",
    "status": "mosfet_status",
    "info": "",
}
"""Sections that are drawn with another one, or not at all."""
_SOC_BLOCKS = 20
_LEAST_NAME = 8
_WIDE_ENOUGH = 60
"""Columns below which the head goes without the clock and the range of the difference."""
NO_END = 10_000
"""Lines of a screen that is no screen: what is printed once scrolls."""


class Screen:
    """What the terminal is like."""

    def __init__(self, width: int, height: int, signs: Signs, encoding: str) -> None:
        self.width, self.height, self.signs, self.encoding = width, height, signs, encoding
        self.foot = 0
        """Lines that are taken by something below."""

    @property
    def small(self) -> bool:
        return self.height < 24 or (self.width < 80 and self.height < NO_END)


def battery(history: History, screen: Screen, now: float) -> RenderableType:
    """Everything of one battery."""
    rows: list[RenderableType] = [_head(history, screen, now)]
    if history.sample.get("state") in GOOD:
        rows += _readings(history, screen)
    rows += _troubles(history, screen)
    energy = _energy(history)
    grid = cells(history, screen.signs, screen.width, screen.height - screen.foot - len(rows) - 3)
    if grid is not None:
        rows.append(grid)
        rows.append(_legend(screen.signs))
    return Group(*rows, *([energy] if energy else []))


def state(history: History, screen: Screen, now: float) -> Text:
    """The state of the sample and how old it is; of a failed one, also since when."""
    word = str(history.sample.get("state"))
    clock = f"{str(history.sample['time'])[11:19]}Z, " if screen.width >= _WIDE_ENOUGH else ""
    text = Text.assemble((word, _STYLES.get(word, "bold red")), f" {clock}{history.age(now):.0f} s old")
    if word not in GOOD:
        since = history.last_good
        text.append(f", last good {since[11:19]}Z" if since else ", none was good yet")
    return text


def _head(history: History, screen: Screen, now: float) -> Text:
    """The difference of the cells, then whose they are; state and age are never cut off by a long name."""
    text = Text(no_wrap=True, overflow="crop")
    if _asked(history, "cell_voltage_range") or history.sample.get("state") not in GOOD:
        text.append(f"{screen.signs.delta} ", "bold")
        text.append(f"{millivolts(history.values.get('delta_voltage'))} mV", "bold reverse")
        if "delta_voltage" in history.extremes and history.count > 1 and screen.width >= _WIDE_ENOUGH:
            low, high = history.extremes["delta_voltage"]
            text.append(f" ({low * 1000:.0f}{screen.signs.to}{high * 1000:.0f})", "dim")
        text.append("  ")
    dot, protocol = f" {screen.signs.dot} ", history.sample.get("protocol")
    end = Text(f"{dot}{protocol}{dot}" if protocol else dot).append_text(state(history, screen, now))
    room = max(_LEAST_NAME, screen.width - text.cell_len - end.cell_len)
    text.append(cut(plain(title(history.sample), screen.encoding), room, screen.signs), "bold")
    return text.append_text(end)


def millivolts(volts: Any) -> str:
    return "?" if number(volts) is None else f"{volts * 1000:.0f}"


def _readings(history: History, screen: Screen) -> list[RenderableType]:
    if screen.small:
        return [_brief(history), *([_switches(history)] if _is_off(history) else [])]
    lines = [_charge(history, screen), _electric(history, screen), _switches(history)]
    return [*(line for line in lines if line), *_temperatures(history, screen)]


def _asked(history: History, section: str) -> bool:
    """Was this section read, or tried? What was not asked for is no question mark."""
    return section in history.sample or "bank" in history.sample


def _charge(history: History, screen: Screen) -> Text:
    percent, signs, text = history.values.get("soc_percent"), screen.signs, Text()
    if _asked(history, "soc"):
        text.append(f"{shown(percent, '%', 1):>8} ", "bold")
        if isinstance(percent, (int, float)):
            blocks = round(percent / 100 * _SOC_BLOCKS)
            text.append(signs.block * blocks + signs.empty * (_SOC_BLOCKS - blocks), "green")
    if _asked(history, "mosfet_status"):
        text.append(f"{' ' if text else ''}{shown(history.values.get('capacity_ah'), 'Ah', 1)} remaining")
    return text


def _electric(history: History, screen: Screen) -> Text:
    if not _asked(history, "soc"):
        return Text()
    keys = (("total_voltage", "V"), ("current", "A"))
    text = Text("  ").join(_with_extremes(history, screen, key, unit) for key, unit in keys)
    return text.append(f"  {_direction(history)}")


def _switches(history: History) -> Text:
    values = history.values
    if history.sample.get("bank"):
        return Text(f"{shown(values.get('boards_answering'))} of {shown(values.get('boards'))} packs answer")
    parts = [f"{shown(values.get('cycles'))} cycles"] if _asked(history, "status") else []
    if _asked(history, "mosfet_status"):
        charge, discharge = (shown(values.get(f"{word}_mosfet")) for word in ("charging", "discharging"))
        parts = [f"charge MOSFET {charge}", f"discharge MOSFET {discharge}", *parts]
    return Text(", ".join(parts))


def _brief(history: History) -> Text:
    """The most important in one line."""
    values = history.values
    units = (("soc_percent", "%"), ("total_voltage", "V"), ("current", "A"), ("highest_temperature", "C"))
    text = Text(" ".join(shown(values.get(key), unit, precision(key)) for key, unit in units), "bold")
    mean = number(values.get("average_voltage"))
    return text if mean is None else text.append(f" mean {mean:.3f} V", "not bold")


def _is_off(history: History) -> bool:
    return False in (history.values.get("charging_mosfet"), history.values.get("discharging_mosfet"))


def _direction(history: History) -> str:
    power, mode = history.values.get("power"), history.values.get("mode")
    if history.values.get("current") is None:
        return str(mode or "")
    if not isinstance(power, (int, float)):
        return f"{mode or ''} (W unknown until the sign of the current is learnt)".strip()
    word = "out" if power > 0 else "in" if power < 0 else ""
    return f"{abs(power):.0f} W {word} {mode or ''}".rstrip()


def _with_extremes(history: History, screen: Screen, key: str, unit: str) -> Text:
    text = Text(shown(history.values.get(key), unit, precision(key)), "bold")
    if key in history.extremes and history.count > 1:
        low, high = (shown(end, "", precision(key)) for end in history.extremes[key])
        text.append(f" ({low}{screen.signs.to}{high})", "not bold dim")
    return text


def _temperatures(history: History, screen: Screen) -> list[RenderableType]:
    known = history.temperatures()
    if not known:
        return []
    text = Text("temperatures " + ", ".join(f"{place}: {value:.0f}" for place, value in known.items()))
    text.append(f" {screen.signs.degree}")
    if "highest_temperature" in history.extremes and history.count > 1:
        low = history.extremes.get("lowest_temperature", history.extremes["highest_temperature"])[0]
        text.append(f" ({low:.0f}{screen.signs.to}{history.extremes['highest_temperature'][1]:.0f})", "dim")
    return [text]


def _troubles(history: History, screen: Screen) -> Iterator[Text]:
    """Why it failed, which sections did, and the faults that the board tells."""
    sample = history.sample
    if sample.get("error"):
        yield Text(plain(sample["error"], screen.encoding), "red")
    for name, reading in sample.items():
        if isinstance(reading, dict) and "error" in reading:
            yield Text(plain(f"{name}: {reading['error']}", screen.encoding), "yellow")
    for path, why in (sample.get("unusable") or {}).items():
        yield Text(plain(f"{path}: {why}", screen.encoding), "yellow")
    active = faults(sample)
    if active is None and sample.get("state") in GOOD and _asked(history, "errors"):
        yield Text("faults: ? (not read)", "yellow")
    for fault in active or ():
        level = _LEVELS.get(fault.get("level", 0), "fault")
        yield Text(plain(f"{level}: {fault.get('text', fault.get('code'))}", screen.encoding), "bold red")


def beside(history: History, screen: Screen) -> list[Text]:
    """What a single reading shows beyond the live view: no fault, `info`, and a section that stands alone."""
    sample = history.sample
    lines = ["no active faults"] if faults(sample) == [] else []
    for section, shown_with in _ALONE.items():
        reading = sample.get(section)
        if isinstance(reading, dict) and "error" not in reading and shown_with not in sample:
            lines += [f"{key}: {_plainly(value)}" for key, value in reading.items()]
    return [Text(plain(line, screen.encoding)) for line in lines]


def _plainly(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plainly(part)}" for key, part in value.items())
    return shown(value) if isinstance(value, bool) else str(value)


def _energy(history: History) -> Text | None:
    values = history.values
    counted = [
        f"{values[key] / 1000:.3f} kWh {word}"  # type: ignore[operator]
        for key, word in (("energy_in_wh", "in"), ("energy_out_wh", "out"))
        if values.get(key) is not None
    ]
    if values.get("runtime_hours") is not None:
        counted.append(f"{values['runtime_hours']:.1f} h to {values.get('runtime_to')}")
    return Text(", ".join(counted)) if counted else None


def _legend(signs: Signs) -> Text:
    return Text(
        f"{signs.highest} highest  {signs.lowest} lowest  {signs.balancing} balancing   mV from the mean",
        "dim",
    )
