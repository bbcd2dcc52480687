"""What a recording is blanked with: a salt, and what this machine, its user and the wire are called."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from dalybms.protocols.blanking.heard import Heard
from dalybms.protocols.blanking.stream import blank
from dalybms.protocols.blanking.words import blank_words
from dalybms.transports.recorder import Blanking


def blanking() -> Blanking:
    """With a salt of its own, which is kept nowhere."""
    salt = os.urandom(32)
    here = _names_here()

    def words(text: str, devices: Any) -> str:
        return blank_words(salt, text, [*here, *(name for each in devices for name in _names_of(each))])

    return Blanking(partial(blank, salt), words, Heard())


def _names_here() -> list[str]:
    """What this machine and its user are called."""
    names = [os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "HOSTNAME", "COMPUTERNAME")]
    names.append(os.path.basename(os.path.expanduser("~")))
    if hasattr(os, "uname"):
        node = os.uname().nodename
        names += [node, node.partition(".")[0]]
    return names


def _names_of(device: str) -> list[str]:
    """The text after -d, and what of it an error may say alone."""
    _, scheme, rest = device.partition("://")
    host = rest.partition("/")[0] if scheme else device
    alone = host.rpartition(":")[0]
    parts = (alone, alone.strip("[]"), device.partition(":")[2], os.path.basename(device))
    return [device, host, *parts]
