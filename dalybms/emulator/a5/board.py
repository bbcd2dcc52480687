"""A fake board that speaks A5: 13-byte frames, 8-bit sum."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Callable

from dalybms.emulator.a5 import live, settings
from dalybms.emulator.board import Board, Reply
from dalybms.emulator.conduct import USUAL, Conduct
from dalybms.emulator.pack import Pack

STYLES = ("exact", "fixed", "fixed-all", "damaged")
FRAME = 13
BLUETOOTH_HOST = 0x80
_READS: dict[int, Callable[[Pack, live.Blank], Iterator[bytes]]] = {
    0x90: live.soc,
    0x91: live.cell_range,
    0x92: live.temperature_range,
    0x93: live.mosfets,
    0x94: live.status,
    0x95: live.cells_exact,
    0x96: live.sensors_exact,
    0x97: live.balancing,
    0x98: live.faults,
    0xD8: live.wakeup,
    0x50: settings.rated,
    0x51: settings.counts,
    0x52: settings.totals,
    0x53: settings.kind,
    0x54: settings.firmware,
    0x57: settings.battery_code,
    0x58: settings.production,
    0x59: settings.cell_limits,
    0x5A: settings.pack_limits,
    0x5B: settings.current_limits,
    0x5C: settings.temperature_limits,
    0x5D: settings.soc_limits,
    0x5E: settings.difference_limits,
    0x5F: settings.balance_limits,
    0x60: settings.short_circuit,
    0x61: settings.clock,
    0x62: settings.software,
    0x63: settings.hardware,
}
_FIXED = {0x95: live.cells_fixed, 0x96: live.sensors_fixed}
_WRITES = frozenset((0x00, 0x10, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x21, 0xD9, 0xDA))
_SWITCHES = (0xD9, 0xDA)
# Frames 12-14 of a 16-frame reply as dreadnought/python-daly-bms PR #29 recorded them: foreign memory.
_DAMAGE = (
    bytes.fromhex("a5a8004000702440000d300000"),
    bytes.fromhex("7024400038a700006d32000070"),
    bytes.fromhex("2440005331000000000000a800"),
)


class A5Board(Board):
    """Answers A5 requests for `pack` as board number `board`, 1 to 16.

    `hosts`: the request addresses it listens to; None: 0x3F + board, and 0x80 when board is 1.
    `style`: how many frames 0x95 and 0x96 have. "exact": as many as needed. "fixed": to host 0x80 always 16
    and at least 2; "fixed-all": to every host. "damaged": as fixed, frames 12-14 overwritten.
    `leftover`: undefined bytes hold the previous reply's, as in old firmware; else zero.
    `unsupported`: commands that are never answered. `conduct`: how it takes writes.
    """

    def __init__(
        self,
        pack: Pack,
        board: int = 1,
        hosts: Collection[int] | None = None,
        style: str = "exact",
        leftover: bool = False,
        unsupported: Collection[int] = (),
        conduct: Conduct = USUAL,
    ) -> None:
        super().__init__(pack, conduct)
        if style not in STYLES:
            raise ValueError(f"unknown style {style!r}: take one of {', '.join(STYLES)}")
        self.board = board
        self.hosts = _hosts_of(board) if hosts is None else frozenset(hosts)
        self.style = style
        self.leftover = leftover
        self.unsupported = frozenset(unsupported)
        self._buffer = bytearray(8)
        self._sent = bytes(8)

    def request_size(self, heard: bytes) -> int | None:
        if heard[0] != 0xA5 or (len(heard) > 3 and heard[3] != 8):
            return 0
        if len(heard) < FRAME:
            return None
        return FRAME if sum(heard[:12]) & 0xFF == heard[12] else 0

    def is_addressed(self, request: bytes) -> bool:
        return request[1] in self.hosts

    def answer(self, request: bytes) -> Reply:
        host, command = request[1], request[2]
        if command in self.unsupported or command not in _READS:
            return []
        if command in _FIXED and self._is_fixed(host):
            return self._damage(command, self._read(command, _FIXED[command]))
        return self._read(command, _READS[command])

    def knows(self, request: bytes) -> bool:
        return request[2] in _WRITES - self.unsupported

    def restarts(self, request: bytes) -> bool:
        return request[2] == 0x00

    def write(self, request: bytes) -> None:
        settings.write(self.pack, request[2], request[4:12])

    def acknowledge(self, request: bytes) -> Reply:
        """Byte 0 echoes the switch (recorded), or is 1 (only stated for 0x21, unpublished for the others)."""
        return [self._acknowledgement(request, request[4] if request[2] in _SWITCHES else 1)]

    def refuse(self, request: bytes) -> Reply:
        """The other state of the switch, or 0. Nobody has recorded a refusal."""
        return [self._acknowledgement(request, int(not request[4]) if request[2] in _SWITCHES else 0)]

    def left_over(self, request: bytes) -> Reply:
        return [self._frame(request[2], self._sent)]

    def foreign(self, reply: Reply) -> Reply:
        other = 1 + self.board % 16
        return [_sealed(bytes((0xA5, other, frame[2], 8, *_other_values(frame[4:12])))) for frame in reply]

    def zeroed(self, reply: Reply) -> Reply:
        return [_sealed(frame[:4] + bytes(8)) for frame in reply]

    def _is_fixed(self, host: int) -> bool:
        return self.style == "fixed-all" or (self.style != "exact" and host == BLUETOOTH_HOST)

    def _damage(self, command: int, reply: Reply) -> Reply:
        if self.style == "damaged" and command == 0x95:
            reply[11:14] = _DAMAGE
        return reply

    def _read(self, command: int, write_data: Callable[[Pack, live.Blank], Iterator[bytes]]) -> Reply:
        return [self._frame(command, data) for data in write_data(self.pack, self._blank)]

    def _acknowledgement(self, request: bytes, first: int) -> bytes:
        buffer = self._blank()
        buffer[0] = first
        return self._frame(request[2], bytes(buffer))

    def _blank(self) -> bytearray:
        if not self.leftover:
            self._buffer = bytearray(8)
        return self._buffer

    def _frame(self, command: int, data: bytes) -> bytes:
        self._sent = data
        return _sealed(bytes((0xA5, self.board & 0xFF, command, 8)) + data)


def _hosts_of(board: int) -> frozenset[int]:
    own = 0x3F + board
    return frozenset((own, BLUETOOTH_HOST)) if board == 1 else frozenset((own,))


def _sealed(body: bytes) -> bytes:
    return body + bytes((sum(body) & 0xFF,))


def _other_values(data: bytes) -> bytes:
    # Byte 0 may be a frame number: it stays, so that only the board number tells the frames apart.
    return data[:1] + bytes((byte + 1) & 0xFF for byte in data[1:])
