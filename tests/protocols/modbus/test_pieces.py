"""Registers that are read in pieces: when that begins, and what of it counts."""

from __future__ import annotations

import pytest

from dalybms.errors import BadReply, NoReply
from dalybms.protocols.modbus.pieces import SIZES, Pieces
from dalybms.protocols.modbus.register_map import Block

SEEN = [("damage", True), ("noise", True), ("damage", False), ("noise", False), ("silence", True)]


class Line:
    """Hands on no long answer; registers hold their numbers, the first one `first`."""

    def __init__(self, first: int, seen: str = "damage", repeated: bool = True) -> None:
        self.first, self.seen, self.repeated = first, seen, repeated
        self.asked: list[int] = []

    def __call__(self, block: Block) -> bytes:
        self.asked.append(block.size)
        if block.size in SIZES:
            failure = NoReply("cut off", self.seen)
            failure.repeated = self.repeated
            raise failure
        held = [at or self.first for at in range(block.start, block.start + block.size)]
        return b"".join(each.to_bytes(2, "big") for each in held)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("seen", "repeated"), SEEN)
def test_only_what_came_damaged_more_than_once_is_read_in_pieces(
    size: int, seen: str, repeated: bool
) -> None:
    line, block = Line(1, seen, repeated), Block(0, size)
    if repeated and seen != "silence":
        held = Pieces().read(block, line)
        assert list(held[1::2]) == [1, *range(1, size)]
        assert line.asked == [size, *SIZES[size]]
        assert sum(SIZES[size]) == size
    else:
        with pytest.raises(NoReply, match="cut off"):
            Pieces().read(block, line)
        assert line.asked == [size]


@pytest.mark.parametrize("size", SIZES)
def test_pieces_of_another_question_do_not_count(size: int) -> None:
    """The first register shows it, in the first reading as in those that begin with pieces."""
    line, block, pieces = Line(31), Block(0, size, "status", first=30), Pieces()
    with pytest.raises(NoReply, match="cut off"):
        pieces.read(block, line)
    line.first = 30
    assert pieces.read(block, line)[:2] == b"\0\x1e"
    line.first = 31
    with pytest.raises(BadReply, match="begin with 31"):
        pieces.read(block, line)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("byte", [b"\0", b"\xff"])
def test_pieces_of_nothing_but_one_byte_are_no_registers(size: int, byte: bytes) -> None:
    pieces, block, line = Pieces(), Block(0, size), Line(1)
    pieces.read(block, line)
    with pytest.raises(BadReply, match="of nothing but"):
        pieces.read(block, lambda piece: 2 * piece.size * byte)
