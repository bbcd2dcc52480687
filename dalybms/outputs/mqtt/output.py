"""The output that a watch feeds; it never waits for the broker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from dalybms.elapsed import elapsed
from dalybms.outputs.home_assistant import Discovery
from dalybms.outputs.mqtt.feed import Feed
from dalybms.outputs.mqtt.outbox import LIMIT, Outbox
from dalybms.outputs.mqtt.sender import Sender
from dalybms.outputs.mqtt.session import KEEPALIVE
from dalybms.outputs.mqtt.settings import Settings, check_topic, checked
from dalybms.outputs.times import expiry


class Mqtt:
    """interval: seconds between the samples of a battery. hass: the prefix of Home Assistant's discovery.

    limit: samples kept while the broker is away. Raises ValueError or DalyError for settings that cannot be;
    a broker that is away is no error.
    """

    def __init__(
        self,
        settings: Settings,
        interval: float,
        complain: Callable[[str], None],
        hass: str | None = None,
        limit: int = LIMIT,
        keepalive: int = KEEPALIVE,
    ) -> None:
        if hass:
            check_topic(hass)
        lasts, topic = expiry(interval), checked(settings).topic
        self._complain = complain
        self._outbox = Outbox(lasts, limit)
        self._feed = Feed(topic, self._outbox, Discovery(topic, lasts, hass) if hass else None)
        self._sender = Sender(settings, self._feed, complain, keepalive)

    @property
    def delivered(self) -> int:
        """Samples that the broker has taken."""
        return self._outbox.delivered

    @property
    def dropped(self) -> int:
        """Samples that it has not, and never will."""
        return self._outbox.dropped

    def take(self, sample: Mapping[str, Any]) -> None:
        with self._sender.lock:
            self._feed.take(sample, elapsed())
        self._sender.nudge()

    def close(self) -> None:
        """Send what is left, for a second at most, and count what is not."""
        self._sender.close()
        with self._sender.lock:
            self._outbox.abandon()
        if self.dropped:
            self._complain(f"{self._sender.where()}: {self.dropped} samples in all were not delivered")
