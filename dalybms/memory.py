"""What a watch knows of one battery from its samples so far. Pure: times are handed in."""

from __future__ import annotations

from typing import Any

from dalybms.polarity import Voices
from dalybms.stillness import Stillness

_INFO_TRIES = 3
SILENCES = 3
"""Samples without an answer, after which a board of another protocol may hang there."""
_INFO_LASTS = 3600.0
"""Seconds: then it is asked for anew, because some boards count in it what they have charged."""


class Memory:
    """Of one battery, that is one number on a wire: another board may come to hang there."""

    def __init__(self) -> None:
        self.voices: Voices = {}
        self.answered = False
        self.silent = 0
        """Samples in a row without an answer."""
        self.protocol: str | None = None
        self.stillness = Stillness()
        self.info: dict[str, Any] = {}
        self._info_tries = 0
        self._info_due = float("-inf")

    def renew(self) -> None:
        """Another connection, or a silence: it may be another board, so what it is is asked for anew."""
        self.info, self._info_tries, self._info_due = {}, 0, float("-inf")

    def heard(self, protocol: str | None) -> None:
        """An answer; a board that speaks something else now is another one, whose sign is not known."""
        if protocol != self.protocol:
            self.voices = {}
        self.answered, self.protocol, self.silent = True, protocol, 0

    def wants_info(self, now: float) -> bool:
        return not self.silent and now >= self._info_due

    def keep_info(self, info: Any, now: float) -> None:
        """What became of a question for it; where it is not answered an old one is not kept for ever."""
        self._info_tries += 1
        if isinstance(info, dict) or self._info_tries >= _INFO_TRIES:
            self.info = info if isinstance(info, dict) else {}
            self._info_tries, self._info_due = 0, now + _INFO_LASTS
