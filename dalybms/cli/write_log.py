"""`--write-log`: a line before and a line after each write, on the disk before anything goes on."""

from __future__ import annotations

import errno
import json
import os
import stat
from datetime import datetime, timezone
from io import FileIO
from typing import Any

from dalybms.errors import DalyError


class WriteLog:
    """A file of JSON lines, or nothing where none was asked for. DalyError when it cannot be written.

    Without a buffer: what a full disk has refused is not tried again when the program ends.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._file: FileIO | None = None
        if path is not None:
            try:
                self._file = FileIO(path, "a+", opener=_opened)
                self._begin()
            except OSError as error:
                raise self._failed(error) from error

    def add(self, event: str, **values: Any) -> None:
        """event: "before" or "after"."""
        if self._file is None:
            return
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": now, "event": event, **values}
        try:
            data = f"{json.dumps(line)}\n".encode()
            if self._file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file = None  # said once; what cannot be kept is not kept either at the end
            raise self._failed(error) from error

    def _begin(self) -> None:
        """A line that a full disk or a power cut has left unfinished spoils no other one."""
        assert self._file is not None
        if not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        if self._file.seek(0, os.SEEK_END):
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def _failed(self, error: OSError) -> DalyError:
        return DalyError(f"cannot write the log {self._path}: {error.strerror}; choose another --write-log")


def _opened(path: str, flags: int) -> int:
    """Without waiting: a serial port may wait for a carrier, a pipe for somebody who reads it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
