"""Bluetooth LE as a wire: blocking methods around bleak.

Notifications are a byte stream; how a dongle cuts it into pieces means nothing.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Coroutine
from typing import Any

from dalybms.transports.bluetooth.adverts import is_mac
from dalybms.transports.bluetooth.errors import CLOSED, explain
from dalybms.transports.bluetooth.limits import LIMITS, Deadline, Limits
from dalybms.transports.bluetooth.radio import Radio, import_bleak
from dalybms.transports.bluetooth.session import Session
from dalybms.transports.bluetooth.thread import nothing, start


class BluetoothTransport:
    """A Daly Bluetooth dongle as a wire. Constructing it scans, connects and subscribes.

    `target`: a MAC address, on macOS the UUID shown instead of one, or an advertised name. `adapter`:
    "hci1"; None: the system's first. `budget`: seconds for all of the opening, None: only the single
    limits count. Further arguments go to BleakClient (`backend`: a client class of one's own, and
    `scanner_backend`: a scanner class for it). Raises BluetoothError (a TransportError; `stage` says how
    far it came), TypeError for arguments that are not the caller's to set.
    """

    def __init__(
        self,
        target: str,
        *,
        adapter: str | None = None,
        limits: Limits = LIMITS,
        budget: float | None = None,
        **bleak: Any,
    ) -> None:
        _check(target, bleak)
        library, deadline = import_bleak(), Deadline(budget)
        adapter = adapter or bleak.get("bluez", {}).get("adapter")
        self._limits, self._thread = limits, start()
        radio = Radio(self._thread, library, adapter, target, limits, deadline)
        self._session = session = Session(self._thread, radio, target, limits, deadline)
        limit = limits.opening() if budget is None else min(limits.opening(), budget)
        self._run(session.open(bleak), limit)
        self._finalizer = weakref.finalize(self, self._thread.drop, session)
        self._finalizer.atexit = False  # shutdown() ends it then, bounded

    @property
    def address(self) -> str:
        """The address of the dongle that was found, also when it was asked for by name."""
        return self._session.address

    def __str__(self) -> str:
        target = self._session.target
        return f"Bluetooth {target}" if target == self.address else f"Bluetooth {target} ({self.address})"

    def write(self, data: bytes) -> None:
        self._run(self._session.write(data), self._limits.write)

    def read(self, timeout: float, enough: int = 1) -> bytes:
        self._thread.refuse_itself()
        return self._session.inbox.take(timeout, enough)

    def drain(self) -> None:
        self._session.inbox.clear()

    def close(self) -> None:
        """Disconnect; a read() or write() waiting in another thread ends at once."""
        if not self._thread.alive():
            return  # it has disconnected everything, or the link belongs to the parent process
        self._thread.refuse_itself()
        if self._finalizer.detach() is None:
            return
        self._session.inbox.close(f"{self._session.target}: the link is closed; connect again", CLOSED)
        self._run(self._session.shut(), self._limits.disconnect)

    def _run(self, work: Coroutine[Any, Any, None], limit: float) -> None:
        limit += self._limits.cleanup + self._limits.thread
        try:
            self._thread.run(work, limit, self._limits.cleanup, nothing)
        except Exception as error:
            raise explain(error, self._session.stage, self._session.target) from error


def _check(target: str, options: dict[str, Any]) -> None:
    ours = {"timeout", "disconnected_callback"} & set(options)
    if ours:
        raise TypeError(f"{', '.join(sorted(ours))}: set by the transport itself; use limits= or budget=")
    if not target.strip():
        raise ValueError("a Bluetooth device needs an address or a name; a scan shows both")
    if sys.platform == "darwin" and is_mac(target):
        raise ValueError(f"macOS hides addresses like {target}; use the UUID or the name that a scan shows")
