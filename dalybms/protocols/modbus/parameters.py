"""The settings of D2 and P81 boards, in the blocks that are read for them.

Sources: Daly's Modbus sheet and recorded traffic (D2 0x80-0xA8, 0xCF; P81 0x100-0x122, 0x130-0x16E); for the
order of the P81 limits, 0x162 and 0x166 a reference of 2026 that was read off two R24TK boards beside the
vendor's apps, and the values of a recorded board. Rows that only one source states are marked.

Never read: the passwords, D2 0xC9-0xCB and P81 0x126-0x128, with the clock before it.

Left out, because nobody knows what they are, or everybody something else: P81 0x102, 0x111-0x113, 0x117,
0x118, 0x16A-0x16D. D2 0xA8 is the limit of the MOSFETs for one source, for another where the fan starts: 0x57
on three recorded boards is 47 C with the offset of the other limits. D2 0xA2 is the balance current for one
source; the vendor's sheet and a second board say temperature difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Callable

from dalybms.protocols.modbus.register_map import Block
from dalybms.protocols.parameters import (
    Found,
    Meaning,
    Row,
    amperes,
    celsius,
    chemistry,
    collect,
    level_pair,
    on_or_off,
    refuse_one_byte,
    seconds,
    tenths,
    thousandths,
    unless_zero,
    whole,
    word,
)

Part = tuple[Block, tuple[Row, ...]]
_KEY_LOGIC = {
    0x55: "off",
    0xA5: "discharge and sleep",
    0x5A: "discharge",
    0xAA: "charge and discharge",
    0xA6: "charge, discharge and sleep",
}


def _row(
    name: str, unit: str, register: int, meaning: Meaning, size: int = 2, proven: bool = True, beside: int = 0
) -> Row:
    """beside: a register that is not FFFF where this one's FFFF is a value."""
    return Row(name, unit, 2 * register, meaning, size, proven, bool(beside), 2 * beside if beside else None)


def _pair(code: str, unit: str, register: int, meaning: Meaning) -> tuple[Row, ...]:
    return level_pair(code, unit, 2 * register, meaning)


def _four(code: str, unit: str, register: int, meaning: Meaning) -> tuple[Row, ...]:
    """Level 1, level 2, release, delay in ms."""
    return (
        *_pair(code, unit, register, meaning),
        _row(f"{code}_release", unit, register + 2, meaning),
        _row(f"{code}_delay", "s", register + 3, thousandths),
    )


def _overcurrent(code: str, register: int) -> tuple[Row, ...]:
    """Level 1, level 2 and its delay, level 3 and its delay."""
    return (
        *_pair(code, "A", register, amperes),
        _row(f"{code}_2_delay", "s", register + 2, thousandths),
        _row(f"{code}_3", "A", register + 3, amperes),
        _row(f"{code}_3_delay", "s", register + 4, thousandths),
    )


D2: tuple[Part, ...] = (
    (
        Block(0x80, 41),
        (
            _row("rated_capacity", "Ah", 0x80, partial(unless_zero, tenths)),
            _row("nominal_cell_voltage", "V", 0x81, partial(unless_zero, thousandths)),
            _row("measuring_boards", "", 0x82, whole),
            _row("cells", "", 0x83, whole),
            _row("cells_board_2", "", 0x84, whole),
            _row("cells_board_3", "", 0x85, whole),
            _row("sensors", "", 0x86, whole),
            _row("sensors_board_2", "", 0x87, whole),
            _row("sensors_board_3", "", 0x88, whole),
            _row("chemistry", "", 0x89, chemistry),
            _row("sleep_time", "s", 0x8A, partial(seconds, 1), beside=0x81),
            *_pair("cell_voltage_high", "V", 0x8B, thousandths),
            *_pair("cell_voltage_low", "V", 0x8D, thousandths),
            *_pair("pack_voltage_high", "V", 0x8F, tenths),
            *_pair("pack_voltage_low", "V", 0x91, tenths),
            *_pair("charge_overcurrent", "A", 0x93, amperes),
            *_pair("discharge_overcurrent", "A", 0x95, amperes),
            *_pair("charge_temperature_high", "C", 0x97, celsius),
            *_pair("charge_temperature_low", "C", 0x99, celsius),
            *_pair("discharge_temperature_high", "C", 0x9B, celsius),
            *_pair("discharge_temperature_low", "C", 0x9D, celsius),
            *_pair("cell_voltage_difference", "V", 0x9F, thousandths),
            *_pair("temperature_difference", "C", 0xA1, whole),
            _row("balance_start", "V", 0xA3, thousandths),
            _row("balance_difference", "V", 0xA4, thousandths),
        ),
    ),
    # With its neighbours, so that no other short answer has the same length.
    (Block(0xCC, 4), (_row("balancing_enabled", "", 0xCF, on_or_off),)),
)
P81: tuple[Part, ...] = (
    (
        Block(0x100, 35),
        (
            _row("board_number", "", 0x100, whole),
            _row("cells", "", 0x101, whole),
            _row("cells_board_1", "", 0x103, whole),
            _row("cells_board_2", "", 0x104, whole),
            _row("cells_board_3", "", 0x105, whole),
            _row("sensors", "", 0x106, whole),
            _row("sensors_board_2", "", 0x107, whole, proven=False),
            _row("sensors_board_3", "", 0x108, whole, proven=False),
            _row("rated_capacity", "Ah", 0x109, partial(unless_zero, thousandths), size=4),
            _row("actual_capacity", "Ah", 0x10B, partial(unless_zero, thousandths), size=4),
            _row("nominal_cell_voltage", "V", 0x114, partial(unless_zero, thousandths)),
            _row("sleep_time", "s", 0x115, partial(seconds, 10), beside=0x114),
            _row("balancing_enabled", "", 0x119, on_or_off, proven=False),
            _row("balance_start", "V", 0x11A, thousandths, proven=False),
            _row("balance_difference", "V", 0x11B, thousandths, proven=False),
            _row("key_logic", "", 0x120, partial(word, _KEY_LOGIC)),
        ),
    ),
    (
        Block(0x130, 63),
        (
            *_four("cell_voltage_high", "V", 0x130, thousandths),
            *_four("cell_voltage_low", "V", 0x134, thousandths),
            *_four("pack_voltage_high", "V", 0x138, tenths),
            *_four("pack_voltage_low", "V", 0x13C, tenths),
            *_overcurrent("charge_overcurrent", 0x140),
            *_overcurrent("discharge_overcurrent", 0x145),
            *_four("charge_temperature_high", "C", 0x14A, celsius),
            *_four("charge_temperature_low", "C", 0x14E, celsius),
            *_four("discharge_temperature_high", "C", 0x152, celsius),
            *_four("discharge_temperature_low", "C", 0x156, celsius),
            *_four("cell_voltage_difference", "V", 0x15A, thousandths),
            *_four("temperature_difference", "C", 0x15E, whole),
            *_four("soc_low", "%", 0x162, tenths),
            *_four("mosfet_temperature_high", "C", 0x166, celsius),
            _row("short_circuit", "A", 0x16E, whole),
        ),
    ),
)
PARTS = {"d2": D2, "p81": P81}


def read(parts: Sequence[Part], ask: Callable[[Block], bytes]) -> Found:
    """Every block that is answered; `ask` gives its bytes."""
    return collect(((rows, partial(_image, ask, block)) for block, rows in parts))


def _image(ask: Callable[[Block], bytes], block: Block) -> bytes:
    """The registers of a block, each at its place from register 0."""
    data = ask(block)
    refuse_one_byte(data, block.what)
    return bytes(2 * block.start) + data
