"""The frames of one A5 reply become a value: complete or not yet, and whether it can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dalybms.errors import BadReply
from dalybms.protocols.a5.commands import Command
from dalybms.protocols.a5.frame import Frame
from dalybms.protocols.a5.numbering import Numbering, ordered
from dalybms.protocols.doubts import Doubts, examine, examine_list, refuse_blank, refuse_unset
from dalybms.protocols.fields import decode


def single(row: Command, doubts: Doubts, frames: Sequence[Frame]) -> Any:
    """The reading of a message of one frame."""
    frame = frames[0]
    try:
        if row.special:
            return row.special(frame.data)
        refuse_unset(row.section, frame.data)
        refuse_blank(row.section, (frame.data[field.at : field.at + field.size] for field in row.fields))
        reading = doubts.settle(*examine(row.fields, frame.data))
        if row.check:
            row.check(reading)
        return reading
    except BadReply as error:
        raise _with_raw(error, frames[:1]) from None


def listed(row: Command, doubts: Doubts, numbering: Numbering, count: int, frames: Sequence[Frame]) -> Any:
    """The first `count` values of a list, by number; None while frames are missing."""
    series = row.series
    assert series is not None
    if not any(frames[-1].data):
        raise _with_raw(BadReply(f"{row.section} of nothing but zeros cannot be"), frames[-1:])
    needed = ordered(frames, series.frames(count), numbering.first(frames))
    if needed is None:
        return None
    slots = b"".join(series.slots(frame.data) for frame in needed)[: count * series.item.size]
    try:
        refuse_blank(row.section, (slots,))
        return doubts.settle(*examine_list(series, slots, count))
    except BadReply as error:
        raise _with_raw(error, needed) from None


def joined(row: Command, frames: Sequence[Frame]) -> Any:
    """The fields of a text in several frames; the first data byte of each is its number."""
    needed = ordered(frames, row.frames)
    return None if needed is None else decode(row.fields, b"".join(frame.data[1:] for frame in needed))


def _with_raw(error: BadReply, frames: Sequence[Frame]) -> BadReply:
    return BadReply(str(error), b"".join(frame.encode() for frame in frames))
