"""What stands in the bytes of an A5 frame that no row names: a text, or the rest of the reply before. Pure.

Old firmware builds every reply in the buffer of the one before and writes only the bytes that it defines, so
behind a battery code its last letters stand in other replies.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from dalybms.protocols.a5.commands import BY_SECTION
from dalybms.protocols.a5.frame import LENGTH
from dalybms.protocols.blanking.marks import A5_NAMED, joined
from dalybms.protocols.blanking.tokens import masked_texts

_SENSORS, _STATUS = BY_SECTION["temperatures"].code, BY_SECTION["status"].code
_COUNT = 1
"""Where the status has the number of sensors."""
_EACH = 7


class Buffer(NamedTuple):
    """The last reply of a board: its bytes, and what a recording has in their place.

    sensors: how many the board has; None: not heard.
    """

    held: bytes = bytes(LENGTH)
    shown: bytes = bytes(LENGTH)
    sensors: int | None = None


def blanked(salt: bytes, buffer: Buffer, command: int, data: bytes) -> bytes:
    """The data of a reply that holds no secret of its own."""
    free = [at for at in range(LENGTH) if at not in _named(command, data, buffer.sensors)]
    found = bytearray(data)
    for at in free:
        if data[at] == buffer.held[at]:
            found[at] = buffer.shown[at]
    return masked_texts(salt, bytes(found), joined((at, at + 1) for at in free if found[at] == data[at]))


def after(buffer: Buffer, command: int, data: bytes, shown: bytes) -> Buffer:
    """The buffer once this reply was sent."""
    return Buffer(data, shown, data[_COUNT] if command == _STATUS else buffer.sensors)


def _named(command: int, data: bytes, sensors: int | None) -> Collection[int]:
    if command == _SENSORS and sensors is not None:
        return range(1 + max(0, min(_EACH, sensors - _EACH * (data[0] - 1))))
    return A5_NAMED.get(command, ())
