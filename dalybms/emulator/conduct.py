"""How a board takes a write: what it does, what it says, and when it shows.

Three questions with one answer each; words such as "silent" and "late:10" answer them, see WORDS.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

WORDS: dict[str, str] = {
    "act": "does it at once (the usual)",
    "ignore": "does not do it",
    "late:SECONDS": "does it so much later",
    "ack": "acknowledges (the usual)",
    "refuse": "says no: another state (a5), an exception frame (d2, p81); does not do it unless told",
    "silent": "says nothing",
    "echo": "sends the request back",
    "leftover": "answers with the bytes of its previous reply",
    "lag:SECONDS": "does it, but readings show the old value for so long",
}
LOST = ("stays", "silent", "gone")
LONGEST = 3600.0
_SAID = ("ack", "refuse", "silent", "echo", "leftover")


class Conduct(NamedTuple):
    """How a board behaves beyond its values."""

    says: str = "ack"
    delay: float | None = 0.0
    """Seconds until it does what was written; None: never."""
    lag: float = 0.0
    """Seconds for which readings show the old value afterwards."""
    restart: float = 3.0
    """Seconds of silence when it restarts."""
    discharge_off: str = "stays"
    """What becomes of the one who switched discharge off: "stays"; "silent": nothing answers any more;
    "gone": the wire vanishes, as it does for a computer that lived on this battery."""
    awake: bool = True
    """Asleep, a board hears nothing."""
    latency: float | None = None
    """Seconds between request and reply; None: as the line has it."""
    deaf: float = 0.0
    """Seconds after the last byte of its answer in which a board hears nothing."""
    deaf_rate: float = 1.0
    """How many of its answers are followed by that."""


USUAL = Conduct()


def of(*words: str, **others: object) -> Conduct:
    """A conduct from words, and other fields by name: of("silent", "late:10", restart=1.0)."""
    return parse(words)._replace(**others)  # type: ignore[arg-type]


def parse(words: Iterable[str]) -> Conduct:
    """A conduct from words; raises ValueError for an unknown one, or for two answers to one question."""
    given: dict[str, str] = {}
    for word in words:
        name, colon, seconds = word.partition(":")
        if f"{name}:SECONDS" not in WORDS if colon else name not in WORDS:
            raise ValueError(f"unknown word {word!r}: take {', '.join(WORDS)}")
        question = "says" if name in _SAID else "lag" if name == "lag" else "does"
        if question in given:
            raise ValueError(f"{given[question]!r} and {word!r} exclude each other: take one")
        given[question] = word
        if colon:
            _seconds(seconds)
    says = given.get("says", "ack")
    does = given.get("does", "ignore" if says == "refuse" else "act")
    delay = None if does == "ignore" else 0.0 if does == "act" else _seconds(does.partition(":")[2])
    lag = given.get("lag")
    return Conduct(says, delay, _seconds(lag.partition(":")[2]) if lag else 0.0)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= LONGEST:
        raise ValueError(f"{text!r} is no number of seconds from 0 to {LONGEST:g}")
    return value
