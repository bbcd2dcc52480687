"""A pack with secrets that nothing else looks like, and a search for what is left of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support import Clock, VirtualWire

from dalybms import DalyBMS
from dalybms.emulator.options import build

SECRETS = ("DL-9381765K-46275913", "DL38165942770316")
"""Battery code and serial number of the pack."""


def runs(text: str, length: int) -> Iterator[str]:
    for at in range(len(text) - length + 1):
        yield text[at : at + length]


def looks(secret: str) -> Iterator[bytes]:
    """How a part of it may stand in bytes: a frame of A5 holds 7 characters, the password is 6."""
    for part in runs(secret, 6):
        yield part.encode()
        yield part.encode()[::-1]
    for part in runs(secret, 8):
        if part.isdigit():
            yield bytes.fromhex(part)
            yield bytes.fromhex(part)[::-1]


def leftovers(path: Path, secrets: tuple[str, ...]) -> list[str]:
    """What of the secrets is in the text of the file, and in the bytes of each direction and of both."""
    text = path.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    streams = [
        b"".join(bytes.fromhex(line["hex"]) for line in lines if line.get("dir", "?") in ways)
        for ways in ("<", ">", "<>")
    ]
    parts = [part for secret in secrets for part in runs(secret, 8)]
    found = [part for part in parts if part in text or part[::-1] in text]
    return found + [
        look.hex() for secret in secrets for look in looks(secret) for each in streams if look in each
    ]


def board(options: str) -> Any:
    line = build(options)
    for each in line.boards:
        each.pack.battery_code, each.pack.serial = SECRETS
    return line


class Battery(DalyBMS):
    """In virtual time."""

    def __init__(self, line: Any, recording: Any, **options: Any) -> None:
        super().__init__(**options)
        clock = self._clock = Clock()
        self._use(recording.wrap(VirtualWire(line, clock), {"protocol": options.get("protocol", "auto")}))
