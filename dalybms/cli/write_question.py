"""The question before a write, on a terminal."""

from __future__ import annotations

import sys
from typing import Any

from dalybms.cli import output
from dalybms.protocols.writes import MOSFETS

_LONGEST = 100
"""Characters of an answer."""


def may_ask() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def confirmed(action: str, value: Any) -> bool:
    """The value itself is typed: a habit of typing y confirms nothing."""
    word = (
        {True: "on", False: "off"}[value]
        if action in MOSFETS
        else "restart"
        if value is None
        else f"{value:g}"
    )
    try:
        return output.say(f"type {word} to send it once: ", end="") and _answer() == word
    except (OSError, UnicodeDecodeError):  # the terminal has gone; no text was typed
        return False


def _answer() -> str:
    """A whole line: of a longer one no part counts."""
    line = sys.stdin.readline(_LONGEST)
    return line.strip() if line.endswith("\n") else ""
