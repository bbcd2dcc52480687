"""Who else is heard while we ask, by whole frames alone: all else may be our own answers. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from dalybms.diagnosis.listening import INVERTER, MODEM, Heard, modbus_answers, modbus_questions
from dalybms.diagnosis.strangers import of_another_make
from dalybms.protocols.a5.frame import LAST_BOARD, FrameReader

_GPS = re.compile(rb"\$[A-Z]{4,6},[ -~]{5,80}\*[0-9A-F]{2}\r\n")
_ECHOED = 0.3
"""The share of our own questions that come back above which a line sends them back."""
_TWICE = 2


def overheard(passed: bytes, asked: Mapping[bytes, int]) -> Heard:
    """passed: all that came. asked: our own questions, and how often each was asked."""
    strange = sorted(
        {question[0] if question[0] != 0xA5 else question[1] for question in _strange(passed, asked)}
    )
    if strange:
        names = ", ".join(f"0x{address:02X}" for address in strange)
        return Heard("master", f"questions of somebody else ({names})", {"asked": names.split(", ")})
    make = of_another_make(passed)
    if make:
        return Heard("make", f"frames of a board of another make ({make})", {"make": make})
    for what, pattern, words in _PATTERNS:
        if pattern.search(passed):
            return Heard(what, words, {})
    devices = Counter(modbus_answers(passed))
    names = ", ".join(f"0x{address:02X}" for address, times in sorted(devices.items()) if times >= _TWICE)
    if names:
        return Heard("modbus", f"Modbus answers of device {names}", {"devices": names.split(", ")})
    return Heard("nothing", "nobody else is heard", {})


_PATTERNS = (
    ("inverter", INVERTER, "frames of an inverter's protocol (~...)"),
    ("modem", MODEM, "somebody asks for a modem (AT...)"),
    ("text", _GPS, "sentences of a GPS"),
)


def _strange(passed: bytes, asked: Mapping[bytes, int]) -> Iterator[bytes]:
    """Questions that are not ours, or ours where what we ask does not come back."""
    frames = (frame for frame in FrameReader().feed(passed) if frame.source > LAST_BOARD)
    heard = Counter([*(frame.encode() for frame in frames), *modbus_questions(passed)])
    back = sum(min(times, heard[question]) for question, times in asked.items())
    echoes = back > _ECHOED * sum(asked.values())
    for question, times in heard.items():
        if times > _TWICE * asked.get(question, 0) * echoes:
            yield question
