"""The names of a battery in topics and identifiers: two batteries never get the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

_FORBIDDEN = re.compile(r"[/+#\x00-\x1f\x7f-\x9f\ud800-\udfff]|^\$|-board\d+$")
"""Of a topic's level; the last would look like one of several boards."""
_NO_IDENTIFIER = re.compile(r"[^A-Za-z0-9_-]|-board\d+$")
_LONGEST = 64


def node(sample: Mapping[str, Any]) -> str:
    """The battery's level in topics: its name, and its board where a cable has several."""
    return _with_board(_clean(str(sample.get("name")), _FORBIDDEN), sample)


def identifier(sample: Mapping[str, Any]) -> str:
    """Letters, digits, _ and - alone."""
    return _with_board(_clean(str(sample.get("name")), _NO_IDENTIFIER), sample)


def title(sample: Mapping[str, Any]) -> str:
    """For people."""
    board = sample.get("board")
    return str(sample.get("name")) + ("" if board is None else f" board {board}")


def _with_board(name: str, sample: Mapping[str, Any]) -> str:
    board = sample.get("board")
    return name if board is None else f"{name}-board{board}"


def _clean(name: str, forbidden: re.Pattern[str]) -> str:
    """A name that had to be changed gets a mark made of the whole one."""
    clean = forbidden.sub("_", name)[:_LONGEST]
    if clean == name and name:
        return name
    return f"{clean}_{hashlib.sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:6]}"
