"""A clock that is never set, and that goes on while the machine sleeps."""

from __future__ import annotations

import sys
import time

_WITH_SLEEP = getattr(time, "CLOCK_BOOTTIME", None)
if sys.platform == "darwin":
    _WITH_SLEEP = time.CLOCK_MONOTONIC


def elapsed() -> float:
    """Seconds from some moment on.

    time.monotonic() stands still on Linux and macOS while a laptop is suspended: what was read in the
    evening would be new in the morning. Source: clock_gettime(2), of both systems.
    """
    return time.monotonic() if _WITH_SLEEP is None else time.clock_gettime(_WITH_SLEEP)
