"""JSON Lines: each sample as it is, one object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Callable


class JsonLines:
    """write: takes each line, without its end."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def take(self, sample: Mapping[str, Any]) -> None:
        self._write(json.dumps(sample, allow_nan=False, separators=(",", ":")))

    def close(self) -> None:
        """Nothing is kept back."""


def whole(line: str) -> bool:
    """Whether a line without its end is a whole one (see LineFile)."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
