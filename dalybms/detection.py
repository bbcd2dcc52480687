"""Which protocol answers on a wire: candidates take turns, and the first answer counts as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dalybms.device import Target, candidates, speaker
from dalybms.errors import BadReply, NoReply
from dalybms.link import Link
from dalybms.pace import Pace
from dalybms.protocols.request import Answer, Ask, Request

if TYPE_CHECKING:
    from dalybms.device import Speaker

_BRIEF_ROUNDS = (0, 1, 3)
"""Healthy boards answer within a part of the usual silence, so the first rounds are quick; after a slow one
each has another turn soon."""
_TURNED = 3
"""This round goes backwards: a board that hears every second question does not always miss the same one."""
_AT_ONCE = 2
"""So often a question that something came to is repeated before others have their turn."""


class Detection:
    """One board on one link: what it was found to speak, and the rests that it needs.

    Several of them may share a link, one for each board of a cable.
    """

    def __init__(self, link: Link, target: Target) -> None:
        self._link, self._target = link, target
        self._pace = Pace(link.timing)
        self._candidates: dict[str, Speaker] = {}
        self._asked: dict[Speaker, None] = {}
        self._protocol: Speaker | None = None
        self.likely = ""
        """The protocol to ask in first, where something points to it."""

    @property
    def spoken(self) -> str:
        """The protocol that the board was found to speak; "" before."""
        return self._protocol.name if self._protocol else ""

    def ask(self, request: Request) -> Answer:
        """Ask this board at its own pace."""
        return self._link.exchange(request, self._target.number, self._pace)

    @property
    def name(self) -> str | None:
        """The protocol that was found; None before an answer."""
        return self._protocol.name if self._protocol else None

    def found(self, sections: Sequence[str]) -> tuple[Speaker, Ask]:
        """The protocol that answers, and the way to ask; the first answer counts as data."""
        known: dict[str, Answer] = {}

        def ask(request: Request) -> Answer:
            first = known.pop(request.name, None)
            return (first and _as_data(request, first)) or self.ask(request)

        if self._protocol is None:
            owners: dict[Request, Speaker] = {}
            answer = self._first(self._probes(sections, owners))
            self._protocol = owners[answer.request]
            self._protocol.learn(answer)
            known[answer.request.name] = answer
        return self._protocol, ask

    def _first(self, probes: Iterator[Request]) -> Answer:
        try:
            return self._link.find(probes, self._target.number, self._pace)
        except NoReply as error:
            from dalybms.asked import account

            raise NoReply(
                f"{error}{account(self._target, self._asked, error.seen, self._link.retries)}", error.seen
            ) from None

    def _probes(self, sections: Sequence[str], owners: dict[Request, Speaker]) -> Iterator[Request]:
        """One question of each protocol a round; a protocol is not even loaded before its turn.

        The first round is asked twice, briefly: so one lost reply costs no more than that.
        """
        names = sorted(candidates(self._target), key=lambda name: name != self.likely)
        retries = self._link.retries
        self._asked.clear()
        sent: list[Any] = []
        rounds = range(len(_BRIEF_ROUNDS) + retries) if retries else range(1, 3 if len(sections) > 1 else 2)
        for round_ in rounds:
            for name in reversed(names) if round_ == _TURNED else names:
                if name not in self._candidates:
                    self._candidates[name] = speaker(name, self._target)
                if round_ in (0, rounds[-1]) and retries and self._alone(names, sections):
                    continue  # nobody else waits for a turn
                for request in self._turn(names, sections, name, round_):
                    if not retries and request.writes in sent:
                        continue  # where nothing is to be repeated, the questions of other sections are none
                    sent.append(request.writes)
                    owners[request] = self._candidates[name]
                    yield request
                self._asked[self._candidates[name]] = None

    def _alone(self, names: Sequence[str], sections: Sequence[str]) -> bool:
        """Is there only one question to ask?"""
        return len(names) == 1 and len(self._candidates[names[0]].probe(sections).writes) == 1

    def _turn(
        self, names: Sequence[str], sections: Sequence[str], name: str, round_: int
    ) -> Iterator[Request]:
        """The question of a protocol; once more at once where something came that was no whole answer."""
        alone = self._alone(names, sections)
        for again in range(1 + _AT_ONCE if self._link.retries and names[1:] else 1):
            request = self._candidates[name].probe(sections, max(0, round_ - 1) + 2 * again)
            before = self._link.stirred
            yield request if alone else self._in_turn(name, names, request, round_)
            if self._link.stirred == before:
                break

    def _in_turn(self, name: str, names: Sequence[str], request: Request, round_: int) -> Request:
        """A question of one of several that wait for their turns."""
        brief = self._link.retries > 0 and round_ in _BRIEF_ROUNDS
        if round_ == _TURNED:
            request = request._replace(writes=request.writes[::-1])
        timing = self._link.timing
        if name == "a5" and name != names[0]:
            request = request._replace(not_before=timing.a5_after)
        patience = max(timing.turn, timing.least_turn / timing.timeout) if brief else request.patience
        return request._replace(patience=patience)


def _as_data(request: Request, first: Answer) -> Answer | None:
    """The frames that proved the protocol as the answer to a question; None: it has to be asked again.

    What of it cannot be is kept in mind by the question, as after any attempt.
    """
    try:
        value = request.parse(first.value)
    except BadReply:
        return None
    return None if value is None else first._replace(request=request, value=value)
