"""A message without paths, hosts, addresses and names. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dalybms.protocols.blanking.tokens import token

_MAC = r"(?:dev_)?[0-9A-Fa-f]{2}(?:[:_-][0-9A-Fa-f]{2}){5}"
_BARE_MAC = r"\b(?:\w+-)?[0-9A-Fa-f]{12}\b"
"""As dongles have it in their names."""
_IPV6 = r"(?<![\w:])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|[0-9A-Fa-f:]*::[0-9A-Fa-f:.]*)(?:%[\w.-]+)?"
_UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_PRIVATE = re.compile(
    "|".join(
        (
            rf"(?:{_MAC}|{_UUID}) \(.*\)",  # devices with their names, which may hold anything
            _MAC,
            _UUID,
            _BARE_MAC,
            r"'[^']*'",
            r"\"[^\"]*\"",
            r"[a-z0-9]+://[^\s,;]+",
            _IPV6,
            r"(?<![^\s,;(])[^\s,;(]*(?:[/\\]|%2[Ff]|%5[Cc])[^\s,;:)]+",  # a path
            r"(?<![\w.-])(?=[\d.-]*[^\W\d])[\w.-]+:\d+\b",  # no time of a clock
            r"\b\d+(?:\.\d+){3}(?::\d+)?\b",
            r"\b[\w.-]+@[\w.-]+",
            r"(?<=group )\S+(?= may|;)",
            r"(?<=usermod -aG )\S+ [^\s,;]+",
            r"\b(?:tty|COM|hci|cu)[\w.-]*\d\w*",
            r"\b(?:tty|cu)\.[\w.-]+",
        )
    ),
    re.DOTALL,
)
_SHORTEST = 2


def blank_words(salt: bytes, text: str, names: Sequence[str]) -> str:
    """names: what must not be told, wherever it stands. The same name becomes the same token."""

    def blanked(found: re.Match[str]) -> str:
        return _token(salt, found.group())

    for name in sorted({name for name in names if len(name) >= _SHORTEST}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", blanked, text, flags=re.IGNORECASE)
    return _PRIVATE.sub(blanked, text)


def _token(salt: bytes, name: str) -> str:
    return token(salt, name.encode("utf-8", "replace"))[:8].translate(_LETTERS).decode()


_LETTERS = bytes(b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789"[byte % 32] for byte in range(256))
