"""The programs that a first word starts; each is loaded when it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence

VERBS = {
    "diagnose": "dalybms.cli.diagnose",
    "parameters": "dalybms.cli.parameters",
    "plot": "dalybms.cli.plot",
    "watch": "dalybms.cli.watch",
}
"""First word: the module whose `main(arguments)` returns the exit code."""


def run(given: Sequence[str]) -> int:
    """Run the program of the first word with the other words."""
    home = VERBS[given[0]]
    __import__(home)
    code: int = sys.modules[home].main(given[1:])
    return code
