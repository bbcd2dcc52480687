"""What can go wrong between a board and its reader: the list, and text such as "drop:0.2" parsed by it.

Every fault that is not certain (rate below 1) spares the next reply after it has spoilt two in a row,
as real disturbances pass: whoever asks again often enough is answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Kind(NamedTuple):
    """A row of the list of faults."""

    rate: float
    """How often when the text does not say: 1 for what an adapter or a board always does."""
    times: int
    """How many requests it lasts when the text does not say; 0: it has no count."""
    text: str


KINDS: dict[str, Kind] = {
    "drop": Kind(0.25, 0, "a frame of the reply is lost"),
    "drop-reply": Kind(0.25, 0, "the whole reply is lost"),
    "double": Kind(0.25, 0, "a frame comes twice"),
    "reorder": Kind(0.25, 0, "the frames of a reply come in another order"),
    "cut": Kind(0.25, 0, "1 to 12 bytes of a frame are lost, later frames follow"),
    "flip": Kind(0.25, 0, "one bit of a frame is wrong"),
    "flip2": Kind(0.25, 0, "2 to 4 bits of a frame are wrong"),
    "late": Kind(0.25, 0, "the reply comes 0.6 to 1 s late"),
    "stale": Kind(0.25, 0, "an old reply to another command, or an old frame, comes first"),
    "echo": Kind(1, 0, "the request comes back after 1 to 5 ms"),
    "echo-partial": Kind(1, 0, "the last 5 to 12 bytes of the request come back"),
    "echo-only": Kind(1, 0, "the request comes back, and no reply: the board sleeps"),
    "foreign": Kind(0.25, 0, "the reply of another board comes first"),
    "other-program": Kind(0.25, 0, "another program's requests come in between"),
    "asleep": Kind(1, 0, "no reply"),
    "waking": Kind(1, 2, "no reply to the first COUNT requests"),
    "garbage": Kind(0.25, 0, "1 to 20 bytes FF, 00 or A5 before, between or after the frames"),
    "slow": Kind(0.25, 0, "a pause of 0.3 to 0.7 s within the reply"),
    "zero": Kind(1, 2, "the first COUNT replies hold zeros only"),
    "noise": Kind(1, 0, "noise without end, and no reply"),
    "unplug": Kind(1, 3, "the wire is gone while the reply after COUNT replies is sent"),
}


class Fault(NamedTuple):
    """A fault that is switched on."""

    name: str
    rate: float
    times: int


def parse(text: str) -> Fault:
    """A fault from "name[:rate[:count]]"; raises ValueError that names what would be right."""
    name, *numbers = text.split(":")
    if name not in KINDS:
        raise ValueError(f"unknown fault {name!r}: take one of {', '.join(KINDS)}")
    kind = KINDS[name]
    if len(numbers) > (2 if kind.times else 1):
        raise ValueError(f"fault {text!r}: write {name}[:RATE{'[:COUNT]' if kind.times else ''}]")
    try:
        rate = float(numbers[0]) if numbers else kind.rate
        times = int(numbers[1]) if len(numbers) > 1 else kind.times
    except ValueError:
        raise ValueError(f"fault {text!r}: rate is a number from 0 to 1, count a whole number") from None
    if not 0 <= rate <= 1 or times < 0:
        raise ValueError(f"fault {text!r}: rate is a number from 0 to 1, count a whole number")
    return Fault(name, rate, times)


def parse_all(faults: Iterable[str]) -> dict[str, Fault]:
    """Faults by name; the last one of a name counts."""
    return {fault.name: fault for fault in map(parse, faults)}
