"""Several batteries on the screen: a row for each."""

from __future__ import annotations

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from dalybms.outputs.names import title
from dalybms.outputs.table.battery import Screen, millivolts, state
from dalybms.outputs.table.history import History
from dalybms.outputs.table.words import cut, plain, shown

_NAME = 20
"""Letters of a name that are worth more than what is said behind a state."""
_LEAST_NAME, _SHORTEST, _STATE = 8, 5, 13
"""Letters: of a name for which numbers have to go, of one that is cut, of a state with its age."""
_HEADS = {"total_voltage": "V", "current": "A", "power": "W out", "soc_percent": "%", "fault_count": "faults"}
_SETS = (
    ("delta_voltage", "total_voltage", "current", "power", "soc_percent", "fault_count"),
    ("delta_voltage", "current", "soc_percent", "fault_count"),
    ("current", "soc_percent", "fault_count"),
    ("soc_percent", "fault_count"),
    ("fault_count",),
)
"""What is shown of each of several batteries, for windows from wide to narrow."""


def fleet(histories: list[History], screen: Screen, now: float) -> Table:
    """A row for each battery, and the bank last."""
    gap = 2 if screen.width >= 100 else 1
    ordered = sorted(histories, key=lambda each: "bank" in each.sample)
    names = [plain(title(history.sample), screen.encoding) for history in ordered]
    states = [_brief(history, screen, now) for history in ordered]
    longest = max(map(cell_len, names))
    keys, widths = _columns(ordered, screen, gap, min(longest, _LEAST_NAME))
    spare = screen.width - sum(widths) - 2 * gap * (len(widths) + 1)
    broadest = max(_STATE, *(each.cell_len for each in states))
    room = max(_STATE, min(broadest, spare - min(_NAME, longest)))
    table = Table(box=None, pad_edge=False, padding=(0, gap))
    table.add_column("battery", no_wrap=True, overflow="crop")
    table.add_column("state and age", no_wrap=True, overflow="crop", min_width=room, max_width=room)
    for key, width in zip(keys, widths):
        table.add_column(_head(key, screen), justify="right", no_wrap=True, overflow="crop", min_width=width)
    for name, state_, history in zip(names, states, ordered):
        short = Text(cut(name, max(_SHORTEST, spare - room), screen.signs), "bold")
        table.add_row(short, state_, *(_number(history, key) for key in keys))
    return table


def _columns(
    histories: list[History], screen: Screen, gap: int, name: int
) -> tuple[tuple[str, ...], list[int]]:
    """The keys that fit beside a name, and their widths: a part of a number would be a wrong number."""
    for keys in _SETS:
        cells = [[_number(history, key).cell_len for history in histories] for key in keys]
        widths = [max(5, len(_head(key, screen)), *column) for key, column in zip(keys, cells)]
        if name + _STATE + sum(widths) + 2 * gap * (len(widths) + 1) <= screen.width:
            break
    return keys, widths


def _head(key: str, screen: Screen) -> str:
    return f"{screen.signs.delta} mV" if key == "delta_voltage" else _HEADS[key]


def _number(history: History, key: str) -> Text:
    value = history.values.get(key)
    if key == "delta_voltage":
        return Text(millivolts(value))
    if key == "fault_count":
        return Text(shown(value), "bold red" if history.values.get("fault") else "")
    return Text(shown(value, "", 0 if key == "power" else 1))


def _brief(history: History, screen: Screen, now: float) -> Text:
    if screen.width >= 100:
        return state(history, screen, now)
    return Text(f"{history.sample.get('state')} {history.age(now):.0f} s")
