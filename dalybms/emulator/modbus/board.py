"""What fake D2 and P81 boards share: frames of registers with a CRC-16, low byte first.

Read `address 03 start count crc`, write one `address 06 register value crc`, write several
`address 10 start count data crc`, the latter without the byte count of Modbus.
"""

from __future__ import annotations

from collections.abc import Collection

from dalybms.emulator.board import Board, Reply, word, words
from dalybms.emulator.conduct import USUAL, Conduct
from dalybms.emulator.crc import crc16
from dalybms.emulator.pack import Pack

__all__ = ["UNKNOWN", "ModbusBoard", "average", "byte_words", "crc16", "fill", "padded", "text_words"]

READ, WRITE, WRITE_SEVERAL = 0x03, 0x06, 0x10
MOST_REGISTERS = 125
"""What a length byte can say."""
UNKNOWN = 0xFFFF
"""What a register reads as that the board does not have."""
RESTART = 0xF0
"""Only stated; a board that was watched restarts without an answer."""
_REFUSED = b"\x04"


class ModbusBoard(Board):
    """Answers at `address` with frames from `answer_address`; silent on wrong counts.

    `unsupported`: what starts at one of these registers is not answered, a write not done. `absent`:
    registers that read FFFF. `conduct`: how it takes writes.
    """

    answers_restart = False

    def __init__(
        self,
        pack: Pack,
        address: int,
        answer_address: int,
        other_address: int,
        unsupported: Collection[int] = (),
        absent: Collection[int] = (),
        conduct: Conduct = USUAL,
    ) -> None:
        super().__init__(pack, conduct)
        self.address = address
        self.answer_address = answer_address
        self.unsupported = frozenset(unsupported)
        self.absent = frozenset(absent)
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

    def knows(self, request: bytes) -> bool:
        return int.from_bytes(request[2:4], "big") not in self.unsupported

    def answer(self, request: bytes) -> Reply:
        return self._read(int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big"))

    def restarts(self, request: bytes) -> bool:
        return any(register == RESTART for register, _ in _written(request))

    def write(self, request: bytes) -> None:
        for register, value in _written(request):
            self.write_register(register, value)

    def acknowledge(self, request: bytes) -> Reply:
        """Recorded. One register: register and value; several: first register and count."""
        return [self._frame(request[1:6])]

    def refuse(self, request: bytes) -> Reply:
        """An exception frame as Modbus has it. Nobody has recorded one."""
        return [self._frame(bytes((request[1] | 0x80,)) + _REFUSED)]

    def foreign(self, reply: Reply) -> Reply:
        return [_sealed(bytes((self._other_address,)) + _with_other_data(frame)) for frame in reply]

    def zeroed(self, reply: Reply) -> Reply:
        return [_sealed(frame[:3] + bytes(len(frame) - 5)) if frame[1] == READ else frame for frame in reply]

    def _read(self, start: int, count: int) -> Reply:
        if not 1 <= count <= MOST_REGISTERS or start in self.unsupported:
            return []
        registers = {**self.registers(), **self.pack.registers}
        known = {at: value for at, value in registers.items() if at not in self.absent}
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


def _sealed(body: bytes) -> bytes:
    return body + crc16(body)


def _written(request: bytes) -> list[tuple[int, int]]:
    """Registers and their new values."""
    first = int.from_bytes(request[2:4], "big")
    data = request[4:6] if request[1] == WRITE else request[6:-2]
    return [(first + at // 2, int.from_bytes(data[at : at + 2], "big")) for at in range(0, len(data), 2)]


def _with_other_data(frame: bytes) -> bytes:
    if frame[1] != READ:
        return frame[1:-2]
    values = [int.from_bytes(frame[at : at + 2], "big") + 1 for at in range(3, len(frame) - 2, 2)]
    return frame[1:3] + b"".join(word(value) for value in values)
