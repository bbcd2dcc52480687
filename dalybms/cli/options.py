"""The options of the command line; the reading flags follow from the sections."""

from __future__ import annotations

import argparse
import os
from typing import Any

from dalybms import __version__
from dalybms.cli import mqtt_flags, without, write_flags
from dalybms.cli.check.flags import add_options
from dalybms.cli.parser import Parser
from dalybms.cli.values import Once, host_address, megabytes, repeats, rest, seconds, silence, whole
from dalybms.device import MOST_BOARDS, PROTOCOLS
from dalybms.sections import MORE_SECTIONS, SECTIONS, word
from dalybms.timing import BAUD

DEVICE_VARIABLE = "DALY_BMS_DEVICE"
ALL_BOARDS = "all"
_USAGE = "%(prog)s [VERB] -d DEVICE [what to read, check or write] [options]"
_EPILOG = f"""\
stdout holds nothing but one JSON document; messages go to stderr.
In the environment {DEVICE_VARIABLE} stands in for --device where nothing is written, and
DALY_BMS_READ_ONLY=1 for --read-only.
exit codes: 0 done, 1 failed, 2 wrong usage, 4 write not proven, 5 write declined,
130 interrupted, 143 terminated;
with --check 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN and nothing else

A verb stands first, and has a --help of its own:
  diagnose      say why a battery does not answer, or what is wrong with it
  parameters    print, save and compare the settings of a board
  watch         read again and again, and feed files, MQTT, Prometheus, a live view
  plot          draw what watch has written

examples:
  daly-bms-cli -d /dev/ttyUSB0 --all
  daly-bms-cli -d socket://192.168.1.20:4001 --soc
  daly-bms-cli -d AA:BB:CC:DD:EE:FF --all
  daly-bms-cli -d demo: --all
"""


def flag(section: str) -> str:
    """--mosfet for mosfet_status, --cell-voltages for cell_voltages."""
    return f"--{word(section)}"


def board_numbers(text: str) -> int | list[int] | str:
    """One number, several as 1,2,3, or "all"."""
    if text == ALL_BOARDS:
        return text
    parts = text.split(",")
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 3]
    if len(numbers) < len(parts) or not all(1 <= number <= MOST_BOARDS for number in numbers):
        raise argparse.ArgumentTypeError(
            f"board must be 1 to {MOST_BOARDS}, several as 1,2,3, or {ALL_BOARDS}, not {text!r}"
        )
    if len(set(numbers)) < len(numbers):
        raise argparse.ArgumentTypeError(f"{text} names a board twice")
    return numbers[0] if len(numbers) == 1 else numbers


def build_parser() -> Parser:
    parser = Parser(
        "daly-bms-cli",
        usage=_USAGE,
        description="Read, check and control Daly battery management systems.",
        epilog=_EPILOG,
    )
    _add_general(parser.add_argument_group("options"))
    device = parser.add_argument_group("which battery")
    add_battery(device, boards=", several as 1,2,3, or all: those that answer")
    _add_searches(device)
    _add_readings(parser.add_argument_group("what to read (several become one object, keyed by section)"))
    add_patience(parser.add_argument_group("how long to try"))
    _add_outputs(parser.add_argument_group("where to"))
    mqtt_flags.add_options(parser.add_argument_group("MQTT (the topics of dalybms 0.5)"))
    add_options(parser.add_argument_group("monitoring"))
    write_flags.add_options(
        parser.add_argument_group("what to write (one per command, never with a reading)")
    )
    return parser


def _add_general(group: argparse._ArgumentGroup) -> None:
    """Options of a group, not of the parser: for those argparse loads what only its help needs."""
    where = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    group.add_argument("-h", "--help", action="help", help="show this help and exit")
    group.add_argument("-V", "--version", action="version", version=f"dalybms {__version__} ({where})")
    add_verbose(group)


def add_verbose(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-v", "--verbose", action="store_true", help="show the bytes of both directions on stderr"
    )


class FromEnvironment(str):
    """A device that was not named on the command line."""


def add_battery(group: argparse._ArgumentGroup, several: bool = False, boards: str = "") -> None:
    """Which battery (or which of them), and what it speaks; means the same in every program.

    boards: which lists of boards --board takes beside a number, in words.
    """
    one: dict[str, Any] = {"default": FromEnvironment(os.environ.get(DEVICE_VARIABLE, "")), "action": Once}
    group.add_argument(
        "-d",
        "--device",
        **({"action": "append", "metavar": "[NAME=]DEVICE"} if several else one),
        help="port (/dev/ttyUSB0, COM3), socket://HOST:PORT, rfc2217://HOST:PORT, Bluetooth address, "
        "ble:NAME, demo: for a fake battery, or replay:FILE for a recording; without it the device that "
        f"{DEVICE_VARIABLE} in the environment names",
    )
    group.add_argument("--adapter", metavar="NAME", help="Bluetooth adapter to use, for instance hci1")
    group.add_argument("--uart", action="store_true", help="ask as host 0x80 only (same as --address 8)")
    group.add_argument(
        "--address",
        action=Once,
        type=host_address,
        metavar="HOST",
        help="ask as this host only: 4 (0x40), 8 (0x80) or the byte; without it both are tried",
    )
    group.add_argument(
        "--board",
        action=Once,
        type=board_numbers,
        metavar="N",
        help=f"board number on a shared cable{boards}; without it the cable must have one board alone",
    )
    group.add_argument(
        "--protocol",
        action=Once,
        choices=PROTOCOLS,
        default="auto",
        help="what the board speaks; auto finds out (auto)",
    )
    group.add_argument("--sinowealth", action="store_true", help="same as --protocol sinowealth")
    group.add_argument(
        "--baudrate", type=whole, default=BAUD, metavar="N", help=f"rate of the serial port ({BAUD})"
    )
    _add_recording(group)


class RecordFile:
    """--record; `made` holds the recording once there is one, also for copies of the options."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.made: list[object] = []


def _add_recording(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--record",
        metavar="FILE",
        type=RecordFile,
        help="write all that passes into a new file, blanked of serial numbers, codes, addresses and names",
    )
    group.add_argument("--record-raw", action="store_true", help="blank nothing in it")
    group.add_argument(
        "--record-limit", type=megabytes, metavar="MB", help="let it grow no larger (10), and say so"
    )


def _add_searches(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--list-ports", action="store_true", help="list the serial ports of this machine")
    group.add_argument("--scan", action="store_true", help="list the Bluetooth devices nearby")
    group.add_argument("--invert-current", action="store_true", help="turn the sign of the current")


def _add_readings(group: argparse._ArgumentGroup) -> None:
    for section, text in {**SECTIONS, **MORE_SECTIONS}.items():
        group.add_argument(
            flag(section), dest="sections", action="append_const", const=section, help=text, default=[]
        )
    group.add_argument("--all", action="store_true", help="all sections except --faults and --info")
    without.add_option(group)


def _add_outputs(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--get", action=Once, metavar="PATH", help="print one bare value, for instance soc.soc_percent"
    )
    group.add_argument("--format", choices=("json", "table"), default="json", help="how to print it (json)")


def add_patience(group: argparse._ArgumentGroup, ends: bool = True) -> None:
    """How long to try; means the same in every program. ends: can the command be limited as a whole?"""
    group.add_argument(
        "--retry", type=repeats, default=5, metavar="N", help="repeat an unanswered request so often (5)"
    )
    if ends:
        group.add_argument(
            "-t", "--timeout", type=seconds, metavar="SECONDS", help="end the whole command after so long"
        )
    group.add_argument(
        "--reply-timeout",
        type=silence,
        metavar="SECONDS",
        help="longest silence before asking again (0.5, over Bluetooth 0.8)",
    )
    group.add_argument(
        "--pause",
        type=rest,
        metavar="SECONDS",
        help="rest so long between an answer and the next question, 0 to 10; without it the board's need "
        "is found out",
    )
