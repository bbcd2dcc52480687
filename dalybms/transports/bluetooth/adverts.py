"""Who is advertising: the device that was asked for, and which ones look like Daly.

Names, manufacturer ids and services: public advertisements of some twenty dongles
and boards, 2019 to 2026. Users rename their dongles, so a name proves a Daly but a
missing one disproves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_BASE = "-0000-1000-8000-00805f9b34fb"
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_NAMES = ("DL-", "JHB-")
_MAKERS = frozenset((0x0102, 0x0104, 0x0106, 0x0302, 0x0303, 0x0402))


def uuid16(short: str) -> str:
    """The full text of a 16-bit Bluetooth UUID: "fff0" -> "0000fff0-0000-1000-..."."""
    return f"0000{short}{_BASE}"


def is_mac(target: str) -> bool:
    """Whether `target` is written like a Bluetooth address, AA:BB:CC:DD:EE:FF."""
    return _MAC.fullmatch(target) is not None


def is_address(target: str) -> bool:
    """Whether `target` is an address: a MAC, or the UUID that macOS shows instead of one."""
    return is_mac(target) or _UUID.fullmatch(target) is not None


def clean(name: str | None) -> str:
    """An advertised name without the NULs and blanks that some dongles pad it with; "" for an address.

    BlueZ shows AA-BB-CC-DD-EE-FF for a device without a name.
    """
    stripped = (name or "").strip("\0 \t\r\n")
    return "" if is_mac(stripped) else stripped


def matches(target: str, address: str, names: Iterable[str | None]) -> bool:
    """Whether a device of this address and these names is the one that `target` means."""
    if is_address(target):
        return address.replace("-", ":").upper() == target.replace("-", ":").upper()
    return clean(target) in [clean(name) for name in names]


def judge(address: str, name: str, makers: Mapping[int, bytes], services: Iterable[str]) -> tuple[bool, str]:
    """Whether an advertisement is a Daly's, and why, in words."""
    if name.upper().startswith(_NAMES):
        return True, f"its name begins with {name[: name.index('-') + 1]}"
    mac = bytes.fromhex(address.replace(":", "")) if is_mac(address) else b"DL"
    for maker, payload in makers.items():
        if maker in _MAKERS and any(mark in payload for mark in (b"DL", b"JHB", mac, mac[::-1])):
            return True, f"its manufacturer data (0x{maker:04x}) is Daly's"
    if uuid16("fff0") in [uuid.lower() for uuid in services]:
        return False, "perhaps: it offers service fff0, as Daly dongles do, but other makers too"
    return False, "nothing in its advertisement says Daly"


def describe(device: Any, advert: Any) -> dict[str, Any]:
    """One row of a scan, from bleak's BLEDevice and AdvertisementData."""
    name = clean(advert.local_name) or clean(device.name)
    daly, why = judge(device.address, name, advert.manufacturer_data, advert.service_uuids)
    return {"address": device.address, "name": name or None, "rssi": advert.rssi, "daly": daly, "why": why}


def connected_row(device: Any) -> dict[str, Any]:
    """One row of a scan for a device that is connected, and so does not advertise."""
    name = clean(device.name)
    daly, why = judge(device.address, name, {}, ())
    why = f"connected to this machine, so it does not advertise; {why}"
    return {"address": device.address, "name": name or None, "rssi": None, "daly": daly, "why": why}


def ranked(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a scan, the nearest first; connected devices, which have no rssi, at the end."""
    return sorted(rows, key=lambda row: (row["rssi"] is None, -(row["rssi"] or 0), row["address"]))


def not_heard(target: str, seconds: float, rows: list[dict[str, Any]], adopts: bool) -> str:
    """The message for a device that a scan of `seconds` did not hear; `rows` is what it heard instead."""
    dalys = ", ".join(f"{row['address']} ({row['name']})" for row in ranked(rows) if row["daly"])
    heard = f"{len(rows)} other devices, Daly: {dalys or 'none'}" if rows else "nothing at all"
    held = "" if adopts else "; if a crashed program holds it: bluetoothctl disconnect, or bleak 3.1 or newer"
    return (
        f"{target} is not advertising (heard {heard} in {seconds:.3g} s); close the phone app, "
        f"wake the pack, come closer, take a WiFi module out of cloud mode{held}"
    )
