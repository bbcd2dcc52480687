"""Boards that answer at the same time: what a reader gets of it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from dalybms.emulator.injector import Piece

Sent = tuple[float, list[Piece]]
"""When it begins, and the pieces."""
_ROUNDING = 1e-6


def collide(replies: Sequence[Sent], byte: float, dice: random.Random) -> Sent:
    """The pieces that arrive when all of these are sent on one wire, a byte in `byte` seconds.

    Where bytes of two boards overlap, one arrives: bits that both send stand, of the others either wins.
    """
    arrived: list[tuple[float, int]] = []
    for at, value in sorted(moment for begin, pieces in replies for moment in _moments(begin, pieces, byte)):
        if arrived and at - arrived[-1][0] < byte * (1 - _ROUNDING):
            arrived[-1] = (arrived[-1][0], _mixed(arrived[-1][1], value, dice))
        else:
            arrived.append((at, value))
    return _joined(arrived, byte)


def _moments(begin: float, pieces: Sequence[Piece], byte: float) -> list[tuple[float, int]]:
    moments = []
    at = begin
    for piece in pieces:
        at += piece.pause
        for value in piece.data:
            moments.append((at, value))
            at += byte
    return moments


def _mixed(one: int, other: int, dice: random.Random) -> int:
    return (one & other) | ((one ^ other) & dice.getrandbits(8))


def _joined(arrived: list[tuple[float, int]], byte: float) -> Sent:
    """Bytes that follow each other without a pause are one piece."""
    begin = end = arrived[0][0] if arrived else 0.0
    pieces: list[Piece] = []
    for at, value in arrived:
        if pieces and at - end < byte / 2:
            pieces[-1] = Piece(pieces[-1].pause, pieces[-1].data + bytes((value,)))
        else:
            pieces.append(Piece(max(0.0, at - end), bytes((value,))))
        end = max(end, at) + byte
    return begin, pieces
