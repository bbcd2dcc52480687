"""Other programs of this machine: who holds a port, who takes serial adapters away. Linux alone tells."""

from __future__ import annotations

import os
import sys

TAKERS = ("brltty", "ModemManager")
"""They take serial adapters: the one for Braille displays, the other to look for modems."""
_SHOWN = 15
"""Characters of a program's name that Linux keeps."""
_MAKER = "/dev/ptmx"
"""Who holds the other end of a pseudo terminal made it, and holds both."""


def takers() -> list[str]:
    """Those that run here."""
    running = {_name(number).lower() for number in _numbers()}
    return [each for each in TAKERS if each.lower()[:_SHOWN] in running]


def holders_of(device: str) -> list[str]:
    """Other programs that have this port open, as "name (process 123)", as far as the system tells."""
    port, own = os.path.realpath(device), str(os.getpid())
    return [
        f"{_name(number)} (process {number})"
        for number in _numbers()
        if number != own and port in (files := _files(number)) and _MAKER not in files
    ]


def _numbers() -> list[str]:
    if not sys.platform.startswith("linux"):
        return []
    return sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int)


def _name(number: str) -> str:
    try:
        with open(f"/proc/{number}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _files(number: str) -> set[str]:
    """What a process has open; of other users' processes only root is told."""
    folder, found = f"/proc/{number}/fd", set()
    try:
        for name in os.listdir(folder):
            found.add(os.readlink(f"{folder}/{name}"))
    except OSError:
        return found
    return found
