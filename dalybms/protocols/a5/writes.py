"""The A5 writes: their frames, their acknowledgements, and what is read back.

Source: none of them is documented by Daly. 0xD9 and 0xDA are in use by several programs and
were recorded; 0x21 is used by mr-manuel/venus-os_dbus-serialbattery, whose notes say that byte 0
of the answer is 1 when it was taken; that 0x00 restarts is stated by Daly2MQTT alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from dalybms.protocols.a5.board import A5
from dalybms.protocols.a5.frame import SIZE, Frame
from dalybms.protocols.request import Ask, Request
from dalybms.protocols.rivals import is_repeated
from dalybms.protocols.writes import (
    CHARGE,
    DISCHARGE,
    RESTART,
    SOC,
    State,
    Value,
    section_of,
    tenths,
    value_of,
)

CODES = {RESTART: 0x00, SOC: 0x21, DISCHARGE: 0xD9, CHARGE: 0xDA}


class A5Writes:
    """Writes to a board that has answered."""

    has_switch = False
    """Only the transistors can be read, which a protection or a body diode may hold."""
    sets_clock = True
    """0x21 holds the time beside the state of charge."""

    def __init__(self, board: A5) -> None:
        self._board = board
        self.number: int | None = board.number

    def request(self, action: str, value: Value, clock: bytes) -> Request:
        """The one frame. clock: year since 2000, month, day, hour, minute, second for 0x21."""
        code = CODES[action]
        frame = Frame(self._board.host, code, data(action, value, clock)).encode()
        return Request(
            name=f"the write of {action}",
            writes=(frame,),
            reader=self._board.reader,
            wanted=partial(self._board.answers, code),
            parse=partial(acknowledged, action, value),
            longest=SIZE,
            rivalled=partial(is_repeated, frame),
            once=True,
        )

    def state(self, ask: Ask, action: str) -> State:
        """What a write changes, as it is now."""
        section = section_of(action)
        reading = self._board.read(ask, [section])[section]
        return State(value_of(action, reading, self._board.unusable))


def data(action: str, value: Value, clock: bytes) -> bytes:
    """The 8 data bytes of a write."""
    if action == SOC:
        assert value is not None
        return clock + tenths(value).to_bytes(2, "big")
    return bytes((1 if value else 0,)) + bytes(7)


def acknowledged(action: str, value: Value, frames: Sequence[Frame]) -> bool:
    """Does the answer say that the write was taken? Only byte 0 is defined, the rest may be left over."""
    said = frames[0].data[0]
    return action == RESTART or said == (1 if action == SOC or value else 0)
