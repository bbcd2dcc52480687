"""One link from scan to disconnect, as bleak sees it. Everything here runs in the Bluetooth thread."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

from dalybms.transports.bluetooth.adverts import is_address, matches, not_heard
from dalybms.transports.bluetooth.errors import (
    BUS,
    CONNECT,
    LOST,
    OPEN,
    SCAN,
    SUBSCRIBE,
    WRITE,
    BluetoothError,
    explain,
    late,
    transient,
    unlikely,
)
from dalybms.transports.bluetooth.gatt import Pair, choose
from dalybms.transports.bluetooth.inbox import Inbox
from dalybms.transports.bluetooth.limits import Deadline, Late, Limits
from dalybms.transports.bluetooth.radio import Radio

if TYPE_CHECKING:
    from dalybms.transports.bluetooth.thread import BluetoothThread

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Session:
    """The link to one dongle; `inbox` takes what it sends."""

    def __init__(
        self, thread: BluetoothThread, radio: Radio, target: str, limits: Limits, deadline: Deadline
    ) -> None:
        self.inbox, self.target, self.address = Inbox(), target, ""
        self.stage = BUS
        self._thread, self._radio, self._limits, self._deadline = thread, radio, limits, deadline
        self._client: Any | None = None
        self._pair: Pair | None = None
        self._untried = True
        """Nothing was written on this link yet."""
        self._gone = thread.loop.create_future()

    async def open(self, options: dict[str, Any]) -> None:
        """Find the device, connect to it and switch its notifications on; on any failure leave no link."""
        self._thread.sessions.add(self)
        try:
            await self._step(BUS, self._thread.air.acquire(), self._limits.turn)
            try:
                device = await self._find(options)
                await self._connect(device, options)
            finally:
                self._thread.air.release()
            await self._subscribe()
        except BaseException:
            await self.shut()
            raise
        self.stage = OPEN

    async def write(self, data: bytes) -> None:
        self.inbox.check()
        if self._client is None or self._pair is None or not self._client.is_connected:
            self._lost(self._client)
            raise BluetoothError(f"{self.target}: {LOST}", OPEN)
        first, self._untried = self._untried, False
        writing = self._client.write_gatt_char(self._pair.write, data, response=self._pair.response)
        try:
            await self._step(WRITE, writing, self._limits.write)
        except BluetoothError:
            raise
        except Exception as error:
            refusal = explain(error, WRITE, self.target)
            refusal.passing = first and unlikely(error)
            raise refusal from error
        self.stage = OPEN

    async def shut(self) -> None:
        """Disconnect; bounded, and never an error: a link that is gone is what was wanted."""
        client, self._client = self._client, None
        if not self._gone.done():
            self._gone.set_result(None)
        try:
            if client is not None:
                await self._thread.bounded(client.disconnect(), self._limits.disconnect, self._limits.cleanup)
        except Exception as error:  # noqa: BLE001 - bleak and dbus-fast let out anything when a link is gone
            _log.info("%s: did not disconnect in order: %r", self.target, error)
        finally:
            self._thread.sessions.discard(self)

    async def _find(self, options: dict[str, Any]) -> Any:
        """bleak's device for the target; a link that was left over is adopted."""
        if "backend" in options and "scanner_backend" not in options:
            self.address = self.target
            return self.target  # a client of the caller's own: it knows what to do with the text
        for device in await self._radio.connected():
            if matches(self.target, device.address, [device.name]):
                _log.info("%s is connected already, using that link", device.address)
                return self._claim(device)
        return self._claim(await self._hear(options))

    async def _hear(self, options: dict[str, Any]) -> Any:
        self.stage = SCAN
        first = self._thread.loop.create_future()
        found: dict[str, Any] = {}

        def on_advert(device: Any, advert: Any) -> None:
            if matches(self.target, device.address, [advert.local_name, device.name]):
                found[device.address] = device
                if not first.done():
                    wait = 0.0 if is_address(self.target) else self._limits.same_name
                    self._thread.loop.call_later(wait, _settle, first)

        began = time.monotonic()
        backend = {"backend": options["scanner_backend"]} if "scanner_backend" in options else {}
        await self._radio.listen(on_advert, first, backend)
        if not found:
            seconds = time.monotonic() - began
            rows = list(self._radio.heard.values())
            message = not_heard(self.target, seconds, rows, self._radio.adopts)
            raise BluetoothError(message, SCAN, cause="not-heard")
        if len(found) > 1:
            both = ", ".join(sorted(found))
            raise BluetoothError(
                f"{len(found)} devices are called '{self.target}'; name one of {both}",
                SCAN,
                cause="same-name",
            )
        return next(iter(found.values()))

    def _claim(self, device: Any) -> Any:
        if any(other.address == device.address for other in self._thread.sessions if other is not self):
            message = f"{device.address} is open in this program already; use that object or disconnect it"
            raise BluetoothError(message, CONNECT, cause="ours")
        self.address = device.address
        return device

    async def _connect(self, device: Any, options: dict[str, Any]) -> None:
        deadline = time.monotonic() + self._deadline.cut(self._limits.connect)
        for pause in (self._limits.pause, 2 * self._limits.pause, None):
            try:
                await self._attempt(device, options, deadline - time.monotonic())
                return
            except Exception as error:
                if pause is None or not transient(error) or time.monotonic() + pause > deadline:
                    raise
                _log.info("%s: connecting again after %r", self.target, error)
                await self._thread.sleep(pause)
                if "DeviceNotFound" in type(error).__name__:  # BlueZ forgot it when scanning stopped
                    device = await self._find(options)

    async def _attempt(self, device: Any, options: dict[str, Any], seconds: float) -> None:
        plain = {key: value for key, value in options.items() if key != "scanner_backend"}
        # one second more than our own limit, so that ours is the one that counts
        arguments = {"timeout": max(seconds, 0.0) + 1.0, **self._radio.arguments(plain)}
        self._client = self._radio.bleak.BleakClient(device, disconnected_callback=self._lost, **arguments)
        await self._step(CONNECT, self._client.connect(), seconds)

    async def _subscribe(self) -> None:
        assert self._client is not None
        self.stage = SUBSCRIBE
        self._pair = choose(self._client.services, self.target)
        # bleak 2.1 to 3.0.1 would take AcquireNotify, which several dongles do not bear
        bluez = "bluez" in inspect.signature(self._client.start_notify).parameters
        extra = {"bluez": {"use_start_notify": True}} if bluez else {}
        for last in (False, True):
            subscribing = self._client.start_notify(self._pair.listen, self._heard, **extra)
            try:
                await self._step(SUBSCRIBE, subscribing, self._limits.subscribe)
                return
            except Exception as error:
                if last or not unlikely(error):
                    raise
                _log.info("%s: subscribing again after %r", self.target, error)

    def _heard(self, _sender: Any, chunk: bytearray) -> None:
        self.inbox.put(bytes(chunk))

    def _lost(self, client: Any) -> None:
        """bleak's callback: the link broke."""
        if client is not self._client or self.stage in (BUS, SCAN, CONNECT):
            return
        self.inbox.fail(f"{self.target}: {LOST}", OPEN)
        if not self._gone.done():
            self._gone.set_result(None)

    async def _step(self, stage: str, work: Awaitable[T], limit: float) -> T:
        """One call of bleak's, with its limit, ended by a lost link."""
        self.stage = stage
        try:
            seconds = limit if stage == WRITE else self._deadline.cut(limit)
            return await self._thread.bounded(work, seconds, self._limits.cleanup, self._gone)
        except Late:
            if self._gone.done():
                self.inbox.check()
                raise BluetoothError(f"{self.target}: {LOST}", OPEN) from None
            raise late(stage, self.target, stage != WRITE and self._deadline.over()) from None


def _settle(first: Any) -> None:
    if not first.done():
        first.set_result(None)
