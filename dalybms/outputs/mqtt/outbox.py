"""What is still to be sent: facts, of which the newest of a topic counts, and samples, each of which counts.

Pure: no thread, no clock, no network.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import NamedTuple

LIMIT = 1000
"""Samples kept while the broker is away."""
_ATTEMPTS = 5
"""Connections lost with a message under way, after which it is blamed for that."""


class Message(NamedTuple):
    """at: monotonic time of a sample; None for a fact, which does not age. again: it was counted before."""

    topic: str
    payload: str
    at: float | None = None
    attempts: int = 0
    again: bool = False

    @property
    def counts(self) -> bool:
        return self.at is not None and not self.again


class Outbox:
    """expire: seconds after which a sample is too old to be shown as what is now."""

    def __init__(self, expire: float, limit: int = LIMIT) -> None:
        self.lasts, self._limit = expire, limit
        self._facts: OrderedDict[str, Message] = OrderedDict()
        self._due: OrderedDict[str, None] = OrderedDict()
        self._samples: deque[Message] = deque()
        self._under_way: OrderedDict[int, Message] = OrderedDict()
        self._suspects = 0
        """Messages to be sent one by one: at one of them the connection may have been lost."""
        self._useful = False
        """Has this connection taken anything?"""
        self.delivered = self.dropped = 0
        """Samples that the broker has taken, and those that it never will."""

    def fact(self, topic: str, payload: str) -> None:
        """Something that stays true until it is said anew."""
        if self._facts.get(topic, Message("", "")).payload != payload:
            self._facts[topic] = Message(topic, payload)
            self._due[topic] = None

    def add(self, sample: Message) -> None:
        """The oldest goes where there is no room."""
        self._samples.append(sample)
        if len(self._samples) + len(self._under_way) > self._limit:
            self._drop(self._samples.popleft())

    def repeat(self, sample: Message) -> None:
        """Once more, uncounted."""
        self.add(sample._replace(again=True, attempts=0))

    def abandon(self) -> None:
        """Count all samples that are left as dropped."""
        self.dropped += sum(message.counts for message in (*self._samples, *self._under_way.values()))
        self._samples.clear()
        self._under_way.clear()

    def next(self, now: float) -> Message | None:
        """What to send now, facts first; samples that are too old are dropped."""
        if self._due:
            return self._facts[self._due.popitem(last=False)[0]]
        while self._samples:
            sample = self._samples.popleft()
            if self.expiry(sample, now) > 0:
                return sample
            self._drop(sample)
        self._suspects = 0
        return None

    def expiry(self, message: Message, now: float) -> int:
        """Whole seconds for which it may still be shown."""
        return int(self.lasts - (now - message.at)) if message.at is not None else int(self.lasts)

    def sent(self, number: int, message: Message) -> None:
        self._under_way[number] = message

    def under_way(self) -> int:
        return len(self._under_way)

    def room(self, window: int) -> int:
        """How many more may be under way now."""
        return (1 if self._suspects else window) - len(self._under_way)

    def taken(self, number: int) -> None:
        message = self._answered(number)
        if message is None:
            return
        self._useful = True
        self.delivered += message.counts
        if self._facts.get(message.topic) == message:
            self._facts[message.topic] = message._replace(attempts=0)

    def rejected(self, number: int) -> Message | None:
        """What it was; the same would be rejected again."""
        message = self._answered(number)
        if message is not None:
            self._drop(message)
        return message

    def refuse(self, message: Message) -> None:
        """It is not even sent; a fact not again until it is another one."""
        self._drop(message)
        self._blame(message, _ATTEMPTS)

    def again(self, topics: str = "") -> None:
        """All facts whose topic begins so are to be said once more, but those that end connections."""
        facts = [topic for topic, fact in self._facts.items() if fact.attempts < _ATTEMPTS]
        self._due.update((topic, None) for topic in facts if topic.startswith(topics))

    def lost(self) -> list[Message]:
        """The connection went: what was under way is to be sent again, in its order, and all facts.

        Returns what is given up. A fact is blamed only where the broker had taken others before.
        """
        given_up = []
        for message in reversed(self._under_way.values()):
            if message.at is None:
                attempts = message.attempts + self._useful
                self._blame(message, attempts)
            else:
                attempts = message.attempts + 1
                if attempts < _ATTEMPTS:
                    self._samples.appendleft(message._replace(attempts=attempts))
                else:
                    self._drop(message)
            if attempts >= _ATTEMPTS:
                given_up.append(message)
        if self._under_way:
            self._suspects = len(self._under_way) + len(self._facts)
        self._under_way.clear()
        self._useful = False
        self.again()
        return given_up

    def idle(self) -> bool:
        return not (self._due or self._samples or self._under_way)

    def _answered(self, number: int) -> Message | None:
        message = self._under_way.pop(number, None)
        self._suspects = max(0, self._suspects - 1) if message else self._suspects
        return message

    def _blame(self, fact: Message, attempts: int) -> None:
        known = self._facts.get(fact.topic)
        if known and known.payload == fact.payload:
            self._facts[fact.topic] = known._replace(attempts=attempts)

    def _drop(self, message: Message) -> None:
        self.dropped += message.counts
