"""What was asked when no answer came, and what was left out, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dalybms.device import WITHOUT_NUMBER, Target

if TYPE_CHECKING:
    from dalybms.device import Speaker

_NO_REPEATS = "nothing was repeated, and boards miss questions: allow repeats (--retry)"


def account(target: Target, speakers: Iterable[Speaker], seen: str, retries: int) -> str:
    """The end of a sentence that says why `target` was not found; "" where there is no more to say.

    speakers: those that were asked. seen: what was heard instead, as NoReply has it. retries: so many.
    """
    speakers = list(speakers)
    parts = [_asked(target, speakers), _other_numbers(target, speakers)] if seen == "silence" else []
    parts += [_NO_REPEATS] if seen == "silence" and not retries else []
    return "".join(f"; {part}" for part in (*parts, _left_out(target)) if part)


def _asked(target: Target, speakers: list[Speaker]) -> str:
    asked = ", ".join(speaker.asks for speaker in speakers)
    if not asked:
        return ""
    if target.address is not None and target.protocol in ("auto", "a5"):
        return f"only {asked} was asked: without a host address (--uart, --address) the others are tried"
    if target.protocol != "auto":
        return f"only {asked} was asked: protocol auto tries the others"
    return f"what was asked: {asked}"


def _other_numbers(target: Target, speakers: list[Speaker]) -> str:
    if target.board is not None or all(speaker.name in WITHOUT_NUMBER for speaker in speakers):
        return ""
    return f"a board with another number than {target.number} must be named (--board N)"


def _left_out(target: Target) -> str:
    if not target.numbered or target.protocol != "auto" or target.address is not None:
        return ""
    return f"D2 was left out, because any D2 board of the line would answer for board {target.board}"
