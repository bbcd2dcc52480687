"""A read of one block of registers, and what its answer is worth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from dalybms.errors import BadReply, DalyError, NotSupported
from dalybms.protocols.modbus.frame import ERROR, READ, ModbusReader, Registers, read_request
from dalybms.protocols.modbus.register_map import Block
from dalybms.protocols.request import Request
from dalybms.protocols.rivals import is_rivalled

_LACKED = 0xFFFF
"""So reads a register that a board has not."""
_OVERHEAD = 5
"""Bytes of an answer around its data."""


def read_of(asked: int, answers: int, block: Block, polled: bool) -> Request:
    """asked, answers: the address of the board in a question and in an answer. polled: one byte throughout
    cannot be."""
    question = read_request(asked, block.start, block.size)
    return Request(
        name=block.what,
        writes=(question,),
        reader=ModbusReader((answers,), 2 * block.size),
        wanted=_is_read,
        parse=_Judge(block, polled),
        longest=2 * block.size + _OVERHEAD,
        rivalled=partial(is_rivalled, question),
    )


def proving(block: Block, request: Request) -> Request:
    """Answered by frames that prove the protocol: no refusals, and not the same byte throughout."""
    return request._replace(parse=partial(_proof, block))


def _proof(block: Block, frames: Sequence[Registers]) -> Sequence[Registers]:
    try:
        _Judge(block, True)(frames)
    except NotSupported as error:
        raise BadReply(str(error), frames[-1].data) from None
    return frames


class _Judge:
    """What the answers to one question are worth.

    A refusal does not name what it refuses, so it may be meant for another program: it counts when it
    comes twice.
    """

    def __init__(self, block: Block, polled: bool) -> None:
        self._block, self._polled, self._refusals = block, polled, 0

    def __call__(self, frames: Sequence[Registers]) -> bytes:
        frame, block = frames[-1], self._block
        if frame.refusal is not None:
            self._refusals += 1
            raise _refused(block, frame, certain=self._refusals > 1)
        self._refusals = 0
        if self._polled and len(set(frame.data)) == 1:
            raise BadReply(f"{block.what} of nothing but {frame.data[0]:02x} cannot be", frame.data)
        refuse_other(block, frame.data)
        return frame.data


def refuse_other(block: Block, data: bytes) -> None:
    """Raises BadReply for what another question of the same size was answered, as far as it shows."""
    first = int.from_bytes(data[:2], "big")
    if block.first < first < _LACKED:
        raise BadReply(f"{block.what} that begin with {first} cannot be: another question was answered", data)


def _is_read(frame: Registers) -> bool:
    return frame.function & ~ERROR == READ


def _refused(block: Block, frame: Registers, certain: bool) -> DalyError:
    if frame.not_there and certain:
        return NotSupported(f"this board has no {block.what} (exception {frame.refusal})")
    return BadReply(f"the board refuses {block.what} (exception {frame.refusal})", frame.data)
