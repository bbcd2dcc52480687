"""The D2 and P81 writes: one register each, their acknowledgements, and the registers that are read back.

Source: the switches of D2 (0xA5, 0xA6) and P81 (0x121, 0x122) were recorded and seen to act; the
state of charge of D2 (0xA7) and P81 (0x116) reads back; that 1 in 0xF0 restarts is only stated, and so are
the seconds since power-on of P81. No password is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from dalybms.errors import BadReply
from dalybms.protocols.modbus.board import RegisterBoard
from dalybms.protocols.modbus.frame import WRITE, ModbusReader, Registers, acknowledges, write_request
from dalybms.protocols.modbus.register_map import Block
from dalybms.protocols.request import Ask, Request
from dalybms.protocols.rivals import is_repeated
from dalybms.protocols.writes import (
    CHARGE,
    DISCHARGE,
    MOSFETS,
    RESTART,
    SOC,
    State,
    Value,
    section_of,
    tenths,
    value_of,
)

REGISTERS = {
    "d2": {CHARGE: 0xA5, DISCHARGE: 0xA6, SOC: 0xA7, RESTART: 0xF0},
    "p81": {CHARGE: 0x121, DISCHARGE: 0x122, SOC: 0x116, RESTART: 0xF0},
}
POWERED = Block(0xAB, 2)
"""P81: seconds since the board was powered, 32 bit."""
_NO_REGISTER = 0xFFFF
_NOT_TOLD = 0xFFFFFFFF


class RegisterWrites:
    """Writes to a board that has answered."""

    has_switch = True
    """The MOSFET switches are registers, apart from the transistors."""
    sets_clock = False

    def __init__(self, board: RegisterBoard) -> None:
        self._board = board
        self.number = board.number
        self._registers = REGISTERS[board.name]

    def request(self, action: str, value: Value, clock: bytes) -> Request:
        """The one frame. clock: not needed here."""
        asked = write_request(self._board.asked, self._registers[action], raw(action, value))
        return Request(
            name=f"the write of {action}",
            writes=(asked,),
            reader=ModbusReader((self._board.source,)),
            wanted=partial(is_answer, asked),
            parse=partial(acknowledged, asked),
            longest=len(asked),
            rivalled=partial(is_repeated, asked) if self._board.asked != self._board.source else None,
            once=True,
        )

    def state(self, ask: Ask, action: str) -> State:
        """What a write changes, as it is now: of the MOSFETs the switch, and the transistor beside it."""
        if action == RESTART:
            return State(self._powered(ask))
        section = section_of(action)
        reading = self._board.read(ask, [section])[section]
        value = value_of(action, reading, self._board.unusable)
        return State(self._switch(ask, action), bool(value)) if action in MOSFETS else State(value)

    def _switch(self, ask: Ask, action: str) -> bool:
        """Both are read: an answer does not name its registers, and one may be what another program asked."""
        block = Block(self._registers[CHARGE], self._registers[DISCHARGE] - self._registers[CHARGE] + 1)
        data = ask(self._board.question(block)).value
        both = {CHARGE: int.from_bytes(data[:2], "big"), DISCHARGE: int.from_bytes(data[-2:], "big")}
        word = both[action]
        if word not in (0, 1):
            raise BadReply(f"a MOSFET switch of {word:#06x} cannot be: this board does not tell its switch")
        if not {*both.values()} <= {0, 1, _NO_REGISTER}:
            raise BadReply(f"MOSFET switches of {data.hex()} cannot be: another program may have asked this")
        return word == 1

    def _powered(self, ask: Ask) -> int | None:
        """Seconds since the board was powered; None where it answers, but does not tell."""
        tells = self._board.name == "p81"
        value = ask(self._board.question(POWERED if tells else self._board.map.live[0])).value
        seconds = int.from_bytes(value[:4], "big")
        return seconds if tells and seconds != _NOT_TOLD else None


def raw(action: str, value: Value) -> int:
    if action == SOC:
        assert value is not None
        return tenths(value)
    return 1 if action == RESTART or value else 0


def is_answer(asked: bytes, answer: Registers) -> bool:
    """An answer to this write, or a refusal of a write; a reading never is one."""
    if answer.refusal is not None:
        return answer.function & 0x7F == WRITE
    return answer.function == WRITE and answer.data[:2] == asked[2:4]


def acknowledged(asked: bytes, frames: Sequence[Registers]) -> bool | None:
    """Does the answer say that the write was taken? A D2 answer that equals its question may be our echo."""
    answer = frames[-1]
    if not acknowledges(answer, asked):
        return False
    return None if answer.source == asked[0] else True
