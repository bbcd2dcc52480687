"""One connection that the broker has accepted: what goes over it, until it is lost or we end."""

from __future__ import annotations

import threading
from typing import Callable

from dalybms.elapsed import elapsed
from dalybms.outputs.mqtt.feed import OFFLINE, Feed
from dalybms.outputs.mqtt.outbox import Message
from dalybms.outputs.mqtt.session import Event, Session
from dalybms.outputs.mqtt.trouble import STEADY, Trouble

FAREWELL = 1.0
"""Seconds for the last messages."""
_GOOD_BYE = 0.3
"""Seconds to say that we are going."""
_AGAIN = 60.0
"""Seconds after which it is looked for work without a nudge."""


class Service:
    """event: the next one, or None at a time. patience: seconds without an answer to what was sent."""

    def __init__(
        self, session: Session, feed: Feed, trouble: Trouble, lock: threading.Lock,
        closing: threading.Event, event: Callable[[float], Event | None], patience: float
    ) -> None:  # fmt: skip
        self._session, self._feed, self._outbox = session, feed, feed.outbox
        self._trouble, self._lock, self._closing, self._event = trouble, lock, closing, event
        self._patience, self._answered_at = patience, elapsed()
        self._steady_at: float | None = elapsed() + STEADY

    @property
    def was_steady(self) -> bool:
        return self._steady_at is None

    def run(self) -> None:
        self._session.subscribe(self._feed.hears())
        end = None
        while True:
            if self._closing.is_set() and end is None:
                end = elapsed() + FAREWELL
                with self._lock:
                    self._feed.leave()
            self._send()
            if end is not None and (self._outbox.idle() or elapsed() >= end):
                break
            event = self._event(self._until(end))
            if event and event.session is self._session and not self._handled(event):
                if end is None:
                    self._trouble.lost(event.words)
                return
            if not self._is_answered():
                if end is None:
                    self._trouble.lost("it does not answer what it is sent")
                return
        self._say_good_bye()

    def _until(self, end: float | None) -> float:
        with self._lock:
            fades_at = self._feed.fades_at()
        times = (end, fades_at, self._feed.due, self._steady_at, elapsed() + _AGAIN)
        waited = self._answered_at + self._patience if self._outbox.under_way() else None
        return min(filter(None, (*times, waited)))

    def _is_answered(self) -> bool:
        """False where the broker has been silent too long; the time for it begins with what is sent."""
        now = elapsed()
        if self._steady_at is not None and now >= self._steady_at:
            self._steady_at = None
            self._trouble.steady(self._outbox.dropped)
        return not self._outbox.under_way() or now < self._answered_at + self._patience

    def _send(self) -> None:
        with self._lock:
            now = elapsed()
            if self._feed.due is not None and now >= self._feed.due:
                self._feed.refresh(now)
            self._feed.fade(now)
            if not self._outbox.under_way():
                self._answered_at = now
            while self._outbox.room(self._session.window) > 0:
                message = self._outbox.next(now)
                if message is None:
                    break
                self._publish(message, now)

    def _publish(self, message: Message, now: float) -> None:
        """Facts are retained; samples are where the broker lets them expire."""
        session = self._session
        if not session.takes(message.topic, message.payload):
            self._outbox.refuse(message)
            self._trouble.refused(message.topic, f"{len(message.payload)} bytes are too many for it")
            return
        expiring = session.expires and session.retains
        expiry = None if message.at is None else self._outbox.expiry(message, now)
        retain = expiring or message.at is None
        self._outbox.sent(session.publish(message.topic, message.payload, retain, expiry), message)
        self._feed.sent(message, expiring, now)

    def _handled(self, event: Event) -> bool:
        """False when the connection is gone."""
        with self._lock:
            if event.kind in ("taken", "rejected"):
                self._answered_at = elapsed()
            if event.kind == "taken":
                self._outbox.taken(event.value)
            elif event.kind == "rejected":
                message = self._outbox.rejected(event.value)
                if message is not None:
                    self._trouble.refused(message.topic, f"{event.words}: check what this user may write")
            elif event.kind == "message" and not event.value.retain and not self._closing.is_set():
                payload = event.value.payload.decode("utf-8", "replace")
                self._feed.heard(event.value.topic, payload, elapsed())
        return event.kind not in ("closed", "refused")

    def _say_good_bye(self) -> None:
        """One after the other: a wire closed with bytes unread makes the broker speak our last will."""
        number = self._session.publish(self._feed.will, OFFLINE, retain=True)
        end = elapsed() + _GOOD_BYE
        if self._waited(end, lambda event: event.kind == "taken" and event.value == number):
            self._session.disconnect()
            self._waited(end, lambda event: False)

    def _waited(self, end: float, wanted: Callable[[Event], bool]) -> bool:
        """Whether it came before the end, of time or of the connection."""
        while elapsed() < end:
            event = self._event(end)
            if event and event.session is self._session:
                if wanted(event):
                    return True
                if not self._handled(event):
                    return False
        return False
