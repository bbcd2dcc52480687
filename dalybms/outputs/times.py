"""The time of a sample as numbers."""

from __future__ import annotations

from datetime import datetime, timezone


def nanoseconds(time: str) -> int:
    """RFC 3339 in UTC, with milliseconds -> ns since 1970, without the rounding of floats."""
    moment = datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return ((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def expiry(interval: float) -> int:
    """Seconds for which a sample may stand as what is now."""
    return int(max(3 * interval, 60))
