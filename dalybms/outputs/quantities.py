"""The one table of what outputs show: keys, units, classes, and the names that Prometheus wants.

Influx, CSV, Prometheus, MQTT and Home Assistant all read it. Rules of Home Assistant: Ah has no class; a
class battery is in %; energy is total_increasing. Of Prometheus: base units, `_total` for what only grows.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

STATES = ("ok", "partial", "asleep", "no_reply", "unplugged", "frozen", "error")
"""What can be said of a sample. The first two have readings."""
GOOD = STATES[:2]
MODES = ("stationary", "charging", "discharging")
NUMBER, FLAG, TEXT = "number", "flag", "text"
_ALL = "a5 d2 p81 sinowealth"
_NOT_SINOWEALTH = "a5 d2 p81"
_FITTED = ""
"""Of no protocol as such: shown from the first sample on that has it."""


class Quantity(NamedTuple):
    """One value. `source` is its section, "" where it is worked out from several (see flat.py)."""

    key: str
    """Name in flat outputs, and in its section where `inside` does not tell another."""
    source: str
    name: str
    """In plain English, for people."""
    kind: str = NUMBER
    unit: str = ""
    precision: int = 0
    """Digits after the point that boards tell."""
    device_class: str = ""
    state_class: str = ""
    metric: str = ""
    """Name for Prometheus without its prefix; "": no metric."""
    factor: float = 1
    """Times the value is the metric."""
    protocols: str = _ALL
    inside: str = ""
    options: tuple[str, ...] = ()
    """The words that a text can be."""
    detail: bool = False
    """Of interest to few."""

    @property
    def place(self) -> str:
        return self.inside or self.key

    def at(self, number: int) -> Quantity:
        """That of one cell or sensor."""
        return self._replace(key=f"{self.key}_{number}", name=f"{self.name} {number}")


def _volts(
    key: str, source: str, name: str, metric: str, precision: int = 3, detail: bool = False
) -> Quantity:
    return Quantity(
        key, source, name, NUMBER, "V", precision, "voltage", "measurement", metric, detail=detail
    )


def _celsius(key: str, name: str, metric: str, protocols: str = _ALL) -> Quantity:
    return Quantity(
        key, "temperature_range", name, NUMBER, "°C", 0, "temperature", "measurement", metric, 1, protocols
    )


def _flow(key: str, name: str, unit: str, kind: str, metric: str) -> Quantity:
    return Quantity(key, "", name, NUMBER, unit, 1, kind, "measurement", metric)


def _number(key: str, source: str, name: str, metric: str) -> Quantity:
    return Quantity(key, source, name, metric=metric, detail=True)


def _flag(
    key: str, source: str, name: str, protocols: str = _ALL, kind: str = "", inside: str = ""
) -> Quantity:
    return Quantity(key, source, name, FLAG, "", 0, kind, "", key, 1, protocols, inside, detail=not kind)


def _ampere_hours(key: str, source: str, name: str, metric: str, inside: str = "") -> Quantity:
    return Quantity(key, source, name, NUMBER, "Ah", 1, "", "measurement", metric, inside=inside)


def _counter(key: str, name: str, unit: str, kind: str, metric: str) -> Quantity:
    return Quantity(key, "energy", name, NUMBER, unit, 3, kind, "total_increasing", metric, protocols=_FITTED)


SOC = (
    Quantity("soc_percent", "soc", "state of charge", NUMBER, "%", 1, "battery", "measurement",
             "soc_ratio", 0.01),
    _volts("total_voltage", "soc", "pack voltage", "voltage_volts", 1),
    Quantity("current", "soc", "current (sign of the board)", NUMBER, "A", 1, "current", "measurement",
             "current_amperes"),
)  # fmt: skip
DIRECTIONS = (
    _flow("power", "power (positive while discharging)", "W", "power", "power_watts"),
    _flow("charging_power", "charging power", "W", "power", "charging_watts"),
    _flow("discharging_power", "discharging power", "W", "power", "discharging_watts"),
    _flow("charging_current", "charging current", "A", "current", "charging_amperes"),
    _flow("discharging_current", "discharging current", "A", "current", "discharging_amperes"),
)
CELL_RANGE = (
    _volts("highest_voltage", "cell_voltage_range", "highest cell voltage", "cell_voltage_highest_volts"),
    _number(
        "highest_cell", "cell_voltage_range", "cell with the highest voltage", "cell_voltage_highest_cell"
    ),
    _volts("lowest_voltage", "cell_voltage_range", "lowest cell voltage", "cell_voltage_lowest_volts"),
    _number("lowest_cell", "cell_voltage_range", "cell with the lowest voltage", "cell_voltage_lowest_cell"),
    _volts("average_voltage", "cell_voltage_range", "mean cell voltage", "cell_voltage_mean_volts"),
    _volts("delta_voltage", "cell_voltage_range", "cell voltage difference", "cell_voltage_difference_volts"),
)
TEMPERATURE_RANGE = (
    _celsius("highest_temperature", "highest temperature", "temperature_highest_celsius"),
    _number("highest_sensor", "temperature_range", "sensor with the highest temperature",
            "temperature_highest_sensor"),
    _celsius("lowest_temperature", "lowest temperature", "temperature_lowest_celsius"),
    _number("lowest_sensor", "temperature_range", "sensor with the lowest temperature",
            "temperature_lowest_sensor"),
    _celsius("mosfet_temperature", "MOSFET temperature", "mosfet_temperature_celsius", _FITTED),
    _celsius("board_temperature", "board temperature", "board_temperature_celsius", _FITTED),
    _celsius("heater_temperature", "heater temperature", "heater_temperature_celsius", _FITTED),
)  # fmt: skip
MOSFETS = (
    Quantity("mode", "mosfet_status", "direction", TEXT, options=MODES),
    _flag("charging_mosfet", "mosfet_status", "charge MOSFET", kind="power"),
    _flag("discharging_mosfet", "mosfet_status", "discharge MOSFET", kind="power"),
    _flag("precharging_mosfet", "mosfet_status", "precharge MOSFET", "p81"),
    _flag("heating", "mosfet_status", "heating", "p81"),
    _flag("fan", "mosfet_status", "fan", "p81"),
    _flag("balancing", "mosfet_status", "balancing", _NOT_SINOWEALTH),
    Quantity("balancing_cells", "mosfet_status", "cells being balanced", metric="balancing_cells",
             protocols=_FITTED, detail=True),
    Quantity("balance_current", "mosfet_status", "balance current", NUMBER, "A", 3, "current", "measurement",
             "balance_current_amperes", 1, _FITTED, detail=True),
    Quantity("heartbeat", "mosfet_status", "heartbeat", metric="heartbeat", protocols="a5 p81", detail=True),
    _ampere_hours("capacity_ah", "mosfet_status", "remaining capacity", "remaining_amperehours"),
    _ampere_hours("full_capacity_ah", "mosfet_status", "capacity when full", "full_amperehours")._replace(
        protocols="sinowealth", detail=True),
    Quantity("pack_state", "mosfet_status", "pack state", TEXT, protocols="sinowealth", detail=True),
)  # fmt: skip
STATUS = (
    _number("cells", "status", "cells", "cells"),
    _number("temperature_sensors", "status", "temperature sensors", "temperature_sensors"),
    _flag("charger_running", "status", "charger", "a5 p81"),
    _flag("load_running", "status", "load", "a5 p81"),
    *(_flag(f"{word.lower()}{number}", "status", f"{long} {number}", "a5", inside=f"{word}{number}")
      for word, long in (("DI", "digital input"), ("DO", "digital output")) for number in (1, 2, 3, 4)),
    Quantity("cycles", "status", "charge cycles", state_class="measurement", metric="cycles", detail=True),
)  # fmt: skip
FAULTS = (
    _flag("fault", "", "fault", kind="problem")._replace(metric=""),
    Quantity("fault_count", "", "active faults", metric="faults", detail=True),
    Quantity("faults", "", "faults", TEXT, detail=True),
)
INFO = (
    _ampere_hours("rated_capacity_ah", "info", "rated capacity", "rated_amperehours"),
    _ampere_hours("lifetime_charged_ah", "info", "charged since made", "lifetime_charged_amperehours",
                  inside="charged_ah"),
    _ampere_hours("lifetime_discharged_ah", "info", "discharged since made",
                  "lifetime_discharged_amperehours", inside="discharged_ah"),
)  # fmt: skip
ENERGY = (
    _counter("energy_in_wh", "energy in", "Wh", "energy", "energy_in_watthours_total"),
    _counter("energy_out_wh", "energy out", "Wh", "energy", "energy_out_watthours_total"),
    _counter("charge_in_ah", "charge in", "Ah", "", "charge_in_amperehours_total"),
    _counter("charge_out_ah", "charge out", "Ah", "", "charge_out_amperehours_total"),
    _counter("gap_seconds", "time not counted", "s", "duration",
             "energy_gap_seconds_total")._replace(detail=True),
    _counter("unassigned_seconds", "time without a known direction", "s", "duration",
             "energy_unassigned_seconds_total")._replace(detail=True),
    Quantity("runtime_hours", "energy", "time to empty or full", NUMBER, "h", 1, "duration", "measurement",
             "runtime_seconds", 3600, _FITTED),
    Quantity("runtime_to", "energy", "time to", TEXT, protocols=_FITTED, options=("empty", "full")),
)  # fmt: skip
BANK = (
    Quantity("boards_answering", "bank", "packs answering", metric="bank_packs_answering", protocols=_FITTED),
    Quantity("boards", "bank", "packs", metric="bank_packs", protocols=_FITTED),
    _volts("voltage_spread", "bank", "pack voltage difference", "bank_voltage_difference_volts", 1)._replace(
        protocols=_FITTED),
    *(Quantity(f"{end}_{thing}_board", "bank", f"pack with the {end} {quantity}", TEXT, protocols=_FITTED,
               detail=True)
      for thing, quantity in (("cell", "cell voltage"), ("sensor", "temperature"))
      for end in ("highest", "lowest")),
)  # fmt: skip
TABLE = (
    *SOC, *DIRECTIONS, *CELL_RANGE, *TEMPERATURE_RANGE, *MOSFETS, *STATUS, *FAULTS, *INFO, *ENERGY, *BANK,
)  # fmt: skip
"""All but those of single cells and sensors."""

CELL = _volts("cell_voltage", "cell_voltages", "cell", "cell_voltage_volts", detail=True)
BALANCING = Quantity(
    "cell_balancing", "balancing_status", "balancing of cell", FLAG, metric="cell_balancing",
    protocols=_NOT_SINOWEALTH, detail=True,
)  # fmt: skip
SENSOR = Quantity(
    "temperature", "temperatures", "temperature", NUMBER, "°C", 0, "temperature", "measurement",
    "temperature_celsius", detail=True,
)  # fmt: skip
"""One of each for every cell or sensor: `Quantity.at`."""

LABELS = ("time", "device", "name", "board", "protocol", "state", "error")
"""What a sample says of itself, as flat outputs put it."""


@functools.lru_cache(maxsize=64)
def quantities(cells: int, sensors: int) -> tuple[Quantity, ...]:
    """The whole table of a pack, in the order in which outputs show it."""
    return (
        *TABLE,
        *(CELL.at(number) for number in range(1, cells + 1)),
        *(SENSOR.at(number) for number in range(1, sensors + 1)),
        *(BALANCING.at(number) for number in range(1, cells + 1)),
    )
