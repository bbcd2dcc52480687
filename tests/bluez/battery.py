"""A dongle with a fake board behind it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bluez import device
from dalybms.emulator.options import build

if TYPE_CHECKING:
    from bluez.peripheral import Peripheral


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def battery(options: str, size: int = 20, text: bytes = b"") -> Peripheral:
    """A dongle with a fake board behind it; `text` is the dongle's own, between the pieces."""
    line = build(options)

    def answer(request: bytes) -> Iterable[bytes]:
        line.write(request, time.monotonic())
        for piece in cut(line.take(time.monotonic()), size):
            yield piece
            if text:
                yield text

    return device(answer=answer)
