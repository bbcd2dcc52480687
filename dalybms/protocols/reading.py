"""What was read in one call, where one answer serves several sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Callable, Union

from dalybms.errors import BadReply, DalyError, NoReply, TransportError
from dalybms.protocols.plausible import reconcile

Outcome = Union[Any, DalyError]


class Lost:
    """What a call lost on a living line and asks for once more at its end: the trouble may have passed.

    What was never answered on this connection gets this once: the board may not have it.
    """

    def __init__(self) -> None:
        self._answered: set[Any] = set()
        self._looked: set[Any] = set()

    def again(self, outcomes: Mapping[Any, Outcome]) -> list[Any]:
        """The keys of what is worth another look."""
        answered = {key for key, outcome in outcomes.items() if not isinstance(outcome, DalyError)}
        self._answered |= answered
        lost = [
            key
            for key, outcome in outcomes.items()
            if isinstance(outcome, (NoReply, BadReply))
            and outcome.repeated
            and (key in self._answered or (answered and key not in self._looked))
        ]
        self._looked.update(lost)
        return lost


class Reading:
    """The answers of one call, each asked for when it is first needed.

    fetch: asks for the answer of a key. age: how often everything was asked for anew.
    """

    def __init__(self, fetch: Callable[[Any], bytes], lost: Lost) -> None:
        self._fetch, self._lost = fetch, lost
        self._found: dict[Any, bytes | DalyError] = {}
        self.age = 0

    def get(self, key: Any) -> bytes:
        if key not in self._found:
            self._found[key] = attempt(partial(self._fetch, key))
        found = self._found[key]
        if isinstance(found, DalyError):
            raise found
        return found

    def forget(self) -> None:
        """Have what was read asked for once more; what failed has been repeated already."""
        self._found = {key: found for key, found in self._found.items() if isinstance(found, DalyError)}
        self.age += 1

    def look_again(self) -> bool:
        """Have what was lost asked for once more; False: nothing was that is worth it."""
        lost = self._lost.again(self._found)
        for key in lost:
            del self._found[key]
        return bool(lost)


def attempt(call: Callable[[], Any]) -> Outcome:
    """What a call gives, or the error that it ended with; a lost wire ends everything."""
    try:
        return call()
    except TransportError:
        raise
    except DalyError as error:
        return error


def read_sections(
    reading: Reading,
    section_of: Callable[[Reading, str], Any],
    sections: Sequence[str],
    gaps: Callable[[str], bool],
) -> dict[str, Outcome]:
    """Each section, or the error that it ended with; what cannot be is read once more."""
    outcomes: dict[str, Outcome] = {}
    ages: dict[str, int] = {}

    def fill_in(section: str) -> None:
        outcomes[section] = attempt(partial(section_of, reading, section))
        ages[section] = reading.age

    def again(section: str) -> None:
        if ages[section] == reading.age:
            reading.forget()
        fill_in(section)

    for section in sections:
        fill_in(section)
    if reading.look_again():
        for section in [name for name, outcome in outcomes.items() if isinstance(outcome, DalyError)]:
            fill_in(section)
    for section in [name for name, outcome in outcomes.items() if isinstance(outcome, BadReply)]:
        again(section)
    reconcile(outcomes, again, gaps)
    return outcomes
