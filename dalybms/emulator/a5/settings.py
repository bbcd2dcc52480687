"""Replies of an A5 board to its settings, 0x50-0x63, and what it does with a write."""

from __future__ import annotations

from collections.abc import Iterator

from dalybms.emulator.a5.live import Blank
from dalybms.emulator.board import double_word, word, words
from dalybms.emulator.pack import Pack


def _one(blank: Blank, defined: bytes) -> Iterator[bytes]:
    data = blank()
    data[0 : len(defined)] = defined
    yield bytes(data)


def rated(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x50: rated mAh, nominal mV of a cell."""
    return _one(blank, double_word(pack.rated) + double_word(pack.nominal))


def counts(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x51: boards, cells of boards 1-3, sensors of boards 1-3; byte 7 undefined."""
    cells, sensors = len(pack.cells) & 0xFF, len(pack.sensors) & 0xFF
    return _one(blank, bytes((pack.boards & 0xFF, cells, 0, 0, sensors, 0, 0)))


def totals(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x52: Ah charged and discharged in total."""
    return _one(blank, double_word(pack.charged) + double_word(pack.discharged))


def kind(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x53: chemistry, mode, production date, seconds until sleep, zero drift."""
    head = bytes((pack.chemistry & 0xFF, pack.mode & 0xFF)) + pack.production[:3]
    return _one(blank, head + word(pack.sleep) + bytes((pack.zero_drift & 0xFF,)))


def firmware(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x54: eight characters without a frame number."""
    return _one(blank, pack.firmware.encode("ascii")[:8].ljust(8, b"\0"))


def _text(blank: Blank, text: str, frames: int, fill: bytes) -> Iterator[bytes]:
    padded = text.encode("ascii")[: 7 * frames].ljust(7 * frames, fill)
    for number in range(1, frames + 1):
        data = blank()
        data[0] = number
        data[1:8] = padded[7 * number - 7 : 7 * number]
        yield bytes(data)


def battery_code(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x57: five frames of a number and seven characters, padded with blanks."""
    return _text(blank, pack.battery_code, 5, b" ")


def software(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x62: two frames of a number and seven characters."""
    return _text(blank, pack.software, 2, b"\0")


def hardware(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x63: two frames of a number and seven characters."""
    return _text(blank, pack.hardware, 2, b"\0")


def production(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x58: YY MM DD; the rest undefined."""
    return _one(blank, pack.production[:3])


def cell_limits(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x59."""
    return _one(blank, words(pack.cell_limits[:4]))


def pack_limits(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x5A."""
    return _one(blank, words(pack.pack_limits[:4]))


def current_limits(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x5B."""
    return _one(blank, words(pack.current_limits[:4]))


def temperature_limits(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x5C."""
    return _one(blank, bytes(raw & 0xFF for raw in pack.temperature_limits[:8]))


def soc_limits(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x5D."""
    return _one(blank, words(pack.soc_limits[:4]))


def difference_limits(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x5E: two voltages, two temperatures without offset; bytes 6-7 undefined."""
    limits = pack.difference_limits
    return _one(blank, words(limits[:2]) + bytes(raw & 0xFF for raw in limits[2:4]))


def balance_limits(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x5F: bytes 4-7 undefined."""
    return _one(blank, word(pack.balance_start) + word(pack.balance_difference))


def short_circuit(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x60: current in A, shunt; bytes 4-7 undefined."""
    return _one(blank, word(pack.short_circuit) + word(pack.shunt))


def clock(pack: Pack, blank: Blank) -> Iterator[bytes]:
    """0x61: YY MM DD hh mm ss and state of charge."""
    return _one(blank, pack.clock[:6] + word(pack.soc))


def _four(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 2], "big") for at in (0, 2, 4, 6)]


def write(pack: Pack, command: int, data: bytes) -> None:
    """Change the pack as the write `command` with these 8 data bytes says."""
    if command == 0x10:
        pack.rated, pack.nominal = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:], "big")
    elif command == 0x19:
        pack.cell_limits = _four(data)
    elif command == 0x1A:
        pack.pack_limits = _four(data)
    elif command == 0x1B:
        pack.current_limits = _four(data)
    elif command == 0x1C:
        pack.temperature_limits = list(data)
    elif command == 0x1D:
        pack.soc_limits = _four(data)
    elif command == 0x1E:
        pack.difference_limits = [*_four(data)[:2], data[4], data[5]]
    elif command == 0x1F:
        pack.balance_start, pack.balance_difference = _four(data)[:2]
    elif command == 0x21:
        pack.clock = data[:6]
        pack.set_soc(int.from_bytes(data[6:], "big"))
    elif command == 0xD9:
        pack.discharge_switch = int(data[0] != 0)
    elif command == 0xDA:
        pack.charge_switch = int(data[0] != 0)
