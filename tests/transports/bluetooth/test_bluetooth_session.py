"""The Bluetooth wire when all goes well: one byte stream, whatever the dongle and its pieces look like."""

from __future__ import annotations

import inspect
import threading
import time
from typing import TYPE_CHECKING

import pytest
from bluez import device, gather, needs_bus, old_bleak, wire
from support import PATIENCE

from dalybms.errors import TransportError

if TYPE_CHECKING:
    from bluez.bus import Bus
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]
pytestmark = needs_bus

REQUEST = bytes.fromhex("a58095080000000000000000c2")
# 16 frames of a 16-cell pack; source: see tests/captures/modbus_and_ble.json, a5-eeckman-95-0
FRAME = bytes.fromhex("a5019508010d370d360d349ba7")
REPLY = b"".join(
    FRAME[:4] + bytes([n]) + FRAME[5:12] + bytes([(sum(FRAME[:4]) + n + sum(FRAME[5:12])) & 0xFF])
    for n in range(1, 17)
)


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def test_one_session_from_scan_to_disconnect(bluez: BlueZ) -> None:
    dongle = device(answer=lambda _request: [REPLY])
    bluez.add(dongle)
    link = wire(dongle.address)
    link.write(REQUEST)
    assert gather(link, 208) == REPLY
    assert str(link) == f"Bluetooth {dongle.address}"
    link.close()
    assert not dongle.connected
    assert dongle.written == [(REQUEST, "command")]
    wanted = ["StartDiscovery", "StopDiscovery", "Connect", "StartNotify", "WriteValue", "Disconnect"]
    assert [call for call in bluez.calls if call in wanted] == wanted


@pytest.mark.parametrize("size", [1, 7, 13, 20, 26, 143, 200])
def test_the_pieces_of_a_dongle_mean_nothing(bluez: BlueZ, size: int) -> None:
    bluez.add(dongle := device(answer=lambda _request: pieces(REPLY, size)))
    link = wire(dongle.address)
    link.write(REQUEST)
    assert gather(link, 208) == REPLY


def test_text_of_the_dongle_and_pauses_stay_in_order(bluez: BlueZ) -> None:
    steps = [b"AT+BAND", REPLY[:20], 0.02, b"=9600\r\n", REPLY[20:]]
    bluez.add(dongle := device(answer=lambda _request: steps))
    link = wire(dongle.address)
    link.write(REQUEST)
    wanted = b"".join(step for step in steps if isinstance(step, bytes))
    assert gather(link, len(wanted)) == wanted


@pytest.mark.alone
def test_read_returns_what_is_there_and_nothing_when_the_time_is_over(bluez: BlueZ) -> None:
    bluez.add(dongle := device(answer=lambda _request: [b"one", 0.05, b"two"]))
    link = wire(dongle.address)
    began = time.monotonic()
    assert link.read(0.05) == b""
    assert 0.05 <= time.monotonic() - began < 0.5
    link.write(REQUEST)
    assert link.read(1) == b"one"
    assert link.read(1) == b"two"


def test_drain_throws_away_what_has_arrived(bluez: BlueZ) -> None:
    bluez.add(dongle := device(answer=lambda request: [request]))
    link = wire(dongle.address)
    link.write(b"late")
    assert link.read(1) == b"late"
    bluez.notify(dongle, b"noise")
    link.write(b"x")
    data = link.read(1)
    link.drain()
    assert data.startswith(b"noise")
    link.write(b"next")
    assert gather(link, 4)[-4:] == b"next"


def test_a_chatting_device_does_not_fill_the_memory(bluez: BlueZ) -> None:
    bluez.add(dongle := device(answer=lambda _request: [bytes(60000), bytes(60000), b"end"]))
    link = wire(dongle.address)
    link.write(REQUEST)
    assert _grown(link) == 65536


def _grown(link: object) -> int:
    """How much is kept, once the last bytes have come."""
    end = time.monotonic() + 2
    inbox = link._session.inbox
    while not inbox._bytes.endswith(b"end") and time.monotonic() < end:
        with inbox._news:
            inbox._news.wait(0.1)
    return len(link.read(0))


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        (["write", "write-without-response"], "command"),
        (["write-without-response"], "command"),
        (["write"], "request"),
    ],
)
def test_a_write_waits_for_no_response_where_that_is_offered(
    bluez: BlueZ, flags: list[str], kind: str
) -> None:
    bluez.add(dongle := device(layout={"fff0": {"fff1": ["notify"], "fff2": flags}}))
    wire(dongle.address).write(REQUEST)
    bluez.wait_for(lambda: dongle.written == [(REQUEST, kind)])


OLD = {"02f00000-0000-0000-0000-00000000fe00": {"02f00000-0000-0000-0000-00000000ff01": ["write", "notify"]}}
PLAIN = {"fff0": {"fff1": ["notify"], "fff2": ["write"]}}
NEW = {"ff00": {"ff01": ["notify"], "ff02": ["write"]}}


@pytest.mark.parametrize(
    ("layout", "listen"),
    [
        (PLAIN, "fff1"),
        (NEW, "ff01"),
        ({**NEW, **PLAIN}, "fff1"),
        ({**OLD, **PLAIN}, "fff1"),
        ({"fff0": {"fff2": ["write"]}, **NEW}, "ff01"),
    ],
    ids=["old dongle", "ff00 only", "both", "HLK-B20", "fff1 missing"],
)
def test_the_characteristics_are_found_by_uuid_and_subscribed_once(
    bluez: BlueZ, layout: dict, listen: str
) -> None:
    bluez.add(dongle := device(layout=layout, answer=lambda request: [request]))
    link = wire(dongle.address)
    assert dongle.notifying == {dongle.find(listen)}
    assert bluez.calls.count("StartNotify") == 1
    link.write(b"abc")
    assert gather(link, 3) == b"abc"


def test_notifications_are_never_acquired(bluez: BlueZ) -> None:
    """bleak 2.1 to 3.0.1 would do so by itself; several dongles do not bear it."""
    from bleak import BleakClient

    if "bluez" not in inspect.signature(BleakClient.start_notify).parameters:
        return  # 0.22 and 1.x never acquire; 2.0 always does and cannot be told otherwise
    dongle = device(answer=lambda request: [request])
    dongle.acquirable = True
    bluez.add(dongle)
    link = wire(dongle.address)
    assert "AcquireNotify" not in bluez.calls
    link.write(b"abc")
    assert gather(link, 3) == b"abc"


@pytest.mark.parametrize("name", ["DL-0123456789AB", "My pack", "BT270-2\0\0\0"])
def test_a_device_is_found_by_its_advertised_name(bluez: BlueZ, name: str) -> None:
    bluez.add(device(address="AA:BB:CC:00:00:02", name="another"), dongle := device(name=name.strip("\0")))
    link = wire(name)
    assert link.address == dongle.address
    assert dongle.address in str(link)


@pytest.mark.parametrize("target", ["aa:bb:cc:00:00:01", "AA-BB-CC-00-00-01"])
def test_an_address_may_be_written_in_any_case(bluez: BlueZ, target: str) -> None:
    bluez.add(device())
    assert wire(target).address == "AA:BB:CC:00:00:01"


def test_two_devices_of_one_name_are_an_error(bluez: BlueZ) -> None:
    bluez.add(device(name="pack"), device(address="AA:BB:CC:00:00:02", name="pack"))
    with pytest.raises(
        TransportError, match=r"2 devices are called 'pack'; name one of AA:.*01, AA:.*02"
    ) as caught:
        wire("pack")
    assert caught.value.stage == "scan"


def test_another_adapter(bus: Bus) -> None:
    from bluez.standin import BlueZ

    from dalybms.transports.bluetooth.scanning import scan
    from dalybms.transports.bluetooth.thread import shutdown

    with BlueZ(bus.address, adapters=("hci0", "hci1")) as bluez:
        bluez.add(dongle := device(adapter="hci1"))
        link = wire(dongle.address, adapter="hci1")
        assert dongle.connected
        link.close()
        assert wire(dongle.address, bluez={"adapter": "hci1"}).address == dongle.address
        bluez.add(device(adapter="hci1", address="AA:BB:CC:00:00:02"))
        assert "AA:BB:CC:00:00:02" in [row["address"] for row in scan(0.1, adapter="hci1")]
        shutdown()


def test_close_ends_a_waiting_read_and_may_be_repeated(bluez: BlueZ) -> None:
    bluez.add(dongle := device())
    link = wire(dongle.address)
    ended: list[object] = []

    def read() -> None:
        began = time.monotonic()
        with pytest.raises(TransportError, match="closed"):
            link.read(20)
        ended.append(time.monotonic() - began)

    reader = threading.Thread(target=read)
    reader.start()
    bluez.wait_for(lambda: "StartNotify" in bluez.calls)
    link.close()
    reader.join(PATIENCE)
    assert ended
    assert ended[0] < 2
    link.close()
    for call in (lambda: link.read(1), lambda: link.write(b"x")):
        with pytest.raises(TransportError, match="closed; connect again"):
            call()


def test_a_closed_link_can_be_opened_again(bluez: BlueZ) -> None:
    bluez.add(dongle := device(answer=lambda request: [request]))
    for _ in range(3):
        link = wire(dongle.address)
        link.write(b"abc")
        assert gather(link, 3) == b"abc"
        link.close()
    assert not dongle.connected


def test_a_link_that_nobody_holds_is_given_up(bluez: BlueZ) -> None:
    bluez.add(dongle := device())
    link = wire(dongle.address)
    assert dongle.connected
    del link
    bluez.wait_for(lambda: not dongle.connected)


def test_a_left_over_connection_is_adopted(bluez: BlueZ) -> None:
    bluez.add(dongle := device(answer=lambda request: [request]))
    bluez.leave_over(dongle)
    if old_bleak():
        with pytest.raises(TransportError, match=r"bluetoothctl disconnect, or bleak 3.1"):
            wire(dongle.address)
        return
    link = wire(dongle.address)
    link.write(b"abc")
    assert gather(link, 3) == b"abc"
    assert "Connect" not in bluez.calls
    link.close()
    assert not dongle.connected


def test_wrong_arguments_are_refused_before_anything_is_sent(bluez: BlueZ) -> None:
    with pytest.raises(TypeError, match=r"timeout: set by the transport.*limits="):
        wire("AA:BB:CC:00:00:01", timeout=3)
    with pytest.raises(ValueError, match="needs an address or a name"):
        wire(" ")
    assert bluez.calls == []
