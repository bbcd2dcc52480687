"""The frame of D2 and P81: address, function, length, data, CRC-16/MODBUS, low byte first.

It looks like Modbus RTU but is not: the answering address of P81 differs from
the asked one, and a write of several registers has no byte count. An answer does
not name its registers, so its length must fit the one outstanding request.
Source: the register notes of public D2 and P81 projects, checked against
recorded traffic; no exception frame was ever recorded, they are read as Modbus has them.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from dalybms.protocols.request import Reader

READ = 0x03
QUESTION = 8
"""Bytes of a read question."""
WRITE = 0x06
WRITE_SEVERAL = 0x10
_WRITES = (WRITE, WRITE_SEVERAL)
ERROR = 0x80
"""Added to the function by a board that refuses."""
HEAD = 3
CRC = 2
_SHORTEST = 5
"""Bytes of an answer that refuses."""
_TRANSLATIONS = ((b"\xff\xff", b"\xff"), (b"\r\n", b"\n"))
"""What a gateway that takes the line for a terminal writes for what the board has sent: telnet, line ends."""
_NOT_THERE = (1, 2, 3)
"""Exception codes for a function, a register or a count that the board has not."""


class Registers(NamedTuple):
    """An answer with a good checksum: who speaks, the function, the data bytes."""

    source: int
    function: int
    data: bytes

    @property
    def refusal(self) -> int | None:
        """The exception code of a board that refuses."""
        return self.data[0] if self.function & ERROR else None

    @property
    def not_there(self) -> bool:
        """The board has no such registers; False for a refusal that may pass."""
        return self.refusal in _NOT_THERE


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
    return _sealed(address, READ, start, count)


def write_request(address: int, register: int, value: int) -> bytes:
    """One register; recorded from the vendor's tool and from an app."""
    return _sealed(address, WRITE, register, value)


def write_several_request(address: int, start: int, values: Sequence[int]) -> bytes:
    """Registers in a row: the number of them, but unlike Modbus no number of bytes, as recorded."""
    return _sealed(address, WRITE_SEVERAL, start, len(values), *values)


def _sealed(address: int, function: int, *words: int) -> bytes:
    body = bytes((address, function)) + b"".join(word.to_bytes(2, "big") for word in words)
    return body + crc(body)


def acknowledges(frame: Registers, request: bytes) -> bool:
    """Does this answer repeat the register and the value (or number of values) of a write?

    It says that the board has heard, not that it has done it.
    """
    return frame.function == request[1] and frame.function in _WRITES and frame.data == request[2:6]


def _extent(data: bytes, at: int, sources: Container[int], length: int | None) -> tuple[int, int] | None:
    """(first data byte, end of the data) of the answer whose head may stand at `at`; None: it is no head.

    While the head is not complete, both lie behind the data.
    """
    if data[at] not in sources:
        return None
    left = len(data) - at
    function = data[at + 1] if left > 1 else None
    if function is None or (function == READ and left < HEAD):
        return len(data), len(data)
    if function in _WRITES:
        return at + 2, at + 6
    if function & ERROR and function & ~ERROR in (READ, *_WRITES):
        return at + 2, at + 3
    if function != READ:
        return None
    size = data[at + 2]
    fits = size > 0 and size % 2 == 0 and length in (None, size)
    return (at + HEAD, at + HEAD + size) if fits else None


class ModbusReader(Reader):
    """Finds the answers to one read in a stream of bytes, whatever stands around them.

    sources: the addresses that may answer. length: data bytes of the one outstanding
    read; None: any. A head with another length is no head. When a candidate fails, a
    single byte is given up. At most one unfinished answer is kept between two calls.
    `skipped` counts the bytes given up since the last reset().
    """

    def __init__(self, sources: Container[int], length: int | None = None) -> None:
        self._sources = sources
        self._length = length
        self._buffer = bytearray()
        self.skipped = 0

    def reset(self) -> None:
        self._buffer.clear()
        self.skipped = 0

    def mark(self) -> None:
        """A CRC-16 needs no memory of where an attempt began."""

    @property
    def begun(self) -> bool:
        """Nothing but the beginning of an answer is kept; one byte may be chance."""
        return len(self._buffer) > 1

    def missing(self) -> int:
        """Bytes to the end of the answer that has begun, or of the shortest one until its length is said."""
        data = bytes(self._buffer)
        extent = _extent(data, 0, self._sources, self._length) if len(data) >= HEAD else None
        return max(1, (extent[1] + CRC if extent else _SHORTEST) - len(data))

    def feed(self, chunk: bytes) -> list[Registers]:
        self._buffer += chunk
        data, frames, at = bytes(self._buffer), [], 0
        while at < len(data):
            extent = _extent(data, at, self._sources, self._length)
            if extent and extent[1] + CRC > len(data):
                break
            frame, end = _checked(data, at, extent), extent[1] + CRC if extent else 0
            if extent and not frame and self._length:
                frame, end = _translated(data, at, end)
                if end > len(data):
                    break
            if frame:
                frames.append(frame)
            self.skipped += not frame
            at = end if frame else at + 1
        del self._buffer[:at]
        return frames


def _checked(data: bytes, at: int, extent: tuple[int, int] | None) -> Registers | None:
    if extent is None:
        return None
    start, end = extent
    if data[end : end + CRC] != crc(data[at:end]):
        return None
    return Registers(data[at], data[at + 1], data[start:end])


def _translated(data: bytes, at: int, end: int) -> tuple[Registers | None, int]:
    """(answer, its end) where a gateway has changed bytes on the way, as for a terminal: the check tells.

    The end lies behind the data while more bytes may make it whole.
    """
    for written, meant in _TRANSLATIONS:
        heard = data[at:]
        plain = heard.replace(written, meant)
        if len(plain) < len(heard) and len(plain) < end - at:
            return None, len(data) + 1
        whole = plain[: end - at]
        if len(plain) < len(heard) and whole[-CRC:] == crc(whole[:-CRC]):
            used = next(
                n for n in range(len(whole), len(heard) + 1) if heard[:n].replace(written, meant) == whole
            )
            return Registers(whole[0], whole[1], whole[HEAD:-CRC]), at + used
    return None, 0


def find(data: bytes, sources: Container[int]) -> Registers | None:
    """The first answer of any length in `data`, also behind the head of an unfinished one."""
    for at in range(len(data)):
        frame = _checked(data, at, _extent(data, at, sources, None))
        if frame:
            return frame
    return None
