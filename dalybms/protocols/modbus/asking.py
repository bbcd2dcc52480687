"""What a board with registers is asked, beside its readings."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dalybms.errors import NotSupported
from dalybms.protocols.modbus.questions import proving, read_of
from dalybms.protocols.modbus.register_map import Block, RegisterMap
from dalybms.protocols.request import Answer, Ask, Request

if TYPE_CHECKING:
    from datetime import datetime

    from dalybms.protocols.parameters import Found

_SHORT = 2
"""The round of finding out who answers in which a shorter answer is asked for."""


class Asking(ABC):
    """One board on one connection.

    asked, source: its address in a question and in an answer.
    """

    name = ""
    map: RegisterMap
    number: int | None = None
    """On its cable, where the protocol has numbers."""

    def __init__(self, asked: int, source: int) -> None:
        self.asked, self.source = asked, source

    @property
    def asks(self) -> str:
        """What it asks, in the words of an error."""
        return self.name.upper()

    def probe(self, sections: Sequence[str], round_: int = 0) -> Request:
        """The read that every such board answers: pack, cells and counts; between two of these
        a part of it, for lines that cut long answers off."""
        block = self.map.proof if round_ == _SHORT else self.map.live[0]
        return proving(block, self.question(block))

    def learn(self, answer: Answer) -> None:
        """Nothing: the addresses are all that must be known, and they are."""
        return

    def request(self, ask: Ask, command: int, data: bytes) -> list[bytes]:
        """Raises NotSupported: raw commands are a thing of A5."""
        raise NotSupported(f"raw commands are for A5, this board speaks {self.name.upper()}")

    def parameters(self, ask: Ask) -> Found:
        """The settings that the board tells."""
        from dalybms.protocols.modbus.parameters import PARTS, read
        from dalybms.protocols.parameters import TRIES

        def data_of(block: Block) -> bytes:
            return bytes(ask(self.question(block)._replace(optional=True, tries=TRIES)).value)

        return read(PARTS[self.name], data_of)

    def clock(self, ask: Ask) -> datetime | None:
        """What its clock says, without a zone; None: it was never set. NotSupported where it has none."""
        from dalybms.protocols.clock import instant

        if self.map.clock is None:
            raise NotSupported(f"{self.name.upper()} boards are not known to tell their clock")
        block = next(each for each in self.map.live if each.start <= self.map.clock < each.start + each.size)
        data = bytes(ask(self.question(block)).value)
        return instant(data[2 * (self.map.clock - block.start) :])

    def question(self, block: Block) -> Request:
        end = block.start + block.size
        polled = block in self.map.live or any(block.start <= each < end for each in self.map.filled)
        return read_of(self.asked, self.source, block, polled)
