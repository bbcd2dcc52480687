"""The causes of Bluetooth: what fits a step that failed, and silence behind a link that stands. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

WEAK = -85
"""dBm, below which links break; told by users of such dongles, not measured here."""
BEFORE = ("service", "permission", "adapter")
"""The steps about this machine, in their order."""
STEPS = (*BEFORE, "advertising", "signal", "connects", "services")

RADIO: dict[str, tuple[str, str]] = {
    "bluetooth-bleak": ("the package bleak is missing or damaged", "pip install 'dalybms[bluetooth]'"),
    "bluetooth-none": (
        "this machine has no Bluetooth service (no system message bus)",
        "install BlueZ and start it; in a container mount /run/dbus",
    ),
    "bluetooth-service": (
        "the Bluetooth service is not running",
        "sudo systemctl start bluetooth (in a container: on the host)",
    ),
    "bluetooth-old": ("the Bluetooth service is too old", "install BlueZ 5.55 or newer"),
    "bluetooth-stuck": (
        "the Bluetooth service or its adapter does not answer",
        "sudo systemctl restart bluetooth",
    ),
    "bluetooth-permission": (
        "this user may not use Bluetooth",
        "sudo usermod -aG bluetooth $USER and log in again; macOS: System Settings, Privacy, Bluetooth",
    ),
    "bluetooth-adapter": (
        "there is no such Bluetooth LE adapter",
        "plug one in, or give --adapter one that bluetoothctl list shows",
    ),
    "bluetooth-off": ("the Bluetooth adapter is off", "bluetoothctl power on (or rfkill unblock bluetooth)"),
    "bluetooth-busy": (
        "another program scans or connects with this adapter",
        "end it; if there is none: sudo systemctl restart bluetooth",
    ),
    "bluetooth-elsewhere": (
        "a phone or another machine is connected to the dongle, which then is not heard",
        "close the vendor's app on every phone nearby",
    ),
    "bluetooth-asleep": (
        "the dongle has no power: the pack sleeps, or a WiFi module is in cloud mode",
        "charge or load the pack for a moment, or press its key",
    ),
    "bluetooth-far": ("the dongle is out of reach", "come closer, or put the adapter on an extension lead"),
    "bluetooth-address": (
        "the address or name is another one: {dalys} others that are heard look like Daly",
        "take one that daly-bms-cli --scan shows",
    ),
    "bluetooth-hears-nothing": (
        "the adapter hears no device at all",
        "check its antenna, and: sudo systemctl restart bluetooth",
    ),
    "bluetooth-same-name": ("several devices have this name", "give the address of one, from --scan"),
    "bluetooth-ours": ("this program has the device open already", "use that object, or disconnect it first"),
    "bluetooth-hung": (
        "the dongle is heard and takes no connection, does not finish one, or takes no bytes",
        "unplug the dongle for a moment, and close the vendor's app",
    ),
    "bluetooth-disturbed": ("the radio link is disturbed", "come closer; on a Raspberry Pi try without WiFi"),
    "bluetooth-taken": (
        "another program on this machine uses the dongle's notifications",
        "end that program, or free the dongle with: bluetoothctl disconnect",
    ),
    "bluetooth-not-daly": (
        "the device has none of the services of a Daly dongle",
        "take an address that daly-bms-cli --scan shows as Daly",
    ),
    "bluetooth-lost": (
        "the dongle hung up: some do when they hear A5, or when an app or a switched off adapter ends it",
        "close the vendor's app, and try --protocol d2",
    ),
    "bluetooth-plug": (
        "the dongle hangs on another port than the board's UART, or its plug is loose",
        "check the plug of the dongle at the board",
    ),
    "bluetooth-other": (
        "what is behind the dongle speaks no protocol that was asked",
        "if it is a Sinowealth board: --protocol sinowealth",
    ),
}
"""Code: (what it is, what to do next)."""

_MACHINE = {
    "bleak": "bluetooth-bleak",
    "bus": "bluetooth-none",
    "service": "bluetooth-service",
    "old": "bluetooth-old",
    "broken": "bluetooth-stuck",
    "permission": "bluetooth-permission",
    "adapter": "bluetooth-adapter",
    "off": "bluetooth-off",
    "busy": "bluetooth-busy",
    "same-name": "bluetooth-same-name",
    "ours": "bluetooth-ours",
    "services": "bluetooth-not-daly",
    "taken": "bluetooth-taken",
}
"""What the system says in so many words has one cause, wherever it comes."""


def of_error(step: str, word: str, facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Codes for a step that failed with this word, the likeliest first."""
    if word in _MACHINE:
        return [_MACHINE[word]]
    if step in BEFORE:
        return ["bluetooth-stuck"]
    if step == "advertising":
        first = [] if word == "not-heard" else ["bluetooth-hears-nothing"]
        other = ["bluetooth-address"] if facts.get("advertising", {}).get("dalys") else ["bluetooth-far"]
        return [*first, "bluetooth-elsewhere", "bluetooth-asleep", *([] if first else other)]
    if step in STEPS:
        far = ["bluetooth-far"] if facts.get("signal", {}).get("weak") else []
        return [*far, "bluetooth-hung", "bluetooth-disturbed"]
    if word == "write":
        return ["bluetooth-hung", "bluetooth-disturbed"]
    first = ["bluetooth-lost"] if step.startswith("a5-") else []
    return [*first, "bluetooth-far", "bluetooth-asleep", *([] if first else ["bluetooth-lost"])]


def of_silence(seen: Collection[str]) -> list[str]:
    """Codes for a link that stands and a board that is not heard. seen: what was heard instead."""
    if set(seen) - {"silence", "echo", ""}:
        return ["bluetooth-other", "bluetooth-disturbed"]
    return ["asleep", "bluetooth-plug", "bluetooth-other"]
