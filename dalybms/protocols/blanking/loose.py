"""Bytes that are part of no recognised frame. Pure.

Of a secret whose question was not heard a fragment may stand there: behind the head of its frame, where
everything is replaced, or as a text, of which the form stays. Other noise stays, because it tells a cause.
"""

from __future__ import annotations

import re
from typing import Callable

from dalybms.protocols.a5.frame import LENGTH, START
from dalybms.protocols.blanking.marks import A5_SECRETS
from dalybms.protocols.blanking.tokens import SHORTEST, hollow
from dalybms.protocols.modbus.d2 import ADDRESS
from dalybms.protocols.modbus.frame import READ
from dalybms.protocols.modbus.p81 import ANSWERS

_COMMAND = b"[" + re.escape(bytes(sorted(A5_SECRETS))) + b"]" + re.escape(bytes((LENGTH,)))
_A5_HEAD = re.compile(re.escape(bytes((START,))) + b"." + _COMMAND, re.DOTALL)
_A5_LOST = re.compile(_COMMAND)
"""Without its first bytes."""
_HEAD = re.compile(
    b"(["
    + re.escape(bytes((ADDRESS, *range(ANSWERS + 1, ANSWERS + 17))))
    + b"])"
    + bytes((READ,))
    + b"(.).{4}",
    re.DOTALL,
)
"""Of an answer with registers, and as much of it as holds a piece of a secret."""
_SHORT = 8
"""So many bytes an answer of Sinowealth has with an echo before it: of 5 that look like a text in it."""


def begins_secret(before: bytes, run: bytes, expected: Callable[[int, int], bool]) -> bool:
    """Does an answer with a secret begin in it? before: what was loose right before it.

    expected: (source, bytes) -> are they no secret?
    """
    if _A5_HEAD.search(before + run) or (len(run) > _SHORT and _A5_LOST.search(run)):
        return True
    joined = before + run
    return len(joined) > _SHORT and any(
        not expected(head[1][0], head[2][0]) for head in _HEAD.finditer(joined)
    )


def without_texts(before: bytes, run: bytes) -> bytes:
    """before: as above; a text may have begun there."""
    least = SHORTEST if len(run) > _SHORT else SHORTEST + 2
    return hollow(before + run, least)[len(before) :]
