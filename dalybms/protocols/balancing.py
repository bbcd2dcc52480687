"""Which cells are being balanced: a cell is named only when it is certain."""

from __future__ import annotations

from dalybms.errors import NotSupported


def of_mask(bits: int, cells: int) -> dict[int, bool]:
    """{cell from 1: is it being balanced?} of bits, the lowest for cell 1; higher bits are stray ones."""
    return {cell: bool(bits >> cell - 1 & 1) for cell in range(1, cells + 1)}


def unsaid() -> NotSupported:
    """The board balances, and which cells cannot be known: true for now, so no failure."""
    return NotSupported(
        "this board balances, but does not say which cells for certain: the vendor's app may show them",
        passing=True,
    )
