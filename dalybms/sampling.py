"""One wire and the batteries on it: open, sample, and say in a state what became of it. Never waits."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Callable, NamedTuple

from dalybms.errors import DalyError, NoReply, TransportError
from dalybms.getters import presentable
from dalybms.memory import SILENCES, Memory
from dalybms.packs import failure
from dalybms.polarity import Voices, learn, polarity, witness
from dalybms.schedule import Backoff
from dalybms.sections import SECTIONS

OK, PARTIAL, ASLEEP, NO_REPLY = "ok", "partial", "asleep", "no_reply"
UNPLUGGED, FROZEN, ERROR = "unplugged", "frozen", "error"
STATES = (OK, PARTIAL, ASLEEP, NO_REPLY, UNPLUGGED, FROZEN, ERROR)
READ = (*SECTIONS, "faults")
"""What each sample asks for; `info` at the start of a connection, and then once an hour."""
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


class Sampler:
    """The batteries of one wire; used by one thread, but for end().

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
        self._memories = {board: Memory() for board in self._numbers}
        self._batteries: dict[int | None, Any] = {}
        self._shut: Callable[[], None] | None = None
        self._was_open = self._ended = False
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
        """Close the wire; from another thread too, where it ends a reading that waits."""
        shut, self._shut = self._shut, None
        if shut:
            with suppress(DalyError):  # a wire that is gone cannot be closed in order
                shut()

    def end(self) -> None:
        """Close the wire for good; one that is just being opened is closed as soon as it is open."""
        self._ended = True
        self.close()

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
            self._renew()
            self._why = str(error)
            self._state = UNPLUGGED if self._was_open or _is_gone(error) else ERROR
            return self._state, self._why
        except ValueError as error:
            raise ValueError(f"battery {self.watched.name}: {error}") from None
        self._was_open = True
        if self._ended:
            self.close()
        if not self._release:
            self._renew()
        return None

    def _renew(self) -> None:
        for memory in self._memories.values():
            memory.renew()

    def _sample(self, board: int | None, now: float) -> Sample:
        bms, memory = self._batteries[board], self._memories[board]
        asked = (*READ, "info") if memory.wants_info(now) else READ
        try:
            if len(self._numbers) > 1 and memory.silent % SILENCES:
                _knock(bms)
            outcomes: dict[str, Any] = bms.read(asked)
        except TransportError:
            raise
        except DalyError as error:
            return self._unread(board, error)
        if "info" in outcomes:
            memory.keep_info(outcomes["info"], now)
        live = {name: each for name, each in outcomes.items() if name != "info"}
        errors = [each for each in live.values() if isinstance(each, DalyError)]
        if len(errors) == len(live):
            return self._unread(board, errors[0])
        memory.heard(bms.spoken)
        self._backoff.succeeded()
        return self._read(board, presentable(live), dict(bms.unusable), now)

    def _read(
        self, board: int | None, readings: dict[str, Any], unusable: dict[str, str], now: float
    ) -> Sample:
        memory, inverted = self._memories[board], self.watched.inverted
        still = memory.stillness.of(readings, now)
        if still is not None:
            why = (
                f"all readings have been equal for {still / 60:.0f} minutes: the board has stopped measuring"
            )
            return self._failed(board, FROZEN, f"{why}; restart it")
        seen = witness(
            _value(readings, "soc", "current"), _value(readings, "mosfet_status", "mode"), inverted
        )
        memory.voices = learn(memory.voices, seen)
        failed = any(failure(reading) for reading in readings.values())
        return {
            **self._head(board, PARTIAL if failed else OK),
            "polarity": polarity(memory.protocol, memory.voices, seen, inverted),
            **readings,
            **({"info": memory.info} if memory.info else {}),
            **({"unusable": unusable} if unusable else {}),
        }

    def _unread(self, board: int | None, error: DalyError) -> Sample:
        """Nothing was read. A wire that is open and was answered before has a board that sleeps."""
        memory = self._memories[board]
        if not self._batteries[board].connected:
            self.close()  # a Bluetooth link that stays silent is let go; the next sample connects
        if not isinstance(error, NoReply):
            return self._failed(board, ERROR, str(error))
        memory.silent += 1
        memory.renew()
        if memory.silent % SILENCES == 0:
            self._batteries[board].forget_protocol()
        if not memory.answered:
            return self._failed(board, NO_REPLY, str(error))
        return self._failed(board, ASLEEP if error.seen in ("silence", "echo") else ERROR, str(error))

    def _failed(self, board: int | None, state: str, why: str) -> Sample:
        if state != FROZEN:
            self._memories[board].stillness.interrupt()
        return {**self._head(board, state), "error": why}

    def _head(self, board: int | None, state: str) -> Sample:
        return {
            "time": rfc3339(self._wall()),
            "device": self.watched.device,
            "name": self.watched.name,
            "board": board,
            "protocol": self._memories[board].protocol,
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


def _knock(bms: Any) -> None:
    """Is a silent board back? Two short questions tell: others wait for the wire. Raises NoReply."""
    retries, bms.request_retries = bms.request_retries, 0
    try:
        silent = [each for each in bms.read(("soc", "status")).values() if isinstance(each, NoReply)]
    finally:
        bms.request_retries = retries
    if len(silent) > 1:
        raise silent[0]


def _value(readings: Mapping[str, Any], section: str, key: str) -> Any:
    reading = readings.get(section)
    return reading.get(key) if isinstance(reading, Mapping) else None
