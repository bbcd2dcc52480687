"""Files that survive a crash: at every moment the whole old one or the whole new one."""

from __future__ import annotations

import contextlib
import os
import stat

from dalybms.errors import DalyError


def is_special(path: str) -> bool:
    """Is it a folder, a device or a pipe, which might be waited for?"""
    return os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode)


def put(path: str, content: str | bytes, lasting: bool = True) -> None:
    """Have `path` hold `content`: a new file beside it, on the disk, then renamed.

    lasting: wait until the disk has it; not for what is made anew in a moment.
    A link stays a link. Raises DalyError, one line, when it cannot be written (the old file is whole then)
    and for a device or a pipe, which a file would replace.
    """
    if is_special(path):
        raise DalyError(f"{path} is no file: name one that is, or a new one")
    beside = ""
    try:
        target = os.path.realpath(path)
        beside = f"{target}.new"
        with open(beside, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            _keep_rights(target, beside)
            if lasting:
                os.fsync(file.fileno())
        os.replace(beside, target)
        if lasting:
            _settle(os.path.dirname(target))
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise DalyError(
            f"cannot write {path}: {error.strerror}; check the folder, its permissions and the free space"
        ) from None


def _keep_rights(target: str, beside: str) -> None:
    """Who was given the right to read a file keeps it; a file system without rights has none to keep."""
    with contextlib.suppress(OSError):
        os.chmod(beside, stat.S_IMODE(os.stat(target).st_mode))


def _settle(folder: str) -> None:
    """The renaming, too, on the disk; Windows, and some network shares, have no such call for folders."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
