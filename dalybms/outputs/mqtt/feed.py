"""Samples -> what is to be said on which topic. Pure: times are handed in.

TOPIC/status says online or offline (last will), TOPIC/NAME/status the same of a battery, and TOPIC/NAME/state
is one flat object with every key always, null for what was not read. With MQTT 5 it is retained and
expires; a broker of 3.1.1 would keep it for ever, so there it is not retained.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dalybms.outputs.flat import Shape, flat
from dalybms.outputs.home_assistant import Discovery
from dalybms.outputs.mqtt.outbox import Message, Outbox
from dalybms.outputs.names import node
from dalybms.outputs.quantities import GOOD

ONLINE, OFFLINE = "online", "offline"
SETTLE = 2.0
"""Seconds that Home Assistant takes to listen to what it has just discovered."""


class Feed:
    """topic: the first levels of all topics. outbox: where it goes. discovery: for Home Assistant."""

    def __init__(self, topic: str, outbox: Outbox, discovery: Discovery | None = None) -> None:
        self.topic, self.outbox, self._discovery = topic, outbox, discovery
        self.will = f"{topic}/status"
        self.due: float | None = None
        """When refresh() is to be called."""
        self._shapes: dict[str, Shape] = {}
        self._last: dict[str, Message] = {}
        self._online: dict[str, float] = {}
        """When each battery that is there gave its last sample."""
        outbox.fact(self.will, ONLINE)

    def hears(self) -> list[str]:
        """Topics to listen to."""
        return [self.will, *([self._discovery.birth] if self._discovery else [])]

    def take(self, sample: Mapping[str, Any], now: float) -> None:
        base = f"{self.topic}/{node(sample)}"
        shape = self._shapes[base] = self._shapes.get(base, Shape()).grown(sample)
        for topic, config in self._discovery.take(sample, shape) if self._discovery else ():
            self.outbox.fact(topic, config)
        self._online.pop(base, None)
        if sample.get("state") in GOOD:
            self._online[base] = now
        self.outbox.fact(f"{base}/status", ONLINE if base in self._online else OFFLINE)
        state = Message(f"{base}/state", json.dumps(flat(sample, shape), allow_nan=False), now)
        self._last[base] = state
        self.outbox.add(state)

    def fades_at(self) -> float | None:
        """When fade() is to be called."""
        return min(self._online.values()) + self.outbox.lasts if self._online else None

    def fade(self, now: float) -> None:
        """A battery that no sample has renewed in time: its wire hangs, or another output holds the watch."""
        for base in [base for base, at in self._online.items() if now >= at + self.outbox.lasts]:
            del self._online[base]
            self.outbox.fact(f"{base}/status", OFFLINE)

    def leave(self) -> None:
        """Nobody renews these batteries any more: another program may keep TOPIC/status online."""
        for base in self._shapes:
            self.outbox.fact(f"{base}/status", OFFLINE)

    def sent(self, message: Message, retained: bool, now: float) -> None:
        """A state that is not retained is lost on who has not begun to listen."""
        if self._discovery and not retained and message.topic.startswith(self._discovery.topics):
            self.due = now + SETTLE

    def heard(self, topic: str, payload: str, now: float) -> None:
        """Home Assistant has started; or a last will of ours came late, of a connection before this one."""
        if topic == self.will and payload == OFFLINE:
            self.outbox.again(self.will)
        elif self._discovery and topic == self._discovery.birth and payload == ONLINE:
            self.outbox.again(self._discovery.topics)
            self.due = now + SETTLE

    def refresh(self, now: float) -> None:
        """The last sample of each battery once more, if it is still fresh."""
        self.due = None
        for message in self._last.values():
            if self.outbox.expiry(message, now) > 0:
                self.outbox.repeat(message)
