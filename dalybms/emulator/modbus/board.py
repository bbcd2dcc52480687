"""What fake D2 and P81 boards share: frames of registers with a CRC-16, low byte first.

Read `address 03 start count crc`, write one `address 06 register value crc`, write several
`address 10 start count data crc`, the latter without the byte count of Modbus.
"""

from __future__ import annotations

from collections.abc import Collection

from dalybms.emulator.board import Board, Reply, word, words
from dalybms.emulator.pack import Pack

READ, WRITE, WRITE_SEVERAL = 0x03, 0x06, 0x10
MOST_REGISTERS = 125
"""What a length byte can say."""
UNKNOWN = 0xFFFF
"""What a register reads as that the board does not have."""


class ModbusBoard(Board):
    """Answers at `address` with frames from `answer_address`; silent on wrong counts.

    `unsupported`: a read that starts at one of these registers is not answered.
    """

    def __init__(
        self, pack: Pack, address: int, answer_address: int, other_address: int, unsupported: Collection[int]
    ) -> None:
        super().__init__()
        self.pack = pack
        self.address = address
        self.answer_address = answer_address
        self.unsupported = frozenset(unsupported)
        self._other_address = other_address

    def registers(self) -> dict[int, int]:
        """All registers that the board has, as they read now."""
        raise NotImplementedError

    def write_register(self, register: int, value: int) -> None:
        """What a write does to the pack; nothing for a register that cannot be written."""
        raise NotImplementedError

    def request_size(self, heard: bytes) -> int | None:
        if heard[0] != self.address or (len(heard) > 1 and heard[1] not in (READ, WRITE, WRITE_SEVERAL)):
            return 0
        if len(heard) < 8:
            return None
        count = int.from_bytes(heard[4:6], "big")
        if heard[1] == WRITE_SEVERAL and count > MOST_REGISTERS:
            return 0
        size = 8 + 2 * count if heard[1] == WRITE_SEVERAL else 8
        if len(heard) < size:
            return None
        return size if crc16(heard[: size - 2]) == heard[size - 2 : size] else 0

    def is_addressed(self, request: bytes) -> bool:
        return True

    def answer(self, request: bytes) -> Reply:
        register, value = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        if request[1] == READ:
            return self._read(register, value)
        values = [value]
        if request[1] == WRITE_SEVERAL:
            values = [int.from_bytes(request[at : at + 2], "big") for at in range(6, len(request) - 2, 2)]
        for offset, each in enumerate(values):
            self.write_register(register + offset, each)
        return [self._frame(request[1:6])]

    def foreign(self, reply: Reply) -> Reply:
        return [_sealed(bytes((self._other_address,)) + _with_other_data(frame)) for frame in reply]

    def zeroed(self, reply: Reply) -> Reply:
        return [_sealed(frame[:3] + bytes(len(frame) - 5)) if frame[1] == READ else frame for frame in reply]

    def _read(self, start: int, count: int) -> Reply:
        if not 1 <= count <= MOST_REGISTERS or start in self.unsupported:
            return []
        known = {**self.registers(), **self.pack.registers}
        values = [known.get(register, UNKNOWN) for register in range(start, start + count)]
        self.was_read(range(start, start + count))
        return [self._frame(bytes((READ, 2 * count)) + words(values))]

    def was_read(self, registers: range) -> None:
        """Called after a read: some registers move on."""

    def _frame(self, body: bytes) -> bytes:
        return _sealed(bytes((self.answer_address,)) + body)


def fill(registers: dict[int, int], first: int, values: Collection[int]) -> None:
    """Put `values` into registers that follow each other."""
    registers.update(zip(range(first, first + len(values)), values))


def padded(values: list[int], slots: int) -> list[int]:
    """`values` for so many slots, unused ones 0."""
    return (values + [0] * slots)[:slots]


def text_words(text: str, size: int) -> list[int]:
    """ASCII, two characters per register, padded with NUL to `size` bytes."""
    data = text.encode("ascii")[:size].ljust(size, b"\0")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, size, 2)]


def byte_words(data: bytes) -> list[int]:
    """Two bytes per register; an odd end is padded with zero."""
    return [int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big") for at in range(0, len(data), 2)]


def average(cells: list[int]) -> int:
    """mV, rounded down; 0 without cells."""
    return sum(cells) // len(cells) if cells else 0


def crc16(data: bytes) -> bytes:
    """CRC-16 with polynomial 0xA001 (reflected) and initial 0xFFFF, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return bytes((crc & 0xFF, crc >> 8))


def _sealed(body: bytes) -> bytes:
    return body + crc16(body)


def _with_other_data(frame: bytes) -> bytes:
    if frame[1] != READ:
        return frame[1:-2]
    values = [int.from_bytes(frame[at : at + 2], "big") + 1 for at in range(3, len(frame) - 2, 2)]
    return frame[1:3] + b"".join(word(value) for value in values)
