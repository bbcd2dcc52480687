"""The frame of a write without any battery, for `--dry-run` without `-d`."""

from __future__ import annotations

import argparse
import time
from typing import Any

from dalybms.cli.settings import settings
from dalybms.device import Target, candidates, speaker, writer
from dalybms.outcomes import clock_bytes
from dalybms.protocols.writes import SOC


def by_hand(options: argparse.Namespace, action: str, value: Any) -> dict[str, Any]:
    """As A5 where no protocol is named. Raises ValueError for options that contradict each other."""
    if isinstance(options.board, (list, str)):
        raise ValueError("one board is meant here: give --board a single number")
    own = settings(options)
    protocol = "a5" if own["protocol"] == "auto" else own["protocol"]
    target = Target(protocol, own["address"], options.board)
    candidates(target)
    written = writer(speaker(protocol, target))
    clock = clock_bytes(time.localtime()) if action == SOC and written.sets_clock else b""
    frame = written.request(action, value, clock).writes[0].hex()
    number = {} if written.number is None else {"board": written.number}
    head = {"action": action, "requested": value, "outcome": "dry run", "protocol": protocol}
    return {**head, **number, "frame": frame}
