"""A fake board that speaks D2: registers, address 0xD2 in both directions, no board number."""

from __future__ import annotations

from collections.abc import Collection

from dalybms.emulator.conduct import USUAL, Conduct
from dalybms.emulator.modbus.board import ModbusBoard, average, byte_words, fill, padded, text_words
from dalybms.emulator.pack import Pack

ADDRESS = 0xD2
_OTHER_ADDRESS = 0x52
_SETTINGS = range(0x80, 0xA9)
_CLOCK = range(0xD4, 0xD7)


class D2Board(ModbusBoard):
    """Answers D2 requests for `pack`. Software and hardware texts are kept reversed, as real boards do."""

    def __init__(
        self,
        pack: Pack,
        unsupported: Collection[int] = (),
        absent: Collection[int] = (),
        conduct: Conduct = USUAL,
    ) -> None:
        super().__init__(pack, ADDRESS, ADDRESS, _OTHER_ADDRESS, unsupported, absent, conduct)

    def registers(self) -> dict[int, int]:
        registers: dict[int, int] = {}
        _fill_status(registers, self.pack)
        _fill_more_status(registers, self.pack)
        _fill_settings(registers, self.pack)
        _fill_limits(registers, self.pack)
        _fill_texts(registers, self.pack)
        return registers

    def write_register(self, register: int, value: int) -> None:
        pack = self.pack
        if register == 0xA5:
            pack.charge_switch = value
        elif register == 0xA6:
            pack.discharge_switch = value
        elif register == 0xA7:
            pack.set_soc(value)
        elif register == 0xCF:
            pack.balancer = value
        elif register in _CLOCK:
            at = 2 * (register - _CLOCK[0])
            pack.clock = pack.clock[:at] + value.to_bytes(2, "big") + pack.clock[at + 2 :]
        elif register in _SETTINGS:
            pack.registers[register] = value


def _fill_status(registers: dict[int, int], pack: Pack) -> None:
    """0x00-0x3D: what one read of 62 registers tells."""
    high_cell, _, low_cell, _ = pack.highest_and_lowest_cell()
    high_sensor, _, low_sensor, _ = pack.highest_and_lowest_sensor()
    fill(registers, 0x00, padded(pack.cells, 32))
    fill(registers, 0x20, padded(pack.sensors, 8))
    registers[0x28] = pack.voltage
    registers[0x29] = pack.current
    registers[0x2A] = pack.soc
    registers[0x2B] = high_cell
    registers[0x2C] = low_cell
    registers[0x2D] = high_sensor
    registers[0x2E] = low_sensor
    registers[0x2F] = pack.state
    registers[0x30] = pack.capacity // 100
    registers[0x31] = len(pack.cells)
    registers[0x32] = len(pack.sensors)
    registers[0x33] = pack.cycles
    registers[0x34] = int(pack.balancing != 0)
    registers[0x35] = pack.charge_mosfet
    registers[0x36] = pack.discharge_mosfet
    registers[0x37] = average(pack.cells)
    registers[0x38] = high_cell - low_cell
    registers[0x39] = pack.power
    fill(registers, 0x3A, pack.alarm_words)


def _fill_more_status(registers: dict[int, int], pack: Pack) -> None:
    """0x3E-0x62: balancing (not which cells), other temperatures, cells 33 to 48, serial number."""
    registers[0x3E] = 0
    registers[0x3F] = int(pack.balancing != 0)
    registers[0x40] = pack.balance_current and 30000 + round((pack.balance_current - 30000) / 100)
    registers[0x41] = bin(pack.balancing).count("1")
    registers[0x42] = pack.mosfet_temperature
    registers[0x43] = pack.board_temperature
    fill(registers, 0x44, [0, 0, 0])
    fill(registers, 0x47, padded(pack.cells[32:], 16))
    fill(registers, 0x57, text_words(pack.serial, 14))
    fill(registers, 0x5E, [0] * 5)


def _fill_settings(registers: dict[int, int], pack: Pack) -> None:
    registers[0x80] = pack.rated // 100
    registers[0x81] = pack.nominal
    registers[0x82] = pack.boards
    fill(registers, 0x83, [len(pack.cells), 0, 0])
    fill(registers, 0x86, [len(pack.sensors), 0, 0])
    registers[0x89] = pack.chemistry
    registers[0x8A] = pack.sleep
    registers[0xA3] = pack.balance_start
    registers[0xA4] = pack.balance_difference
    registers[0xA5] = pack.charge_switch
    registers[0xA6] = pack.discharge_switch
    registers[0xA7] = pack.soc
    registers[0xA8] = pack.mosfet_limit


def _fill_limits(registers: dict[int, int], pack: Pack) -> None:
    """0x8B-0xA2: pairs of warning and protection."""
    fill(registers, 0x8B, pack.cell_limits)
    fill(registers, 0x8F, pack.pack_limits)
    fill(registers, 0x93, pack.current_limits)
    fill(registers, 0x97, pack.temperature_limits)
    fill(registers, 0x9F, pack.difference_limits)


def _fill_texts(registers: dict[int, int], pack: Pack) -> None:
    fill(registers, 0xA9, text_words(pack.software[::-1], 16))
    fill(registers, 0xB1, text_words(pack.hardware[::-1], 16))
    fill(registers, 0xB9, text_words(pack.battery_code, 32))
    fill(registers, 0xC9, text_words(pack.password, 6))
    fill(registers, 0xCC, byte_words(pack.production + b"\0"))
    registers[0xCF] = pack.balancer
    fill(registers, 0xD4, byte_words(pack.clock))
