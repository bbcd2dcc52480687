"""Where the command line starts: signals end it in order from the first moment on."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dalybms.cli import limits, output, verbs


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (argparse itself exits with 2 for wrong usage).

    argv: None: those of this process, which ends with that code whatever signal comes behind it.
    """
    before = limits.handlers()
    try:
        return _main(sys.argv[1:] if argv is None else argv)
    finally:
        if argv is None:
            limits.settle()
        else:
            limits.restore(before)


def _main(given: Sequence[str]) -> int:
    try:
        with limits.sigterm_raises():
            if given and given[0] in verbs.VERBS:
                return verbs.run(given)
            from dalybms.cli.run import run

            return run(given)
    except KeyboardInterrupt:
        return _ended(given, output.INTERRUPTED)
    except limits.Terminated:
        return _ended(given, output.TERMINATED)


def _ended(given: Sequence[str], code: int) -> int:
    """A monitoring plugin says so on stdout, and knows no other code than UNKNOWN."""
    if "--check" not in given:
        return code
    output.write("DALY UNKNOWN - terminated before the check was finished")
    return output.UNKNOWN
