"""Clears what Home Assistant was told: by this program, and by dalybms 0.5, which left its topics behind."""

from __future__ import annotations

import json
import uuid
from typing import Any

from dalybms.outputs.home_assistant import ORIGIN, PREFIX
from dalybms.outputs.mqtt.once import PATIENCE, Once
from dalybms.outputs.mqtt.settings import Settings, check_topic

_OLD = "daly_bms"
"""The node and device of all that dalybms 0.5 announced."""


def remove(settings: Settings, prefix: str = PREFIX, patience: float = PATIENCE) -> list[str]:
    """Clear the retained topics of ours under settings.topic, and of dalybms 0.5; returns them.

    Raises ValueError for a prefix that cannot be, DalyError when the broker did not take it.
    Other programs' topics are left alone.
    """
    check_topic(prefix)
    topic = settings.topic
    filters = [f"{prefix}/device/+/config", f"{prefix}/sensor/{_OLD}/+/config", f"{topic}/+/state",
               f"{topic}/+/status", f"{topic}/status"]  # fmt: skip
    with Once(settings, patience) as once:
        kept = _retained(once, filters, f"{topic}/removal/{uuid.uuid4().hex}")
        ours = [name for name, payload in kept.items() if _is_ours(name, payload, settings.topic, prefix)]
        once.publish([(name, "") for name in sorted(ours)], retain=True)
    return sorted(ours)


def _retained(once: Once, filters: list[str], marker: str) -> dict[str, bytes]:
    """{topic: payload}: all that comes before a message that we send to ourselves afterwards."""
    once.session.subscribe([*filters, marker])
    once.wait("subscribed")
    once.session.publish(marker, "end", retain=False)
    found: dict[str, bytes] = {}
    while True:
        event = once.wait("message", "closed", patience=2.0)
        if event is None or event.kind == "closed" or event.value.topic == marker:
            return found
        if event.value.retain and event.value.payload:
            found[event.value.topic] = event.value.payload


def _is_ours(name: str, payload: bytes, topic: str, prefix: str) -> bool:
    if not name.startswith(f"{prefix}/"):
        return True
    try:
        config: Any = json.loads(payload)
        if name.startswith(f"{prefix}/device/"):
            return bool(config["origin"]["name"] == ORIGIN and config["state_topic"].startswith(f"{topic}/"))
        return bool(config["device"]["identifiers"] == [_OLD])
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
