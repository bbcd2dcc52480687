"""The part of org.bluez that bleak uses: adapters, scanning, devices, GATT. In the order of BlueZ 5.66."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Any, Callable, NamedTuple

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from bluez.peripheral import CUT, Peripheral

ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
LIMIT = 5.0


class Trouble(NamedTuple):
    """What a call meets the first `times` times: an `error` (name, text), a `delay`, or no reply (`hang`)."""

    error: tuple[str, str] = ("", "")
    hang: bool = False
    delay: float = 0.0
    times: int = 1_000_000


class BlueZ:
    """The stand-in, on the message bus at `address`, in a thread and loop of its own.

    `calls` lists the members called. Methods may be called from any thread.
    """

    def __init__(self, address: str, adapters: Iterable[str] = ("hci0",), powered: bool = True) -> None:
        self.calls: list[str] = []
        self.troubles: dict[str, Trouble] = {}
        self.peripherals: list[Peripheral] = []
        self.disconnect_delay = 0.0
        self.resolves = True
        self.hangs_after = ""  # from this call on, nothing is answered
        self._hung = False
        self._adapters = {f"/org/bluez/{name}": powered for name in adapters}
        self._scanning: dict[str, str] = {}  # adapter path -> who scans
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bluez stand-in", daemon=True)
        self._thread.start()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._run(self._start(address))

    # -- for tests ------------------------------------------------------------------------------
    def add(self, *peripherals: Peripheral) -> None:
        self.peripherals += peripherals

    def cut(self, peripheral: Peripheral) -> None:
        """The link to a device breaks."""
        self._run(self._lose(peripheral))

    def power_off(self) -> None:
        """The adapters are switched off: links break, calls give NotReady."""
        self._run(self._power_off())

    def notify(self, peripheral: Peripheral, *steps: Any) -> None:
        """Send notifications that nobody asked for."""
        self._run(self._steps(peripheral, steps))

    def hang(self) -> None:
        """From now on, nothing is answered."""
        self._hung = True

    def leave_over(self, peripheral: Peripheral) -> None:
        """A connection that a crashed program left behind."""
        peripheral.known = peripheral.connected = peripheral.resolved = True

    def wait_for(self, true: Callable[[], Any], limit: float = LIMIT) -> None:
        """Wait until something is so; fail after `limit` seconds."""
        with self._changed:
            assert self._changed.wait_for(true, limit), f"did not happen; calls: {self.calls}"

    def __enter__(self) -> BlueZ:
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT)
        self._loop.close()

    # -- the bus --------------------------------------------------------------------------------
    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT)

    async def _start(self, address: str) -> None:
        self._loop.set_exception_handler(lambda _loop, _context: None)  # the bus is killed by some tests
        self._bus = MessageBus(bus_address=address)
        await self._bus.connect()
        self._bus.add_message_handler(self._on_message)
        await self._bus.request_name("org.bluez")
        self._spawn(self._advertise())

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._bus.disconnect()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_message(self, message: Message) -> bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.destination is None:
            return None
        if (message.interface or "").endswith((".Peer", ".Introspectable")):
            return None
        self._spawn(self._handle(message))
        return True

    async def _handle(self, message: Message) -> None:
        member = message.member or ""
        with self._changed:
            self.calls.append(member)
            self._changed.notify_all()
        self._hung = self._hung or member == self.hangs_after
        if self._hung:
            return
        trouble = self.troubles.get(member, Trouble(times=0))
        if trouble.times > 0:
            self.troubles[member] = trouble._replace(times=trouble.times - 1)
            if trouble.hang:
                return
            await asyncio.sleep(trouble.delay)
            if trouble.error[0]:
                self._bus.send(Message.new_error(message, *trouble.error))
                return
        await getattr(self, f"_do_{member}", self._unknown)(message)
        with self._changed:
            self._changed.notify_all()

    def _reply(self, message: Message, signature: str = "", body: Iterable[Any] = ()) -> None:
        self._bus.send(Message.new_method_return(message, signature, list(body)))

    def _refuse(self, message: Message, name: str, text: str) -> None:
        self._bus.send(Message.new_error(message, name, text))

    async def _unknown(self, message: Message) -> None:
        self._refuse(message, "org.freedesktop.DBus.Error.UnknownMethod", f"no method {message.member}")

    def _changed_signal(self, path: str, interface: str, properties: dict[str, Variant]) -> None:
        body = [interface, properties, []]
        self._signal(path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", body)

    def _added(self, path: str, interface: str, properties: dict[str, Variant]) -> None:
        body = [path, {interface: properties}]
        self._signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", "oa{sa{sv}}", body)

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        message = Message(
            message_type=MessageType.SIGNAL,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body,
        )
        self._bus.send(message)

    # -- objects --------------------------------------------------------------------------------
    async def _do_GetManagedObjects(self, message: Message) -> None:
        objects = {path: {ADAPTER: self._adapter(path)} for path in self._adapters}
        for each in self.peripherals:
            if each.known:
                objects[each.path] = {DEVICE: each.device()}
            if each.resolved:
                objects.update({path: {kind: properties} for path, kind, properties in each.attributes()})
        self._reply(message, "a{oa{sa{sv}}}", [objects])

    def _adapter(self, path: str) -> dict[str, Variant]:
        return {
            "Address": Variant("s", "00:11:22:33:44:55"),
            "Name": Variant("s", path.rsplit("/", 1)[-1]),
            "Alias": Variant("s", path.rsplit("/", 1)[-1]),
            "Powered": Variant("b", self._adapters[path]),
            "Discovering": Variant("b", path in self._scanning),
            "Roles": Variant("as", ["central", "peripheral"]),
            "UUIDs": Variant("as", []),
        }

    # -- scanning -------------------------------------------------------------------------------
    async def _do_SetDiscoveryFilter(self, message: Message) -> None:
        self._reply(message)

    async def _do_StartDiscovery(self, message: Message) -> None:
        if not self._adapters.get(message.path or ""):
            self._refuse(message, "org.bluez.Error.NotReady", "Resource Not Ready")
        elif self._scanning.get(message.path or "") == message.sender:
            self._refuse(message, "org.bluez.Error.InProgress", "Operation already in progress")
        else:
            self._scanning[message.path or ""] = message.sender or ""
            self._reply(message)

    async def _do_StopDiscovery(self, message: Message) -> None:
        if self._scanning.pop(message.path or "", None) is None:
            self._refuse(message, "org.bluez.Error.Failed", "No discovery started")
        else:
            self._reply(message)

    async def _advertise(self) -> None:
        while True:
            for each in self.peripherals:
                if each.advertising and not each.connected and each.adapter_path in self._scanning:
                    self._advert(each)
            await asyncio.sleep(0.02)

    def _advert(self, each: Peripheral) -> None:
        if each.known:
            self._changed_signal(each.path, DEVICE, {"RSSI": Variant("n", each.rssi)})
        else:
            each.known = True
            self._added(each.path, DEVICE, each.device())

    # -- connecting -----------------------------------------------------------------------------
    def _device(self, message: Message) -> Peripheral | None:
        path = message.path or ""
        return next((each for each in self.peripherals if path.startswith(each.path)), None)

    async def _do_Connect(self, message: Message) -> None:
        each = self._device(message)
        if each is None or not each.known:
            self._refuse(message, "org.freedesktop.DBus.Error.UnknownObject", "no such device")
            return
        each.connected = True
        self._changed_signal(each.path, DEVICE, {"Connected": Variant("b", True)})
        self._reply(message)
        if not self.resolves:
            return
        for path, kind, properties in each.attributes():
            self._added(path, kind, properties)
        each.resolved = True
        uuids = each.device()["UUIDs"]
        self._changed_signal(each.path, DEVICE, {"UUIDs": uuids, "ServicesResolved": Variant("b", True)})

    async def _do_Disconnect(self, message: Message) -> None:
        each = self._device(message)
        await asyncio.sleep(self.disconnect_delay)
        if each is not None and each.resolved:
            each.resolved = False
            self._changed_signal(each.path, DEVICE, {"ServicesResolved": Variant("b", False)})
        self._reply(message)
        if each is not None:
            await self._lose(each)

    async def _lose(self, each: Peripheral) -> None:
        if not each.connected:
            return
        each.connected = each.resolved = False
        self._changed_signal(each.path, DEVICE, {"Connected": Variant("b", False)})
        for path in each.notifying:
            self._changed_signal(path, CHARACTERISTIC, {"Notifying": Variant("b", False)})
        each.notifying.clear()
        with self._changed:
            self._changed.notify_all()

    async def _power_off(self) -> None:
        for path in self._adapters:
            self._adapters[path] = False
            self._scanning.pop(path, None)
            self._changed_signal(path, ADAPTER, {"Powered": Variant("b", False)})
        for each in self.peripherals:
            await self._lose(each)

    # -- GATT -----------------------------------------------------------------------------------
    async def _do_StartNotify(self, message: Message) -> None:
        each, path = self._device(message), message.path or ""
        assert each is not None
        if path in each.notifying:
            self._refuse(message, "org.bluez.Error.InProgress", "In Progress")
            return
        each.notifying.add(path)
        self._changed_signal(path, CHARACTERISTIC, {"Notifying": Variant("b", True)})
        self._reply(message)

    async def _do_AcquireNotify(self, message: Message) -> None:
        self._refuse(message, "org.bluez.Error.NotPermitted", "Notify acquired")

    async def _do_StopNotify(self, message: Message) -> None:
        each = self._device(message)
        assert each is not None
        each.notifying.discard(message.path or "")
        self._reply(message)

    async def _do_WriteValue(self, message: Message) -> None:
        each = self._device(message)
        assert each is not None
        value, options = message.body
        each.written.append((bytes(value), options["type"].value))
        self._reply(message)
        await self._steps(each, each.answer(bytes(value)))

    async def _steps(self, each: Peripheral, steps: Iterable[Any]) -> None:
        for number, step in enumerate(steps):
            if step == CUT:
                await self._lose(each)
                return
            if isinstance(step, (int, float)):
                await asyncio.sleep(step)
            elif (path := each.listening()) is not None:
                self._changed_signal(path, CHARACTERISTIC, {"Value": Variant("ay", bytes(step))})
            if number % 16 == 15:
                await self._catch_up()

    async def _catch_up(self) -> None:
        """Wait until the bus has taken all: dbus-fast breaks off when the socket is full."""
        bus = "org.freedesktop.DBus"
        await self._bus.call(Message(bus, "/org/freedesktop/DBus", bus, "GetId"))
