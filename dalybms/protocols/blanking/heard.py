"""What is known of a line so far: who asked for what, and what each A5 board said last. Pure."""

from __future__ import annotations

from typing import NamedTuple, Union

from dalybms.protocols.blanking.marks import Range
from dalybms.protocols.blanking.remains import Buffer

A5 = -1
"""Instead of the source of an answer: of an A5 question, whose answer is told by its command."""
SINOWEALTH = -2
"""The same of a question of Sinowealth."""
_REMEMBERED = 16
"""Questions that may still be answered: a late answer comes behind other questions."""
_BOARDS = 16
_KEPT = 12
"""Bytes: one less than a frame of A5."""


class Question(NamedTuple):
    """A question that was heard. source, size: of its answer; of A5 `A5` and the command that it has.

    secrets, nameless, texts: which bytes of its answer are secret, which no row names, and where a text
    stands that is no secret.
    """

    source: int
    size: int
    secrets: tuple[Range, ...]
    nameless: tuple[Range, ...] = ()
    texts: tuple[Range, ...] = ()


UNHEARD = Question(A5, -1, ((0, 0),))
"""One for a secret, of which only an answer was heard."""


class Heard(NamedTuple):
    """buffers: the last A5 reply of each board. ends: bytes that were part of no frame, as they were.

    pending: a question of Sinowealth, until something else comes than its answer.
    """

    questions: tuple[Question, ...] = ()
    buffers: tuple[tuple[int, Buffer], ...] = ()
    ends: tuple[tuple[str, bytes], ...] = ()
    pending: bytes = b""

    @property
    def secret(self) -> bool:
        """May an answer to a question for a secret be under way?"""
        return any(question.secrets for question in self.questions)

    def and_(self, question: Question) -> Heard:
        return self._replace(questions=(*self.questions, question)[-_REMEMBERED:])

    def asked(self, source: int, size: int) -> list[Question]:
        """The questions that such an answer may belong to."""
        return [each for each in self.questions if (each.source, each.size) == (source, size)]

    def is_plain(self, source: int, size: int) -> bool:
        """Was so much asked of registers that hold no secret?"""
        asked = self.asked(source, size)
        return bool(asked) and not any(each.secrets for each in asked)

    def doubts(self, command: int) -> bool:
        """Was a secret asked for, and this never? 8 bits of sum miss damage, in the command as well."""
        secret = any(question.secrets for question in self.questions if question is not UNHEARD)
        return secret and not self.asked(A5, command)

    def interrupted(self) -> Heard:
        """Something came that is no frame."""
        return self._replace(pending=b"") if self.pending else self

    def before(self, direction: str) -> bytes:
        """What a frame that is cut by a question, or by the time, began with."""
        return dict(self.ends).get(direction, b"")

    def ending(self, direction: str, loose: bytes) -> Heard:
        others = tuple(each for each in self.ends if each[0] != direction)
        return self._replace(ends=(*others, (direction, loose[-_KEPT:])))

    def buffer(self, board: int) -> Buffer:
        return dict(self.buffers).get(board, Buffer())

    def holding(self, board: int, buffer: Buffer) -> Heard:
        others = [each for each in self.buffers if each[0] != board]
        return self._replace(buffers=(*others, (board, buffer))[-_BOARDS:])


class Part(NamedTuple):
    """A piece of the stream, blanked, and what is known after it."""

    data: bytes
    heard: Heard


Found = Union[Part, None]
