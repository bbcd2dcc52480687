"""A battery whose wire is recorded, or played from a recording; what that takes is loaded when wanted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from dalybms.device import Target
    from dalybms.taping import Record, Taping
    from dalybms.timing import Timing


class Playing:
    """What DalyBMS does about recordings."""

    _target: Target
    _timing: Timing
    _clock: Callable[[], float]
    _renew: Callable[[], Any] | None
    _record: Record
    _taping: Taping | None = None
    _live: tuple[Any, ...] | None = None
    """How it asked before it played a recording."""

    if TYPE_CHECKING:

        def _use(self, transport: Any) -> None: ...

    def _play(self, name: str) -> None:
        """Ask as was asked when it was recorded, in the time of the recording."""
        from dalybms.taping import BLUETOOTH_WIRE, as_recorded

        tape = self._tapes().tape_of(name)
        target, timing = as_recorded(tape.about, self._target, self._timing)
        self._live = self._target, self._timing, self._clock, self._renew
        self._target, self._timing, self._clock = target, timing, tape.clock
        again = partial(self._opened, name, tape.open)
        self._renew = again if tape.about.get("wire") == BLUETOOTH_WIRE else None
        self._use(again())

    def _stop_playing(self) -> None:
        """Nothing of a recording stays for the next wire."""
        if self._live:
            self._target, self._timing, self._clock, self._renew = self._live
            self._live = None

    def _tapes(self) -> Taping:
        if self._taping is None:
            from dalybms.taping import taping_of

            self._taping = taping_of(self._record)
        return self._taping

    def _opened(self, device: str, open_: Callable[[], Any]) -> Any:
        """The wire, and what passes on it recorded where that was asked for."""
        if self._record is None:
            return open_()
        from dalybms.taping import told

        about = told(device, self._target, self._timing)
        return self._tapes().opened(device, open_, about)
