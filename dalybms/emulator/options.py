"""Text such as "cells=16&soc=50.0&fault=drop:0.2,echo" becomes a line with boards."""

from __future__ import annotations

from typing import Any

from dalybms.emulator import conduct, faults
from dalybms.emulator.board import Board
from dalybms.emulator.frame_log import file_log
from dalybms.emulator.line import Line
from dalybms.emulator.option_table import OPTIONS, PROTOCOLS, Option
from dalybms.emulator.packs import Values, make_board, protocols_of

__all__ = ["OPTIONS", "PROTOCOLS", "build", "describe", "parse"]
_ONLY_FOR = {"host": "a5", "style": "a5", "leftover": "a5"}
MOST_BOARDS = 16


def build(text: str, paced: bool = False) -> Line:
    """The line that `text` describes, "name=value&name=value"; `paced` unless the text says.

    Boards of several kinds are parts with ";" between them: "board=1&cells=16;board=2&protocol=p81". What is
    about the line stands in the first part.
    Raises ValueError that names the right options or the right form of a value.
    """
    parts = [parse(part) for part in text.split(";")]
    first = parts[0]
    for values in parts[1:]:
        _check_later(values)
    boards: list[Board] = []
    number = 1
    for values in parts:
        number = values.get("board", number)
        boards += _boards(values, number, len(boards))
        number += values.get("boards", 1)
    return Line(
        boards,
        latency=first.get("latency", 0.0),
        paced=first.get("paced", paced),
        faults=first.get("fault", ()),
        seed=first.get("seed", 0),
        busy=first.get("busy", True),
        scale=first.get("scale", 1.0),
        record=_record(first),
    )


def parse(text: str) -> Values:
    """The options that one part gives, by name, as raw values. Raises ValueError as `build` does."""
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


def _check_later(values: Values) -> None:
    for option in OPTIONS:
        if option.whole and option.name in values:
            raise ValueError(
                f"option {option.name!r} of the emulator is for the whole line: give it before the first ;"
            )
    if "latency" in values:
        values["own_latency"] = values.pop("latency")


def _boards(values: Values, first: int, before: int) -> list[Board]:
    last = first + values.get("boards", 1) - 1
    if last > MOST_BOARDS:
        raise ValueError(f"boards {first} to {last}: the last possible board is {MOST_BOARDS}")
    for name, protocol in _ONLY_FOR.items():
        if name in values and protocol not in protocols_of(values):
            raise ValueError(f"option {name!r} of the emulator is for protocol={protocol} only: leave it out")
    return [
        make_board(values, number, number - first, before + number - first)
        for number in range(first, last + 1)
    ]


def _record(values: Values) -> Any:
    if "log" not in values:
        return None
    try:
        return file_log(values["log"])
    except OSError as error:
        raise ValueError(
            f"log={values['log']} of the emulator: {error.strerror}: name a file that can be written"
        ) from None


def _value(option: Option, text: str) -> Any:
    try:
        return option.read(text)
    except ValueError as error:
        # Faults and words explain themselves; the other texts come from int() and float() and help nobody.
        why = f": {error}" if option.name in ("fault", "write") else ""
        raise ValueError(
            f"{option.name}={text} of the emulator{why}: write {option.name}={option.form}"
        ) from None


def describe() -> str:
    """All options, words and faults as lines of help."""
    lines = ['options, as in "cells=16&fault=drop:0.2,echo"; several boards as in "board=1;board=2&cells=8":']
    lines += [f"  {each.name}={each.form}\n      {each.text} ({each.default})" for each in OPTIONS]
    lines.append("words of write:")
    lines += [f"  {word:13}  {text}" for word, text in conduct.WORDS.items()]
    lines.append("faults, with their usual rate:")
    for name, kind in faults.KINDS.items():
        times = f", COUNT {kind.times}" if kind.times else ""
        lines.append(f"  {name:13}  {kind.text} ({kind.rate:g}{times})")
    return "\n".join(lines)
