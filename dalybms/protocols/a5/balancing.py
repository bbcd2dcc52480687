"""Command 0x97: two layouts, and nothing in the frame says which.

A mask, bit 0 of byte 0 for cell 1, was recorded from a board with its two highest cells in `90 00`. On R24TK
boards byte 1 is the number of the one cell instead (app and clamp meter agreed), and their hardware text
begins with JHB-. What byte 0 holds there is not known. A pack of 24 cells whose highest was cell 4 had
`00 04` for a minute (tfroidcoeur/daly_bms), which fits a number alone. Bytes 6 and 7 mean nothing.
"""

from __future__ import annotations

from typing import Callable

from dalybms.errors import NotSupported
from dalybms.protocols.balancing import of_mask, unsaid

NUMBERING = "JHB-"
"""How the hardware text of boards begins whose byte 1 is a number."""

_BYTES = 6
_UNSET = b"\xff" * _BYTES
"""What boards fill in that have nothing to tell: 48 cells at once balance nowhere."""


def balanced(data: bytes, cells: int, known: str | None, ask: Callable[[], str]) -> dict[int, bool]:
    """{cell from 1: is it being balanced?}; NotSupported where two cells are possible.

    known: the hardware text as far as it has been read. ask: asks for it; "" when the board is silent.
    """
    if data[:_BYTES] == _UNSET:
        raise NotSupported("this board does not say whether it balances")
    mask = int.from_bytes(data[:_BYTES], "little")
    if data[0] or not data[1] or any(data[2:_BYTES]):
        if data[0] and (known or "").startswith(NUMBERING):
            raise unsaid()
        return of_mask(mask, cells)
    as_mask, as_number = not mask >> cells, data[1] <= cells
    if as_mask and as_number:
        text = ask() if known is None else known
        as_number = text.startswith(NUMBERING)
        as_mask = bool(text) and not as_number
    if as_mask == as_number:
        raise unsaid()
    return of_mask(mask if as_mask else 1 << data[1] - 1, cells)
