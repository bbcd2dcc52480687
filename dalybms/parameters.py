"""A parameter file: the settings of a board as they were, to keep and to compare.

    document = parameters.read(bms)
    parameters.save("pack1.json", document)
    differences = parameters.compare(parameters.load("pack1.json"), document).rows

The file is JSON: `format`, `version` (of this package), `time` (of the reading, with its offset), `identity`
(protocol, board, battery_code, software_version, hardware_version, cells, as far as the board tells them),
`parameters` {name: {value, unit, raw}} and `unavailable` {name: why}, both by name. Two files of an
unchanged board differ in `time` alone. Nothing here writes to a board.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from dalybms import __version__
from dalybms.errors import DalyError
from dalybms.files import put

FORMAT = 1
IDENTITY = ("protocol", "board", "battery_code", "software_version", "hardware_version", "cells")
_FIRST = {
    "protocol": "another protocol",
    "software_version": "another firmware",
    "hardware_version": "another hardware",
    "cells": "another number of cells",
}
"""What is said before all differences, as it may explain them."""
_LARGEST = 1 << 20


class Difference(NamedTuple):
    """A setting that both sides have with different values."""

    name: str
    a: Any
    b: Any
    unit: str


class Comparison(NamedTuple):
    """`first`: other boards, in words. `rows`: the differences by name. `notes`: what only one side tells."""

    first: list[str]
    rows: list[Difference]
    notes: list[str]


def read(bms: Any, time: datetime | None = None) -> dict[str, Any]:
    """The document of a connected battery (a DalyBMS). Raises as its get_parameters() and get_info()."""
    found, info = bms.read_parameters(), bms.get_info()
    return {
        "format": FORMAT,
        "version": __version__,
        "time": (time or datetime.now().astimezone()).isoformat(timespec="seconds"),
        "identity": {name: info[name] for name in IDENTITY if name in info},
        **found,
    }


def save(path: str | os.PathLike[str], document: Mapping[str, Any]) -> None:
    """Write the file, all of it or nothing: a power cut leaves the old one. DalyError if it cannot be."""
    put(os.fspath(path), json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The document of a file. DalyError for none, a broken one, or one of a newer version."""
    name = os.fspath(path)
    try:
        with open(name, encoding="utf-8-sig") as file:
            document = json.loads(file.read(_LARGEST), parse_constant=_refuse)
    except OSError as error:
        raise DalyError(f"cannot read {name}: {error.strerror}; check its name and permissions") from None
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and _is_newer(document.get("format")):
        version = document["format"]
        raise DalyError(
            f"{name} was written by a newer version (format {version}): update dalybms, or take another file"
        )
    if not _is_document(document):
        raise DalyError(f"{name} is no parameter file, or a broken one: save it anew")
    return dict(document)


def compare(a: Mapping[str, Any], b: Mapping[str, Any]) -> Comparison:
    """Two documents, setting by setting. A setting that one side lacks is a note, not a difference."""
    ours, theirs = a["parameters"], b["parameters"]
    both = sorted(ours.keys() & theirs.keys())
    rows = [
        Difference(name, ours[name]["value"], theirs[name]["value"], ours[name]["unit"])
        for name in both
        if not _same(ours[name], theirs[name])
    ]
    notes = [f"{name}: only A has it" for name in sorted(ours.keys() - theirs.keys())]
    notes += [f"{name}: only B has it" for name in sorted(theirs.keys() - ours.keys())]
    return Comparison(_others(a["identity"], b["identity"]), rows, notes)


def _others(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    return [
        f"{words}: A {a.get(name, 'unknown')}, B {b.get(name, 'unknown')}"
        for name, words in _FIRST.items()
        if a.get(name) != b.get(name)
    ]


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """True is not 1: a switch and a number are different things."""
    return bool(a["value"] == b["value"] and a["unit"] == b["unit"]) and (
        isinstance(a["value"], bool) == isinstance(b["value"], bool)
    )


def _is_newer(number: Any) -> bool:
    return isinstance(number, int) and number > FORMAT


def _refuse(word: str) -> None:
    """NaN and Infinity, which Python takes for JSON."""
    raise ValueError(word)


def _is_document(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and document.get("format") == FORMAT
        and isinstance(document.get("identity"), dict)
        and all(map(_is_value, document["identity"].values()))
        and isinstance(document.get("parameters"), dict)
        and all(_is_value(name) and _is_parameter(each) for name, each in document["parameters"].items())
    )


def _is_parameter(each: Any) -> bool:
    return (
        isinstance(each, dict)
        and _is_value(each.get("value"))
        and isinstance(each.get("unit"), str)
        and _is_value(each["unit"])
    )


def _is_value(value: Any) -> bool:
    """A number, yes or no, or a text that a terminal may be shown."""
    return isinstance(value, (int, float)) or (isinstance(value, str) and value.isprintable())
