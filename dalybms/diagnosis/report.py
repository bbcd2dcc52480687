"""--report FILE: one text file for a bug report. Versions, what was found, the blanked recording; no more."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any

from dalybms.device import open_recording
from dalybms.diagnosis.machine import CALLED, versions
from dalybms.errors import DalyError
from dalybms.files import put
from dalybms.transports.record_file import LAST_PART, REPORT


class Report:
    """A report in the making: `with Report(path) as report:`; then record into `report.recording`.

    Takes the file before anything is sent, and gives it back where nothing was written into it.
    Raises DalyError, one line, when it exists already or cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._report = path
        self._written = False

    def __enter__(self) -> Report:
        _claim(self._report)
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="dalybms-")
        except OSError as error:
            os.unlink(self._report)
            raise DalyError(
                f"no place for a temporary file: {error.strerror}; make room, or set TMPDIR"
            ) from None
        self.path = os.path.join(self._folder.name, "recording.jsonl")
        """Where the recording is until it stands in the report."""
        self.recording = open_recording(self.path)
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()
        if not self._written:
            os.unlink(self._report)

    def write(self, device: str, result: Mapping[str, Any]) -> None:
        """device: the text after -d, to be blanked where it stands. result: what diagnose() gives.

        The wire must be closed. Raises DalyError when it cannot be written.
        """
        told = text(result, versions(device), self._blanked(device))
        put(self._report, told + self._recorded())
        self._written = True

    def _blanked(self, device: str) -> Any:
        blanking = self.recording.blanking
        assert blanking is not None  # never raw
        return lambda line: " ".join(blanking.words(line, [device]).split())

    def _recorded(self) -> str:
        try:
            with open(self.path, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return "nothing: no wire was opened\n"


def text(result: Mapping[str, Any], told: Mapping[str, str], blanked: Any) -> str:
    """All but the recording. blanked: takes names and paths out of a line."""
    parts = [
        (
            "Versions",
            [f"{name}: {blanked(value) if name in _WORDS else value}" for name, value in told.items()],
        ),
        ("Causes", [blanked(_cause(each)) for each in result["causes"]]),
        ("Steps", [blanked(_step(each)) for each in result["steps"]]),
        ("Findings", [blanked(_finding(each)) for each in result["findings"]]),
        ("Not checked", [blanked(str(each)) for each in result["unchecked"]]),
    ]
    lines: list[str] = [REPORT, f"wire: {result['device']}"]
    for title, each in parts:
        lines += ["", f"## {title}", *(each or ["none"])]
    return "\n".join([*lines, "", LAST_PART, ""])


_WORDS = ("kernel", CALLED)
"""What may hold a name. The others are numbers, some of which look like addresses to who looks for such."""


def _cause(each: Mapping[str, Any]) -> str:
    return f"{each['code']}: {each['detail']}; {each['next']}"


def _step(each: Mapping[str, Any]) -> str:
    return f"{each['name']}, {each['outcome']}: {each['detail']}"


def _finding(each: Mapping[str, Any]) -> str:
    return f"{each['severity']}, {each['area']}: {each['detail']}; {each['fix']}"


def _claim(path: str) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        raise DalyError(f"{path} exists already: give the report another name") from None
    except OSError as error:
        raise DalyError(
            f"cannot write the report {path}: {error.strerror}; choose another folder or name"
        ) from None
