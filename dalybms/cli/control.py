"""The writing flags: validate, show, confirm, send once, read back, tell."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any, Callable

from dalybms.bms import DalyBMS
from dalybms.cli import limits, output
from dalybms.cli.options import FromEnvironment
from dalybms.cli.write_flags import asked
from dalybms.cli.write_log import WriteLog
from dalybms.device import Target, speaker, writer
from dalybms.errors import DalyError, WriteRefused, WriteUnverified
from dalybms.outcomes import NAMES, clock_bytes, shown_as
from dalybms.protocols.writes import DISCHARGE, MOSFETS, SOC

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
    if options.sections or options.all or options.list_ports or options.scan:
        return "a write goes alone: read in a command of its own"
    if options.device and isinstance(options.device, FromEnvironment):
        return "a write needs -d on the command line: the environment may name another battery than you think"
    if not options.device and not options.dry_run:
        return "which battery? give -d DEVICE"
    if not (options.yes or options.dry_run or _may_ask()):
        return "no terminal to ask on: give --yes to write without being asked"
    return ""


def run(options: argparse.Namespace, battery: Battery, connect: Connect) -> int:
    """One write; the exit code. Prints what became of it as JSON whenever something did."""
    (order,) = asked(options)
    if not options.device:
        return output.write(json.dumps(_by_hand(options, *order), indent=2))
    bms = battery(options)
    bms.read_only = options.read_only
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

    def run(self) -> int:
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
        except (KeyboardInterrupt, limits.Terminated):
            if self.result.get("frame"):
                return self._tell(self.result, INTERRUPTED)
            self._log_end("not sent", "interrupted")
            raise

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
        if not (self.options.yes or _confirmed(self.action, self.value)):
            return {**plan, "outcome": "declined"}
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
                _say(f"{name}: {value}")
        if (self.action == DISCHARGE and not self.value) or self.action == "restart" or _is_low(self):
            _say("this may cut the power of everything on this battery, this very computer perhaps included")

    def _tell(self, result: dict[str, Any], message: str) -> int:
        """Print the outcome; never twice, whatever interrupts."""
        if self.told:
            return _CODES[result["outcome"]]
        self.told = True
        self._log_end(result["outcome"], message, result)
        if message:
            output.complain(message)
        if result.get("held_by"):
            output.complain(f"the switch was taken, but the MOSFET is held otherwise by: {result['held_by']}")
        written = output.write(json.dumps(result, indent=2))
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


def _by_hand(options: argparse.Namespace, action: str, value: Any) -> dict[str, Any]:
    """The frame of a write without any battery: as A5 where no protocol is named."""
    protocol = "a5" if options.protocol == "auto" else options.protocol
    target = Target(protocol, 8 if options.uart else options.address, options.board)
    written = writer(speaker(protocol, target))
    clock = clock_bytes(time.localtime()) if action == SOC and written.sets_clock else b""
    frame = written.request(action, value, clock).writes[0].hex()
    own = {} if written.number is None else {"board": written.number}
    head = {"action": action, "requested": value, "outcome": "dry run", "protocol": protocol}
    return {**head, **own, "frame": frame}


def _may_ask() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _confirmed(action: str, value: Any) -> bool:
    """The value itself is typed: a habit of typing y confirms nothing."""
    word = (
        {True: "on", False: "off"}[value]
        if action in MOSFETS
        else "restart"
        if value is None
        else f"{value:g}"
    )
    print(f"type {word} to send it once: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == word


def _change(action: str, before: Any, value: Any) -> str | None:
    return None if action == "restart" else f"{shown_as(action, before)} -> {shown_as(action, value)}"


def _is_low(write: _Write) -> bool:
    return write.action == SOC and write.value < LOW


def _say(line: str) -> None:
    if sys.stderr is not None:
        print(line, file=sys.stderr)
