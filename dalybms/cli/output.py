"""stdout: data only, and an honest exit code when it cannot be written."""

from __future__ import annotations

import os
import sys
from typing import Callable, TextIO

DONE, FAILED, USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
UNVERIFIED, DECLINED = 4, 5
"""Of a write."""
UNKNOWN = 3
"""Of a monitoring plugin that could not find out."""
DIFFERENT = 3
"""Of `parameters diff`: there are differences."""


_LONGEST_WORD, _KEPT = 300, 100
"""Letters: of a longer word of a message, such as an argument that went wrong, the two ends are shown."""


def complain(message: object) -> None:
    """One line on stderr, whatever the message holds."""
    say(f"daly-bms-cli: {in_a_line(message)}")


def in_a_line(message: object) -> str:
    """A message as a terminal bears it: signs that would steer it, as names may hold, are written out."""
    words = (
        word if word.isprintable() else word.encode("unicode_escape").decode()
        for word in str(message).split()
    )
    return " ".join(
        word if len(word) <= _LONGEST_WORD else f"{word[:_KEPT]}...{word[-_KEPT:]}" for word in words
    )


def say(line: str, end: str = "\n") -> bool:
    """Put a line on stderr; False where that is closed or cannot be written, which ends nothing."""
    if sys.stderr is None:
        return False
    try:
        print(line, end=end, file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)
        return False
    return True


def write(text: str) -> int:
    """Put a line on stdout; DONE also when the reader has gone, FAILED when it cannot be written."""
    return put(lambda: sys.stdout.write(encodable(text) + "\n"))


def encodable(text: str) -> str:
    """A letter that stdout has not, in a name, is written as its number."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def put(print_it: Callable[[], object]) -> int:
    """The same of what `print_it` puts there."""
    if sys.stdout is None:
        complain("stdout is closed: nothing can be written")
        return FAILED
    try:
        print_it()
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
    except OSError as error:
        complain(f"cannot write to stdout: {error.strerror}")
        silence()
        return FAILED
    return DONE


def silence(stream: TextIO | None = None) -> None:
    """The interpreter flushes it (stdout) once more at exit; give it a place that takes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), (stream or sys.stdout).fileno())
