"""What stands around an answer: the sign that it may be a mixture.

A frame that lost bytes is completed by what follows it, and one in 256 such mixtures passes a sum of
8 bits. What follows is hardly ever as long as what was lost, so its rest stands behind the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_USUAL = 3
"""So many answers in a row with bytes around them: so is this line, and it proves nothing."""


class Trail:
    """The frames of one answer, and the bytes around them up to the next one."""

    def __init__(self, reader: Any, frames: Sequence[Any]) -> None:
        self._reader, self._frames = reader, frames
        self._heard: bytes | None = None
        self.before_next: bool | None = None
        """Did stray bytes stand before the next answer? None: nothing came that soon."""
        self.sound: bool | None = None
        """What was concluded."""

    @property
    def open(self) -> bool:
        """Has nobody looked at what came behind it?"""
        return self._heard is None

    def close(self, heard: bytes) -> None:
        """All that came from the beginning of its attempt until something else was asked."""
        if self.open:
            self._heard = heard

    def next(self, heard: bytes, written: bytes) -> None:
        """What was heard at once when `written` was asked then."""
        self.before_next = self._reader.led(heard, written)

    def behind(self) -> bool:
        """Did stray bytes come right behind it?"""
        return bool(self._reader.followed(self._heard, self._frames))


class Trails:
    """The answers of one line whose check is weak. `last`: the latest."""

    def __init__(self) -> None:
        self.last: Trail | None = None
        self._behind, self._before = 0, 0

    def alone(self, trail: Trail) -> bool:
        """Did it come without stray bytes, or as answers always come on this line?"""
        if trail.sound is None:
            self._behind = self._behind + 1 if trail.behind() else 0
            if trail.before_next is not None:
                self._before = self._before + 1 if trail.before_next else 0
            before = trail.before_next and self._before < _USUAL
            trail.sound = not before and not 0 < self._behind < _USUAL
        return trail.sound
