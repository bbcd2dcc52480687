"""The output itself: printed once, or drawn anew with each sample."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import IO, Any, Callable

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from dalybms.outputs.names import title
from dalybms.outputs.table.battery import NO_END, Screen, battery, beside, millivolts, state
from dalybms.outputs.table.history import History
from dalybms.outputs.table.words import ASCII, UNICODE, cut, plain, shown

_NAME = 20
"""Letters of a name that are worth more than what is said behind a state."""
_NOTES = 2
"""Messages that stay on the screen."""


class TableView:
    """A live view on a terminal; elsewhere each sample is printed below the last one.

    file: where to; None: stdout. clock: the wall clock, for ages. names: of the batteries, in the order
    in which they are shown; others follow as they come.
    """

    def __init__(
        self,
        file: IO[str] | None = None,
        clock: Callable[[], float] = time.time,
        names: Sequence[str] = (),
    ) -> None:
        self._console = Console(file=file, highlight=False, markup=False, emoji=False, soft_wrap=False)
        self._clock, self._names = clock, list(names)
        self._batteries: dict[tuple[str, Any], History] = {}
        self._notes: list[str] = []
        self._live: Live | None = None
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(console=self._console, auto_refresh=False, screen=True)
            self._live.start()

    def take(self, sample: Mapping[str, Any]) -> None:
        key = (str(sample.get("name")), sample.get("board"))
        history = self._batteries.setdefault(key, History())
        history.take(sample)
        if self._live:
            self._draw()
        else:
            self._console.print(battery(history, self._screen(), self._clock()))

    def note(self, text: str) -> None:
        """A message that would otherwise go to stderr, under what is drawn."""
        self._notes = [*self._notes, text][-_NOTES:]
        if self._live and self._batteries:
            self._draw()

    def close(self) -> None:
        """Leave the last picture behind."""
        if self._live:
            self._live.stop()
            self._live = None
            if self._batteries:
                self._console.print(self.picture())

    def picture(self) -> RenderableType:
        """What the screen shows now."""
        screen, now = self._screen(), self._clock()
        histories = [history for _, history in sorted(self._batteries.items(), key=self._place)]
        notes = [Text(plain(note, screen.encoding), "yellow") for note in self._notes]
        screen.height -= len(notes)
        if len(histories) == 1:
            return Group(battery(histories[0], screen, now), *notes)
        parts: list[RenderableType] = [_fleet(histories, screen, now)]
        if not screen.small:
            share = Screen(screen.width, 24, screen.signs, screen.encoding)
            for history in histories:
                parts += [Text(), battery(history, share, now)]
        return Group(*parts, *notes)

    def _place(self, item: tuple[tuple[str, Any], History]) -> tuple[int, int]:
        (name, board), _ = item
        known = name in self._names
        return (self._names.index(name), board or 0) if known else (len(self._names), 0)

    def _draw(self) -> None:
        assert self._live
        self._live.update(_Cropped(self.picture(), UNICODE if self._is_unicode() else ASCII), refresh=True)

    def _is_unicode(self) -> bool:
        return not self._console.options.ascii_only

    def _screen(self) -> Screen:
        size = self._console.size
        height = size.height if self._live else NO_END
        return Screen(size.width, height, UNICODE if self._is_unicode() else ASCII, self._console.encoding)


def show(sample: Mapping[str, Any], file: IO[str] | None = None) -> None:
    """One sample, printed once. file: where to; None: stdout."""
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    history = History()
    history.take(sample)
    signs = ASCII if console.options.ascii_only else UNICODE
    screen = Screen(console.width, NO_END, signs, console.encoding)
    console.print(Group(battery(history, screen, time.time()), *beside(history, screen)))


def _fleet(histories: list[History], screen: Screen, now: float) -> Table:
    """A row for each battery, and the bank last."""
    wide, gap = screen.width >= 72, 2 if screen.width >= 100 else 1
    heads = [f"{screen.signs.delta} mV", *(["V", "A", "W out"] if wide else ["A"]), "%", "faults"]
    ordered = sorted(histories, key=lambda each: "bank" in each.sample)
    rows = [[_brief(history, screen, now), *_numbers(history, wide)] for history in ordered]
    widths = [max(cell.cell_len for cell in column) for column in zip(*rows)]
    least = [13, *(max(5, len(head)) for head in heads)]
    widths = [max(pair) for pair in zip(widths, least)]
    names = [plain(title(history.sample), screen.encoding) for history in ordered]
    spare = screen.width - sum(widths[1:]) - 2 * gap * len(widths)
    widths[0] = max(least[0], min(widths[0], spare - min(_NAME, max(map(len, names)))))
    table = Table(box=None, pad_edge=False, padding=(0, gap))
    table.add_column("battery", no_wrap=True, overflow="crop")
    table.add_column("state and age", no_wrap=True, overflow="crop", min_width=widths[0], max_width=widths[0])
    for head, width in zip(heads, widths[1:]):
        table.add_column(head, justify="right", no_wrap=True, overflow="crop", min_width=width)
    for name, row in zip(names, rows):
        table.add_row(Text(cut(name, max(5, spare - widths[0]), screen.signs), "bold"), *row)
    return table


def _numbers(history: History, wide: bool) -> list[Text]:
    values = history.values
    volts, amperes = shown(values.get("total_voltage"), "", 1), shown(values.get("current"), "", 1)
    electric = [volts, amperes, shown(values.get("power"))] if wide else [amperes]
    numbers = [millivolts(values.get("delta_voltage")), *electric, shown(values.get("soc_percent"), "", 1)]
    faults = Text(shown(values.get("fault_count")), "bold red" if values.get("fault") else "")
    return [*map(Text, numbers), faults]


def _brief(history: History, screen: Screen, now: float) -> Text:
    if screen.width >= 100:
        return state(history, screen, now)
    return Text(f"{history.sample.get('state')} {history.age(now):.0f} s")


class _Cropped:
    """As many lines as the screen has, and a word about the rest."""

    def __init__(self, content: RenderableType, signs: Any) -> None:
        self._content, self._signs = content, signs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._content, options.update(height=None), pad=False)
        height = options.max_height
        if len(lines) > height:
            left = len(lines) - height + 1
            lines = [
                *lines[: height - 1],
                [Segment(f"{self._signs.more} {left} lines more: a larger window")],
            ]
        for number, line in enumerate(lines):
            yield from line
            if number < len(lines) - 1:
                yield Segment.line()
