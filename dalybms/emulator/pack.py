"""The battery behind a fake board, as the integers that travel on the wire.

Any value is allowed, also one that no sound battery shows: the decoder must survive it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Extremes = tuple[int, int, int, int]
"""Highest value, its number from 1, lowest value, its number."""


class Pack:
    """A healthy LFP pack, slightly discharging, until its attributes are changed."""

    def __init__(self, cells: int | Sequence[int] = 16, sensors: int | Sequence[int] = 4) -> None:
        usual_cells = [3310 + (index * 7) % 5 for index in range(255)]
        usual_sensors = [61 + index % 3 for index in range(255)]
        self.cells = usual_cells[:cells] if isinstance(cells, int) else list(cells)
        """mV."""
        self.sensors = usual_sensors[:sensors] if isinstance(sensors, int) else list(sensors)
        """C + 40; 0 and 255 stand for a sensor that is not fitted."""
        self.voltage = round(sum(self.cells) / 100)
        """0.1 V."""
        self.gathered = 0
        """0.1 V, the measured voltage of 0x90: 0 in every capture."""
        self.current = 30123
        """0.1 A + 30000. Boards of the A5 kind count discharge up, D2 and P81 count it down."""
        self.current_ma = -12300
        """mA, signed: Sinowealth."""
        self.soc = 765
        """0.1 %."""
        self._state()
        self._settings()
        self._limits()
        self._registers()

    def _state(self) -> None:
        self.state = 2
        """0 idle, 1 charge, 2 discharge."""
        self.charge_mosfet = 1
        self.discharge_mosfet = 1
        self.heartbeat = 17
        """Rolls over at 256."""
        self.capacity = 214200
        """Remaining, mAh."""
        self.charger = 0
        self.load = 0
        self.dio = 0x02
        """Bits 0-3 DI1-DI4, bits 4-7 DO1-DO4."""
        self.cycles = 42
        self.balancing = 0
        """Bit 0 = cell 1, 48 bits."""
        self.faults = bytes(8)
        """The data of 0x98."""
        self.cell_extremes: Extremes | None = None
        """None: taken from the cells."""
        self.sensor_extremes: Extremes | None = None
        """None: taken from the fitted sensors."""
        self.wakeup = 0
        """Byte 4 of 0xD8."""

    def _settings(self) -> None:
        self.rated = 280000
        """mAh."""
        self.nominal = 3200
        """mV per cell."""
        self.boards = 1
        self.charged = 12345
        """Ah in total."""
        self.discharged = 11987
        """Ah in total."""
        self.chemistry = 0
        """0 LFP, 1 NMC, 2 LTO."""
        self.mode = 0
        self.production = bytes((23, 5, 17))
        """YY MM DD."""
        self.sleep = 3600
        """s; 65535 never."""
        self.zero_drift = 0
        """0.1 A."""
        self.firmware = "20230401"
        self.battery_code = "DL-280AH-16S-000123"
        self.software = "20_230401_T01"
        self.hardware = "DL-BMS-R32-01E"
        self.password = "731946"
        """Kept by D2 and P81 boards in plain registers. A reader must never show it."""
        self.clock = bytes((24, 2, 29, 12, 34, 56))
        """YY MM DD hh mm ss."""

    def _limits(self) -> None:
        self.cell_limits = [3600, 3650, 2800, 2500]
        """mV: high warning, high protection, low warning, low protection."""
        self.pack_limits = [576, 584, 448, 400]
        """0.1 V, same order."""
        self.current_limits = [28500, 28000, 31500, 32000]
        """0.1 A + 30000: charge warning, charge protection, discharge warning, discharge protection."""
        self.temperature_limits = [90, 95, 45, 40, 100, 105, 30, 25]
        """C + 40: charge high 1, 2, low 1, 2, discharge high 1, 2, low 1, 2."""
        self.soc_limits = [1000, 1000, 100, 50]
        """0.1 %: high 1, 2, low 1, 2."""
        self.difference_limits = [300, 500, 10, 15]
        """mV, mV, C, C."""
        self.balance_start = 3400
        self.balance_difference = 20
        self.short_circuit = 600
        """A."""
        self.shunt = 333
        """Micro-ohm."""
        self.restarts = 0
        """How often the board was told to restart."""

    def _registers(self) -> None:
        self.balancer = 1
        """Switch: 0 off, 1 on."""
        self.balance_current = 0
        """0.001 A + 30000; 0 not known to this board."""
        self.mosfet_temperature = 66
        """C + 40; 0 and 0xFFFF not fitted."""
        self.board_temperature = 0
        self.mosfet_limit = 125
        """C + 40."""
        self.power = 652
        """W, without sign."""
        self.alarm_words = [0, 0, 0, 0]
        """D2 registers 0x3A-0x3D, P81 registers 0x66-0x69."""
        self.level_words = [0] * 7
        """P81 registers 0x6D-0x73."""
        self.precharge_mosfet = 0
        self.heating_mosfet = 0
        self.fan_mosfet = 0
        self.platform = "DL_HKMS_3.2.E"
        self.serial = "DL24010023000005"
        self.pack_status: int | None = None
        """Sinowealth 0x15; None: from state and MOSFETs."""
        self.battery_status = 0
        """Sinowealth 0x16."""
        self.pack_config: int | None = None
        """Sinowealth 0x17; None: from cells and sensors."""
        self.registers: dict[int, int] = {}
        """Raw registers of D2 and P81 boards that say something else than the attributes do."""

    @classmethod
    def of(cls, cells: int | Sequence[int] = 16, sensors: int | Sequence[int] = 4, **overrides: Any) -> Pack:
        """A pack of so many cells and sensors, or of these raw ones; any other attribute may be given.

        Raises TypeError on a name that a pack does not have.
        """
        pack = cls(cells, sensors)
        for name, value in overrides.items():
            if not hasattr(pack, name):
                raise TypeError(f"a pack has no {name!r}")
            setattr(pack, name, value)
        return pack

    def highest_and_lowest_cell(self) -> Extremes:
        """mV and cell numbers; of equal cells the first one."""
        return self.cell_extremes or _extremes(list(enumerate(self.cells, 1)))

    def highest_and_lowest_sensor(self) -> Extremes:
        """C + 40 and sensor numbers of the fitted sensors."""
        fitted = [(number, raw) for number, raw in enumerate(self.sensors, 1) if raw not in (0, 255)]
        return self.sensor_extremes or _extremes(fitted)


def _extremes(numbered: list[tuple[int, int]]) -> Extremes:
    if not numbered:
        return 0, 0, 0, 0
    high = max(numbered, key=lambda pair: pair[1])
    low = min(numbered, key=lambda pair: pair[1])
    return high[1], high[0], low[1], low[0]
