"""Each Bluetooth trouble becomes one clear line with the next step, in bounded time."""

from __future__ import annotations

import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bluez import MAC, close_sockets, device, left_open, needs_bus, old_bleak, use_bus, wire
from support import PATIENCE

from dalybms.errors import TransportError

if TYPE_CHECKING:
    from bluez.bus import Bus
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]
pytestmark = [needs_bus, *left_open()]


def trouble(name: str, text: str = "", **options: Any) -> Any:
    from bluez.standin import Trouble

    return Trouble((name, text), **options)


def refused(match: str, stage: str, within: float = 2.0, **options: Any) -> str:
    """Opening fails with this message and stage, in one line, in this time."""
    began = time.monotonic()
    with pytest.raises(TransportError, match=match) as caught:
        wire(**options)
    assert time.monotonic() - began < within
    assert "\n" not in str(caught.value)
    assert caught.value.stage == stage
    return str(caught.value)


# -- this machine ---------------------------------------------------------------------------------
def test_no_message_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    from dalybms.transports.bluetooth.scanning import scan
    from dalybms.transports.bluetooth.thread import shutdown

    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/socket")
    refused("no Bluetooth service on this machine .*install BlueZ", _first_stage())
    with pytest.raises(TransportError, match="no Bluetooth service on this machine"):
        scan(0.1)
    shutdown()
    close_sockets()


def _first_stage() -> str:
    return "scan" if old_bleak() else "bus"


def test_no_bluetooth_service(bus: Bus) -> None:
    refused("service is not running; start it: sudo systemctl start bluetooth", _first_stage())


def test_a_message_bus_that_accepts_and_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dalybms.transports.bluetooth.thread import shutdown

    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute"))
        mute.listen()
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'mute'}")
        refused("does not answer; start it anew|does not start or stop scanning", _first_stage())
        shutdown()
    close_sockets()


def test_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    from bluez.bus import Bus
    from bluez.standin import BlueZ

    from dalybms.transports.bluetooth.thread import shutdown

    with Bus(denied=True) as bus, BlueZ(bus.address):
        use_bus(bus, monkeypatch)
        refused(r"not allowed to use Bluetooth.*usermod -aG bluetooth", _first_stage())
        shutdown()
    close_sockets()


@pytest.mark.parametrize(
    ("adapters", "message"),
    [
        (("hci0",), "the Bluetooth adapter is off; .*bluetoothctl power on .*rfkill"),
        ((), "no such Bluetooth LE adapter"),
    ],
)
def test_adapter_off_or_missing(bus: Bus, adapters: tuple[str, ...], message: str) -> None:
    from bluez.standin import BlueZ

    from dalybms.transports.bluetooth.thread import shutdown

    with BlueZ(bus.address, adapters=adapters, powered=False):
        refused(message, _first_stage())
        shutdown()


def test_an_adapter_that_does_not_exist(bluez: BlueZ) -> None:
    refused("no such Bluetooth LE adapter.*bluetoothctl list", "scan", adapter="hci7")


def test_bleak_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bleak", None)
    refused(r"install it with: pip install 'dalybms\[bluetooth\]'", "import")


# -- the dongle is not there ----------------------------------------------------------------------
def test_not_advertising_names_what_was_heard(bluez: BlueZ) -> None:
    bluez.add(
        device(address="AA:BB:CC:00:00:02", name="DL-2"), device(address="AA:BB:CC:00:00:03", name="lamp")
    )
    text = refused(
        r"is not advertising \(heard 2 other devices, Daly: AA:BB:CC:00:00:02 \(DL-2\) in 0.5", "scan"
    )
    for remedy in ("phone app", "wake the pack", "closer", "cloud mode"):
        assert remedy in text
    assert bluez.calls.count("StopDiscovery") == 1


def test_nothing_heard_at_all(bluez: BlueZ) -> None:
    refused("heard nothing at all", "scan", target="DL-123")


def test_an_overall_time_cuts_the_scan(bluez: BlueZ) -> None:
    from dalybms.transports.bluetooth.limits import LIMITS

    refused(r"is not advertising \(heard nothing at all in 0.[2-4]", "scan", 0.5, limits=LIMITS, budget=0.5)


def test_an_overall_time_cuts_the_connection(bluez: BlueZ) -> None:
    from dalybms.transports.bluetooth.limits import LIMITS

    bluez.add(device())
    bluez.troubles["Connect"] = trouble("", hang=True)
    refused("no connection came about.*allow more", "connect", within=1.5, limits=LIMITS, budget=1.0)


def test_open_in_this_program_already(bluez: BlueZ) -> None:
    bluez.add(dongle := device())
    link = wire()
    dongle.known, dongle.connected = True, False  # a dongle that advertises although it is connected
    refused("is open in this program already", "connect")
    link.close()


# -- connecting -----------------------------------------------------------------------------------
FAILED = "org.bluez.Error.Failed"


@pytest.mark.parametrize("text", ["le-connection-abort-by-local", "Software caused connection abort"])
def test_a_passing_trouble_is_tried_again(bluez: BlueZ, text: str) -> None:
    bluez.add(dongle := device(answer=lambda request: [request]))
    bluez.troubles["Connect"] = trouble(FAILED, text, times=1)
    if "abort-by-local" in text:
        _break_off(bluez, dongle)
    link = wire()
    link.write(b"abc")
    assert link.read(1) == b"abc"
    assert bluez.calls.count("Connect") == 2


def _break_off(bluez: BlueZ, dongle: Any) -> None:
    """BlueZ connects and loses the link before it reports the abort, so bleak waits for that signal."""
    refuse = bluez._do_Connect

    async def handle(message: Any) -> None:
        if bluez.calls.count("Connect") > 1:
            await refuse(message)
            return
        dongle.connected = True
        bluez._refuse(message, FAILED, "le-connection-abort-by-local")
        await bluez._lose(dongle)

    del bluez.troubles["Connect"]
    bluez._do_Connect = handle


def test_a_connection_that_always_fails_ends(bluez: BlueZ) -> None:
    bluez.add(device())
    bluez.troubles["Connect"] = trouble(FAILED, "Software caused connection abort")
    refused("broke off, .*come closer", "connect")
    assert bluez.calls.count("Connect") == 3


def test_a_refused_connection_is_not_repeated(bluez: BlueZ) -> None:
    bluez.add(device())
    bluez.troubles["Connect"] = trouble("org.bluez.Error.AuthenticationFailed", "Authentication Failed")
    refused("Bluetooth failed .*Authentication Failed", "connect")
    assert bluez.calls.count("Connect") == 1


def test_a_device_that_bluez_forgot_is_sought_again(bluez: BlueZ) -> None:
    bluez.add(device())
    bluez.troubles["Connect"] = trouble("org.freedesktop.DBus.Error.UnknownObject", "no object", times=1)
    assert wire().address == MAC
    assert bluez.calls.count("StartDiscovery") == 2


def test_services_that_never_resolve(bluez: BlueZ) -> None:
    bluez.add(dongle := device())
    bluez.resolves = False
    refused("no connection came about; close the phone app", "connect", within=4)
    bluez.wait_for(lambda: not dongle.connected)


def test_a_link_that_dies_while_services_resolve(bluez: BlueZ) -> None:
    bluez.add(dongle := device())
    bluez.resolves = False
    killer = threading.Thread(target=lambda: (bluez.wait_for(lambda: dongle.connected), bluez.cut(dongle)))
    killer.start()
    refused("no connection came about|broke off", "connect", within=4)
    killer.join(PATIENCE)
    assert bluez.calls.count("Connect") >= 2


def test_another_makers_device(bluez: BlueZ) -> None:
    layout = {"180f": {"2a19": ["read"]}, "fff0": {"fff4": ["notify"]}, "0f00": {}}
    bluez.add(dongle := device(layout=layout))
    found = "neither fff1/fff2 nor ff01/ff02, but 0f00: empty; 180f: 2a19; fff0: fff4"
    refused(f"is no Daly dongle: {found}", "subscribe")
    assert not dongle.connected


def test_notifications_refused(bluez: BlueZ) -> None:
    bluez.add(dongle := device())
    bluez.troubles["StartNotify"] = trouble("org.bluez.Error.NotPermitted", "Notify acquired")
    refused("notifications are taken; end the other program", "subscribe")
    assert not dongle.connected


# -- while open -----------------------------------------------------------------------------------
def test_silence_is_no_error_of_the_wire(bluez: BlueZ) -> None:
    bluez.add(device())
    link = wire()
    link.write(b"abc")
    assert link.read(0.05) == b""


def test_a_refused_write(bluez: BlueZ) -> None:
    bluez.add(device())
    link = wire()
    bluez.troubles["WriteValue"] = trouble(FAILED, "Operation failed with ATT error: 0x0e")
    with pytest.raises(TransportError, match="the dongle refused the bytes") as caught:
        link.write(b"abc")
    assert caught.value.stage == "write"
    assert bluez.calls.count("WriteValue") == 1  # a write may switch something: it is never repeated


@pytest.mark.alone
def test_a_link_lost_in_an_answer(bluez: BlueZ) -> None:
    from bluez.peripheral import CUT

    bluez.add(device(answer=lambda request: [request, CUT]))
    link = wire()
    link.write(b"half")
    began = time.monotonic()
    assert link.read(20) == b"half"
    with pytest.raises(TransportError, match=r"link was lost; .*connect again") as caught:
        link.read(20)
    assert caught.value.stage == "open"
    with pytest.raises(TransportError, match="link was lost"):
        link.write(b"more")
    link.close()
    assert time.monotonic() - began < 2


@pytest.mark.alone
@pytest.mark.parametrize("how", ["cut", "power_off"])
def test_a_link_lost_in_a_wait_ends_it_at_once(bluez: BlueZ, how: str) -> None:
    bluez.add(dongle := device())
    link = wire()
    action = {"cut": lambda: bluez.cut(dongle), "power_off": bluez.power_off}[how]
    threading.Timer(0.1, action).start()
    began = time.monotonic()
    with pytest.raises(TransportError, match="link was lost"):
        link.read(20)
    assert time.monotonic() - began < 2
    link.close()


def test_a_lost_link_can_be_opened_again(bluez: BlueZ) -> None:
    bluez.add(dongle := device(answer=lambda request: [request]))
    link = wire()
    bluez.cut(dongle)
    with pytest.raises(TransportError):
        link.read(5)
    link.close()
    link = wire()
    link.write(b"abc")
    assert link.read(1) == b"abc"


@pytest.mark.alone
def test_a_message_bus_that_dies_while_open(bus: Bus, bluez: BlueZ) -> None:
    bluez.add(device())
    link = wire()
    bus.kill()
    began = time.monotonic()
    with pytest.raises(TransportError):
        _use(link)
    link.close()
    assert time.monotonic() - began < 4


def _use(link: Any) -> None:
    for _ in range(3):
        link.write(b"abc")
        link.read(0.2)


# -- Bluetooth that stops answering ---------------------------------------------------------------
OPENING = [
    "GetManagedObjects",
    "SetDiscoveryFilter",
    "StartDiscovery",
    "StopDiscovery",
    "Connect",
    "StartNotify",
]


@pytest.mark.parametrize("member", OPENING)
@pytest.mark.parametrize("for_good", [False, True], ids=["one call", "all from then on"])
def test_a_call_that_never_returns_while_opening(bluez: BlueZ, member: str, for_good: bool) -> None:
    bluez.add(device())
    bluez.troubles[member] = trouble("", hang=True)
    if for_good:
        bluez.hangs_after = member
    with pytest.raises(TransportError, match=r"restart bluetooth|no connection|notifications") as caught:
        wire()
    assert caught.value.stage in ("bus", "scan", "connect", "subscribe")


def test_a_write_that_never_returns(bluez: BlueZ) -> None:
    bluez.add(dongle := device())
    link = wire()
    bluez.troubles["WriteValue"] = trouble("", hang=True)
    with pytest.raises(TransportError, match="does not take data any more") as caught:
        link.write(b"abc")
    assert caught.value.stage == "write"
    link.close()
    assert not dongle.connected


@pytest.mark.alone
def test_a_disconnection_that_never_returns(bluez: BlueZ) -> None:
    bluez.add(device())
    link = wire()
    bluez.troubles["Disconnect"] = trouble("", hang=True)
    began = time.monotonic()
    link.close()
    assert time.monotonic() - began < 1


def test_after_a_hanging_call_the_next_connection_works(bluez: BlueZ) -> None:
    bluez.add(device(answer=lambda request: [request]))
    bluez.troubles["StartDiscovery"] = trouble("", hang=True, times=1)
    refused("does not start or stop scanning", "scan")
    link = wire()
    link.write(b"abc")
    assert link.read(1) == b"abc"
