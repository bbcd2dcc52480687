"""Where the broker is, and how it is told who we are."""

from __future__ import annotations

import os
import ssl
from typing import Any, NamedTuple

from dalybms.errors import DalyError

PASSWORD_VARIABLE = "DALY_BMS_MQTT_PASSWORD"
_LONGEST = 70_000
_LONGEST_TEXT, _LONGEST_TOPIC = 65_535, 1000
"""Bytes: what MQTT can carry, and what leaves room in a topic for what comes behind."""


class Settings(NamedTuple):
    """topic: the first levels of all topics. ca: a file of certificates to trust instead of the system's."""

    broker: str = "localhost"
    port: int = 1883
    topic: str = "daly_bms"
    user: str | None = None
    password: str | None = None
    tls: bool = False
    ca: str | None = None


def checked(settings: Settings) -> Settings:
    """The same. Raises ValueError for what no broker can be asked with."""
    broker = settings.broker
    if not broker or "/" in broker or any(sign.isspace() for sign in broker) or not _is_host(broker):
        raise ValueError(
            f"{broker!r} is no name of a broker: give its name or address alone, without mqtt://"
        )
    if broker.count(":") == 1:
        raise ValueError(f"{broker!r} is no name of a broker: the port stands apart, in --mqtt-port")
    check_topic(settings.topic)
    if not 1 <= settings.port <= 65535:
        raise ValueError(f"an MQTT port is 1 to 65535, not {settings.port}")
    if settings.password is not None and settings.user is None:
        raise ValueError("an MQTT password needs a user beside it: give --mqtt-user")
    if not _is_text(settings.user or "") or not _is_text(settings.password or ""):
        raise ValueError("an MQTT user and password are text (UTF-8) of no more than 65535 bytes")
    return settings


def check_topic(topic: str) -> None:
    """Raises ValueError for what topics cannot begin with."""
    longer = len(topic.encode("utf-8", "replace")) > _LONGEST_TOPIC
    if not topic or topic[0] in "$/" or topic[-1] == "/" or any(sign in topic for sign in "+#\0"):
        raise ValueError(f"{topic[:40]!r} is no MQTT topic: it has no +, # or $, and no / at its ends")
    if longer or not _is_text(topic):
        raise ValueError(
            f"{topic[:40]!r} is no MQTT topic: it is text (UTF-8) of up to {_LONGEST_TOPIC} bytes"
        )


def _is_text(text: str) -> bool:
    try:
        return len(text.encode()) <= _LONGEST_TEXT
    except UnicodeEncodeError:
        return False


def _is_host(text: str) -> bool:
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return True


def find_password(given: str | None, file: str | None) -> str | None:
    """The password as given, of the first line of a file, or of the environment; an empty one is none.

    Raises DalyError for a file that cannot be read or is empty.
    """
    if file is None:
        return given or os.environ.get(PASSWORD_VARIABLE) or None
    try:
        with open(file, encoding="utf-8-sig") as opened:
            password = opened.readline(_LONGEST).rstrip("\r\n")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise DalyError(
            f"cannot read the password file {file}: {why}; check its name and permissions"
        ) from None
    if not password:
        raise DalyError(f"the password file {file} is empty: its first line is the password")
    return password


class Context(ssl.SSLContext):
    """Remembers its last socket: paho leaves one open whose other end could not prove its name."""

    last: ssl.SSLSocket | None = None

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        self.last = super().wrap_socket(*arguments, **options)
        return self.last


def context(settings: Settings) -> Context | None:
    """For an encrypted connection whose other end must prove its name. Raises DalyError for a bad file."""
    if not (settings.tls or settings.ca):
        return None
    try:
        made = Context(ssl.PROTOCOL_TLS_CLIENT)
        if settings.ca:
            made.load_verify_locations(settings.ca)
        else:
            made.load_default_certs()
        return made
    except OSError as error:
        raise DalyError(
            f"cannot use the certificates of {settings.ca}: {error.strerror or error}; it must be a PEM file"
        ) from None
