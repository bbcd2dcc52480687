"""A file that only grows, line by line: no half line stays in it, and it may be rotated away at any time."""

from __future__ import annotations

import errno
import os
from typing import Callable

from dalybms.errors import DalyError
from dalybms.files import is_special

_TAIL = 1_000_000
"""Bytes that one line has at the most."""


class LineFile:
    """Appends whole lines to `path`; each one opens it anew, so a file moved away or emptied is begun again.

    whole: tells whether a last line without its end is whole all the same; otherwise it was cut by a crash
    and is removed, because a part of a number is a wrong number. begins: what each line begins with.
    Raises DalyError when it cannot be written, or holds something else.
    """

    def __init__(
        self, path: str, complain: Callable[[str], None], whole: Callable[[str], bool], begins: str = ""
    ) -> None:
        self._path, self._complain = path, complain
        self._broken = False
        self.dropped = 0
        """Lines that could not be written."""
        if is_special(path):
            raise DalyError(f"{path} is no plain file: name a file, or leave -o away for stdout")
        try:
            if not self._holds(begins):
                raise DalyError(
                    f"{path} holds lines of something else: take another name, or another --format"
                )
            self._mend(whole)
        except OSError as error:
            raise DalyError(
                f"cannot write {path}: {error.strerror}; check the folder, its permissions and the free space"
            ) from None

    def first_line(self) -> str:
        """What the file begins with, "" for an empty one."""
        with open(self._path, encoding="utf-8", errors="replace", newline="\n") as file:
            return file.readline(_TAIL).rstrip("\r\n")

    def _holds(self, begins: str) -> bool:
        """Is the file new, or does it begin so? A crash may have cut off the very first line."""
        if not os.path.exists(self._path):
            return True
        with open(self._path, encoding="utf-8", errors="replace", newline="\n") as file:
            return begins.startswith(file.read(len(begins)))

    def write(self, line: str, header: str = "") -> None:
        """Append a line; an empty file gets the header first. Failures are told once, and counted."""
        try:
            self._append(line, header)
        except OSError as error:
            self.dropped += 1
            if not self._broken:
                self._complain(f"cannot write {self._path}: {error.strerror}; samples are lost until it can")
            self._broken = True
        else:
            if self._broken:
                self._complain(f"{self._path} can be written again; {self.dropped} lines were lost")
            self._broken = False

    def _append(self, line: str, header: str) -> None:
        number = _open(self._path)
        try:
            size = os.fstat(number).st_size
            data = f"{header}\n{line}\n" if header and not size else f"{line}\n"
            try:
                _write(number, data.encode("utf-8", "backslashreplace"))
            except OSError:
                os.ftruncate(number, size)
                raise
        finally:
            os.close(number)

    def _mend(self, whole: Callable[[str], bool]) -> None:
        number = _open(self._path)
        try:
            size = os.fstat(number).st_size
            os.lseek(number, max(0, size - _TAIL), os.SEEK_SET)
            last = os.read(number, _TAIL).rpartition(b"\n")[2]
            if last and whole(last.decode("utf-8", "replace")):
                _write(number, b"\n")
            elif last:
                os.ftruncate(number, size - len(last))
                self._complain(f"{self._path}: its last line was cut off by a crash and is removed")
        finally:
            os.close(number)


def _open(path: str) -> int:
    """Never waits, as opening a pipe would."""
    if is_special(path):
        raise OSError(errno.EINVAL, "it is no plain file any more")
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)


def _write(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]
