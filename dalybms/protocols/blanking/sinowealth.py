"""Questions of Sinowealth and their answers: no register of theirs holds a secret, so both stay. Pure.

Nothing marks an answer but a check byte, so only what stands right behind its question counts as one.
"""

from __future__ import annotations

from dalybms.protocols.blanking.heard import SINOWEALTH, Found, Heard, Part, Question
from dalybms.protocols.sinowealth.frame import crc8, question
from dalybms.protocols.sinowealth.registers import ROWS

_QUESTIONS = frozenset(question(row.register, row.length) for row in ROWS)
_SIZE = len(question(0, 0))
_CHECK = 1


def part(heard: Heard, data: bytes, sent: bool) -> Found:
    """A question that we send, its echo, or an answer to it, also once more."""
    begun = data[:_SIZE]
    if begun == heard.pending or (sent and begun in _QUESTIONS):
        return Part(begun, heard.and_(Question(SINOWEALTH, 0, ()))._replace(pending=begun))
    whole = data[: heard.pending[-1] + _CHECK] if heard.pending else b""
    sealed = len(whole) > _CHECK and crc8(heard.pending + whole) == 0
    return Part(whole, heard) if sealed and len(whole) == heard.pending[-1] + _CHECK else None
