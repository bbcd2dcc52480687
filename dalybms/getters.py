"""The battery's words for readings; a getter each, and no bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from dalybms.errors import DalyError, NotSupported
from dalybms.sections import SECTIONS

if TYPE_CHECKING:
    from datetime import datetime

    from dalybms.protocols.parameters import Found
    from dalybms.readings import (
        All,
        BalancingStatus,
        CellVoltageRange,
        CellVoltages,
        Errors,
        Fault,
        Info,
        MosfetStatus,
        Parameters,
        Soc,
        Status,
        TemperatureRange,
        Temperatures,
    )


class Getters:
    """The readings of DalyBMS, all of them made of `read()`.

    Each raises TransportError when the wire is gone, NoReply when nothing usable answers, BadReply for
    an answer that cannot be, NotSupported for what the board has not.
    """

    if TYPE_CHECKING:

        def read(self, sections: Sequence[str]) -> dict[str, Any]: ...

        def _parameters(self) -> Found: ...

        def _board_clock(self) -> datetime | None: ...

    def get_soc(self) -> Soc:
        """{"total_voltage": V, "current": A, "soc_percent": 0.0 to 100.0}, on some boards "power": W.

        `current` has the board's own sign: boards differ, `mode` of get_mosfet_status() tells the
        direction. A key that the board cannot fill is absent; all keys: readings.Soc.
        """
        return cast("Soc", self._get("soc"))

    def get_cell_voltage_range(self) -> CellVoltageRange:
        """{"highest_voltage": V, "highest_cell": number from 1, "lowest_voltage", "lowest_cell"}.

        All keys: readings.CellVoltageRange.
        """
        return cast("CellVoltageRange", self._get("cell_voltage_range"))

    def get_temperature_range(self) -> TemperatureRange:
        """{"highest_temperature": C, "highest_sensor": number from 1, "lowest_temperature", "lowest_sensor"}.

        {} without a sensor. All keys: readings.TemperatureRange.
        """
        return cast("TemperatureRange", self._get("temperature_range"))

    def get_mosfet_status(self) -> MosfetStatus:
        """{"mode", "charging_mosfet", "discharging_mosfet", "capacity_ah": Ah remaining, "heartbeat"}.

        mode: "stationary", "charging" or "discharging". A MOSFET is True when it is on. All keys:
        readings.MosfetStatus.
        """
        return cast("MosfetStatus", self._get("mosfet_status"))

    def get_status(self) -> Status:
        """{"cells", "temperature_sensors", "cycles", "charger_running", "load_running", "states"}.

        states: inputs and outputs, {"DI1": on or off, ..., "DO4"}, of A5. All keys: readings.Status.
        """
        return cast("Status", self._get("status"))

    def get_cell_voltages(self) -> CellVoltages:
        """{cell number from 1: V}."""
        return cast("CellVoltages", self._get("cell_voltages"))

    def get_temperatures(self) -> Temperatures:
        """{sensor number from 1: C}; a sensor that is not fitted is left out, {} without any."""
        return cast("Temperatures", self._get("temperatures"))

    def get_balancing_status(self) -> BalancingStatus:
        """{cell number from 1: is it being balanced?}

        A cell is named only when it is certain. Raises NotSupported with `passing` while a pack balances
        and does not say which cells (D2 never does; A5 and P81 where two cells are possible).
        """
        return cast("BalancingStatus", self._get("balancing_status"))

    def get_errors(self) -> Errors:
        """Texts of the active faults, [] when there is none."""
        return cast("Errors", self._get("errors"))

    def get_faults(self) -> list[Fault]:
        """Active faults, each {"code", "level", "text"}.

        Levels: 1 warning, 2 protection, 3 hardware, 0 unknown.
        """
        return cast("list[Fault]", self._get("faults"))

    def get_info(self) -> Info:
        """What the board says of itself: "protocol", versions, dates, capacity in Ah.

        No key for what it does not say. All keys, with units: readings.Info.
        """
        return cast("Info", self._get("info"))

    def get_all(self) -> All:
        """All nine sections by name; one that failed holds {"error": "why"}, one the board has not is absent.

        Raises the first error when not one section could be read.
        """
        outcomes = self.read(tuple(SECTIONS))
        errors = [outcome for outcome in outcomes.values() if isinstance(outcome, DalyError)]
        if len(errors) == len(outcomes):
            raise errors[0]
        return cast("All", presentable(outcomes))

    def get_parameters(self) -> Parameters:
        """{name: value} of the settings that the board tells; see readings for names and units.

        Raises NoReply when no setting is answered, NotSupported for a board that tells none.
        """
        found = self._parameters().parameters
        return cast("Parameters", {name: found[name].value for name in sorted(found)})

    def read_parameters(self) -> dict[str, Any]:
        """{"parameters": {name: {value, unit, raw}}, "unavailable": {name: why}}, as a parameter file has it.

        raw: the integer of the wire. Raises as get_parameters().
        """
        from dalybms.protocols.parameters import as_document

        return as_document(self._parameters())

    def get_clock(self) -> datetime | None:
        """What the board's own clock says: the local time that somebody set, without a zone; None: never set.

        P81 0x61-0x63 was recorded; A5 0x61 has one source and was seen on no board here. Raises NotSupported
        where no way to read it is known (D2, Sinowealth) or the board has none.
        """
        return self._board_clock()

    def _get(self, section: str) -> Any:
        outcome = self.read([section])[section]
        if isinstance(outcome, DalyError):
            raise outcome
        return outcome


def presentable(outcomes: dict[str, Any]) -> dict[str, Any]:
    """Outcomes as JSON takes them: {"error": why} for a failed section, none for one the board has not."""
    return {
        section: {"error": str(outcome)} if isinstance(outcome, DalyError) else outcome
        for section, outcome in outcomes.items()
        if not isinstance(outcome, NotSupported)
    }
