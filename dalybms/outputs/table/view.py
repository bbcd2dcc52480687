"""The output itself: printed once, or drawn anew with each sample."""

from __future__ import annotations

import contextlib
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, Callable

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.text import Text

from dalybms.outputs.table.battery import NO_END, Screen, battery, beside
from dalybms.outputs.table.fleet import fleet
from dalybms.outputs.table.history import History
from dalybms.outputs.table.words import ASCII, UNICODE, plain

_NOTES = 2
"""Messages that stay on the screen."""
_REDRAWN = 5.0
"""Seconds after which a picture is drawn anew, so that the ages in it are true."""


class _Paper(Console):
    """Where the view is drawn; rich ends the program with 1 when the reader of a pipe has gone."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class TableView:
    """A live view on a terminal; elsewhere each sample is printed below the last one.

    file: where to; None: stdout. clock: the wall clock, for ages. names: of the batteries, in the order
    in which they are shown; others follow as they come. complain: takes messages while there is no live view.
    """

    def __init__(
        self,
        file: IO[str] | None = None,
        clock: Callable[[], float] = time.time,
        names: Sequence[str] = (),
        complain: Callable[[str], None] = warnings.warn,
    ) -> None:
        self._console = _Paper(file=file, highlight=False, markup=False, emoji=False, soft_wrap=False)
        self._clock, self._names, self._complain = clock, list(names), complain
        self._batteries: dict[tuple[str, Any], History] = {}
        self._notes: list[str] = []
        self._live: Live | None = None
        self._drawing, self._drawn_at, self._drawn_for = False, 0.0, self._console.size
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(console=self._console, auto_refresh=False, screen=True)

    def take(self, sample: Mapping[str, Any]) -> None:
        key = (str(sample.get("name")), sample.get("board"))
        with self._undisturbed():
            history = self._batteries.setdefault(key, History())
            history.take(sample)
            self._draw_if_live()
            if not self._live:
                self._console.print(battery(history, self._screen(), self._clock()))

    def note(self, text: str) -> None:
        """A message that would otherwise go to stderr, under what is drawn; from any thread.

        Another thread does not draw: it would be held by a terminal that is held.
        """
        if not self._live:
            self._complain(text)
            return
        self._notes = [*self._notes, text][-_NOTES:]
        if threading.current_thread() is threading.main_thread():
            with self._undisturbed():
                self._draw_if_live()

    @property
    def is_live(self) -> bool:
        return self._live is not None

    def tick(self) -> None:
        """Draw anew in a window of another size, and where the ages are no longer true.

        May be called by a signal handler, in the middle of anything here.
        """
        is_old = time.monotonic() - self._drawn_at >= _REDRAWN
        if not self._drawing and (is_old or self._console.size != self._drawn_for):
            with self._undisturbed():
                self._draw_if_live()

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        before, self._drawing = self._drawing, True
        try:
            yield
        finally:
            self._drawing = before

    def close(self) -> None:
        """Leave the last picture behind."""
        self._drawing = True
        if self._live:
            self._live.stop()
            self._live = None
            if self._batteries:
                self._console.print(self.picture(), *self._foot())
            else:
                for note in self._notes:
                    self._complain(note)

    def picture(self) -> RenderableType:
        """What the screen shows now, but for what stands below."""
        screen, now = self._screen(), self._clock()
        histories = [history for _, history in sorted(self._batteries.items(), key=self._place)]
        screen.foot = len(self._notes)
        if len(histories) == 1:
            return battery(histories[0], screen, now)
        parts: list[RenderableType] = [fleet(histories, screen, now)]
        if not screen.small:
            share = Screen(screen.width, 24, screen.signs, screen.encoding)
            for history in histories:
                parts += [Text(), battery(history, share, now)]
        return Group(*parts)

    def _foot(self) -> list[Text]:
        return [Text(plain(note, self._console.encoding), "yellow") for note in self._notes]

    def _place(self, item: tuple[tuple[str, Any], History]) -> tuple[int, int]:
        (name, board), _ = item
        known = name in self._names
        return (self._names.index(name), board or 0) if known else (len(self._names), 0)

    def _draw_if_live(self) -> None:
        """The terminal is taken with the first picture: what fails before that is seen where it was."""
        if not self._live or not self._batteries:
            return
        self._live.start()
        self._drawn_at, self._drawn_for = time.monotonic(), self._console.size
        signs = UNICODE if self._is_unicode() else ASCII
        self._live.update(_Cropped(self.picture(), self._foot(), signs), refresh=True)

    def _is_unicode(self) -> bool:
        return not self._console.options.ascii_only

    def _screen(self) -> Screen:
        size = self._console.size
        height = size.height if self._live else NO_END
        return Screen(size.width, height, UNICODE if self._is_unicode() else ASCII, self._console.encoding)


def show(sample: Mapping[str, Any], file: IO[str] | None = None) -> None:
    """One sample, printed once. file: where to; None: stdout."""
    console = _Paper(file=file, highlight=False, markup=False, emoji=False)
    history = History()
    history.take(sample)
    signs = ASCII if console.options.ascii_only else UNICODE
    screen = Screen(console.width, NO_END, signs, console.encoding)
    console.print(Group(battery(history, screen, time.time()), *beside(history, screen)))


class _Cropped:
    """As many lines as the screen has, a word about the rest, and what stands below in any case."""

    def __init__(self, content: RenderableType, foot: list[Text], signs: Any) -> None:
        self._content, self._foot, self._signs = content, foot, signs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = options.update(height=None)
        lines = console.render_lines(self._content, whole, pad=False)
        foot = console.render_lines(Group(*self._foot), whole, pad=False) if self._foot else []
        foot = foot[-max(1, options.max_height // 3) :]
        height = options.max_height - len(foot)
        if len(lines) > height:
            left = len(lines) - height + 1
            lines = [
                *lines[: height - 1],
                [Segment(f"{self._signs.more} {left} lines more: a larger window")],
            ]
        lines += foot
        for number, line in enumerate(lines):
            yield from line
            if number < len(lines) - 1:
                yield Segment.line()
