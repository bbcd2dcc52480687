"""A fake board with a Sinowealth chip: requests of three bytes, replies of bare data and a CRC-8."""

from __future__ import annotations

from collections.abc import Collection

from dalybms.emulator.board import Board, Reply, double_word, word
from dalybms.emulator.conduct import USUAL, Conduct
from dalybms.emulator.pack import Pack

START = 0x0A
LENGTHS = (2, 4)
MOST_NAMED_CELLS = 10
_ABSENT = (0, 255)


class SinowealthBoard(Board):
    """Answers for `pack`. Above 10 cells the registers 0x01-0x0F are cells 1 to 15, as 16-cell units have it.

    `unsupported`: registers that are never answered.
    """

    def __init__(self, pack: Pack, unsupported: Collection[int] = (), conduct: Conduct = USUAL) -> None:
        super().__init__(pack, conduct)
        self.unsupported = frozenset(unsupported)
        self._request = b""

    def request_size(self, heard: bytes) -> int | None:
        if heard[0] != START or (len(heard) > 2 and heard[2] not in LENGTHS):
            return 0
        return 3 if len(heard) > 2 else None

    def is_addressed(self, request: bytes) -> bool:
        return True

    def answer(self, request: bytes) -> Reply:
        register, length = request[1], request[2]
        values = self._values()
        if register not in values or register in self.unsupported:
            return []
        self._request = request
        return [_sealed(request, values[register][:length].ljust(length, b"\0"))]

    def foreign(self, reply: Reply) -> Reply:
        """There are no addresses: what looks most like one is the answer to another register."""
        other = bytes((START, self._request[1] ^ 0x01, self._request[2]))
        return [_sealed(other, bytes((byte + 1) & 0xFF for byte in frame[:-1])) for frame in reply]

    def zeroed(self, reply: Reply) -> Reply:
        return [_sealed(self._request, bytes(len(frame) - 1)) for frame in reply]

    def _values(self) -> dict[int, bytes]:
        """The data of every register, two or four bytes."""
        pack = self.pack
        values = {
            0x0B: word(sum(pack.cells)),
            0x0C: _kelvin(pack.sensors, 0),
            0x0D: _kelvin(pack.sensors, 1),
            0x0E: _kelvin([pack.mosfet_temperature], 0),
            0x0F: word(0),
            0x10: double_word(pack.current_ma),
            0x11: double_word(pack.rated),
            0x12: double_word(pack.capacity),
            0x13: word(pack.soc // 10),
            0x14: word(pack.cycles),
            0x15: word(self._pack_status()),
            0x16: word(pack.battery_status),
            0x17: word(self._pack_config()),
            0x18: word(0),
        }
        named = MOST_NAMED_CELLS if len(pack.cells) <= MOST_NAMED_CELLS else 15
        slots = (pack.cells + [0] * named)[:named]
        values.update({number: word(millivolts) for number, millivolts in enumerate(slots, 1)})
        values.update({register: word(value) for register, value in pack.registers.items()})
        return values

    def _pack_status(self) -> int:
        pack = self.pack
        if pack.pack_status is not None:
            return pack.pack_status
        switches = int(pack.charge_mosfet != 0) | int(pack.discharge_mosfet != 0) << 1
        return switches | int(pack.state == 1) << 2 | int(pack.state == 2) << 3

    def _pack_config(self) -> int:
        pack = self.pack
        if pack.pack_config is not None:
            return pack.pack_config
        return (min(len(pack.cells), MOST_NAMED_CELLS) - 3) & 0x07 | int(len(pack.sensors) > 1) << 6


def crc8(data: bytes) -> int:
    """CRC-8 with polynomial 0x07 and initial 0, nothing reflected."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def _sealed(request: bytes, data: bytes) -> bytes:
    return data + bytes((crc8(request + data),))


def _kelvin(sensors: list[int], index: int) -> bytes:
    """0.1 K of the sensor at `index`; 0 when it is not fitted."""
    if index >= len(sensors) or sensors[index] in _ABSENT:
        return word(0)
    return word((sensors[index] - 40) * 10 + 2731)
