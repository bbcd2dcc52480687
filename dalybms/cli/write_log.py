"""`--write-log`: a line before and a line after each write, on the disk before anything goes on."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from typing import Any, TextIO

from dalybms.errors import DalyError


class WriteLog:
    """A file of JSON lines, or nothing where none was asked for. DalyError when it cannot be written."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        if path is not None:
            try:
                self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open for the whole command
            except OSError as error:
                raise self._failed(error) from error

    def add(self, event: str, **values: Any) -> None:
        """event: "before" or "after"."""
        if self._file is None:
            return
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": now, "event": event, **values}
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> DalyError:
        return DalyError(f"cannot write the log {self._path}: {error.strerror}; choose another --write-log")
