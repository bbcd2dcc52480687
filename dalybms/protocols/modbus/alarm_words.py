"""What D2 and P81 share of their alarm words: bits without a name, and words that the board has not."""

from __future__ import annotations

from collections.abc import Mapping

from dalybms.errors import BadReply
from dalybms.protocols.faults import Fault, unknown

_NOT_THERE = 0xFFFF
"""So reads a register that a board has not; as alarms it would say too high and too low at once."""


def reserved(register: int, bit: int) -> Fault:
    return unknown(f"register{register:02x}_bit{bit}", f"unknown fault (register {register:02x}, bit {bit})")


def told(words: Mapping[int, int]) -> dict[int, int]:
    """The words, by register, that the board has. BadReply where it has none of them."""
    found = {register: word for register, word in words.items() if word != _NOT_THERE}
    if not found:
        raise BadReply("faults of nothing but ff cannot be")
    return found


def lacking(words: Mapping[int, int]) -> list[Fault]:
    """An unknown fault for each word that the board has not: nobody can say that nothing is wrong there."""
    return [
        unknown(f"register{register:02x}_ffff", f"unknown fault (register {register:02x} holds ffff)")
        for register, word in words.items()
        if word == _NOT_THERE
    ]
