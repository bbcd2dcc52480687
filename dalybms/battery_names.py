"""Names of batteries that no output mixes up. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

BANK = "bank"
"""The name of the bank's samples."""


def check_names(wires: Collection[tuple[str, tuple[int, ...]]]) -> None:
    """wires: (name, board numbers). Raises ValueError."""
    names = [name for name, _ in wires]
    if not names:
        raise ValueError("no battery to watch: name one")
    for name in names:
        if not _told_apart(name) or not _is_utf8(name):
            raise ValueError(f"{name!r} is no name of a battery: give one with letters, as NAME=DEVICE")
    if BANK in names:
        raise ValueError(f"no battery may be called {BANK}: that is all of them together")
    keys = [key_of(name, board) for name, boards in wires for board in boards or (None,)]
    seen = Counter(map(_told_apart, names)) | Counter(map(_told_apart, keys))
    twice = sorted({name for name in (*names, *keys) if seen[_told_apart(name)] > 1})
    if twice:
        raise ValueError(f"two batteries are called {', '.join(twice)}: give each a name, as NAME=DEVICE")


def _told_apart(name: str) -> str:
    """What of a name is left in an output that holds the least (Influx): one line, single spaces."""
    return " ".join(name.split()).replace("\\", "/")


def _is_utf8(name: str) -> bool:
    """A device may be named in bytes that are no text; outputs are."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def key_of(name: str, board: int | None) -> str:
    return name if board is None else f"{name}/{board}"
