"""The thread that keeps the broker fed: it connects, sends, tells what is wrong, and ends in time."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from typing import Callable

from dalybms.outputs.mqtt.feed import OFFLINE, Feed
from dalybms.outputs.mqtt.outbox import Message
from dalybms.outputs.mqtt.session import HANGS_UP, REFUSALS, UNSUPPORTED, Event, Session
from dalybms.outputs.mqtt.settings import Settings, context

V5, V311 = 5, 4
FAREWELL = 1.0
"""Seconds for the last messages."""
_GOOD_BYE = 0.3
"""Seconds to say that we are going."""
_ANSWER = 10.0
"""Seconds for the broker's answer to CONNECT."""
_FIRST, _LONGEST = 1.0, 60.0
"""Seconds between two attempts to connect, doubled from the first to the last."""
_CLOSES = 2
"""Connections in a row that end right after CONNECT: so some brokers of 3.1.1 refuse MQTT 5."""
_SERVED, _CLOSED, _TOO_NEW, _FAILED = "served", "closed", "too new", "failed"
"""How a connection ended: after it was of use, at once, because the broker knows no MQTT 5, or else."""


class Sender:
    """Sends what the feed has. `lock` is held by who changes the feed; nudge() is called afterwards."""

    def __init__(
        self, settings: Settings, feed: Feed, complain: Callable[[str], None], keepalive: int
    ) -> None:
        self._settings, self._security, self._keepalive = settings, context(settings), keepalive
        self._feed, self._outbox = feed, feed.outbox
        self._complain, self._trouble = complain, ""
        self._drops_told, self._drops_known = False, 0
        self.lock = threading.Lock()
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._nudged, self._closing = False, threading.Event()
        self._id = f"daly_bms_{uuid.uuid4().hex[:12]}"
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    def nudge(self) -> None:
        """There is something to send. One nudge waits at the most."""
        if not self._nudged:
            self._nudged = True
            self.events.put(Event("work"))
        if self._outbox.dropped > self._drops_known and not self._drops_told:
            self._drops_told = True
            self._complain(f"{self.where()}: samples that it cannot take are dropped, the oldest first")

    def close(self) -> None:
        """Send what is left; a broker that takes nothing is left behind in time."""
        self._closing.set()
        self.events.put(Event("close"))
        self._thread.join(FAREWELL + _GOOD_BYE + 0.4)

    def where(self) -> str:
        return f"MQTT broker {self._settings.broker}:{self._settings.port}"

    def _run(self) -> None:
        """Connections one after the other; each begins with MQTT 5."""
        pause, version, closes = _FIRST, V5, 0
        while not self._closing.is_set():
            end = self._one_session(version)
            if end == _SERVED:
                pause = _FIRST
            closes = closes + 1 if end == _CLOSED and version == V5 else 0
            if version == V5 and (end == _TOO_NEW or closes >= _CLOSES):
                version, closes = V311, 0
                continue
            version = V5
            self._closing.wait(pause)
            pause = min(_LONGEST, pause * 2)

    def _one_session(self, version: int) -> str:
        try:
            session = Session(
                self._settings,
                self._security,
                self._id,
                version,
                self._feed.will,
                self.events,
                self._keepalive,
            )
        except (OSError, ValueError) as error:
            self._say(f"cannot connect: {getattr(error, 'strerror', None) or error}")
            return _FAILED
        try:
            end = self._greeted(session)
            if end == _SERVED:
                self._recovered()
                self._serve(session)
            return end
        finally:
            session.drop()
            with self.lock:
                self._outbox.lost()

    def _greeted(self, session: Session) -> str:
        event = self._answer(session, time.monotonic() + _ANSWER)
        if event is None:
            self._say("it does not answer")
        elif event.kind == "connected":
            return _SERVED
        elif event.kind == "closed":
            self._say(HANGS_UP)
            return _CLOSED
        elif event.value in UNSUPPORTED:
            return _TOO_NEW
        else:
            self._say(f"it refuses us: {REFUSALS.get(event.value, f'code {event.value}')}")
        return _FAILED

    def _answer(self, session: Session, until: float) -> Event | None:
        """What the broker says to CONNECT, None at that time or when we are to end."""
        while not self._closing.is_set():
            event = self._event(until)
            if event is None or (
                event.session is session and event.kind in ("connected", "refused", "closed")
            ):
                return event
        return None

    def _event(self, until: float) -> Event | None:
        try:
            event = self.events.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return None
        if event.kind == "work":
            self._nudged = False
        return event

    def _serve(self, session: Session) -> None:
        """Send what is to be sent until the connection goes, or we do."""
        session.subscribe(self._feed.hears())
        end = None
        while True:
            self._send(session)
            if self._closing.is_set():
                end = end or time.monotonic() + FAREWELL
                if self._outbox.idle() or time.monotonic() >= end:
                    break
            event = self._event(min(filter(None, (end, self._feed.due, time.monotonic() + 60))))
            if event and event.session is session and not self._handled(event):
                self._say("the connection was lost")
                return
        self._say_good_bye(session)

    def _send(self, session: Session) -> None:
        with self.lock:
            now = time.monotonic()
            if self._feed.due is not None and now >= self._feed.due:
                self._feed.refresh(now)
            while self._outbox.under_way() < session.window:
                message = self._outbox.next(now)
                if message is None:
                    break
                self._publish(session, message, now)

    def _publish(self, session: Session, message: Message, now: float) -> None:
        """Facts are retained; samples are where the broker lets them expire."""
        expiring = session.version == V5 and session.retains
        expiry = None if message.at is None else self._outbox.expiry(message, now)
        retain = expiring or message.at is None
        self._outbox.sent(session.publish(message.topic, message.payload, retain, expiry), message)
        self._feed.sent(message, expiring, now)

    def _handled(self, event: Event) -> bool:
        """False when the connection is gone."""
        with self.lock:
            if event.kind == "taken":
                self._outbox.taken(event.value)
            elif event.kind == "rejected":
                message = self._outbox.rejected(event.value)
                if message is not None:
                    self._say(f"it refuses the topic {message.topic}: check what this user may write")
            elif event.kind == "message" and not event.value.retain and not self._closing.is_set():
                payload = event.value.payload.decode("utf-8", "replace")
                self._feed.heard(event.value.topic, payload, time.monotonic())
        return event.kind not in ("closed", "refused")

    def _say_good_bye(self, session: Session) -> None:
        """One after the other: a wire closed with bytes unread makes the broker speak our last will."""
        number = session.publish(self._feed.will, OFFLINE, retain=True)
        end = time.monotonic() + _GOOD_BYE
        if self._waited(session, end, lambda event: event.kind == "taken" and event.value == number):
            session.disconnect()
            self._waited(session, end, lambda event: False)

    def _waited(self, session: Session, end: float, wanted: Callable[[Event], bool]) -> bool:
        """Whether it came before the end, of time or of the connection."""
        while time.monotonic() < end:
            event = self._event(end)
            if event and event.session is session:
                if wanted(event):
                    return True
                if not self._handled(event):
                    return False
        return False

    def _say(self, trouble: str) -> None:
        """Once, until something else is wrong or it is well again."""
        if trouble != self._trouble and not self._closing.is_set():
            self._trouble = trouble
            self._complain(f"{self.where()}: {trouble}")

    def _recovered(self) -> None:
        if self._trouble:
            missed = self._outbox.dropped - self._drops_known
            self._complain(f"{self.where()}: connected again; {missed} samples were dropped")
        self._trouble, self._drops_told, self._drops_known = "", False, self._outbox.dropped
