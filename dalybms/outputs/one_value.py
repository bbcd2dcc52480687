"""One value of a reading by its path, for `--get soc.soc_percent`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dalybms.errors import DalyError
from dalybms.sections import MORE_SECTIONS, SECTIONS


def section_of(path: str) -> str:
    """The section that has to be read for a path. Raises ValueError where there is none of that name."""
    name = path.partition(".")[0]
    known = (*SECTIONS, *MORE_SECTIONS)
    if name not in known:
        raise ValueError(f"no reading {name!r}: a path begins with one of {', '.join(known)}")
    return name


def value(sample: Mapping[str, Any], path: str) -> str:
    """The value at a path as bare text, more than one value as JSON. Raises DalyError where it was not read.

    Numbers and words as JSON has them, a text without its quotes: 76.5, true, charging.
    """
    found: Any = sample
    for part in path.split("."):
        if isinstance(found, Mapping) and "error" in found:
            raise DalyError(f"{path} was not read: {found['error']}")
        found = _step(sample, path, found, part)
    if isinstance(found, Mapping) and "error" in found:
        raise DalyError(f"{path} was not read: {found['error']}")
    return found if isinstance(found, str) else json.dumps(found)


def _step(sample: Mapping[str, Any], path: str, found: Any, part: str) -> Any:
    """One part further. Cells and sensors have numbers, the faults are counted from 0."""
    if isinstance(found, Mapping):
        keys = {str(key): key for key in found}
        if part in keys:
            return found[keys[part]]
        unusable = sample.get("unusable")
        if isinstance(unusable, Mapping) and path in unusable:
            raise DalyError(f"{path} was not read: {unusable[path]}")
        there = ", ".join(keys)
    elif isinstance(found, list):
        if part.isascii() and part.isdigit() and int(part) < len(found):
            return found[int(part)]
        there = f"0 to {len(found) - 1}" if found else "an empty list"
    else:
        there = "a single value"
    raise DalyError(f"there is no {path} in this reading; before the last part it has {there}")
