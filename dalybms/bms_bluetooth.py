"""DalyBMSBluetooth: the same battery over Bluetooth LE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dalybms.bms import DalyBMS
from dalybms.device import APP_HOST, is_replay, open_bluetooth
from dalybms.timing import BLUETOOTH

if TYPE_CHECKING:
    import logging


class DalyBMSBluetooth(DalyBMS):
    """One battery over Bluetooth LE: the same blocking methods, another wire. Needs bleak.

    Arguments as DalyBMS; the silence allowed is longer, and host 0x80 is asked first. A
    link that was answered and has gone silent is renewed once; when that does not help, it
    is let go, so that the phone app can connect.
    """

    _likely_host = APP_HOST

    def __init__(
        self,
        request_retries: int = 3,
        logger: logging.Logger | None = None,
        timeout: float = BLUETOOTH.timeout,
        **options: Any,
    ) -> None:
        self._timing = BLUETOOTH
        super().__init__(request_retries, logger=logger, timeout=timeout, **options)

    def connect(self, device: str | None = None, *, mac_address: str | None = None, **bleak: Any) -> None:
        """Find and connect a device by MAC, CoreBluetooth UUID or advertised name.

        mac_address: the same, under the name of dalybms 0.5. bleak: `adapter` ("hci1"),
        `budget` (seconds for all of it), or arguments of bleak's client. Sends no request.
        Raises TransportError when it is not found or cannot be connected; its `stage`
        says how far it came.
        """
        target = device or mac_address
        if not target:
            raise ValueError("connect() needs a MAC address, a UUID or an advertised name")
        if is_replay(target):
            super().connect(target)
            return
        self.disconnect()
        self._stop_playing()
        self._renew = lambda: self._opened(target, lambda: open_bluetooth(target, **bleak))
        self._use(self._renew())
