"""A fake board that speaks P81: registers, requests to 0x80 + board, answers from 0x50 + board."""

from __future__ import annotations

from collections.abc import Collection

from dalybms.emulator.board import double_word
from dalybms.emulator.conduct import USUAL, Conduct
from dalybms.emulator.modbus.board import UNKNOWN, ModbusBoard, average, byte_words, fill, padded, text_words
from dalybms.emulator.pack import Pack

HEARTBEAT = 0x3B
_SETTINGS = range(0x100, 0x178)
_NEVER = 0xFFFF
_CLOCK = range(0x123, 0x126)


class P81Board(ModbusBoard):
    """Answers P81 requests for `pack` as board number `board`, 1 to 16."""

    def __init__(
        self,
        pack: Pack,
        board: int = 1,
        unsupported: Collection[int] = (),
        absent: Collection[int] = (),
        conduct: Conduct = USUAL,
    ) -> None:
        super().__init__(pack, 0x80 + board, 0x50 + board, 0x51 + board % 16, unsupported, absent, conduct)
        self.board = board

    def registers(self) -> dict[int, int]:
        registers: dict[int, int] = {}
        _fill_cells(registers, self.pack)
        _fill_state(registers, self.pack)
        _fill_switches(registers, self.pack)
        _fill_settings(registers, self.pack, self.board)
        _fill_limits(registers, self.pack)
        _fill_times(registers, self.pack)
        _fill_texts(registers, self.pack)
        return registers

    def was_read(self, registers: range) -> None:
        if HEARTBEAT in registers:
            self.pack.heartbeat = (self.pack.heartbeat + 1) & 0xFF

    def write_register(self, register: int, value: int) -> None:
        pack = self.pack
        if register == 0x121:
            pack.charge_switch = value
        elif register == 0x122:
            pack.discharge_switch = value
        elif register == 0x116:
            pack.set_soc(value)
        elif register == 0xF6:
            pack.balancer = value
        elif register == 0x1F7:
            pack.heating_mosfet = value
        elif register == 0x1F8:
            pack.fan_mosfet = value
        elif register in _CLOCK:
            at = 2 * (register - _CLOCK[0])
            pack.clock = pack.clock[:at] + value.to_bytes(2, "big") + pack.clock[at + 2 :]
        elif register in _SETTINGS:
            pack.registers[register] = value


def _fill_cells(registers: dict[int, int], pack: Pack) -> None:
    """0x00-0x47: cells, sensors, pack, extremes."""
    high_cell, high_number, low_cell, low_number = pack.highest_and_lowest_cell()
    fill(registers, 0x00, padded(pack.cells, 48))
    fill(registers, 0x30, padded(pack.sensors, 8))
    registers[0x38] = pack.voltage
    registers[0x39] = pack.current
    registers[0x3A] = pack.soc
    registers[HEARTBEAT] = pack.heartbeat
    registers[0x3C] = len(pack.cells)
    registers[0x3D] = len(pack.sensors)
    fill(registers, 0x3E, [high_cell, high_number, low_cell, low_number])
    registers[0x42] = high_cell - low_cell
    extremes = pack.highest_and_lowest_sensor()
    fill(registers, 0x43, extremes)
    registers[0x47] = extremes[0] - extremes[2]


def _fill_state(registers: dict[int, int], pack: Pack) -> None:
    """0x48-0x60: state, balancing, power, temperatures of the board."""
    registers[0x48] = pack.state
    registers[0x49] = pack.charger
    registers[0x4A] = pack.load
    registers[0x4B] = pack.capacity // 100
    registers[0x4C] = pack.cycles
    registers[0x4D] = int(pack.balancing != 0)
    registers[0x4E] = pack.balance_current
    bits = pack.balancing << 8 if pack.balance_numbers else pack.balancing
    fill(registers, 0x4F, [bits >> shift & 0xFFFF for shift in (0, 16, 32)])
    registers[0x57] = average(pack.cells)
    registers[0x58] = pack.power
    registers[0x59] = 0
    registers[0x5A] = pack.mosfet_temperature
    registers[0x5B] = pack.board_temperature
    registers[0x5C] = 0
    registers[0x60] = 30000


def _fill_switches(registers: dict[int, int], pack: Pack) -> None:
    """0x52-0x56 MOSFETs, 0x61-0x63 clock, 0x66-0x73 alarms."""
    registers[0x52] = pack.charge_mosfet
    registers[0x53] = pack.discharge_mosfet
    registers[0x54] = pack.precharge_mosfet
    registers[0x55] = pack.heating_mosfet
    registers[0x56] = pack.fan_mosfet
    fill(registers, 0x61, byte_words(pack.clock))
    fill(registers, 0x66, pack.alarm_words)
    fill(registers, 0x6D, pack.level_words)
    if pack.sensors and not any(raw not in (0, 255) for raw in pack.sensors):
        registers[0x72] |= 0x8000


def _fill_settings(registers: dict[int, int], pack: Pack, board: int) -> None:
    registers[0x100] = board
    registers[0x101] = len(pack.cells)
    registers[0x102] = pack.boards
    fill(registers, 0x103, [len(pack.cells), 0, 0])
    fill(registers, 0x106, [len(pack.sensors), 0, 0])
    fill(registers, 0x109, [pack.rated >> 16, pack.rated & 0xFFFF] * 2)
    for register, amp_hours in ((0x10D, pack.charged), (0x10F, pack.discharged)):
        fill(registers, register, [1000 * amp_hours >> 16, 1000 * amp_hours & 0xFFFF])
    registers[0x114] = pack.nominal
    registers[0x115] = _NEVER if pack.sleep == _NEVER else pack.sleep // 10
    registers[0x116] = pack.soc
    registers[0x117] = pack.balance_limit
    registers[0x119] = pack.balancer
    registers[0x11A] = pack.balance_start
    registers[0x11B] = pack.balance_difference
    registers[0x120] = pack.key_logic
    registers[0x121] = pack.charge_switch
    registers[0x122] = pack.discharge_switch
    fill(registers, 0x123, byte_words(pack.clock))
    fill(registers, 0x129, byte_words(pack.production + b"\0"))


def _fill_limits(registers: dict[int, int], pack: Pack) -> None:
    """0x130-0x16E: warning, protection, release, delay in ms; currents otherwise; 0x16A-0x16D unknown."""
    levels = [*pack.cell_limits, *pack.pack_limits, *pack.temperature_limits, *pack.difference_limits]
    levels += [*pack.soc_limits[2:4], pack.mosfet_warning, pack.mosfet_limit]
    places = (0x130, 0x134, 0x138, 0x13C, 0x14A, 0x14E, 0x152, 0x156, 0x15A, 0x15E, 0x162, 0x166)
    for number, first in enumerate(places):
        pair = levels[2 * number : 2 * number + 2]
        fill(registers, first, [*pair, pack.releases[number], pack.delays[number]])
    for first, at in ((0x140, 0), (0x145, 1)):
        level_1, level_2 = pack.current_limits[2 * at : 2 * at + 2]
        delay_2, delay_3 = pack.overcurrent_delays[2 * at : 2 * at + 2]
        fill(registers, first, [level_1, level_2, delay_2, pack.overcurrent_3[at], delay_3])
    fill(registers, 0x16A, [105, 110, 105, 1000])
    registers[0x16E] = pack.short_circuit
    registers[0x12E] = UNKNOWN


def _fill_times(registers: dict[int, int], pack: Pack) -> None:
    """0xA9-0xAC: seconds in all and since power-on."""
    fill(registers, 0xA9, byte_words(double_word(pack.lifetime) + double_word(pack.uptime)))


def _fill_texts(registers: dict[int, int], pack: Pack) -> None:
    fill(registers, 0x126, text_words(pack.password, 6))
    fill(registers, 0x178, text_words(pack.software, 14))
    fill(registers, 0x17F, text_words(pack.hardware, 14))
    fill(registers, 0x186, text_words(pack.platform, 14))
    fill(registers, 0x18D, text_words(pack.serial, 32))
