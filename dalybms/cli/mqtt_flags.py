"""The MQTT options, upstream's names, and what they amount to; loads no MQTT."""

from __future__ import annotations

import argparse
from typing import Any

from dalybms.cli.values import whole


def add_options(group: argparse._ActionsContainer) -> None:
    add = group.add_argument
    add("--mqtt", action="store_true", help="publish over MQTT")
    add("--mqtt-broker", metavar="HOST", help="where it is (localhost)")
    add("--mqtt-port", type=whole, metavar="PORT", help="(1883)")
    add("--mqtt-topic", metavar="TOPIC", help="first levels of all topics (daly_bms)")
    add("--mqtt-user", metavar="NAME", help="who we are at the broker")
    add(
        "--mqtt-password",
        metavar="PASSWORD",
        help="everybody on this machine can read it there: better DALY_BMS_MQTT_PASSWORD or a file",
    )
    add("--mqtt-password-file", metavar="FILE", help="its first line is the password")
    add("--mqtt-tls", action="store_true", help="encrypted, by the certificates of this system")
    add("--mqtt-ca", metavar="FILE", help="encrypted, by the certificates of this file")
    add("--mqtt-hass", action="store_true", help="announce the batteries to Home Assistant (watch only)")
    add(
        "--mqtt-hass-prefix",
        metavar="PREFIX",
        help="first level of the announcements (homeassistant; watch only)",
    )
    add("--mqtt-hass-remove", action="store_true", help="clear our announcements, and end (watch only)")


def settings(options: argparse.Namespace, kept: dict[str, Any] | None = None) -> Any:
    """The Settings of the options, which overrule `kept`, those of a file. ValueError, DalyError."""
    from dalybms.outputs.mqtt.settings import Settings, checked, find_password

    kept = kept or {}
    user = options.mqtt_user or kept.get("user")
    file = options.mqtt_password_file or kept.get("password_file")
    password = find_password(options.mqtt_password, file) if user or options.mqtt_password or file else None
    ca = options.mqtt_ca or kept.get("ca")
    return checked(
        Settings(
            broker=options.mqtt_broker or kept.get("broker", "localhost"),
            port=options.mqtt_port if options.mqtt_port is not None else kept.get("port", 1883),
            topic=options.mqtt_topic or kept.get("topic", "daly_bms"),
            user=user,
            password=password,
            tls=options.mqtt_tls or bool(ca) or kept.get("tls", False),
            ca=ca,
        )
    )


def meant(options: argparse.Namespace) -> list[str]:
    """The MQTT options given although --mqtt is not, as the user writes them."""
    names = [name for name in vars(options) if name.startswith("mqtt_") and getattr(options, name)]
    return [] if options.mqtt else [f"--{name.replace('_', '-')}" for name in names]
