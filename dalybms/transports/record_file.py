"""Reading a recording: lines -> openings, questions and what followed each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Union

from dalybms.errors import TransportError
from dalybms.transports.recording import FORMAT, HEARD, SENT, VERSION

_EVENTS = ("open", "close", "error")


class Failure(NamedTuple):
    """An error of the wire. where: "open", "write" or "read"."""

    where: str
    text: str
    stage: str | None = None
    passing: bool = False

    def error(self) -> TransportError:
        """The same error once more."""
        error = TransportError(self.text)
        error.passing = self.passing
        error.stage = self.stage
        return error


Reply = list[tuple[float, Union[bytes, Failure]]]
"""(seconds after the question, bytes or an error) in order."""


class Opening(NamedTuple):
    """What became of opening the wire, and what came before anything was asked."""

    failure: Failure | None
    heard: Reply


class Spool(NamedTuple):
    """One wire of a recording."""

    about: Mapping[str, Any]
    openings: list[Opening]
    exchanges: list[tuple[bytes, Reply]]


def load(path: str, device: int = 1) -> Spool:
    """Raises TransportError, one line, for a file that cannot be read, is damaged, or has no such device."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise TransportError(f"cannot read the recording {path}: it is no plain file; check the name")
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except OSError as error:
        raise TransportError(f"cannot read the recording {path}: {error.strerror}; check the name") from None
    lines.pop()  # nothing, or what was being written when the program was killed
    try:
        return _spool(lines, device)
    except _Damaged as error:
        raise TransportError(f"{path} is no recording, or a damaged one: {error}; record once more") from None


class _Damaged(Exception):
    """Where and what."""


def _spool(lines: list[bytes], device: int) -> Spool:
    parsed = list(_parsed(lines))
    if not parsed or parsed[0].get("format") != FORMAT:
        raise _Damaged("its first line is no header")
    if parsed[0].get("version") != VERSION:
        raise _Damaged(f"it has version {parsed[0].get('version')}, known is {VERSION}")
    about = parsed[0]
    numbers = {1} | {line["device"] for line in parsed if isinstance(line.get("device"), int)}
    if device not in numbers:
        raise _Damaged(f"it has no device {device}, only {', '.join(map(str, sorted(numbers)))}")
    spool = Spool({**about}, [], [])
    target: Reply | None = None
    began = 0.0
    for number, line in enumerate(parsed[1:], 2):
        if line.get("device", 1) != device:
            continue
        if "t" not in line:
            spool = spool._replace(about={**spool.about, **line})
            continue
        at = _seconds(line, number)
        if "event" in line:
            target, began = _event(spool, line, target, at, began, number)
        elif line.get("dir") == SENT:
            target, began = [], at
            spool.exchanges.append((_bytes(line, number), target))
        elif line.get("dir") == HEARD:
            if target is None:
                raise _Damaged(f"line {number} comes before the wire is open")
            target.append((at - began, _bytes(line, number)))
        else:
            raise _Damaged(f"line {number} has no direction")
    return spool


def _event(
    spool: Spool, line: Mapping[str, Any], target: Reply | None, at: float, began: float, number: int
) -> tuple[Reply | None, float]:
    """What the following lines belong to, and since when."""
    event = line["event"]
    if event not in _EVENTS:
        raise _Damaged(f"line {number} has the event {event!r}")
    if event == "open":
        spool.openings.append(Opening(None, []))
        return spool.openings[-1].heard, at
    if event == "close":
        return None, at
    failure = Failure(
        str(line.get("in")), str(line.get("text")), line.get("stage"), bool(line.get("passing"))
    )
    if failure.where == "open":
        spool.openings.append(Opening(failure, []))
    elif target is not None:
        target.append((at - began, failure))
    return target, began


def _parsed(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            raise _Damaged(f"line {number} is no JSON") from None
        if not isinstance(line, dict):
            raise _Damaged(f"line {number} is no object")
        yield line


def _seconds(line: Mapping[str, Any], number: int) -> float:
    at = line["t"]
    if isinstance(at, bool) or not isinstance(at, (int, float)) or not 0 <= at < 1e9:
        raise _Damaged(f"line {number} has no time")
    return float(at)


def _bytes(line: Mapping[str, Any], number: int) -> bytes:
    try:
        return bytes.fromhex(line["hex"])
    except (KeyError, TypeError, ValueError):
        raise _Damaged(f"line {number} has no bytes") from None
