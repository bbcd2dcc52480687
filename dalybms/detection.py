"""Which protocol answers on a wire: candidates take turns, and the first answer counts as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dalybms.device import Target, candidates, speaker
from dalybms.errors import BadReply, NoReply
from dalybms.link import Link
from dalybms.protocols.request import Answer, Ask, Request

if TYPE_CHECKING:
    from dalybms.device import Speaker


class Detection:
    """One board on one link, and what it was found to speak.

    Several of them may share a link, one for each board of a cable. hasty: wires answer
    within a fifth of the usual silence; Bluetooth may need half of it.
    """

    def __init__(self, link: Link, target: Target, hasty: bool) -> None:
        self._link, self._target = link, target
        self._hasty = hasty
        self._candidates: dict[str, Speaker] = {}
        self._asked: dict[Speaker, None] = {}
        self._protocol: Speaker | None = None
        self.likely = ""
        """The protocol to ask in first, where something points to it."""

    @property
    def spoken(self) -> str:
        """The protocol that the board was found to speak; "" before."""
        return self._protocol.name if self._protocol else ""

    def found(self, sections: Sequence[str]) -> tuple[Speaker, Ask]:
        """The protocol that answers, and the way to ask; the first answer counts as data."""
        known: dict[str, Answer] = {}

        def ask(request: Request) -> Answer:
            first = known.pop(request.name, None)
            return (first and _as_data(request, first)) or self._link.exchange(request, self._target.number)

        if self._protocol is None:
            owners: dict[Request, Speaker] = {}
            answer = self._first(self._probes(sections, owners))
            self._protocol = owners[answer.request]
            self._protocol.learn(answer)
            known[answer.request.name] = answer
        return self._protocol, ask

    def _first(self, probes: Iterator[Request]) -> Answer:
        try:
            return self._link.find(probes, self._target.number)
        except NoReply as error:
            from dalybms.asked import account

            raise NoReply(f"{error}{account(self._target, self._asked, error.seen)}", error.seen) from None

    def _probes(self, sections: Sequence[str], owners: dict[Request, Speaker]) -> Iterator[Request]:
        """One question of each protocol a round; a protocol is not even loaded before its turn.

        In the first round two possible host addresses are asked twice, with half the
        patience: so a lost first reply costs no round.
        """
        names = sorted(candidates(self._target), key=lambda name: name != self.likely)
        self._asked.clear()
        for round_ in range(1 + self._link.retries):
            for name in names:
                if name not in self._candidates:
                    self._candidates[name] = speaker(name, self._target)
                request = self._candidates[name].probe(sections, round_)
                if self._hasty and self._link.retries and not round_ and len(request.writes) > 1:
                    request = request._replace(patience=0.5, writes=2 * request.writes)
                owners[request] = self._candidates[name]
                yield request
                self._asked[self._candidates[name]] = None


def _as_data(request: Request, first: Answer) -> Answer | None:
    """The frames that proved the protocol as the answer to a question; None: it has to be asked again.

    What of it cannot be is kept in mind by the question, as after any attempt.
    """
    try:
        value = request.parse(first.value)
    except BadReply:
        return None
    return None if value is None else Answer(request, first.written, value)
