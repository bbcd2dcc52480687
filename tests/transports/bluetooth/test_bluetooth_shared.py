"""Several programs and several dongles on one adapter: what passes is tried again, what stays is named."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from bluez import MAC, QUICK, device, needs_bus, wire
from bluez.battery import battery
from support import PATIENCE, captures

from dalybms import DalyBMS, DalyBMSBluetooth, open_bms
from dalybms.errors import TransportError
from dalybms.link import Link
from dalybms.protocols.modbus.frame import ModbusReader, read_request
from dalybms.protocols.request import Request

if TYPE_CHECKING:
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]
pytestmark = needs_bus

RECORDS = {record["id"]: record["expected"] for record in captures("second")}
IN_PROGRESS = ("org.bluez.Error.InProgress", "Operation already in progress")
UNLIKELY = ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x0e")
OTHER = "AA:BB:CC:00:00:02"


def trouble(error: tuple[str, str], **options: Any) -> Any:
    from bluez.standin import Trouble

    return Trouble(error, **options)


def question(once: bool = False) -> Request:
    """A read of D2; once: as if it might change the battery."""
    return Request(
        "pack",
        (read_request(0xD2, 0, 62),),
        ModbusReader((0xD2,)),
        bool,
        lambda frames: frames[0],
        133,
        once=once,
    )


@pytest.mark.parametrize("member", ["Connect", "StartDiscovery"])
@pytest.mark.parametrize("times", [1, 2])
def test_an_adapter_that_is_busy_is_tried_again(bluez: BlueZ, member: str, times: int) -> None:
    assert "second try works" in RECORDS["b2-11-ble-1"]["expected"]
    bluez.add(battery("protocol=d2&soc=52"))
    bluez.troubles[member] = trouble(IN_PROGRESS, times=times)
    with open_bms(MAC) as bms:
        assert bms.get_soc()["soc_percent"] == 52.0
    assert bluez.calls.count(member) == times + 1


@pytest.mark.alone
@pytest.mark.parametrize("member", ["Connect", "StartDiscovery"])
def test_an_adapter_that_stays_busy_is_named(bluez: BlueZ, member: str) -> None:
    assert "another program uses the adapter" in RECORDS["b2-11-ble-2"]["expected"]
    bluez.add(dongle := device())
    bluez.troubles[member] = trouble(IN_PROGRESS)
    began = time.monotonic()
    with pytest.raises(TransportError, match="another program scans or connects with this") as caught:
        wire()
    assert time.monotonic() - began < 3
    assert bluez.calls.count(member) == 3
    assert "Error.InProgress" not in str(caught.value)
    assert not dongle.connected


@pytest.mark.parametrize("member", ["WriteValue", "StartNotify"])
def test_an_unlikely_error_at_first_is_tried_once_more(bluez: BlueZ, member: str) -> None:
    assert "tried again" in RECORDS["b2-11-ble-3"]["expected"]
    bluez.add(battery("protocol=d2&soc=52"))
    bluez.troubles[member] = trouble(UNLIKELY, times=1)
    with DalyBMSBluetooth(request_retries=0) as bms:
        bms.connect(MAC)
        assert bms.get_soc()["soc_percent"] == 52.0
    assert bluez.calls.count(member) == 2


@pytest.mark.parametrize("member", ["WriteValue", "StartNotify"])
def test_one_that_stays_is_an_error_after_the_second(bluez: BlueZ, member: str) -> None:
    bluez.add(battery("protocol=d2"))
    bluez.troubles[member] = trouble(UNLIKELY)
    with pytest.raises(TransportError, match="the dongle refused the bytes"), open_bms(MAC) as bms:
        bms.get_soc()
    assert bluez.calls.count(member) == 2


def test_another_refusal_is_not_tried_again(bluez: BlueZ) -> None:
    bluez.add(battery("protocol=d2"))
    bluez.troubles["WriteValue"] = trouble(
        ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x80")
    )
    with pytest.raises(TransportError, match="the dongle refused the bytes"), open_bms(MAC) as bms:
        bms.get_soc()
    assert bluez.calls.count("WriteValue") == 1


def test_what_may_change_the_battery_is_never_sent_twice(bluez: BlueZ) -> None:
    bluez.add(battery("protocol=d2"))
    bluez.troubles["WriteValue"] = trouble(UNLIKELY, times=1)
    link = Link(wire())
    with link.call(), pytest.raises(TransportError, match="the dongle refused the bytes"):
        link.exchange(question(once=True))
    with link.call():
        link.exchange(question())
    link.close()
    assert bluez.calls.count("WriteValue") == 2


def test_after_the_first_write_nothing_is_tried_twice(bluez: BlueZ) -> None:
    bluez.add(battery("protocol=d2"))
    with open_bms(MAC) as bms:
        bms.get_soc()
        bluez.troubles["WriteValue"] = trouble(UNLIKELY, times=1)
        before = bluez.calls.count("WriteValue")
        with pytest.raises(TransportError, match="the dongle refused the bytes"):
            bms.get_soc()
        assert bluez.calls.count("WriteValue") == before + 1


@pytest.mark.alone
def test_scanning_that_never_stops_is_named_in_bounded_time(bluez: BlueZ) -> None:
    assert "bounded time" in RECORDS["b2-11-ble-4"]["expected"]
    bluez.add(dongle := device())
    bluez.troubles["StopDiscovery"] = trouble(("", ""), hang=True)
    began = time.monotonic()
    with pytest.raises(TransportError, match="does not start or stop scanning; reset it: sudo systemctl"):
        wire()
    assert time.monotonic() - began < QUICK.opening()
    assert not dongle.connected


def test_two_packs_opened_at_once_from_two_threads(bluez: BlueZ) -> None:
    assert "both read right" in RECORDS["b2-11-ble-5"]["expected"]
    packs = {MAC: "protocol=d2&cells=4&soc=52", OTHER: "protocol=d2&cells=4&soc=81"}
    for address, options in packs.items():
        dongle = battery(options)
        dongle.address, dongle.name = address, f"DL-{address[-2:]}"
        dongle.path = f"{dongle.adapter_path}/dev_{address.replace(':', '_')}"
        bluez.add(dongle)
    found: dict[str, Any] = {}
    ready = threading.Barrier(2)

    def read(address: str) -> None:
        ready.wait(PATIENCE)
        try:
            with open_bms(address) as bms:
                found[address] = [bms.get_all() for _ in range(5)]
        except Exception as error:  # noqa: BLE001 - shown by the comparison
            found[address] = error

    threads = [threading.Thread(target=read, args=(address,)) for address in packs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    for address, options in packs.items():
        with DalyBMS() as wired:
            wired.connect(f"demo:{options}")
            assert found[address] == [wired.get_all()] * 5
