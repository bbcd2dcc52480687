"""The battery behind a fake board, as the integers that travel on the wire.

Any value is allowed, also one that no sound battery shows: the decoder must survive it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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
        self.charge_switch = 1
        self.discharge_switch = 1
        """What the user has set. The transistor follows, unless something holds it."""
        self.charge_held: int | None = None
        self.discharge_held: int | None = None
        """The transistor's state where protection or a body diode holds it, whatever the switch says."""
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
        self.balance_numbers = False
        """R24TK boards: 0x97 has the number of the lowest one in byte 1, P81 the bits in the high byte."""
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
        self.clock_set: bytes | None = None
        """YY MM DD hh mm ss, where it stands still since it was set; None: it goes as this machine's."""

    @property
    def clock(self) -> bytes:
        """YY MM DD hh mm ss."""
        if self.clock_set is not None:
            return self.clock_set
        now = datetime.now()
        return bytes((now.year % 100, now.month, now.day, now.hour, now.minute, now.second))

    @clock.setter
    def clock(self, value: bytes) -> None:
        self.clock_set = value

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
        self.releases = [3550, 2900, 572, 456, 88, 47, 98, 32, 250, 8, 150, 105]
        """Where a protection lets go, P81: cell high, low, pack high, low, charge temperature high, low,
        discharge temperature high, low, cell difference, temperature difference, SOC low, MOSFET."""
        self.delays = [5000, 5000, 1000, 1000, 2000, 2000, 2500, 2500, 3000, 3000, 4000, 1500]
        """ms, P81, same order."""
        self.overcurrent_3 = [27000, 33000]
        """0.1 A + 30000: charge, discharge; P81."""
        self.overcurrent_delays = [1000, 300, 1100, 200]
        """ms: charge level 2, level 3, discharge level 2, level 3; P81."""
        self.mosfet_warning = 120
        """C + 40; P81."""
        self.mosfet_limit = 125
        """C + 40, protection; D2, P81."""
        self.balance_limit = 1000
        """mA that the balancer may take; P81."""
        self.key_logic = 0x55
        """What the key does; P81. 55 is off on all recorded boards."""
        self.short_circuit = 600
        """A."""
        self.shunt = 333
        """Micro-ohm."""
        self.restarts = 0
        """How often the board has restarted."""
        self.uptime = 259200
        """s since power-on; a board counts it on as time goes by."""
        self.lifetime = 31536000
        """s in all."""

    def _registers(self) -> None:
        self.balancer = 1
        """Switch: 0 off, 1 on."""
        self.balance_current = 0
        """0.001 A + 30000; 0 not known to this board."""
        self.mosfet_temperature = 66
        """C + 40; 0 and 0xFFFF not fitted."""
        self.board_temperature = 0
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

    @property
    def charge_mosfet(self) -> int:
        """The transistor. Setting it sets the switch, which a hold overrules."""
        return self.charge_switch if self.charge_held is None else self.charge_held

    @charge_mosfet.setter
    def charge_mosfet(self, value: int) -> None:
        self.charge_switch = value

    @property
    def discharge_mosfet(self) -> int:
        """The transistor. Setting it sets the switch, which a hold overrules."""
        return self.discharge_switch if self.discharge_held is None else self.discharge_held

    @discharge_mosfet.setter
    def discharge_mosfet(self, value: int) -> None:
        self.discharge_switch = value

    def set_soc(self, tenths: int) -> None:
        """State of charge in 0.1 %; what remains follows, as boards assign it."""
        self.soc = tenths
        self.capacity = self.rated * tenths // 1000

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
