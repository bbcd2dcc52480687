"""The thread that keeps the broker fed: it connects, sends, tells what is wrong, and ends in time."""

from __future__ import annotations

import queue
import threading
import uuid
from typing import Callable

from dalybms.elapsed import elapsed
from dalybms.outputs.mqtt.feed import Feed
from dalybms.outputs.mqtt.service import FAREWELL, Service
from dalybms.outputs.mqtt.session import HANGS_UP, UNSUPPORTED, Event, Session, unreachable
from dalybms.outputs.mqtt.settings import Settings, context
from dalybms.outputs.mqtt.trouble import Trouble

V5, V311 = 5, 4
_LEAVE = 0.7
"""Seconds beyond those for the last messages, to say good-bye and to end the connection."""
_PATIENCE = 2
"""Keepalives without an answer to what was sent, after which a broker is left."""
_ANSWER = 10.0
"""Seconds for the broker's answer to CONNECT."""
_FIRST, _LONGEST = 1.0, 60.0
"""Seconds between two attempts to connect, doubled from the first to the last."""
_CLOSES = 2
"""Connections in a row that end right after CONNECT: so some brokers of 3.1.1 refuse MQTT 5."""
_STOOD, _CLOSED, _TOO_NEW, _FAILED = "stood", "closed", "too new", "failed"
"""How a connection ended: after a good while, at once, because the broker knows no MQTT 5, or else."""


class Sender:
    """Sends what the feed has. `lock` is held by who changes the feed; nudge() is called afterwards."""

    def __init__(
        self, settings: Settings, feed: Feed, complain: Callable[[str], None], keepalive: int
    ) -> None:
        self._settings, self._security, self._keepalive = settings, context(settings), keepalive
        self._feed, self._outbox = feed, feed.outbox
        self._trouble = Trouble(lambda text: complain(f"{self.where()}: {text}"))
        self.lock = threading.Lock()
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._nudged, self._closing = False, threading.Event()
        self._id = f"dalybms{uuid.uuid4().hex[:12]}"
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    def nudge(self) -> None:
        """There is something to send. One nudge waits at the most."""
        if not self._nudged:
            self._nudged = True
            self.events.put(Event("work"))
        self._trouble.dropping(self._outbox.dropped)

    def close(self) -> None:
        """Send what is left; a broker that takes nothing is left behind in time."""
        self._closing.set()
        self.events.put(Event("close"))
        self._thread.join(FAREWELL + _LEAVE)

    def where(self) -> str:
        return f"MQTT broker {self._settings.broker}:{self._settings.port}"

    def _run(self) -> None:
        """Connections one after the other; each begins with MQTT 5."""
        pause, version, closes = _FIRST, V5, 0
        while not self._closing.is_set():
            end = self._one_session(version)
            if end == _STOOD:
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
            self._say(unreachable(error, self._security is not None))
            return _FAILED
        try:
            end = self._greeted(session)
            return end if end else self._served(session)
        finally:
            session.drop()
            with self.lock:
                for message in self._outbox.lost():
                    size = len(message.payload)
                    self._trouble.refused(message.topic, f"it hangs up at it, which has {size} bytes")

    def _served(self, session: Session) -> str:
        self._trouble.connected(self._outbox.dropped)
        patience = self._keepalive * _PATIENCE
        service = Service(session, self._feed, self._trouble, self.lock, self._closing, self._event, patience)
        service.run()
        return _STOOD if service.was_steady else _FAILED

    def _greeted(self, session: Session) -> str:
        """How it ended, "" for a connection that stands."""
        event = self._answer(session, elapsed() + _ANSWER)
        if event is None:
            self._say("it does not answer")
        elif event.kind == "connected":
            return ""
        elif event.kind == "closed":
            if session.version != V5:  # which may be what it does not like
                self._say(HANGS_UP)
            return _CLOSED
        elif event.value in UNSUPPORTED and session.version == V5:
            return _TOO_NEW
        else:
            self._say(f"it refuses us: {event.words}")
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
            event = self.events.get(timeout=max(0.0, until - elapsed()))
        except queue.Empty:
            return None
        if event.kind == "work":
            self._nudged = False
        return event

    def _say(self, trouble: str) -> None:
        if not self._closing.is_set():
            self._trouble.wrong(trouble)
