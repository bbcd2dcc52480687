"""The options of the emulator: one table, which parser, help and documents loop over."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from dalybms.emulator import conduct, forms
from dalybms.emulator.a5.board import STYLES


class Option(NamedTuple):
    """A row of the table: `read` makes the value of the text, or raises ValueError."""

    name: str
    read: Callable[[str], Any]
    form: str
    """What the value looks like, for the error message and the help."""
    default: str
    """What holds without the option, for the help."""
    text: str
    whole: bool = False
    """It is about the line, not about a board."""


PROTOCOLS = ("a5", "d2", "p81", "sinowealth")
OPTIONS = (
    Option(
        "protocol",
        forms.protocols(*PROTOCOLS),
        "|".join(PROTOCOLS),
        "a5",
        "what the board speaks; with + between them several, as in d2+p81",
    ),
    Option("cells", forms.whole(0, 255), "0 to 255", "16; sinowealth 4", "number of cells"),
    Option("sensors", forms.whole(0, 255), "0 to 255", "4; sinowealth 2", "number of temperature sensors"),
    Option(
        "cell",
        forms.several(forms.scaled(1000, 0, 65535)),
        "V[,V...]",
        "3.310 to 3.314",
        "voltage of each cell",
    ),
    Option(
        "temperature",
        forms.several(forms.scaled(1, 40, 255)),
        "C[,C...]",
        "21 to 23",
        "temperature of each sensor",
    ),
    Option("soc", forms.scaled(10, 0, 65535), "percent", "76.5", "state of charge"),
    Option(
        "current",
        forms.number(-3000, 3553.4),
        "A",
        "12.3 of discharge",
        "current; discharge is positive with a5, else negative",
    ),
    Option("clock", forms.moment, "YYMMDDhhmmss", "as this machine's", "clock, which then stands still"),
    Option("charge_mosfet", forms.switch, "0|1", "1", "charge MOSFET on"),
    Option("discharge_mosfet", forms.switch, "0|1", "1", "discharge MOSFET on"),
    Option(
        "hold",
        forms.holds,
        "charge:on|off,discharge:on|off",
        "none",
        "a MOSFET is held there, whatever its switch says",
    ),
    Option("write", forms.conduct, "WORD[:SECONDS],...", "act,ack", "how it takes writes, see the words"),
    Option("restart", forms.number(0, 3600), "seconds", "3", "silence of a board that restarts"),
    Option(
        "discharge_off",
        forms.one_of(*conduct.LOST),
        "|".join(conduct.LOST),
        "stays",
        "what becomes of board and wire when discharge is switched off",
    ),
    Option("awake", forms.switch, "0|1", "1", "asleep, it hears nothing"),
    Option(
        "balancing",
        forms.several(forms.whole(1, 48)),
        "1 to 48[,1 to 48...]",
        "none",
        "numbers of the cells that are being balanced",
    ),
    Option(
        "layout",
        forms.one_of("mask", "number"),
        "mask|number",
        "mask",
        "how the board says which; number as R24TK boards do (a5, p81)",
    ),
    Option(
        "hardware", forms.text(14), "up to 14 characters", "DL-BMS-R32-01E", "text of the hardware version"
    ),
    Option("cycles", forms.whole(0, 65535), "0 to 65535", "42", "charge cycles"),
    Option(
        "alarms", forms.eight_bytes, "16 hex digits", "none", "the alarm bytes of the protocol as they travel"
    ),
    Option("board", forms.whole(1, 16), "1 to 16", "1", "number of the (first) board"),
    Option(
        "boards", forms.whole(1, 16), "1 to 16", "1", "number of boards on the line, counted up from board"
    ),
    Option(
        "host",
        forms.several(forms.code(0xFF)),
        "hex[,hex...]",
        "3F + board, and 80 for board 1",
        "request addresses (a5)",
    ),
    Option(
        "style", forms.one_of(*STYLES), "|".join(STYLES), "exact", "frames of cell and sensor replies (a5)"
    ),
    Option("leftover", forms.switch, "0|1", "0", "undefined bytes repeat the previous reply (a5)"),
    Option(
        "unsupported",
        forms.several(forms.code(0xFFFF)),
        "hex[,hex...]",
        "none",
        "commands or start registers never answered",
    ),
    Option(
        "absent",
        forms.ranges(0xFFFF),
        "hex[-hex],...",
        "none",
        "registers that read FFFF (d2, p81; d2 where both)",
    ),
    Option(
        "latency", forms.milliseconds, "ms", "0, else as the first board", "time between request and reply"
    ),
    Option("deaf", forms.milliseconds, "ms", "0", "time after its answer in which it hears nothing"),
    Option("deaf_rate", forms.number(0, 1), "0 to 1", "1", "how many of its answers are followed by that"),
    Option(
        "paced", forms.switch, "0|1", "0, in the server 1", "each byte takes its time as at 9600 8N1", True
    ),
    Option("busy", forms.switch, "0|1", "1", "what comes while the board sends is lost", True),
    Option(
        "fault", forms.several(forms.fault), "NAME[:RATE[:COUNT]],...", "none", "faults, see their list", True
    ),
    Option("seed", int, "whole number", "0", "everything random follows from it", True),
    Option(
        "scale", forms.number(0.001, 1000), "factor", "1", "makes the waits of faults shorter or longer", True
    ),
    Option("log", str, "PATH", "none", "appends each request to this file, a JSON object a line", True),
)
