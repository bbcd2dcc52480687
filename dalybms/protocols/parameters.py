"""What a setting of a board is, whichever protocol tells it: name, unit, place and meaning of its integer.

Limits are named by the code of the fault that they cause and its level, then `_release` (where the fault
ends) and `_delay`; currents are positive amperes by direction, whatever the sign of the board.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Callable, NamedTuple, Union

from dalybms.errors import BadReply, DalyError, NoReply, NotSupported
from dalybms.protocols.fields import raw_value
from dalybms.protocols.reading import attempt

Value = Union[int, float, bool, str]
Meaning = Callable[[int], Union[Value, None]]
"""The value of a raw integer; None: nobody knows what it means, or it was never set."""
TRIES = 3
"""How often a setting is asked for: many boards lack some."""
NEVER = "never"
"""Of a time: it does not happen."""
_NOT_THERE = "the board has not got it, or it was never set (FFFF)"
_NO_SUCH_BOARD = "there is no such measuring board"
_SILENT = "not answered"
_REFUSED = "the board refuses to tell"
_UNSURE = "no believable answer"


class Row(NamedTuple):
    """One setting. at: byte position within its message, 2 * register within registers.

    proven: seen in recorded traffic; else a source states it. full: FFFF is a value of it, not a gap. beside:
    position of two bytes that are not FFFF where registers have this setting, for one that is full. needs:
    position and least value of the byte that counts the measuring boards; below it this row means nothing.
    """

    name: str
    unit: str
    at: int
    meaning: Meaning
    size: int = 2
    proven: bool = True
    full: bool = False
    beside: int | None = None
    needs: tuple[int, int] | None = None

    def is_gap(self, data: bytes) -> bool:
        """Does it hold what stands for "not there" or "never set"? A byte alone never does."""
        if self.size < 2 or raw_value(data, self.at, self.size) != (1 << 8 * self.size) - 1:
            return False
        return not self.full or (self.beside is not None and raw_value(data, self.beside, 2) == 0xFFFF)


class Parameter(NamedTuple):
    """A setting as it was read."""

    value: Value
    unit: str
    raw: int
    """The integer of the wire."""


class Found(NamedTuple):
    """What a board told of its settings, and why the others are missing."""

    parameters: dict[str, Parameter]
    unavailable: dict[str, str]


def level_pair(code: str, unit: str, at: int, meaning: Meaning, size: int = 2) -> tuple[Row, ...]:
    """The limits of level 1 and 2 of a fault, one behind the other."""
    return tuple(Row(f"{code}_{level}", unit, at + (level - 1) * size, meaning, size) for level in (1, 2))


def whole(raw: int) -> int:
    return raw


def thousandths(raw: int) -> float:
    return raw / 1000


def tenths(raw: int) -> float:
    return raw / 10


def celsius(raw: int) -> int | None:
    """255 stands for what was never set, as it does for a sensor that is not fitted."""
    return raw - 40 if raw < 0xFF else None


def amperes(raw: int) -> float | None:
    """Boards count discharge up in one place and down in another: the direction is in the name."""
    return abs(raw - 30000) / 10 if raw else None


def unless_zero(meaning: Meaning, raw: int) -> Value | None:
    """0 stands for what was never set."""
    return meaning(raw) if raw else None


def seconds(step: int, raw: int) -> Value:
    """Steps of so many seconds; 65535 of them: never."""
    return NEVER if raw == 0xFFFF else raw * step


def word(words: Mapping[int, Value], raw: int) -> Value | None:
    return words.get(raw)


chemistry = partial(word, dict(enumerate(("LFP", "NMC", "LTO", "sodium-ion"))))
on_or_off = partial(word, {0: False, 1: True})


def collect(parts: Iterable[tuple[Sequence[Row], Callable[[], bytes]]]) -> Found:
    """Every part that answers: its rows, and how its bytes, from position 0 on, are fetched.

    Raises the error of the last part when not one was answered, NotSupported when nothing of what was
    answered means anything.
    """
    found = Found({}, {})
    failed: list[DalyError] = []
    answered = False
    for rows, fetch in parts:
        data = attempt(fetch)
        if isinstance(data, DalyError):
            failed.append(data)
            found.unavailable.update({row.name: _why(data) for row in rows})
            continue
        answered = True
        for row in rows:
            _add(found, row, data)
    if not answered and failed:
        raise failed[-1]
    if not found.parameters:
        raise NotSupported("this board tells none of its parameters: the vendor's program may show them")
    return found


def refuse_one_byte(data: bytes, what: str) -> None:
    """BadReply for what holds nothing but one byte: a board that wakes up, or has nothing there."""
    if len(set(data)) == 1 and data[0] in (0x00, 0xFF):
        raise BadReply(f"{what} of nothing but {data[0]:02x} cannot be", data)


def _add(found: Found, row: Row, data: bytes) -> None:
    raw = raw_value(data, row.at, row.size)
    value = row.meaning(raw)
    if row.is_gap(data):
        found.unavailable[row.name] = _NOT_THERE
    elif row.needs and data[row.needs[0]] < row.needs[1]:
        found.unavailable[row.name] = _NO_SUCH_BOARD
    elif value is None:
        found.unavailable[row.name] = f"what {raw} means is not known"
    else:
        found.parameters[row.name] = Parameter(value, row.unit, raw)


def _why(error: DalyError) -> str:
    """The same words each time, so that two readings of one board are the same."""
    if isinstance(error, NoReply):
        return _SILENT
    return _REFUSED if isinstance(error, NotSupported) else _UNSURE


def as_document(found: Found) -> dict[str, Any]:
    """As a parameter file holds it, by name in order."""
    return {
        "parameters": {name: found.parameters[name]._asdict() for name in sorted(found.parameters)},
        "unavailable": dict(sorted(found.unavailable.items())),
    }
