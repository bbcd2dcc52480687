"""What systemd wants to hear: READY, STATUS, WATCHDOG over NOTIFY_SOCKET, and levels in the journal.

Source: sd_notify(3), sd-daemon(3).
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping

from dalybms.cli.output import say

_WARNING = "<4>"


class Notifier:
    """Says nothing where no service manager listens."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def say(self, **values: object) -> None:
        """One datagram; a manager that does not listen is no reason to stop."""
        if not self._address:
            return
        text = "\n".join(f"{key}={' '.join(str(value).split())}" for key, value in values.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                end.setblocking(False)
                end.sendto(text.encode(), self._address)
        except OSError:
            return


def in_journal(environment: Mapping[str, str] = os.environ) -> bool:
    """Is stderr connected to the journal itself?"""
    device, _, inode = environment.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


def complain(text: str) -> None:
    """One line on stderr; in the journal as a warning."""
    level = _WARNING if in_journal() else ""
    say(f"{level}daly-bms-cli: {' '.join(text.split())}")
