"""The battery's words for writes: what is asked for is checked here, before anything is opened or sent."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Callable, cast

from dalybms.arguments import check_flag
from dalybms.errors import WriteRefused

if TYPE_CHECKING:
    from dalybms.control import Control
    from dalybms.detection import Detection
    from dalybms.device import Target
    from dalybms.link import Link
    from dalybms.readings import Written

READ_ONLY_VARIABLE = "DALY_BMS_READ_ONLY"


class Writing:
    """The writes of DalyBMS. Each returns what became of it, provably, or raises and says so.

    The result is as readings.Written has it. WriteRefused (nothing was sent, or the board keeps the old
    value and says so) and WriteUnverified (sent, but not proven within 15 s) have the same dict as
    `result`. The frame is sent once, ever. Frames and registers are stated or recorded by others
    (docs/control.md says which); none was sent to hardware by us.
    """

    read_only: bool
    _detection: Detection
    _target: Target
    _clock: Callable[[], float]
    _now = staticmethod(time.localtime)

    if TYPE_CHECKING:

        def _connected(self) -> Link: ...

    def set_charge_mosfet(self, on: bool = True) -> Written:
        """Switch the charge MOSFET on or off.

        D2 and P81 tell the switch, and `mosfet` in the result is the transistor, which a protection
        may hold otherwise (`held_by` says what). A5 tells the transistor alone. Raises TypeError for
        anything but True and False, NotSupported for Sinowealth.
        """
        return self._write("charge_mosfet", on)

    def set_discharge_mosfet(self, on: bool = True) -> Written:
        """Switch the discharge MOSFET on or off, as set_charge_mosfet().

        Off cuts the power of whatever hangs on the pack, this machine perhaps included.
        """
        return self._write("discharge_mosfet", on)

    def set_soc(self, percent: float) -> Written:
        """Set the state of charge, 0 to 100 % with at most one decimal.

        A5 boards take their clock from the same frame: it is set to this machine's local time. Raises
        ValueError or TypeError for a number that cannot be; nothing is rounded or clamped.
        """
        return self._write("soc", percent)

    def restart(self) -> Written:
        """Restart the board; done only on proof: its time since power-on (P81), else a gap in its answers."""
        return self._write("restart", None)

    def _write(self, action: str, value: Any) -> Written:
        return cast("Written", self.carry_out(action, value, {}))

    def carry_out(self, action: str, value: Any, result: dict[str, Any]) -> dict[str, Any]:
        """A write under its name; `result` is kept up to date, for a caller that may be interrupted.

        What `result` held before is thrown away; with `frame` in it that frame may have been sent.
        Raises as preview(), and as the method of that write.
        """
        value = checked(action, value)

        def carry_out(control: Control) -> dict[str, Any]:
            self.refuse_read_only()
            return control.carry_out(action, value, result, self.refuse_read_only)

        return self._guarded(action, value, result, carry_out)

    def preview(self, action: str, value: Any) -> dict[str, Any]:
        """What the write would be, with `before` and `frame`; sends only reads. Raises what refuses it.

        action: charge_mosfet or discharge_mosfet, value True or False; soc, a number; restart, None.
        ValueError or TypeError for anything else.
        """
        value = checked(action, value)
        result: dict[str, Any] = {}

        def prepare(control: Control) -> dict[str, Any]:
            _, request = control.prepare(action, value, result)
            result.update({} if request is None else {"frame": request.writes[0].hex()})
            return result

        return self._guarded(action, value, result, prepare)

    def _guarded(
        self, action: str, value: Any, result: dict[str, Any], use: Callable[[Control], dict[str, Any]]
    ) -> dict[str, Any]:
        result.clear()
        result.update(action=action, requested=value)
        try:
            return use(self._control())
        except WriteRefused as error:
            result.update(outcome="refused")
            error.result = result
            raise

    def refuse_read_only(self) -> None:
        """Raises WriteRefused under read_only, or where the environment says so, looked at each time."""
        if self.read_only or os.environ.get(READ_ONLY_VARIABLE, "") not in ("", "0"):
            raise WriteRefused(
                f"read-only (read_only, --read-only or {READ_ONLY_VARIABLE}): nothing was sent; "
                "take that away to write"
            )

    def _control(self) -> Control:
        from dalybms.census import refuse_company
        from dalybms.control import Control
        from dalybms.device import writer

        link, target, clock = self._connected(), self._target, self._clock
        return Control(
            link,
            self._detection.found,
            writer,
            lambda speaker: refuse_company(link, clock, target, speaker),
            clock,
            self._now,
        )


def _switch(on: object) -> bool:
    check_flag("on", on)
    return bool(on)


def checked_percent(percent: object) -> float:
    if isinstance(percent, bool) or (isinstance(percent, float) and percent != percent):
        raise ValueError(f"a state of charge must be a number from 0 to 100, not {percent!r}")
    if not isinstance(percent, (int, float)):
        raise TypeError(f"a state of charge must be a number from 0 to 100, not {percent!r}")
    if not 0 <= percent <= 100 or round(percent, 1) != percent:
        raise ValueError(f"a state of charge must be 0 to 100 with at most one decimal, not {percent!r}")
    return float(percent) + 0.0  # no -0.0


def _nothing(value: object) -> None:
    if value is not None:
        raise TypeError(f"a restart takes no value, not {value!r}")


_CHECKS: dict[str, Callable[[object], Any]] = {
    "charge_mosfet": _switch,
    "discharge_mosfet": _switch,
    "soc": checked_percent,
    "restart": _nothing,
}


def checked(action: str, value: object) -> Any:
    """The value of a write as it may be sent. Raises ValueError or TypeError for what cannot be."""
    if action not in _CHECKS:
        raise ValueError(f"a write is one of {', '.join(_CHECKS)}, not {action!r}")
    return _CHECKS[action](value)
