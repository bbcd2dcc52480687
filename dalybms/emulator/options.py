"""Text such as "cells=16&soc=50.0&fault=drop:0.2,echo" becomes a line with boards.

One table lists the options: parser, help and documents loop over it.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from dalybms.emulator import faults, forms
from dalybms.emulator.a5.board import STYLES, A5Board
from dalybms.emulator.board import Board
from dalybms.emulator.line import Line
from dalybms.emulator.modbus.d2 import D2Board
from dalybms.emulator.modbus.p81 import P81Board
from dalybms.emulator.pack import Pack
from dalybms.emulator.sinowealth import SinowealthBoard

Values = dict[str, Any]


class Option(NamedTuple):
    """A row of the table: `read` makes the value of the text, or raises ValueError."""

    name: str
    read: Callable[[str], Any]
    form: str
    """What the value looks like, for the error message and the help."""
    default: str
    """What holds without the option, for the help."""
    text: str


PROTOCOLS = ("a5", "d2", "p81", "sinowealth")
_A5_ONLY = ("host", "style", "leftover")
_USUAL_AMPERES = 12.3
OPTIONS = (
    Option("protocol", forms.one_of(*PROTOCOLS), "|".join(PROTOCOLS), "a5", "what the board speaks"),
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
        forms.number(-3000, 3553.5),
        "A",
        "12.3 of discharge",
        "current; discharge is positive with a5, else negative",
    ),
    Option("charge_mosfet", forms.switch, "0|1", "1", "charge MOSFET on"),
    Option("discharge_mosfet", forms.switch, "0|1", "1", "discharge MOSFET on"),
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
    Option("latency", forms.milliseconds, "ms", "0", "time between request and reply"),
    Option("paced", forms.switch, "0|1", "0, in the server 1", "each byte takes its time as at 9600 8N1"),
    Option("busy", forms.switch, "0|1", "1", "what comes while the board sends is lost"),
    Option("fault", forms.several(forms.fault), "NAME[:RATE[:COUNT]],...", "none", "faults, see their list"),
    Option("seed", int, "whole number", "0", "everything random follows from it"),
    Option("scale", forms.number(0.001, 1000), "factor", "1", "makes the waits of faults shorter or longer"),
)


def build(text: str, paced: bool = False) -> Line:
    """The line that `text` describes, "name=value&name=value"; `paced` unless the text says.

    Raises ValueError that names the right options or the right form of a value.
    """
    values = parse(text)
    first, count = values.get("board", 1), values.get("boards", 1)
    if first + count > 17:
        raise ValueError(f"boards {first} to {first + count - 1}: the last possible board is 16")
    for name in _A5_ONLY:
        if name in values and values.get("protocol", "a5") != "a5":
            raise ValueError(f"option {name!r} of the emulator is for protocol=a5 only: leave it out")
    return Line(
        [_board(values, number, number - first) for number in range(first, first + count)],
        latency=values.get("latency", 0.0),
        paced=values.get("paced", paced),
        faults=values.get("fault", ()),
        seed=values.get("seed", 0),
        busy=values.get("busy", True),
        scale=values.get("scale", 1.0),
    )


def parse(text: str) -> Values:
    """The options that `text` gives, by name, as raw values. Raises ValueError as `build` does."""
    table = {option.name: option for option in OPTIONS}
    values: Values = {}
    for part in filter(None, text.split("&")):
        name, _, value = part.partition("=")
        if name not in table:
            raise ValueError(f"unknown option {name!r} of the emulator: take one of {', '.join(table)}")
        if name in values:
            raise ValueError(f"option {name!r} of the emulator is given twice: give it once")
        values[name] = _value(table[name], value)
    return values


def _value(option: Option, text: str) -> Any:
    try:
        return option.read(text)
    except ValueError as error:
        # A fault explains itself; the other texts come from int() and float() and help nobody.
        why = f": {error}" if option.name == "fault" else ""
        raise ValueError(
            f"{option.name}={text} of the emulator{why}: write {option.name}={option.form}"
        ) from None


def describe() -> str:
    """All options and faults as lines of help."""
    lines = ['options, as in "cells=16&fault=drop:0.2,echo":']
    lines += [f"  {each.name}={each.form}\n      {each.text} ({each.default})" for each in OPTIONS]
    lines.append("faults, with their usual rate:")
    for name, kind in faults.KINDS.items():
        times = f", COUNT {kind.times}" if kind.times else ""
        lines.append(f"  {name:13}  {kind.text} ({kind.rate:g}{times})")
    return "\n".join(lines)


def _board(values: Values, number: int, others: int) -> Board:
    pack, unsupported = _pack(values, others), values.get("unsupported", ())
    protocol = values.get("protocol", "a5")
    if protocol == "d2":
        return D2Board(pack, unsupported)
    if protocol == "p81":
        return P81Board(pack, number, unsupported)
    if protocol == "sinowealth":
        return SinowealthBoard(pack, unsupported)
    return A5Board(
        pack,
        number,
        hosts=values.get("host"),
        style=values.get("style", "exact"),
        leftover=values.get("leftover", False),
        unsupported=unsupported,
    )


def _pack(values: Values, others: int) -> Pack:
    """The pack of a board with `others` before it: each has its own values, so that a mix-up shows."""
    protocol = values.get("protocol", "a5")
    cells, sensors = (4, 2) if protocol == "sinowealth" else (16, 4)
    pack = Pack(values.get("cells", cells), values.get("sensors", sensors))
    pack.cells = [millivolts + 10 * others for millivolts in _filled(values.get("cell"), pack.cells)]
    raws = _filled(values.get("temperature"), pack.sensors)
    pack.sensors = [raw if raw in (0, 255) else raw + others for raw in raws]
    pack.voltage = round(sum(pack.cells) / 100)
    pack.soc = values.get("soc", pack.soc - others)
    pack.capacity = pack.rated * pack.soc // 1000
    pack.charge_mosfet = int(values.get("charge_mosfet", True))
    pack.discharge_mosfet = int(values.get("discharge_mosfet", True))
    pack.cycles = values.get("cycles", pack.cycles + others)
    pack.heartbeat += 50 * others
    _set_alarms(pack, values.get("alarms", bytes(8)))
    discharge = 1 if protocol == "a5" else -1
    _set_current(pack, values.get("current", discharge * _USUAL_AMPERES), discharge)
    return pack


def _filled(given: list[int] | None, usual: list[int]) -> list[int]:
    """`given` repeated to the length of `usual`; a longer list counts as it is."""
    if not given:
        return usual
    return given if len(given) > 1 else given * len(usual)


def _set_alarms(pack: Pack, data: bytes) -> None:
    pack.faults = data
    pack.alarm_words = [int.from_bytes(data[at : at + 2], "big") for at in (0, 2, 4, 6)]
    pack.battery_status = pack.alarm_words[0]


def _set_current(pack: Pack, amperes: float, discharge: int) -> None:
    pack.current = 30000 + round(10 * amperes)
    pack.current_ma = round(1000 * amperes)
    pack.power = round(abs(amperes) * pack.voltage / 10)
    pack.state = 0 if pack.current == 30000 else 2 if amperes * discharge > 0 else 1
