"""A Bluetooth device as BlueZ shows it: properties, services, and an answer to what is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable, Union

from dbus_fast import Variant

BASE = "-0000-1000-8000-00805f9b34fb"
CUT = "cut"  # a step of an answer: the link breaks
Step = Union[bytes, float, str]
Answer = Callable[[bytes], Iterable[Step]]
Layout = dict  # service -> {characteristic: flags}

DALY = {
    "1801": {"2a05": ["indicate"]},
    "fff0": {
        "fff1": ["read", "notify"],
        "fff2": ["read", "write", "write-without-response"],
        "fff3": ["read", "write", "notify"],
    },
}


def uuid(short: str) -> str:
    return f"0000{short}{BASE}" if len(short) == 4 else short


def silent(_request: bytes) -> Iterable[Step]:
    return ()


class Peripheral:
    """A device on an adapter; `answer` maps a written value to notifications, pauses (s) and CUT."""

    def __init__(
        self,
        address: str = "AA:BB:CC:00:00:01",
        name: str = "DL-AABBCC000001",
        answer: Answer = silent,
        layout: Layout = DALY,
        adapter: str = "hci0",
        rssi: int = -60,
        makers: dict | None = None,
        advertised: Iterable[str] = (),
        advertising: bool = True,
    ) -> None:
        self.address, self.name, self.answer, self.layout = address, name, answer, layout
        self.rssi, self.makers, self.advertised = rssi, makers or {}, list(advertised)
        self.advertising = advertising
        self.adapter_path = f"/org/bluez/{adapter}"
        self.path = f"{self.adapter_path}/dev_{address.replace(':', '_')}"
        self.known = self.connected = self.resolved = False
        self.notifying: set[str] = set()
        self.acquirable = False  # offers AcquireNotify, as BlueZ does for most dongles
        self.written: list[tuple[bytes, str]] = []  # value, "command" or "request"

    def device(self) -> dict[str, Variant]:
        uuids = [uuid(each) for each in (self.layout if self.resolved else self.advertised)]
        makers = {maker: Variant("ay", payload) for maker, payload in self.makers.items()}
        properties = {
            "Address": Variant("s", self.address),
            "AddressType": Variant("s", "public"),
            "Alias": Variant("s", self.name or self.address.replace(":", "-")),
            "Adapter": Variant("o", self.adapter_path),
            "Paired": Variant("b", False),
            "Bonded": Variant("b", False),
            "Trusted": Variant("b", False),
            "Blocked": Variant("b", False),
            "LegacyPairing": Variant("b", False),
            "Connected": Variant("b", self.connected),
            "ServicesResolved": Variant("b", self.resolved),
            "UUIDs": Variant("as", uuids),
            "RSSI": Variant("n", self.rssi),
        }
        if self.name:
            properties["Name"] = Variant("s", self.name)
        if makers:
            properties["ManufacturerData"] = Variant("a{qv}", makers)
        return properties

    def attributes(self) -> Iterable[tuple[str, str, dict[str, Variant]]]:
        """(path, interface, properties) of each service, characteristic and descriptor."""
        handle = 0x0C
        for service, characteristics in self.layout.items():
            parent = f"{self.path}/service{handle:04x}"
            yield parent, "org.bluez.GattService1", self._service(service)
            for short, flags in characteristics.items():
                handle += 3
                path = f"{parent}/char{handle:04x}"
                yield path, "org.bluez.GattCharacteristic1", self._characteristic(short, flags, parent, path)
                if "notify" in flags:
                    descriptor = {"UUID": Variant("s", uuid("2902")), "Characteristic": Variant("o", path)}
                    yield f"{path}/desc{handle + 2:04x}", "org.bluez.GattDescriptor1", descriptor
            handle += 6

    def _service(self, short: str) -> dict[str, Variant]:
        return {
            "UUID": Variant("s", uuid(short)),
            "Primary": Variant("b", True),
            "Device": Variant("o", self.path),
            "Includes": Variant("ao", []),
        }

    def _characteristic(self, short: str, flags: list[str], parent: str, path: str) -> dict[str, Variant]:
        properties: dict[str, Any] = {
            "UUID": Variant("s", uuid(short)),
            "Service": Variant("o", parent),
            "Flags": Variant("as", flags),
            "Notifying": Variant("b", path in self.notifying),
            "MTU": Variant("q", 23),
            "Value": Variant("ay", b""),
        }
        if self.acquirable:
            properties["NotifyAcquired"] = Variant("b", False)
        return properties

    def find(self, short: str) -> str:
        """The object path of a characteristic."""
        return next(path for path, _, props in self.attributes() if props["UUID"].value == uuid(short))

    def listening(self) -> str | None:
        """Where the answers go: the characteristic whose notifications are on."""
        return next(iter(sorted(self.notifying)), None)
