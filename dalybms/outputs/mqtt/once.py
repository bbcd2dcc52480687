"""One reading for the broker, on the topics of dalybms 0.5.

TOPIC/soc/total_voltage for --all, TOPIC/total_voltage for one section. Nothing is retained, as it was.
"""

from __future__ import annotations

import json
import queue
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from dalybms.errors import DalyError
from dalybms.outputs.mqtt.session import HANGS_UP, UNSUPPORTED, Event, Session, unreachable
from dalybms.outputs.mqtt.settings import Settings, checked, context

PATIENCE = 10.0
"""Seconds for all of it."""
_OLDER, _NEWEST = 4, 5


def messages(topic: str, document: Any, base: str = "") -> Iterator[tuple[str, str]]:
    """(topic, payload) for each value of a reading; a list is one value, as JSON."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield from messages(topic, value, f"{base}/{key}")
    else:
        yield f"{topic}{base}", json.dumps(document) if isinstance(document, list) else str(document)


def publish(settings: Settings, values: list[tuple[str, str]], patience: float = PATIENCE) -> None:
    """Have the broker take all values. Raises DalyError, one line, when it did not take each of them."""
    with Once(settings, patience) as once:
        once.publish(values)


class Once:
    """A connection for one errand, bounded in time. Raises DalyError when there is none."""

    def __init__(self, settings: Settings, patience: float = PATIENCE) -> None:
        self._settings = checked(settings)
        self._until = time.monotonic() + patience
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.session = self._connect()

    def __enter__(self) -> Once:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.disconnect()
        self.wait("closed", patience=0.5)
        self.session.drop()

    def publish(self, values: list[tuple[str, str]], retain: bool = False) -> None:
        """Raises DalyError when the broker did not take each of them."""
        waiting: set[int] = set()
        left = list(reversed(values))
        while left or waiting:
            while left and len(waiting) < self.session.window:
                topic, payload = left.pop()
                waiting.add(self.session.publish(topic, payload, retain))
            event = self.wait("taken", "rejected", "closed")
            if event is None or event.kind == "closed":
                taken = len(values) - len(left) - len(waiting)
                raise self._error(f"it took {taken} of {len(values)} values")
            if event.kind == "rejected":
                raise self._error(f"it refuses these topics: {event.words}: check what this user may write")
            waiting.discard(event.value)

    def wait(self, *kinds: str, patience: float | None = None) -> Event | None:
        """The next event of these kinds, None when the time is over."""
        until = self._until if patience is None else time.monotonic() + patience
        while True:
            try:
                event = self.events.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return None
            if event.kind in kinds and event.session is self.session:
                return event

    def _connect(self) -> Session:
        """MQTT 5 first, then 3.1.1, as brokers that know but the older hang up or say so."""
        for version in (_NEWEST, _NEWEST, _OLDER):
            self.session = self._open(version)
            event = self.wait("connected", "refused", "closed")
            if event and event.kind == "connected":
                return self.session
            self.session.drop()
            if event is None:
                raise self._error("it does not answer")
            if event.kind == "refused" and event.value not in UNSUPPORTED:
                raise self._error(f"it refuses us: {event.words}")
        raise self._error(HANGS_UP)

    def _open(self, version: int) -> Session:
        name = f"dalybms{uuid.uuid4().hex[:12]}"
        security = context(self._settings)
        try:
            return Session(self._settings, security, name, version, None, self.events)
        except (OSError, ValueError) as error:
            raise self._error(unreachable(error, security is not None)) from None

    def _error(self, why: str) -> DalyError:
        return DalyError(f"MQTT broker {self._settings.broker}:{self._settings.port}: {why}")
