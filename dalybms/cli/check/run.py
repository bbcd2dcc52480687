"""`--check` as a process: one verdict on stdout and an exit code from 0 to 3, whatever happens."""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Sequence
from typing import Any, Callable

from dalybms.cli import limits, mqtt_flags, output, write_flags
from dalybms.cli.check import verdict as check
from dalybms.cli.check.nagios import UNKNOWN, Verdict, worst
from dalybms.cli.parser import reason
from dalybms.device import is_bluetooth
from dalybms.errors import DalyError, NoReply

_LATE = "not finished within {seconds} s: allow more with -t"

TIME_LIMIT = 10.0
"""Seconds for the whole check when `-t` is not given: what plugins are granted by custom."""

STARTUP = 0.5
"""Seconds of the time limit that are the interpreter's, before and after us, on a busy machine."""

READING = 2.0
"""Seconds of the time limit that finding and connecting a Bluetooth device leave for the answers."""

FIRST = ("faults",)
"""Read before all else: a fault that is known stays one, whatever becomes of the rest."""

Battery = Callable[[argparse.Namespace], Any]
"""The battery of the options, not connected yet; ValueError when they contradict each other."""

Connect = Callable[[Any, argparse.Namespace], None]
"""Opens the wire of the options, over Bluetooth within their `timeout`."""


def is_asked(argv: Sequence[str]) -> bool:
    """Known before the options are parsed, because wrong options must answer as a plugin does."""
    return "--check" in argv


def main(argv: Sequence[str], parser: argparse.ArgumentParser, battery: Battery, connect: Connect) -> int:
    """Run one check; returns 0 to 3 and prints nothing but the verdict (or help, which is 3)."""
    try:
        with limits.sigterm_raises():
            return _main(argv, parser, battery, connect)
    except (limits.Terminated, KeyboardInterrupt):
        return _say(check.unknown("terminated before the check was finished"))
    except Exception as error:  # noqa: BLE001 - a traceback leaves as code 1, which reads as WARNING
        return _say(check.verdict_for(error))


def _main(argv: Sequence[str], parser: argparse.ArgumentParser, battery: Battery, connect: Connect) -> int:
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            options = parser.parse_args(argv)
    except SystemExit as end:
        return _say(check.unknown(reason(complaint.getvalue()))) if end.code else UNKNOWN
    try:
        return _say(_checked(options, battery, connect), options.verbose)
    except ValueError as error:
        return _say(check.unknown(str(error)))


def _checked(options: argparse.Namespace, battery: Battery, connect: Connect) -> Verdict:
    """Raises ValueError for options that contradict each other, or a device that is none."""
    if write_flags.asked(options) or write_flags.without_write(options):
        raise ValueError("a check writes nothing: a write goes alone, in a command of its own")
    printed = options.get or options.format != "json" or options.mqtt or mqtt_flags.meant(options)
    if printed or options.list_ports or options.scan:
        raise ValueError("--check prints its verdict alone: leave --mqtt, --get, --format and searches out")
    if not options.device:
        raise ValueError("which battery? give -d DEVICE")
    limit = TIME_LIMIT if options.timeout is None else options.timeout
    policy = check.policy_of(options)
    late = check.unknown(_LATE.format(seconds=f"{limit:g}"))
    seconds = max(limit / 2, limit - limits.GRACE - STARTUP)
    if isinstance(options.board, (list, str)):
        return _checked_boards(options, policy, seconds, _LATE.format(seconds=f"{limit:g}"))
    options.timeout = max(seconds / 2, seconds - READING)
    bms = battery(options)
    found: dict[str, Any] = {}
    is_open = silent = False
    with (
        limits.Deadline(seconds, lambda: _close(bms), lambda: _say(_so_far(found, late, policy))) as ended,
        bms,
    ):
        try:
            connect(bms, options)
            is_open, silent = True, is_bluetooth(options.device)
            found.update(bms.read(FIRST))
            silent = False
            found.update(bms.read([section for section in check.wanted(policy) if section not in FIRST]))
            return check.verdict(found, policy, bms.unusable)
        except DalyError as error:
            if not ended.expired or (not is_open and getattr(error, "stage", None)):
                return _so_far(found, check.verdict_for(error, policy), policy)
    if silent:
        return check.verdict_for(NoReply(f"connected, but no answer within {limit:g} s"), policy)
    return _so_far(found, late, policy)


def _so_far(found: dict[str, Any], otherwise: Verdict, policy: check.Policy) -> Verdict:
    """The faults that are known already, where what ended the check says less than they do."""
    faults = found.get("faults")
    if not isinstance(faults, list) or not faults:
        return otherwise
    why = DalyError(otherwise.first_line.partition(" - ")[2])
    verdict = check.verdict({**dict.fromkeys(check.wanted(policy), why), "faults": faults}, policy)
    return verdict if worst([verdict.code, otherwise.code]) != otherwise.code else otherwise


def _checked_boards(options: argparse.Namespace, policy: check.Policy, seconds: float, late: str) -> Verdict:
    """A board that was not read in time is UNKNOWN, and hides nothing of the others."""
    from dalybms.cli.check.boards import Board, verdict_of
    from dalybms.cli.settings import settings
    from dalybms.cli.several import Answered, Limit, read_several

    if isinstance(options.board, str):
        raise ValueError(
            "--board all cannot be checked, a pack that has vanished would be OK: name the numbers"
        )
    limit = Limit(seconds, late, lambda: _say(check.unknown(late)))
    try:
        found = read_several(options, settings(options), check.wanted(policy), (), limit, first=FIRST)
    except DalyError as error:
        return check.verdict_for(error, policy)
    return verdict_of(
        {number: Board(*came) if isinstance(came, Answered) else came for number, came in found.items()},
        policy,
    )


def _close(bms: Any) -> None:
    """From the timer's thread, where an error has nobody to go to; the call that it ends says why."""
    with contextlib.suppress(DalyError):
        bms.disconnect()


def _say(verdict: Verdict, verbose: bool = False) -> int:
    """The exit code; a good state that could not be told to anybody is UNKNOWN."""
    with limits.undisturbed(verdict.code):
        told = output.write(verdict.text(verbose)) == output.DONE
    return verdict.code if told else worst([verdict.code, UNKNOWN])
