"""What of this machine a bug report needs, and nothing else of it: versions and chips. Sends nothing."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dalybms import __version__
from dalybms.transports.chips import chip_of

CALLED = "adapter, by its own words"
_SECONDS = 3.0
"""bluetoothctl waits for the message bus on some machines."""
_RADIOS = Path("/sys/class/bluetooth")


def versions(device: str) -> dict[str, str]:
    """{what: version or chip}, in the order of a report. device: the text after -d."""
    told = {"dalybms": __version__, "Python": platform.python_version()}
    told.update((package, _package(package)) for package in ("pyserial", "bleak"))
    told["BlueZ"] = _bluez()
    told["kernel"] = f"{platform.system()} {platform.release()}".strip()
    chip = chip_of(device)
    if chip:
        told["adapter"] = chip.numbers
        told[CALLED] = chip.words
    for number, radio in enumerate(_radio_chips(), 1):
        told[f"Bluetooth adapter {number}"] = radio
    return told


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _bluez() -> str:
    """Of its own tool: the service itself tells no version."""
    program = shutil.which("bluetoothctl")
    if not program:
        return "not installed"
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        return "bluetoothctl does not answer"
    except (OSError, UnicodeDecodeError):
        return "bluetoothctl cannot be run"
    last = done.stdout.split()[-1:]
    return last[0] if last and last[0].replace(".", "").isdigit() else "unknown"


def _radio_chips() -> list[str]:
    """USB numbers, "0a12:0001", of the radios; others ("uart", "sdio") have a kind alone."""
    if not sys.platform.startswith("linux"):
        return []
    found = []
    for alias in sorted(_RADIOS.glob("hci*/device/modalias")):
        try:
            text = alias.read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        bus, _, rest = text.strip().partition(":")
        usb = bus == "usb" and rest[:1] == "v" and rest[5:6] == "p"
        found.append(f"{rest[1:5]}:{rest[6:10]}".lower() if usb else bus[:16])
    return found
