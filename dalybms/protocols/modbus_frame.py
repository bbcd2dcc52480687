"""The frame of D2 and P81: address, function, length, data, CRC-16/MODBUS, low byte first.

It looks like Modbus RTU but is not: the answering address of P81 differs from
the asked one, and a write of several registers has no byte count. An answer does
not name its registers, so its length must fit the one outstanding request.
Source: the register notes of public D2 and P81 projects, checked against
recorded traffic.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

READ = 0x03
_ERROR = 0x80
_HEAD = 3
_CRC = 2


class Registers(NamedTuple):
    """An answer with a good checksum: who speaks, the function, the data bytes."""

    source: int
    function: int
    data: bytes


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc(data: bytes) -> bytes:
    """CRC-16/MODBUS (reflected 0xA001, start 0xFFFF), low byte first as on the wire."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")


def read_request(address: int, start: int, count: int) -> bytes:
    body = bytes((address, READ)) + start.to_bytes(2, "big") + count.to_bytes(2, "big")
    return body + crc(body)


def frame_at(data: bytes, at: int, sources: Container[int], length: int | None = None) -> Registers | None:
    """The whole answer that begins at `at`, if there is one.

    sources: addresses that answer; length: the only right number of data bytes, None for any.
    """
    if len(data) < at + _HEAD or data[at] not in sources:
        return None
    size = _data_size(data[at + 1], data[at + 2], length)
    if size is None:
        return None
    start = at + (_HEAD if data[at + 1] == READ else 2)
    end = start + size
    if data[end : end + _CRC] != crc(data[at:end]):
        return None
    return Registers(data[at], data[at + 1], bytes(data[start:end]))


def _data_size(function: int, byte: int, length: int | None) -> int | None:
    """Data bytes that such a head announces; None: it is no head."""
    if function == READ | _ERROR:
        return 1
    right = function == READ and byte > 0 and byte % 2 == 0 and length in (None, byte)
    return byte if right else None


def find(data: bytes, sources: Container[int]) -> Registers | None:
    """The first answer of any length anywhere in `data`."""
    return next(filter(None, (frame_at(data, at, sources) for at in range(len(data)))), None)
