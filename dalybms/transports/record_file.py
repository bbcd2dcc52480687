"""Reading a recording: lines -> openings, questions and what followed each."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple, Union

from dalybms.errors import TransportError
from dalybms.transports.recorder import HEARD, SENT
from dalybms.transports.recording import FORMAT, VERSION

REPORT, LAST_PART = "dalybms report 1", "## Recording"
"""The first line of a report, and the one before the recording in it."""
_EVENTS = ("open", "close", "error")
_LARGEST = 250_000_000
"""Bytes of a file: one exchange of 13 bytes takes two lines and some 350 bytes of memory."""
_LONGEST = 1_000_000
"""Bytes of a line."""
_TOLD = 30
_PACKED = (b"\x1f\x8b", b"PK\3\4", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SIGN = 6
"""Bytes that tell such files."""


class Failure(NamedTuple):
    """An error of the wire. where: "open", "write" or "read"."""

    where: str
    text: str
    stage: str | None = None
    passing: bool = False
    cause: str = ""

    def error(self) -> TransportError:
        """The same error once more."""
        error = TransportError(self.text, self.cause)
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
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise TransportError(f"cannot read the recording {path}: it is no plain file; check the name")
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > _LARGEST:
                raise TransportError(
                    f"the recording {path} is too large to be played: cut it to {_LARGEST // 1_000_000} MB"
                )
            _refuse_other(file.peek(_SIGN)[:_SIGN])
            return _spool(_parsed(file), path, device)
    except OSError as error:
        if isinstance(error, TransportError):
            raise
        raise TransportError(f"cannot read the recording {path}: {error.strerror}; check the name") from None
    except _Damaged as error:
        raise TransportError(f"{path} is no recording, or a damaged one: {error}; record once more") from None


class _Damaged(Exception):
    """Where and what."""


def _refuse_other(start: bytes) -> None:
    """What became of a recording on its way, and is not lost."""
    if start.startswith(_PACKED):
        raise _Damaged("it is packed: unpack it")
    if start.startswith(_UTF_16):
        raise _Damaged("it was saved as UTF-16: save it as UTF-8")


def _head(lines: Iterator[tuple[int, dict[str, Any]]], path: str) -> dict[str, Any]:
    _, about = next(lines, (0, {}))
    if about.get("format") != FORMAT:
        raise _Damaged("its first line is no header")
    version = about.get("version")
    if isinstance(version, int) and version > VERSION:
        raise TransportError(
            f"{path} was recorded by a newer dalybms (format {version}, known is {VERSION}): update dalybms"
        )
    if version != VERSION:
        raise _Damaged(f"it has version {str(version)[:_TOLD]!r}, known is {VERSION}")
    return about


def _spool(lines: Iterator[tuple[int, dict[str, Any]]], path: str, device: int) -> Spool:
    spool = Spool(_head(lines, path), [], [])
    numbers, place = {1}, _Place(None, 0.0)
    for number, line in lines:
        own = line.get("device", 1)
        if not isinstance(own, int) or isinstance(own, bool) or own < 1:
            raise _Damaged(f"line {number} has the device {str(own)[:_TOLD]!r}")
        numbers.add(own)
        if own != device:
            continue
        if "t" not in line:
            spool = spool._replace(about={**spool.about, **line})
        else:
            place = _line(spool, line, place, number)
    if device not in numbers:
        known = ", ".join(map(str, sorted(numbers)))
        raise TransportError(f"{path} has no device {device}, only {known}: choose it with ?device=NUMBER")
    return spool


class _Place(NamedTuple):
    """What the following lines belong to, and since when."""

    target: Reply | None
    began: float


def _line(spool: Spool, line: Mapping[str, Any], place: _Place, number: int) -> _Place:
    at = _seconds(line, number)
    if "event" in line:
        return _event(spool, line, place, at, number)
    if line.get("dir") == SENT:
        reply: Reply = []
        spool.exchanges.append((_bytes(line, number), reply))
        return _Place(reply, at)
    if line.get("dir") != HEARD:
        raise _Damaged(f"line {number} has no direction")
    if place.target is None:
        raise _Damaged(f"line {number} comes before the wire is open")
    place.target.append((at - place.began, _bytes(line, number)))
    return place


def _event(spool: Spool, line: Mapping[str, Any], place: _Place, at: float, number: int) -> _Place:
    event = line["event"]
    if event not in _EVENTS:
        raise _Damaged(f"line {number} has the event {str(event)[:_TOLD]!r}")
    if event == "open":
        spool.openings.append(Opening(None, []))
        return _Place(spool.openings[-1].heard, at)
    if event == "close":
        return _Place(None, at)
    failure = Failure(
        str(line.get("in")),
        str(line.get("text")),
        line.get("stage"),
        bool(line.get("passing")),
        str(line.get("cause") or ""),
    )
    if failure.where == "open":
        spool.openings.append(Opening(failure, []))
    elif place.target is not None:
        place.target.append((at - place.began, failure))
    return place


def _skipped(file: BinaryIO) -> int:
    """The lines before the recording that a report holds as its last part."""
    if file.readline(_LONGEST).rstrip() != REPORT.encode():
        file.seek(0)
        return 0
    number, line = 1, b"?"
    while line and line.rstrip() != LAST_PART.encode():
        number, line = number + 1, file.readline(_LONGEST)
    return number


def _parsed(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number, line) of each that is finished and not empty, as a file that was edited may have them."""
    for number in itertools.count(_skipped(file) + 1):
        text = file.readline(_LONGEST)
        if not text.endswith(b"\n"):
            if len(text) == _LONGEST:
                raise _Damaged(f"line {number} is too long")
            return  # the end, or what was being written when the program was killed
        if text.isspace():
            continue
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            raise _Damaged(f"line {number} is no JSON") from None
        if not isinstance(line, dict):
            raise _Damaged(f"line {number} is no object")
        yield number, line


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
