"""Listening on one adapter, as bleak does it. Everything here runs in the Bluetooth thread."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

from dalybms.transports.bluetooth.adverts import connected_row, describe, ranked, uuid16
from dalybms.transports.bluetooth.errors import BUS, MISSING, SCAN, BluetoothError, busy, late
from dalybms.transports.bluetooth.limits import Deadline, Late, Limits

if TYPE_CHECKING:
    from dalybms.transports.bluetooth.thread import BluetoothThread

T = TypeVar("T")
_log = logging.getLogger(__name__)


def import_bleak() -> Any:
    try:
        import bleak
    except ImportError as error:
        what = f"{error.name or 'a part of it'} cannot be loaded"
        raise BluetoothError(MISSING.format(what=what), "import", cause="bleak") from error
    logging.getLogger("bleak").addHandler(logging.NullHandler())  # older ones write to stderr otherwise
    return bleak


class Radio:
    """bleak's scanner and its list of connected devices, on one adapter, with every wait bounded."""

    def __init__(
        self,
        thread: BluetoothThread,
        bleak: Any,
        adapter: str | None,
        target: str,
        limits: Limits,
        deadline: Deadline,
    ) -> None:
        self.bleak = bleak
        self.heard: dict[str, dict[str, Any]] = {}
        self.adopts = hasattr(bleak, "BleakAdapter")  # bleak 3.1 and newer
        self._thread, self._limits, self._deadline = thread, limits, deadline
        self._adapter, self._target = adapter, target

    def arguments(self, options: dict[str, Any]) -> dict[str, Any]:
        """Options for bleak, with the adapter in the place where this version of bleak looks for it."""
        if self._adapter is None:
            return options
        if "bluez" in inspect.signature(self.bleak.BleakClient.__init__).parameters:
            return {**options, "bluez": {**options.get("bluez", {}), "adapter": self._adapter}}
        return {**options, "adapter": self._adapter}

    async def connected(self) -> list[Any]:
        """The devices that are connected already (by a program that crashed?); [] where bleak cannot tell."""
        if not self.adopts:
            return []
        try:
            getting = self.bleak.BleakAdapter.get(**self.arguments({}))
            adapter = await self.step(BUS, getting, self._limits.bus)
        except NotImplementedError:  # not on every system
            return []
        services = [uuid16(short) for short in ("fff0", "ff00", "1800", "1801")]
        devices: list[Any] = await self.step(BUS, adapter.get_connected_devices(services), self._limits.bus)
        return devices

    async def listen(self, on_advert: Any, until: Awaitable[Any], backend: dict[str, Any]) -> bool:
        """Scan until `until` is done (True) or the time for it is over (False)."""

        def heard(device: Any, advert: Any) -> None:
            self.heard[device.address] = describe(device, advert)
            on_advert(device, advert)

        scanner = await self._start({"detection_callback": heard, **self.arguments(backend)})
        ended = False
        try:
            await self._thread.bounded(until, self._deadline.cut(self._limits.scan), 0.0)
            ended = True
        except Late:
            pass
        finally:
            await self._stop(scanner, ended)
        return ended

    async def _start(self, arguments: dict[str, Any]) -> Any:
        """A scanner that runs; BlueZ refuses while another program is just beginning or ending to scan."""
        pauses = [self._limits.pause, 2 * self._limits.pause]
        while True:
            scanner = self.bleak.BleakScanner(**arguments)
            try:
                await self.step(SCAN, scanner.start(), self._limits.start)
                return scanner
            except Exception as error:
                if not pauses or not busy(error):
                    raise
                _log.info("scanning again after %r", error)
                await self._thread.sleep(pauses.pop(0))

    async def _stop(self, scanner: Any, ended: bool) -> None:
        try:
            await self._thread.bounded(scanner.stop(), self._limits.stop, self._limits.cleanup)
        except Late:
            raise late(SCAN, self._target) from None
        except self.bleak.exc.BleakError as error:
            if not ended:
                raise
            _log.debug("scanning did not stop in order: %s", error)

    async def step(self, stage: str, work: Awaitable[T], limit: float) -> T:
        """One call of bleak's, with its limit."""
        try:
            return await self._thread.bounded(work, self._deadline.cut(limit), self._limits.cleanup)
        except Late:
            raise late(stage, self._target, self._deadline.over()) from None


async def survey(thread: BluetoothThread, radio: Radio, limits: Limits) -> list[dict[str, Any]]:
    """All devices heard within `limits.scan`, and those that are connected and therefore silent."""
    await radio.step(SCAN, thread.air.acquire(), limits.turn)
    try:
        for device in await radio.connected():
            radio.heard[device.address] = connected_row(device)
        await radio.listen(lambda _device, _advert: None, thread.loop.create_future(), {})
    finally:
        thread.air.release()
    return ranked(radio.heard.values())
