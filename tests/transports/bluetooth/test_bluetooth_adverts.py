"""Which advertisements are a Daly's, which device a text means, and what a scan lists."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING

import pytest
from bluez import MAC, QUICK, device, needs_bus, old_bleak, wire

from dalybms.transports.bluetooth.adverts import is_address, judge, matches, ranked, uuid16
from dalybms.transports.bluetooth.errors import CONNECT, BluetoothError, explain, transient

if TYPE_CHECKING:
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]
UUID = "6E5B5E2E-1E1C-4F3A-9B7A-0123456789AB"
OWN = bytes.fromhex("aabbcc000001")


@pytest.mark.parametrize(
    ("name", "makers", "services", "daly", "why"),
    [
        ("DL-401601234567", {}, [], True, "its name begins with DL-"),
        ("dl-f0a1b2c3d4e5", {}, [], True, "its name begins with dl-"),
        ("JHB-0123456789AB", {}, [], True, "its name begins with JHB-"),
        ("My pack", {0x0102: b"\x01" + OWN + b"DL"}, [], True, "manufacturer data (0x0102)"),
        ("My pack", {0x0302: b"\x01" + OWN[::-1]}, [], True, "manufacturer data (0x0302)"),
        ("My pack", {0x0106: b"\x04JHB"}, [], True, "manufacturer data (0x0106)"),
        ("My pack", {0x0102: b"\x01\x02\x03"}, [], False, "nothing in its advertisement"),
        ("My pack", {0x004C: b"\x02\x15DL"}, [], False, "nothing in its advertisement"),
        ("lamp", {}, [uuid16("fff0").upper()], False, "perhaps: it offers service fff0"),
        ("MODL-1", {}, [], False, "nothing in its advertisement"),
        ("", {}, [], False, "nothing in its advertisement"),
    ],
)
def test_what_makes_a_daly(name: str, makers: dict, services: list, daly: bool, why: str) -> None:
    judged = judge(MAC, name, makers, services)
    assert judged[0] is daly
    assert why in judged[1]


@pytest.mark.parametrize(
    ("target", "address", "names", "same"),
    [
        (MAC, MAC.lower(), [None], True),
        (MAC.replace(":", "-"), MAC, [""], True),
        (MAC, "AA:BB:CC:00:00:02", [MAC], False),  # a device may call itself what it likes
        (UUID.lower(), UUID, [None], True),
        ("pack", MAC, ["pack\0\0", None], True),
        ("pack", MAC, ["Pack"], False),
        ("pack", MAC, [None, "my pack"], False),
    ],
)
def test_which_device_a_text_means(target: str, address: str, names: list, same: bool) -> None:
    assert matches(target, address, names) is same


@pytest.mark.parametrize("text", ["AA:BB:CC:DD:EE", "AA:BB:CC:DD:EE:FF:00", "DL-AABBCCDDEEFF", "0000fff0"])
def test_what_is_no_address(text: str) -> None:
    assert not is_address(text)


def test_the_nearest_comes_first_and_the_silent_last() -> None:
    rows = [{"address": address, "rssi": rssi} for address, rssi in (("a", -90), ("b", None), ("c", -40))]
    assert [row["address"] for row in ranked(rows)] == ["c", "a", "b"]


@needs_bus
def test_a_scan_lists_what_is_there(bluez: BlueZ) -> None:
    from dalybms.transports.bluetooth.scanning import scan

    far = device(address="AA:BB:CC:00:00:03", name="", rssi=-95)
    near = device(address="AA:BB:CC:00:00:02", name="My pack\t", rssi=-40, makers={0x0102: b"\x01DL"})
    bluez.add(far, near, device())
    lines: list[str] = []
    rows = scan(0.3, progress=lines.append, limits=QUICK)
    assert [(row["address"], row["name"], row["rssi"], row["daly"]) for row in rows] == [
        ("AA:BB:CC:00:00:02", "My pack", -40, True),
        (MAC, "DL-AABBCC000001", -60, True),
        ("AA:BB:CC:00:00:03", None, -95, False),
    ]
    assert list(rows[0]) == ["address", "name", "rssi", "daly", "why"]
    assert json.loads(json.dumps(rows)) == rows
    assert lines[-1].endswith("3 devices, Daly: 2")
    assert bluez.calls.count("StartDiscovery") == bluez.calls.count("StopDiscovery") == 1


@needs_bus
def test_a_scan_names_what_is_connected_and_therefore_silent(bluez: BlueZ) -> None:
    from dalybms.transports.bluetooth.scanning import scan

    bluez.add(device())
    link = wire()
    rows = scan(0.1, limits=QUICK)
    if old_bleak():
        assert rows == []
    else:
        assert [(row["address"], row["rssi"], row["daly"]) for row in rows] == [(MAC, None, True)]
        assert "connected to this machine" in rows[0]["why"]
    link.close()


def test_an_error_keeps_its_stage_when_it_is_sent_to_another_process() -> None:
    error = explain(RuntimeError("what?"), CONNECT, MAC)
    assert str(error).startswith(f"{MAC}: Bluetooth failed (what?)")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.stage) == (str(error), CONNECT)


def test_what_was_decided_here_is_not_tried_again() -> None:
    assert transient(EOFError())
    assert not transient(BluetoothError("org.bluez.Error.Failed", CONNECT))
    assert not transient(ValueError("wrong"))
