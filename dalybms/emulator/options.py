"""Text such as "cells=16&soc=50.0&fault=drop:0.2,echo" becomes a line with boards.

One table lists the options: parser, help and documents loop over it.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from dalybms.emulator import faults
from dalybms.emulator.a5 import STYLES, A5Board
from dalybms.emulator.board import Board
from dalybms.emulator.line import Line
from dalybms.emulator.pack import Pack

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


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return read


def _scaled(factor: float, zero: int, high: int) -> Callable[[str], int]:
    """Reads a number of the pack's own unit as the raw integer of the wire."""

    def read(text: str) -> int:
        value = round(float(text) * factor) + zero
        if not 0 <= value <= high:
            raise ValueError
        return value

    return read


def _several(read_one: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    def read(text: str) -> list[Any]:
        return [read_one(part) for part in text.split(",")] if text else []

    return read


def _one_of(*names: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError
        return text

    return read


def _byte(text: str) -> int:
    return bytes.fromhex(text)[0] if len(text) == 2 else int("not a byte")


def _alarms(text: str) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != 8:
        raise ValueError
    return data


def _seconds(text: str) -> float:
    value = float(text) / 1000
    if not 0 <= value <= 60:
        raise ValueError
    return value


def _factor(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1000:
        raise ValueError
    return value


def _fault(text: str) -> str:
    faults.parse(text)
    return text


def _switch(text: str) -> bool:
    return bool(_whole(0, 1)(text))


PROTOCOLS = ("a5",)
OPTIONS = (
    Option("protocol", _one_of(*PROTOCOLS), "|".join(PROTOCOLS), "a5", "what the board speaks"),
    Option("cells", _whole(0, 255), "0 to 255", "16", "number of cells"),
    Option("sensors", _whole(0, 255), "0 to 255", "4", "number of temperature sensors"),
    Option("cell", _several(_scaled(1000, 0, 65535)), "V[,V...]", "3.310 to 3.314", "voltage of each cell"),
    Option(
        "temperature", _several(_scaled(1, 40, 255)), "C[,C...]", "21 to 23", "temperature of each sensor"
    ),
    Option("soc", _scaled(10, 0, 65535), "percent", "76.5", "state of charge"),
    Option("current", float, "A", "12.3, discharge", "current with the sign of the protocol"),
    Option("cycles", _whole(0, 65535), "0 to 65535", "42", "charge cycles"),
    Option("alarms", _alarms, "16 hex digits", "none", "the alarm bytes of the protocol as they travel"),
    Option("board", _whole(1, 16), "1 to 16", "1", "number of the (first) board"),
    Option("boards", _whole(1, 16), "1 to 16", "1", "number of boards on the line, counted up from board"),
    Option("host", _several(_byte), "hex[,hex...]", "3F + board, and 80 for board 1", "request addresses"),
    Option("style", _one_of(*STYLES), "|".join(STYLES), "exact", "frames of cell and sensor replies"),
    Option("leftover", _switch, "0|1", "0", "undefined bytes repeat the previous reply"),
    Option("unsupported", _several(_byte), "hex[,hex...]", "none", "commands that are never answered"),
    Option("latency", _seconds, "ms", "0", "time between request and reply"),
    Option("paced", _switch, "0|1", "0, in the server 1", "each byte takes its time as at 9600 8N1"),
    Option("busy", _switch, "0|1", "1", "what comes while the board sends is lost"),
    Option("fault", _several(_fault), "NAME[:RATE[:COUNT]],...", "none", "faults, see their list"),
    Option("seed", int, "whole number", "0", "everything random follows from it"),
    Option("scale", _factor, "factor", "1", "makes the waits of faults shorter or longer"),
)


def build(text: str, paced: bool = False) -> Line:
    """The line that `text` describes, "name=value&name=value"; `paced` unless the text says.

    Raises ValueError that names the right options or the right form of a value.
    """
    values = parse(text)
    first, count = values.get("board", 1), values.get("boards", 1)
    if first + count > 17:
        raise ValueError(f"boards {first} to {first + count - 1}: the last possible board is 16")
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
    return A5Board(
        _pack(values, others),
        number,
        hosts=values.get("host"),
        style=values.get("style", "exact"),
        leftover=values.get("leftover", False),
        unsupported=values.get("unsupported", ()),
    )


def _pack(values: Values, others: int) -> Pack:
    """The pack of a board with `others` before it: each has its own values, so that a mix-up shows."""
    pack = Pack(values.get("cells", 16), values.get("sensors", 4))
    pack.cells = [millivolts + 10 * others for millivolts in _filled(values.get("cell"), pack.cells)]
    pack.sensors = [raw + others for raw in _filled(values.get("temperature"), pack.sensors)]
    pack.voltage = round(sum(pack.cells) / 100)
    pack.soc = values.get("soc", pack.soc - others)
    pack.cycles = values.get("cycles", pack.cycles + others)
    pack.heartbeat += 50 * others
    pack.faults = values.get("alarms", pack.faults)
    if "current" in values:
        _set_current(pack, values["current"])
    return pack


def _filled(given: list[int] | None, usual: list[int]) -> list[int]:
    """`given` repeated to the length of `usual`; a longer list counts as it is."""
    if not given:
        return usual
    return given if len(given) > 1 else given * len(usual)


def _set_current(pack: Pack, amperes: float) -> None:
    pack.current = 30000 + round(10 * amperes)
    pack.current_ma = round(1000 * amperes)
    pack.state = 0 if pack.current == 30000 else 2 if amperes > 0 else 1
