"""A question to a board, as the link sees it: what to send, and what makes an answer."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple


class Reader:
    """What a reader that is always sure of its frames need not say."""

    doubt = False
    """Is a frame held back until more comes?"""
    weak = False
    """May its check let a mixture pass? Then it also has followed(heard, frames) and led(heard, written):
    do stray bytes stand right behind one of the frames, or before the first one? `size` of each frame."""

    @property
    def begun(self) -> bool:
        """Does what is kept begin like an answer?"""
        return False

    def recall(self) -> list[Any]:
        """The attempt is over: frames that were begun in an earlier one, which came before all others."""
        return []

    def release(self, everything: bool) -> list[Any]:
        """The line is quiet: what was held back; with everything also what an earlier attempt began."""
        return []

    def missing(self) -> int:
        """Bytes that must come before feed() can give another frame: the link waits for so many at once."""
        return 1


def _alone() -> bool:
    return True


class Request(NamedTuple):
    """One question, in one or several wordings, and the judge of its answer.

    The link writes `writes` in turn, one per attempt, and never looks inside.
    """

    name: str
    writes: tuple[bytes, ...]
    reader: Any
    """feed(chunk) -> frames, mark(), reset(), and what Reader has: finds frames in the stream."""
    wanted: Callable[[Any], bool]
    """Is this frame part of the answer? All others are counted and dropped."""
    parse: Callable[[list[Any]], Any]
    """The value of the wanted frames of one attempt; None: more must come; BadReply: it cannot be."""
    longest: int
    """Bytes of the longest possible answer: bounds the time of an attempt."""
    size: int = 0
    """Bytes of the answer, where its frames are not worth a look one by one; 0: they are."""
    number: Callable[[Any], int] | None = None
    """The number of a frame within a reply of several frames, of which more may follow than are needed."""
    open_end: bool = False
    """The length of the answer is not known: it ends when the line falls quiet."""
    patience: float = 1.0
    """The share of the usual silence after which an attempt ends."""
    once: bool = False
    """It may change the battery: never sent a second time."""
    tries: int = 0
    """How often it is sent at the most; 0: as often as the caller of the link has set."""
    optional: bool = False
    """A board may lack it: its silence says nothing about the pace or the line."""
    brief: bool = False
    """Not sent again where the board must have heard it, after a long rest, and was silent."""
    rivalled: Callable[[Any, Any], bool] | None = None
    """May this frame answer what somebody else has asked, seen in a rivals.Stream? None: frames tell."""
    not_before: float = 0.0
    """Seconds after the first of several questions that take turns, or of several tries."""


class Answer(NamedTuple):
    """What came of a question: the value, and which wording was answered."""

    request: Request
    written: bytes
    value: Any
    spoilt: int = 0
    """How often the question came to nothing before, though something was heard."""
    alone: Callable[[], bool] = _alone
    """Did no stray bytes come behind it? They are a sign that it may be a mixture. Looks at the line
    where nothing was asked since."""


Ask = Callable[[Request], Answer]
