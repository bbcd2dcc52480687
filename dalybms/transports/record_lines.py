"""JSON lines into a file that is never written over: there when write() returns, up to a limit."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from dalybms.errors import DalyError

LIMIT = 10.0
"""Megabytes of a file, where nothing else is said."""


class Lines:
    """One file. Where it cannot go on it stops and says so once by `tell`: the command goes on."""

    def __init__(self, path: str, limit: float, tell: Callable[[str], None] | None) -> None:
        self._path, self._limit, self._tell = path, limit * 1_000_000, tell
        self._file: io.FileIO | None = None
        self._size = 0
        self.stopped = False

    def make(self) -> None:
        """Raises DalyError for a file that exists or cannot be made."""
        try:
            self._file = open(self._path, "xb", buffering=0)  # noqa: SIM115 - open while a wire is
        except FileExistsError:
            raise DalyError(f"{self._path} exists already: give the recording another name") from None
        except OSError as error:
            raise self._unwritable(error) from None

    def go_on(self) -> None:
        """Behind what was written. Raises DalyError where that cannot be."""
        if self._file is None and not self.stopped:
            try:
                self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115 - open while a wire is
            except OSError as error:
                raise self._unwritable(error) from None

    def let_go(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def write(self, lines: Sequence[Mapping[str, Any]], must: bool = False) -> None:
        """must: raise DalyError where they cannot be written."""
        if self.stopped or self._file is None:
            return
        texts = [json.dumps(line).encode() + b"\n" for line in lines]
        sizes = itertools.accumulate((len(text) for text in texts), initial=self._size)
        fitting = sum(size <= self._limit for size in sizes) - 1
        if must and fitting < len(texts):
            self.undo()
            raise DalyError(
                f"the limit of the recording {self._path} is too low to begin it: allow more megabytes"
            )
        self._put(b"".join(texts[: max(0, fitting)]), must)
        if fitting < len(texts):
            self._stop(f"the recording {self._path} has reached its limit and stops: allow more megabytes")

    def _put(self, data: bytes, must: bool) -> None:
        if self._file is None:
            return
        try:
            written = self._file.write(data)
        except OSError as error:
            if must:
                self.undo()
                raise self._unwritable(error) from None
            self._stop(f"the recording {self._path} stops: {error.strerror}")
            return
        self._size += written
        if written < len(data):
            if must:
                self.undo()
                raise self._unwritable(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            self._stop(f"the recording {self._path} stops: the disk is full")

    def undo(self) -> None:
        """A file without a header is none, and would be in the way of the next."""
        self.let_go()
        self._size = 0
        with contextlib.suppress(OSError):
            os.unlink(self._path)

    def _stop(self, why: str) -> None:
        if self.stopped:
            return
        self.stopped = True
        if self._tell:
            self._tell(why)

    def _unwritable(self, error: OSError) -> DalyError:
        return DalyError(
            f"cannot write the recording {self._path}: {error.strerror}; choose another folder or name"
        )
