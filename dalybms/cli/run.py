"""Options -> calls -> output. The one place that decides exit codes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from dalybms.bms import DalyBMS
from dalybms.cli import limits, mqtt_flags, output, single, without, write_flags
from dalybms.cli.check.flags import without_check
from dalybms.cli.options import DEVICE_VARIABLE, build_parser
from dalybms.cli.settings import settings
from dalybms.device import is_bluetooth
from dalybms.errors import DalyError, NotSupported
from dalybms.getters import presentable
from dalybms.opening import battery_class
from dalybms.sections import MORE_SECTIONS, SECTIONS

_LATE = "not finished within {seconds} s (-t): allow more, or read less"


def run(given: Sequence[str]) -> int:
    """Run one command; returns the exit code (argparse itself exits with 2 for wrong usage)."""
    parser = build_parser()
    if "--check" in given:
        from dalybms.cli.check import run as check_run

        return check_run.main(given, parser, battery, connect)
    options = parser.parse_args(given)
    alone = without_check(options)
    if alone:
        parser.error(f"{', '.join(alone)}: only with --check")
    idle = write_flags.without_write(options)
    if idle:
        parser.error(f"{', '.join(idle)}: only with a write")
    if options.verbose:
        show_bytes()
    try:
        return _run(parser, options)
    except DalyError as error:
        return _failed(error)


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if write_flags.asked(options):
        return _write(parser, options)
    if options.list_ports or options.scan:
        return _search(parser, options)
    nonsense = without.contradiction(options)
    if nonsense:
        parser.error(nonsense)
    nonsense = single.misuse(options, isinstance(options.board, (list, str)))
    if nonsense:
        parser.error(nonsense)
    try:
        sections = [single.section_of(options.get)] if options.get else _sections(options)
    except ValueError as error:
        parser.error(str(error))
    if not options.device:
        parser.error(f"which battery? give -d DEVICE or set {DEVICE_VARIABLE}; --list-ports shows the ports")
    if not sections:
        parser.error("nothing to read: give --all, --soc or another reading")
    alone = len(sections) == 1 and not options.all
    try:
        single.make_ready(options)
        if isinstance(options.board, (list, str)):
            return _print_boards(options, sections)
        outcomes, about = _read(options, sections)
        return _print(without.advised(outcomes, options), about, options, alone)
    except ValueError as error:
        if isinstance(error, DalyError):
            raise
        parser.error(str(error))


def _write(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from dalybms.cli import control

    wrong = control.misuse(options)
    if wrong:
        parser.error(wrong)
    try:
        return control.run(options, battery, connect)
    except ValueError as error:
        parser.error(str(error))


def _sections(options: argparse.Namespace) -> list[str]:
    """What was asked for, in the documented order."""
    return [
        section
        for section in (*SECTIONS, *MORE_SECTIONS)
        if section in options.sections
        or (options.all and section in SECTIONS and section not in options.without)
    ]


def _print_boards(options: argparse.Namespace, sections: Sequence[str]) -> int:
    from dalybms.cli.boards import print_boards
    from dalybms.cli.several import Limit

    late = _LATE.format(seconds=options.timeout)
    limit = Limit(options.timeout, late, lambda: _failed(late))
    return print_boards(options, sections, settings(options), limit, _progress())


def _read(options: argparse.Namespace, sections: Sequence[str]) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """{section: reading or DalyError}, and what a sample says beside it, within the limit of -t."""
    late = _LATE.format(seconds=options.timeout)
    bms = battery(options)
    with limits.Deadline(options.timeout, bms.disconnect, lambda: _failed(late)) as deadline, bms:
        try:
            connect(bms, options)
            outcomes = bms.read(sections)
            if bms.unusable:
                why = "; ".join(dict.fromkeys(bms.unusable.values()))
                output.complain(f"left out, as the board states it twice: {why}")
            return outcomes, {"protocol": bms.spoken, "unusable": dict(bms.unusable)}
        except DalyError as error:
            raise DalyError(late) if deadline.expired else error from None


def battery(options: argparse.Namespace) -> DalyBMS:
    """The battery of the options, not connected yet; ValueError when they contradict each other."""
    if isinstance(options.board, (list, str)):
        raise ValueError("one board is meant here: give --board a single number")
    return battery_class(options.device)(board=options.board, **settings(options))


def connect(bms: Any, options: argparse.Namespace) -> None:
    """Open the wire of the options; scanning and connecting over Bluetooth is cut to fit -t."""
    if is_bluetooth(options.device):
        bms.connect(options.device, adapter=options.adapter, budget=options.timeout)
    else:
        bms.connect(options.device)


def _search(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """What there is to read; asks no battery."""
    if options.record:
        parser.error("--record is for commands that ask a battery: nothing passes here")
    printed = options.get or options.format != "json" or options.mqtt or mqtt_flags.meant(options)
    if (options.list_ports and options.scan) or options.sections or options.all or options.without or printed:
        parser.error("--list-ports and --scan go alone, each in a command of its own")
    if options.scan:
        return _scan(options)
    from dalybms.transports.ports import list_ports

    return output.write(json.dumps(list_ports(), indent=2))


def _scan(options: argparse.Namespace) -> int:
    from dalybms.transports.bluetooth.scanning import scan

    timeout = {} if options.timeout is None else {"timeout": options.timeout}
    progress = _progress()
    found = scan(adapter=options.adapter, progress=progress, **timeout)
    if progress:
        progress("")
    return output.write(json.dumps(found, indent=2))


def _progress() -> Callable[[str], None] | None:
    """How progress is shown; None where nobody looks."""
    return _show_progress if sys.stderr is not None and sys.stderr.isatty() else None


def _show_progress(line: str) -> None:
    """One line on a terminal, written over by the next."""
    print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def _print(
    outcomes: dict[str, Any], about: Mapping[str, Any], options: argparse.Namespace, alone: bool
) -> int:
    """One section by itself, several as one object. Nothing on stdout when not one could be read."""
    errors = [outcome for outcome in outcomes.values() if isinstance(outcome, DalyError)]
    if alone and any(isinstance(error, NotSupported) and error.passing for error in errors):
        output.complain(errors[0])
        return output.write("{}")
    if len(errors) == len(outcomes):
        return _failed(errors[0])
    if options.get or options.mqtt or options.format == "table":
        code = single.put(outcomes, about, options, alone)
    else:
        document = next(iter(outcomes.values())) if alone else presentable(outcomes)
        code = output.write(json.dumps(document, indent=2))
    bad = [error for error in errors if not isinstance(error, NotSupported)]
    return output.FAILED if bad else code


def _failed(message: object) -> int:
    output.complain(message)
    return output.FAILED


def show_bytes() -> None:
    """--verbose: every byte with its time, on stderr."""
    import logging

    logging.basicConfig(level=logging.DEBUG, format="%(asctime)s.%(msecs)03d %(message)s", datefmt="%H:%M:%S")
