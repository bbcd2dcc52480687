"""What was read in one call, where one answer serves several sections."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Callable, Union

from dalybms.errors import BadReply, DalyError, TransportError
from dalybms.protocols.plausible import reconcile

Outcome = Union[Any, DalyError]


class Reading:
    """The answers of one call, each asked for when it is first needed.

    fetch: asks for the answer of a key. age: how often everything was asked for anew.
    """

    def __init__(self, fetch: Callable[[Any], bytes]) -> None:
        self._fetch = fetch
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
    for section in [name for name, outcome in outcomes.items() if isinstance(outcome, BadReply)]:
        again(section)
    reconcile(outcomes, again, gaps)
    return outcomes
