"""A stand-in for org.bluez on a private message bus, so that tests use the real bleak, unmodified."""

from __future__ import annotations

import importlib.util
import shutil
import sys

import pytest

from dalybms.transports.bluetooth_limits import LIMITS, Limits

_READY = sys.platform == "linux" and shutil.which("dbus-daemon") and importlib.util.find_spec("bleak")
needs_bus = pytest.mark.skipif(not _READY, reason="Bluetooth tests need Linux, dbus-daemon and bleak")

# A tenth of the real limits: what hangs or is not there ends quickly.
QUICK = Limits(*(seconds / 10 for seconds in LIMITS))._replace(thread=LIMITS.thread)
