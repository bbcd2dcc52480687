"""The writing flags: validate, show, confirm, send once, read back, tell."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from typing import Any, Callable

from dalybms.bms import DalyBMS
from dalybms.cli import limits, output
from dalybms.cli.options import FromEnvironment
from dalybms.cli.write_by_hand import by_hand
from dalybms.cli.write_flags import asked
from dalybms.cli.write_log import WriteLog
from dalybms.cli.write_question import confirmed, may_ask
from dalybms.errors import DalyError, WriteRefused, WriteUnverified
from dalybms.outcomes import NAMES, shown_as
from dalybms.protocols.writes import DISCHARGE, SOC

Battery = Callable[[argparse.Namespace], DalyBMS]
Connect = Callable[[Any, argparse.Namespace], None]
_CODES = {
    "done": output.DONE,
    "unchanged": output.DONE,
    "dry run": output.DONE,
    "refused": output.FAILED,
    "unverified": output.UNVERIFIED,
    "declined": output.DECLINED,
}
INTERRUPTED = "interrupted after sending: read the battery to know"
LOW = 10.0
"""State of charge (%) below which boards may switch off."""


def misuse(options: argparse.Namespace) -> str:
    """Why these options cannot be; "" when they can. Nothing is opened before this is known."""
    writes = asked(options)
    if len(writes) > 1:
        return "one write per command: give one of the writing flags"
    beside = options.list_ports or options.scan or options.get or options.mqtt or options.format != "json"
    if options.sections or options.all or options.without or beside:
        return "a write goes alone: read in a command of its own"
    if sys.stdout is None:
        return "stdout is closed: nothing could tell what became of the write"
    if options.device and isinstance(options.device, FromEnvironment):
        return "a write needs -d on the command line: the environment may name another battery than you think"
    if not options.device and not options.dry_run:
        return "which battery? give -d DEVICE"
    if not options.device and (options.if_battery_code is not None or options.write_log or options.record):
        return "--if-battery-code, --write-log and --record: only with -d"
    if not (options.yes or options.dry_run or may_ask()):
        return "no terminal to ask on: give --yes to write without being asked"
    return ""


def run(options: argparse.Namespace, battery: Battery, connect: Connect) -> int:
    """One write; the exit code. Prints what became of it as JSON whenever something did."""
    (order,) = asked(options)
    if not options.device:
        return output.write(json.dumps(by_hand(options, *order), indent=2))
    bms = battery(options)
    bms.read_only = options.read_only
    with limits.hangup_raises():
        return _Write(options, order, bms, connect).run()


class _Write:
    """One write and what is known of it so far."""

    def __init__(
        self, options: argparse.Namespace, order: tuple[str, Any], bms: DalyBMS, connect: Connect
    ) -> None:
        self.options, self.bms, self.connect = options, bms, connect
        self.action, self.value = order
        self.result: dict[str, Any] = {}
        self.log = WriteLog(options.write_log)
        self.told = self.expired = False
        self.telling = threading.RLock()

    def run(self) -> int:
        try:
            return self._ended()
        except (KeyboardInterrupt, limits.Terminated):
            if self.told or self.result.get("frame"):
                known = self.result.get("outcome") == "done"
                return self._tell(self.result, "" if known else INTERRUPTED)
            self._log_end("not sent", "interrupted")
            raise

    def _ended(self) -> int:
        try:
            with limits.Deadline(self.options.timeout, self._expire, self._late), self.bms:
                return self._tell(self._done(), "")
        except (WriteRefused, WriteUnverified) as error:
            own = {"action": self.action, "requested": self.value, "outcome": "refused"}
            return self._tell({**own, **error.result}, self._in_time(error))
        except DalyError as error:
            self._log_end("not sent", self._in_time(error))
            output.complain(self._in_time(error))
            return output.FAILED

    def _done(self) -> dict[str, Any]:
        if not self.options.dry_run:
            self.bms.refuse_read_only()
        self.connect(self.bms, self.options)
        plan: dict[str, Any] = {"action": self.action, "requested": self.value}
        try:
            info = self._identified()
            plan = self.bms.preview(self.action, self.value)
        finally:
            self._log("before", frame=plan.get("frame"))
        self._show(plan, info)
        if "frame" not in plan:
            return plan
        if self.options.dry_run:
            return {**plan, "outcome": "dry run"}
        if not self.options.yes:
            if not confirmed(self.action, self.value):
                return {**plan, "outcome": "declined"}
            if self.options.if_battery_code is not None:
                self._identified()  # much may have been plugged meanwhile
        return self.bms.carry_out(self.action, self.value, self.result)

    def _identified(self) -> dict[str, Any]:
        """What the board says of itself; WriteRefused when it is not the battery that was meant."""
        outcome = self.bms.read(["info"])["info"]
        info = {} if isinstance(outcome, DalyError) else outcome
        wanted, code = self.options.if_battery_code, info.get("battery_code")
        if wanted is not None and code != wanted:
            found = f"is {code!r}" if code else "is not told"
            raise WriteRefused(
                f"the battery code of this battery {found}, not {wanted!r}: is it the right port? "
                "nothing was sent"
            )
        return dict(info)

    def _show(self, plan: dict[str, Any], info: dict[str, Any]) -> None:
        """On stderr: which battery, old -> new, the frame, and what it may cost."""
        readings = {name: each for name, each in self.bms.read(["soc"]).items() if isinstance(each, dict)}
        soc = readings.get("soc", {})
        told = {
            "device": self.options.device,
            "protocol": plan["protocol"],
            "board": plan.get("board"),
            "battery code": info.get("battery_code"),
            "cells": info.get("cells"),
            "pack": f"{soc['total_voltage']:g} V" if "total_voltage" in soc else None,
            "state of charge": f"{soc['soc_percent']:g} %" if "soc_percent" in soc else None,
            NAMES[self.action]: _change(self.action, plan["before"], self.value),
            "frame": plan.get("frame", "none, it stands so already"),
        }
        for name, value in told.items():
            if value is not None:
                output.say(f"{name}: {value}")
        if (self.action == DISCHARGE and not self.value) or self.action == "restart" or _is_low(self):
            output.say(
                "this may cut the power of everything on this battery, this very computer perhaps included"
            )

    def _tell(self, result: dict[str, Any], message: str) -> int:
        """Print the outcome; never twice, and whatever interrupts."""
        with self.telling:
            if not self.told:
                code = _CODES[result["outcome"]]
                with limits.undisturbed(code):
                    self.told, self.code = True, code
                    self.code = self._told(result, message)
            return self.code

    def _told(self, result: dict[str, Any], message: str) -> int:
        self._log_end(result["outcome"], message, result)
        if message:
            output.complain(message)
        if result.get("held_by"):
            output.complain(f"the switch was taken, but the MOSFET is held otherwise by: {result['held_by']}")
        written = output.write(json.dumps(result, indent=2))
        if written and self.result.get("frame"):
            output.complain(f"the frame was sent, and what became of it is: {result['outcome']}")
            return output.UNVERIFIED
        return _CODES[result["outcome"]] or written

    def _expire(self) -> None:
        self.expired = True
        self.bms.disconnect()

    def _in_time(self, error: DalyError) -> str:
        """What happened; the time limit of -t, where it closed the wire."""
        if not self.expired:
            return str(error)
        sent = "sent once, but not proven" if self.result.get("frame") else "nothing was sent"
        return f"not finished within {self.options.timeout} s (-t): {sent}; allow more"

    def _late(self) -> int:
        """The time limit of -t ended the command the hard way."""
        if self.result.get("frame"):
            return self._tell(self.result, f"not finished within {self.options.timeout} s (-t) after sending")
        self._log_end("not sent", "time limit")
        output.complain(f"not finished within {self.options.timeout} s (-t): allow more; nothing was sent")
        return output.FAILED

    def _log(self, event: str, **values: Any) -> None:
        own = {"device": self.options.device, "action": self.action, "requested": self.value}
        self.log.add(event, **own, **{name: value for name, value in values.items() if value is not None})

    def _log_end(self, outcome: str, message: str, result: dict[str, Any] | None = None) -> None:
        """The second line; an outcome is printed even where the log cannot take it any more."""
        try:
            self._log("after", outcome=outcome, message=message or None, result=result)
        except DalyError as error:
            output.complain(error)


def _change(action: str, before: Any, value: Any) -> str | None:
    return None if action == "restart" else f"{shown_as(action, before)} -> {shown_as(action, value)}"


def _is_low(write: _Write) -> bool:
    return write.action == SOC and write.value < LOW
