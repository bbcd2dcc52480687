"""How Ctrl-C, SIGTERM and the end of a terminal (SIGHUP) end a watch."""

from __future__ import annotations

import signal
from typing import Any, Callable

from dalybms.cli import output
from dalybms.cli.watch_outputs import ReaderGone
from dalybms.watching import Watch

_HAS_TIMER = hasattr(signal, "setitimer")
_PATIENCE = 1.0
"""Seconds that an output is granted to take a sample after a signal."""
_TICK = 1.0


class EndedBySignals:
    """Inside, SIGTERM, Ctrl-C and SIGHUP end the iteration in order; nohup goes on keeping SIGHUP away.

    An output that blocks, because nobody reads the pipe or the terminal is held, is left
    behind after a while: ReaderGone is raised in it. tick: called each second meanwhile, in this thread.
    """

    def __init__(self, several: Watch, tick: Callable[[], None] | None = None) -> None:
        self._several, self._tick = several, tick
        self._over = self._stopping = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> EndedBySignals:
        for number in _ending():
            self._before[number] = signal.signal(number, self._stop)
        if _HAS_TIMER:
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._on_alarm)
            if self._tick and not self._stopping:
                signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
        return self

    def __exit__(self, *_: object) -> None:
        self.over()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def over(self) -> None:
        """The iteration has ended: what follows has limits of its own."""
        self._over = True
        if _HAS_TIMER:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _stop(self, *_: object) -> None:
        self._stopping = True
        self._several.stop()
        if _HAS_TIMER and not self._over:
            signal.setitimer(signal.ITIMER_REAL, _PATIENCE)

    def _on_alarm(self, *_: object) -> None:
        if self._over:
            return
        if self._tick and not self._stopping:
            self._tick()
        else:
            output.silence()
            raise ReaderGone


def _ending() -> list[int]:
    found: list[int] = [signal.SIGINT, signal.SIGTERM]
    hangup: Any = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        found.append(hangup)
    return found
