"""`daly-bms-cli parameters`: print, save and compare the settings of a board. Nothing is changed in it."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from typing import Any

from dalybms import parameters
from dalybms.bms import DalyBMS
from dalybms.cli import limits, output
from dalybms.cli.options import DEVICE_VARIABLE, FromEnvironment, add_battery, add_patience, add_verbose
from dalybms.cli.parser import Parser
from dalybms.cli.run import battery, connect, show_bytes
from dalybms.errors import DalyError

_DESCRIPTION = """\
Print the settings of a board as JSON, save them to a file, or compare two of them:

  daly-bms-cli parameters -d DEVICE
  daly-bms-cli parameters save FILE -d DEVICE
  daly-bms-cli parameters diff A B

A and B are a file each (one that is there, or a name that ends in .json) or a device.
Nothing is changed in the board.
"""
_EPILOG = "exit codes: 0 done, or no difference, 1 failed, 2 wrong usage, 3 differences, 130 interrupted"


def main(given: Sequence[str]) -> int:
    """Run the verb with its arguments; returns the exit code (argparse exits with 2 for wrong usage)."""
    parser = _parser()
    options = parser.parse_intermixed_args(given)
    options.limit = options.timeout
    if options.verbose:
        show_bytes()
    try:
        return _run(parser, options)
    except DalyError as error:
        output.complain(error)
        return output.FAILED
    except ValueError as error:
        parser.error(str(error))


def _run(parser: Parser, options: argparse.Namespace) -> int:
    action, names = options.words[0] if options.words else "", options.words[1:]
    if options.json and action != "diff":
        parser.error("--json is for parameters diff")
    if action == "diff":
        if len(names) != 2 or not isinstance(options.device, FromEnvironment):
            parser.error("give two files or devices, without -d: parameters diff A B")
        return _compare(options, *names)
    if action not in ("", "save"):
        parser.error(f"{action!r} is none of save and diff; a device is given with -d")
    if len(names) != (action == "save"):
        parser.error("give one file: parameters save FILE" if action else f"what is {names[0]!r}?")
    if not options.device:
        parser.error(f"which battery? give -d DEVICE or set {DEVICE_VARIABLE}")
    return _save(options, names[0]) if action else _print(options)


def _print(options: argparse.Namespace) -> int:
    values = _asked(options, options.device, lambda bms: bms.get_parameters())
    return output.write(json.dumps(values, indent=2))


def _save(options: argparse.Namespace, name: str) -> int:
    parameters.save(name, _asked(options, options.device, parameters.read))
    return output.DONE


def _compare(options: argparse.Namespace, *names: str) -> int:
    a, b = (_document(options, name) for name in names)
    found = parameters.compare(a, b)
    if options.json:
        rows = [row._asdict() for row in found.rows]
        document = {"first": found.first, "differences": rows, "notes": found.notes}
        code = output.write(json.dumps(document, indent=2))
    else:
        for line in (*found.first, *found.notes):
            output.complain(line)
        code = output.write(_table(found.rows)) if found.rows else output.DONE
    return output.DIFFERENT if found.rows and not code else code


def _document(options: argparse.Namespace, name: str) -> dict[str, Any]:
    """A file that is there, or what is named like one, else a device."""
    if os.path.isfile(name) or name.endswith(".json"):
        return parameters.load(name)
    return dict(_asked(options, name, parameters.read))


def _asked(options: argparse.Namespace, device: str, question: Any) -> Any:
    """What a question to one battery gives, within the limit of -t."""
    late = f"not finished within {options.limit} s (-t): allow more, or read less"
    options.device, began = device, time.monotonic()
    bms: DalyBMS = battery(options)
    with limits.Deadline(options.timeout, bms.disconnect, lambda: _failed(late)) as deadline, bms:
        try:
            connect(bms, options)
            return question(bms)
        except DalyError as error:
            raise DalyError(late) if deadline.expired else error from None
        finally:
            if options.timeout is not None:
                options.timeout = max(0.01, options.timeout - (time.monotonic() - began))


def _failed(message: str) -> int:
    output.complain(message)
    return output.FAILED


def _table(rows: Sequence[parameters.Difference]) -> str:
    lines = [("name", "A", "B", "unit")]
    lines += [(row.name, _shown(row.a), _shown(row.b), row.unit) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        f"{name:{widths[0]}}  {a:>{widths[1]}}  {b:>{widths[2]}}  {unit}".rstrip()
        for name, a, b, unit in lines
    )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _parser() -> Parser:
    parser = Parser(
        "daly-bms-cli parameters",
        usage="%(prog)s [save FILE | diff A B] [options]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="save FILE | diff A B",
        help="without these words the settings are printed",
    )
    general = parser.add_argument_group("options")
    general.add_argument("-h", "--help", action="help", help="show this help and exit")
    add_verbose(general)
    general.add_argument("--json", action="store_true", help="diff: JSON in place of the table")
    add_battery(parser.add_argument_group("which battery"))
    add_patience(parser.add_argument_group("how long to try"))
    parser.set_defaults(invert_current=False)
    return parser
