"""Replies of an A5 board to 0x90-0x98 and 0xD8, byte by byte.

Each function takes the pack and `blank`, which hands out the 8-byte buffer of the next frame: zeros,
or whatever the previous reply left there. Only the bytes that the protocol defines are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

from dalybms.emulator.board import double_word, word
from dalybms.emulator.pack import Pack

Blank = Callable[[], bytearray]
MOST_CELL_FRAMES = 16


def soc(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x90: sum of cells, measured voltage, current, state of charge."""
    data = blank()
    data[0:2] = word(pack.voltage)
    data[2:4] = word(pack.gathered)
    data[4:6] = word(pack.current)
    data[6:8] = word(pack.soc)
    yield bytes(data)


def cell_range(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x91: highest and lowest cell; bytes 6-7 undefined."""
    high, high_number, low, low_number = pack.highest_and_lowest_cell()
    data = blank()
    data[0:2] = word(high)
    data[2] = high_number & 0xFF
    data[3:5] = word(low)
    data[5] = low_number & 0xFF
    yield bytes(data)


def temperature_range(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x92: highest and lowest sensor; bytes 4-7 undefined."""
    high, high_number, low, low_number = pack.highest_and_lowest_sensor()
    data = blank()
    data[0] = high & 0xFF
    data[1] = high_number & 0xFF
    data[2] = low & 0xFF
    data[3] = low_number & 0xFF
    yield bytes(data)


def mosfets(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x93: state, MOSFETs, heartbeat (one step per reply), remaining capacity."""
    data = blank()
    data[0] = pack.state & 0xFF
    data[1] = pack.charge_mosfet & 0xFF
    data[2] = pack.discharge_mosfet & 0xFF
    data[3] = pack.heartbeat & 0xFF
    data[4:8] = double_word(pack.capacity)
    pack.heartbeat = (pack.heartbeat + 1) & 0xFF
    yield bytes(data)


def status(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x94: counts, charger, load, digital bits, cycles; byte 7 undefined."""
    data = blank()
    data[0] = len(pack.cells) & 0xFF
    data[1] = len(pack.sensors) & 0xFF
    data[2] = pack.charger & 0xFF
    data[3] = pack.load & 0xFF
    data[4] = pack.dio & 0xFF
    data[5:7] = word(pack.cycles)
    yield bytes(data)


def cells_exact(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x95, three cells a frame, as many frames as needed; unused slots and byte 7 undefined."""
    for first in range(0, len(pack.cells), 3):
        data = blank()
        data[0] = (first // 3 + 1) & 0xFF
        for slot, millivolts in enumerate(pack.cells[first : first + 3]):
            data[1 + 2 * slot : 3 + 2 * slot] = word(millivolts)
        yield bytes(data)


def cells_fixed(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x95, always 16 frames; unused slots are zero, byte 7 undefined."""
    slots = (pack.cells + [0] * 48)[:48]
    for number in range(1, MOST_CELL_FRAMES + 1):
        data = blank()
        data[0] = number
        data[1:3] = word(slots[3 * number - 3])
        data[3:5] = word(slots[3 * number - 2])
        data[5:7] = word(slots[3 * number - 1])
        yield bytes(data)


def sensors_exact(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x96, seven sensors a frame, at least one frame; a seventh slot without sensor is left as it was."""
    for first in range(0, max(len(pack.sensors), 1), 7):
        raws = pack.sensors[first : first + 7]
        data = blank()
        data[0] = first // 7 + 1
        data[1:7] = bytes(6)
        for slot, raw in enumerate(raws, 1):
            data[slot] = raw & 0xFF
        yield bytes(data)


def sensors_fixed(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x96, at least two frames; unused slots are zero."""
    frames = max(2, -(-len(pack.sensors) // 7))
    slots = pack.sensors + [0] * 14
    for number in range(1, frames + 1):
        data = blank()
        data[0] = number
        data[1:8] = bytes(raw & 0xFF for raw in slots[7 * number - 7 : 7 * number]).ljust(7, b"\0")
        yield bytes(data)


def balancing(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x97: one bit per cell, cell 1 in bit 0 of byte 0, or the number of a cell; bytes 6-7 undefined."""
    data = blank()
    data[0:6] = pack.balancing.to_bytes(6, "little")
    if pack.balance_numbers:
        data[0:6] = bytes((0, (pack.balancing & -pack.balancing).bit_length(), 0, 0, 0, 0))
    yield bytes(data)


def faults(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x98: seven bytes of bits and the fault code."""
    data = blank()
    data[0:8] = (pack.faults + bytes(8))[:8]
    yield bytes(data)


def wakeup(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0xD8: zeros but for byte 4."""
    data = blank()
    data[0:8] = bytes(8)
    data[4] = pack.wakeup & 0xFF
    yield bytes(data)
