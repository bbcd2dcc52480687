"""What boards say of themselves: chemistries, and version texts, which some store backwards."""

from __future__ import annotations

import re

CHEMISTRIES = ("LFP", "NMC", "LTO", "sodium-ion")
"""By their numbers; the last is only stated."""

_DATE = r"\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_FORWARD = re.compile(
    rf"^\d\d_{_DATE}_"  # 11_240812_K00T
    rf"|^20{_DATE}(?!\d)"  # 20210729-1002A
    r"|(^|[-_])BMS([-_]|$)"  # BMS-ST030-303E
    r"|^(JHB|DL|ESS)[-_]"  # JHB-R24TK-V1.3
    r"|[-_]V\d\.\d+$"
    r"|^H\d\.\d"  # H2.1_103E_309F
)
"""Looks like a version when read from its first character; each form was read from a board."""


def upright(text: str) -> str:
    """The text as it is meant: turned where only the reverse looks like a version."""
    backwards = text[::-1]
    return backwards if _FORWARD.search(backwards) and not _FORWARD.search(text) else text
