"""One wire and the batteries on it: open, sample, and say in a state what became of it. Never waits."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Callable, NamedTuple

from dalybms.errors import DalyError, NoReply, TransportError
from dalybms.getters import presentable
from dalybms.packs import failure
from dalybms.polarity import Voices, learn, number, polarity, witness
from dalybms.schedule import Backoff
from dalybms.sections import SECTIONS

OK, PARTIAL, ASLEEP, NO_REPLY = "ok", "partial", "asleep", "no_reply"
UNPLUGGED, FROZEN, ERROR = "unplugged", "frozen", "error"
STATES = (OK, PARTIAL, ASLEEP, NO_REPLY, UNPLUGGED, FROZEN, ERROR)
READ = (*SECTIONS, "faults")
"""What each sample asks for; `info` once per connection."""
FROZEN_SECONDS, FROZEN_SAMPLES = 300.0, 5
"""So long and so often must all readings be equal before a board is called frozen."""
_INFO_TRIES = 3
_GONE = (errno.ENOENT, errno.ENODEV, errno.ENXIO)
Sample = dict[str, Any]


class Watched(NamedTuple):
    """A wire to watch.

    name: of the battery, in outputs. boards: numbers on a shared cable. options: of the class.
    """

    name: str
    device: str
    boards: tuple[int, ...] = ()
    options: Mapping[str, Any] = {}

    @property
    def inverted(self) -> bool:
        return bool(self.options.get("invert_current", False))


class _Memory:
    """What is known of one battery from its samples so far."""

    def __init__(self) -> None:
        self.voices: Voices = {}
        self.answered = False
        self.info: dict[str, Any] | None = None
        self.info_tries = 0
        self.same_since: float | None = None
        self.same = 0
        self.beats = False
        self.readings: dict[str, Any] = {}

    def renew(self) -> None:
        """Another connection: what the board says of itself is asked for anew."""
        self.info, self.info_tries = None, 0

    def is_frozen(self, readings: dict[str, Any], now: float) -> bool:
        """All equal for minutes, although a heartbeat used to move or a current flows."""
        if readings != self.readings:
            before = _heartbeat(self.readings)
            self.beats = self.beats or (before is not None and _heartbeat(readings) not in (None, before))
            self.readings, self.same, self.same_since = readings, 1, now
            return False
        self.same += 1
        long = self.same_since is not None and now - self.same_since >= FROZEN_SECONDS
        flows = bool(_value(readings, "soc", "current"))
        return long and self.same >= FROZEN_SAMPLES and (self.beats or flows)


class Sampler:
    """The batteries of one wire; used by one thread, but for close().

    open_: opens the wire and gives the batteries by number (None where there is one), and how to close it.
    wall: the time of day in seconds, for display alone.
    """

    def __init__(
        self, watched: Watched, open_: Callable[[Watched], tuple[dict[int | None, Any], Callable[[], None]]],
        wall: Callable[[], float], release: bool = False
    ) -> None:  # fmt: skip
        self.watched = watched
        self._open, self._wall, self._release = open_, wall, release
        self._numbers: tuple[int | None, ...] = watched.boards or (None,)
        self._memories = {board: _Memory() for board in self._numbers}
        self._batteries: dict[int | None, Any] = {}
        self._shut: Callable[[], None] | None = None
        self._was_open = False
        self._backoff = Backoff()
        self._state, self._why = ERROR, ""

    def samples(self, now: Callable[[], float]) -> Iterator[Sample]:
        """One sample of each battery, as they come."""
        error = self._opened(now())
        for board in self._numbers:
            if error:
                yield self._failed(board, *error)
                continue
            try:
                yield self._sample(board, now())
            except TransportError as lost:
                self.close()
                self._backoff.failed(now())
                error = UNPLUGGED, str(lost)
                yield self._failed(board, *error)
        if self._release:
            self.close()

    def voices(self) -> dict[int | None, Voices]:
        return {board: memory.voices for board, memory in self._memories.items()}

    def close(self) -> None:
        """Close the wire; from another thread it ends a reading that waits."""
        shut, self._shut = self._shut, None
        if shut:
            with suppress(DalyError):  # a wire that is gone cannot be closed in order
                shut()

    def _opened(self, now: float) -> tuple[str, str] | None:
        """None when the wire is open, else state and reason; a wire that failed is left alone for a while."""
        if self._shut is not None:
            return None
        if not self._backoff.may_try(now):
            return (UNPLUGGED if self._was_open else self._state, self._why)
        try:
            self._batteries, self._shut = self._open(self.watched)
        except DalyError as error:
            self._backoff.failed(now)
            self._why = str(error)
            self._state = UNPLUGGED if self._was_open or _is_gone(error) else ERROR
            return self._state, self._why
        self._was_open = True
        if not self._release:
            for memory in self._memories.values():
                memory.renew()
        return None

    def _sample(self, board: int | None, now: float) -> Sample:
        bms, memory = self._batteries[board], self._memories[board]
        asked = (*READ, "info") if memory.info is None and memory.info_tries < _INFO_TRIES else READ
        try:
            outcomes: dict[str, Any] = bms.read(asked)
        except NoReply as error:
            return self._silent(board, error)
        errors = [each for each in outcomes.values() if isinstance(each, DalyError)]
        live = {name: each for name, each in outcomes.items() if name != "info"}
        if all(isinstance(each, DalyError) for each in live.values()):
            return self._silent(board, errors[0])
        memory.answered = True
        self._backoff.succeeded()
        self._remember(memory, outcomes)
        return self._read(board, presentable(live), dict(bms.unusable), now)

    def _remember(self, memory: _Memory, outcomes: dict[str, Any]) -> None:
        if "info" not in outcomes:
            return
        memory.info_tries += 1
        if isinstance(outcomes["info"], dict):
            memory.info = outcomes["info"]

    def _read(
        self, board: int | None, readings: dict[str, Any], unusable: dict[str, str], now: float
    ) -> Sample:
        memory, inverted = self._memories[board], self.watched.inverted
        if memory.is_frozen(readings, now):
            minutes = (now - (memory.same_since or now)) / 60
            why = f"all readings have been equal for {minutes:.0f} minutes: the board has stopped measuring"
            return self._failed(board, FROZEN, f"{why}; restart it")
        seen = witness(
            _value(readings, "soc", "current"), _value(readings, "mosfet_status", "mode"), inverted
        )
        memory.voices = learn(memory.voices, seen)
        failed = any(failure(reading) for reading in readings.values())
        info = memory.info or {}
        return {
            **self._head(board, PARTIAL if failed else OK),
            "polarity": polarity(info.get("protocol"), memory.voices, seen, inverted),
            **readings,
            **({"info": info} if info else {}),
            **({"unusable": unusable} if unusable else {}),
        }

    def _silent(self, board: int | None, error: DalyError) -> Sample:
        """Nothing was read. A wire that is open and was answered before has a board that sleeps."""
        memory = self._memories[board]
        if not isinstance(error, NoReply):
            return self._failed(board, ERROR, str(error))
        quiet = error.seen in ("silence", "echo")
        if not memory.answered:
            return self._failed(board, NO_REPLY, str(error))
        return self._failed(board, ASLEEP if quiet else ERROR, str(error))

    def _failed(self, board: int | None, state: str, why: str) -> Sample:
        return {**self._head(board, state), "error": why}

    def _head(self, board: int | None, state: str) -> Sample:
        info = self._memories[board].info or {}
        return {
            "time": rfc3339(self._wall()),
            "device": self.watched.device,
            "name": self.watched.name,
            "board": board,
            "protocol": info.get("protocol"),
            "state": state,
        }


def rfc3339(seconds: float) -> str:
    """UTC with milliseconds."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_gone(error: BaseException) -> bool:
    """Was the port not there? pyserial gives errno on POSIX."""
    cause = error.__cause__ or error
    return getattr(cause, "errno", None) in _GONE


def _value(readings: Mapping[str, Any], section: str, key: str) -> Any:
    reading = readings.get(section)
    return reading.get(key) if isinstance(reading, Mapping) else None


def _heartbeat(readings: Mapping[str, Any]) -> float | None:
    return number(_value(readings, "mosfet_status", "heartbeat"))
