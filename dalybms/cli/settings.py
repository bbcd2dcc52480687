"""What the library takes of the options."""

from __future__ import annotations

import argparse
from typing import Any

from dalybms.device import is_bluetooth, is_replay


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """What the library takes, but for the board number; ValueError when options contradict each other."""
    if options.uart and options.address is not None:
        raise ValueError("--uart and --address contradict each other: give one of them")
    if options.sinowealth and options.protocol not in ("auto", "sinowealth"):
        raise ValueError("--sinowealth and --protocol contradict each other: give one of them")
    if options.adapter and not is_bluetooth(options.device):
        raise ValueError(f"--adapter is for Bluetooth, and {options.device} is none")
    return {
        "request_retries": options.retry,
        "address": 8 if options.uart else options.address,
        "protocol": "sinowealth" if options.sinowealth else options.protocol,
        "baudrate": options.baudrate,
        "invert_current": options.invert_current,
        "pause": options.pause,
        **_recorded(options),
        **({} if options.reply_timeout is None else {"timeout": options.reply_timeout}),
    }


def _recorded(options: argparse.Namespace) -> dict[str, Any]:
    """A plain reading loads nothing for it."""
    if options.record is None and not is_replay(options.device):
        if options.record_raw or options.record_limit is not None:
            raise ValueError("--record-raw and --record-limit: only with --record FILE")
        return {}
    from dalybms.cli.recording import taping

    return {"record": taping(options)}
