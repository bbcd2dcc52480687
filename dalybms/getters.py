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
        """Pack voltage (V), current (A, the board's own sign), state of charge (%)."""
        return cast("Soc", self._get("soc"))

    def get_cell_voltage_range(self) -> CellVoltageRange:
        """Highest and lowest cell voltage (V) and the numbers of these cells (from 1)."""
        return cast("CellVoltageRange", self._get("cell_voltage_range"))

    def get_temperature_range(self) -> TemperatureRange:
        """Highest and lowest temperature (C) and the numbers of these sensors; {} without a sensor."""
        return cast("TemperatureRange", self._get("temperature_range"))

    def get_mosfet_status(self) -> MosfetStatus:
        """Direction, charge and discharge MOSFET (on or off), heartbeat, remaining capacity (Ah)."""
        return cast("MosfetStatus", self._get("mosfet_status"))

    def get_status(self) -> Status:
        """Number of cells and sensors, inputs and outputs, charge cycles."""
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
        """What the board says of itself: protocol, versions, dates; no key for what it does not say."""
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
