"""stdout: data only, and an honest exit code when it cannot be written."""

from __future__ import annotations

import os
import sys

DONE, FAILED, USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
UNVERIFIED, DECLINED = 4, 5
"""Of a write."""
UNKNOWN = 3
"""Of a monitoring plugin that could not find out."""
DIFFERENT = 3
"""Of `parameters diff`: there are differences."""


def complain(message: object) -> None:
    """One line on stderr, whatever the message holds."""
    if sys.stderr is not None:
        print(f"daly-bms-cli: {' '.join(str(message).split())}", file=sys.stderr)


def write(text: str) -> int:
    """Put a line on stdout; DONE also when the reader has gone, FAILED when it cannot be written."""
    if sys.stdout is None:
        complain("stdout is closed: nothing can be written")
        return FAILED
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
    except OSError as error:
        complain(f"cannot write to stdout: {error.strerror}")
        silence()
        return FAILED
    return DONE


def silence() -> None:
    """The interpreter flushes stdout once more at exit; give it a place that takes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
