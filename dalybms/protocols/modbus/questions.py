"""A read of one block of registers, and what its answer is worth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from dalybms.errors import BadReply, DalyError, NotSupported
from dalybms.protocols.modbus.frame import ERROR, READ, ModbusReader, Registers, read_request
from dalybms.protocols.modbus.register_map import Block
from dalybms.protocols.request import Request

_OVERHEAD = 5
"""Bytes of an answer around its data."""


def read_of(asked: int, answers: int, block: Block, polled: bool) -> Request:
    """asked, answers: the address of the board in a question and in an answer. polled: one byte throughout
    cannot be."""
    return Request(
        name=block.what,
        writes=(read_request(asked, block.start, block.size),),
        reader=ModbusReader((answers,), 2 * block.size),
        wanted=_is_read,
        parse=partial(_parse, block, polled),
        longest=2 * block.size + _OVERHEAD,
    )


def proving(block: Block, request: Request) -> Request:
    """Answered by frames that prove the protocol: no refusals, and not the same byte throughout."""
    return request._replace(parse=partial(_proof, block))


def _proof(block: Block, frames: Sequence[Registers]) -> Sequence[Registers]:
    try:
        _parse(block, True, frames)
    except NotSupported as error:
        raise BadReply(str(error), frames[-1].data) from None
    return frames


def _parse(block: Block, polled: bool, frames: Sequence[Registers]) -> bytes:
    frame = frames[-1]
    if frame.refusal is not None:
        raise _refused(block, frame)
    if polled and len(set(frame.data)) == 1:
        raise BadReply(f"{block.what} of nothing but {frame.data[0]:02x} cannot be", frame.data)
    return frame.data


def _is_read(frame: Registers) -> bool:
    return frame.function & ~ERROR == READ


def _refused(block: Block, frame: Registers) -> DalyError:
    if frame.not_there:
        return NotSupported(f"this board has no {block.what} (exception {frame.refusal})")
    return BadReply(f"the board refuses {block.what} (exception {frame.refusal})", frame.data)
