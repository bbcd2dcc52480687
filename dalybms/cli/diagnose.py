"""`daly-bms-cli diagnose`: why nothing answers, or what is wrong with a battery that does."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from dalybms.cli import output
from dalybms.cli.options import DEVICE_VARIABLE, RecordFile, add_battery, add_verbose
from dalybms.cli.parser import Parser
from dalybms.cli.run import show_bytes
from dalybms.cli.settings import settings
from dalybms.cli.values import Once, seconds, silence
from dalybms.diagnosis.diagnose import diagnose
from dalybms.diagnosis.steps import Step
from dalybms.errors import DalyError

_DESCRIPTION = """\
Find out why a battery does not answer, step by step along the wire, or what is wrong with one
that does. The last line is the cause and what to do next, or the causes that fit where software
cannot tell them apart. Nothing but reads is sent, for 20 s at most, over Bluetooth for 40 s.
"""
_EPILOG = "exit codes: 0 it answers, 1 it does not, or an error was found, 2 wrong usage, 130 interrupted"


def main(given: Sequence[str]) -> int:
    """Run the verb with its arguments; returns the exit code (argparse exits with 2 for wrong usage)."""
    parser = _parser()
    options = parser.parse_args(given)
    if options.verbose:
        show_bytes()
    if not options.device:
        parser.error(f"which battery? give -d DEVICE or set {DEVICE_VARIABLE}; --list-ports shows the ports")
    if isinstance(options.board, (list, str)):
        parser.error("one board is meant here: give --board a single number")
    try:
        result = _reported(options) if options.report else _diagnosed(options)
    except DalyError as error:
        output.complain(error)
        return output.FAILED
    except ValueError as error:
        parser.error(str(error))
    bad = not result["answers"] or any(each["severity"] == "error" for each in result["findings"])
    code = output.write(json.dumps(result, indent=2) if options.json else _lines(result))
    return output.FAILED if bad else code


def _diagnosed(options: argparse.Namespace) -> dict[str, Any]:
    teller = _Teller()
    own = {"board": options.board, "adapter": options.adapter, "interval": options.interval}
    try:
        return diagnose(options.device, {**settings(options), **own}, teller)
    finally:
        teller.end()


def _reported(options: argparse.Namespace) -> dict[str, Any]:
    """The same, into a file for a bug report, which is there before anything is sent."""
    from dalybms.diagnosis.report import Report

    if options.record or options.record_raw or options.record_limit is not None:
        raise ValueError("--report holds a blanked recording of its own: leave --record and its like out")
    with Report(options.report) as report:
        options.record = RecordFile(report.path)
        options.record.made.append(report.recording)
        result = _diagnosed(options)
        report.write(options.device, result)
    return result


class _Teller:
    """Steps on stderr while they run: a line each, or one line that fills up on a terminal.

    A stderr that takes nothing (its reader gone, its disk full) is left alone: the cause is on stdout.
    """

    def __init__(self) -> None:
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._heard = sys.stderr is not None
        self._open = False

    def __call__(self, said: str | Step) -> None:
        if isinstance(said, str):
            self._tell(f"{said} ", end="")
        elif self._terminal:
            self._tell(f"{said.outcome}, ", end="")
        else:
            self._tell(f"{said.outcome}: {' '.join(said.detail.split())}")
        self._open = isinstance(said, str) or self._terminal

    def _tell(self, text: str, end: str = "\n") -> None:
        try:
            if self._heard:
                print(text, end=end, file=sys.stderr, flush=True)
        except OSError:
            self._heard = False

    def end(self) -> None:
        """What follows on stderr has a line of its own."""
        if self._open:
            self._tell("")


def _lines(result: dict[str, Any]) -> str:
    lines = [
        f"{each['severity']}: {each['area']}: {each['detail']}; {each['fix']}" for each in result["findings"]
    ]
    lines += [f"not checked: {line}" for line in result["unchecked"]]
    return "\n".join([*lines, _last(result["causes"])])


def _last(causes: Sequence[dict[str, str]]) -> str:
    """The cause, or those that fit."""
    if len(causes) == 1:
        return f"cause: {causes[0]['detail']}; next: {causes[0]['next']}"
    fits = "; ".join(f"({n}) {each['detail']}: {each['next']}" for n, each in enumerate(causes, 1))
    return f"{len(causes)} causes fit: {fits}"


def _parser() -> argparse.ArgumentParser:
    usage = "%(prog)s -d DEVICE [options]"
    parser = Parser("daly-bms-cli diagnose", usage=usage, description=_DESCRIPTION, epilog=_EPILOG)
    general = parser.add_argument_group("options")
    general.add_argument("-h", "--help", action="help", help="show this help and exit")
    add_verbose(general)
    general.add_argument("--json", action="store_true", help="all steps, causes and findings as JSON")
    general.add_argument(
        "--report",
        action=Once,
        metavar="FILE",
        help="write a new file for a bug report: versions, findings, recording, blanked",
    )
    general.add_argument(
        "--interval",
        type=seconds,
        metavar="SECONDS",
        help="how often you read it: does it sleep before?",
    )
    add_battery(parser.add_argument_group("which battery"))
    patience = parser.add_argument_group("how long to try")
    patience.add_argument(
        "--reply-timeout",
        type=silence,
        metavar="SECONDS",
        help="longest silence before asking again (0.5, over Bluetooth 0.8)",
    )
    parser.set_defaults(invert_current=False, retry=2, pause=None)
    return parser
