"""A battery over Bluetooth gives what it gives over a wire, however the dongle cuts the bytes."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from bluez import MAC, device, gather, needs_bus, wire
from bluez.battery import battery, cut
from support import PATIENCE, captures

from dalybms import DalyBMS, DalyBMSBluetooth, open_bms
from dalybms.errors import NoReply, TransportError

if TYPE_CHECKING:
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]
pytestmark = needs_bus

RECORDS = [record for record in captures("modbus_and_ble") if record["transport"] == "ble"]
A5 = [record for record in RECORDS if record["protocol"] == "a5"]
BOARD = "cells=16&sensors=2&soc=52.1&alarms=0102000000000000"


def wired(options: str, protocol: str = "a5") -> dict[str, Any]:
    with DalyBMS(protocol=protocol) as bms:
        bms.connect(f"demo:{options}")
        return bms.get_all()


@pytest.mark.parametrize("size", [1, 7, 13, 20, 26, 143, 200])
@pytest.mark.parametrize("style", ["exact", "fixed-all"])
def test_bluetooth_and_wire_give_the_same(bluez: BlueZ, style: str, size: int) -> None:
    options = f"{BOARD}&style={style}"
    bluez.add(battery(options, size))
    with DalyBMSBluetooth(protocol="a5") as bms:
        bms.connect(MAC)
        assert bms.get_all() == wired(options)


@pytest.mark.parametrize("protocol", ["d2", "p81"])
@pytest.mark.parametrize("size", [1, 20, 143])
def test_so_do_the_other_protocols(bluez: BlueZ, protocol: str, size: int) -> None:
    options = f"protocol={protocol}&cells=16&sensors=2"
    bluez.add(battery(options, size))
    with DalyBMSBluetooth(protocol=protocol) as bms:
        bms.connect(mac_address=MAC)
        assert bms.get_all() == wired(options, protocol)


@pytest.mark.parametrize("protocol", ["a5", "d2", "p81"])
def test_so_do_the_settings(bluez: BlueZ, protocol: str) -> None:
    options = f"protocol={protocol}&unsupported=5f"
    with DalyBMS(protocol=protocol, timeout=0.1) as bms:
        bms.connect(f"demo:{options}")
        truth = bms.read_parameters()
    bluez.add(battery(options, 20))
    with DalyBMSBluetooth(protocol=protocol, timeout=0.1) as bms:
        bms.connect(MAC)
        assert bms.read_parameters() == truth


def test_text_of_the_dongle_between_the_frames_changes_nothing(bluez: BlueZ) -> None:
    bluez.add(battery(BOARD, 26, b"AT+BAND=9600\r\n"))
    with DalyBMSBluetooth(protocol="a5") as bms:
        bms.connect(MAC)
        assert bms.get_all() == wired(BOARD)


@pytest.mark.parametrize("protocol", ["a5", "d2", "p81"])
def test_the_protocol_is_found_and_the_link_is_kept(bluez: BlueZ, protocol: str) -> None:
    options = f"protocol={protocol}&cells=16&sensors=2"
    bluez.add(dongle := battery(options))
    with open_bms(f"ble:{dongle.name}", timeout=0.2) as bms:
        assert isinstance(bms, DalyBMSBluetooth)
        assert bms.get_all() == wired(options, protocol)
        bms.get_soc()
    assert {value[1] for value, _ in dongle.written if value[0] == 0xA5} <= {0x80}
    assert bluez.calls.count("Connect") == bluez.calls.count("Disconnect") == 1
    assert not dongle.connected


def test_a_board_that_knows_only_the_pcs_address(bluez: BlueZ) -> None:
    bluez.add(dongle := battery(f"{BOARD}&host=40"))
    with DalyBMSBluetooth(timeout=0.1, protocol="a5") as bms:
        bms.connect(MAC)
        assert bms.get_soc()["soc_percent"] == 52.1
    assert [value[1] for value, _ in dongle.written][:2] == [0x80, 0x40]


def test_recorded_notifications_arrive_as_one_stream(bluez: BlueZ) -> None:
    replies: list[list[bytes]] = []
    bluez.add(device(answer=lambda _request: replies[-1]))
    link = wire()
    for record in RECORDS:
        replies.append([bytes.fromhex(chunk) for chunk in record["notifications"]])
        link.write(bytes.fromhex(record["request"]))
        stream = b"".join(replies[-1])
        assert gather(link, len(stream)) == stream, record["id"]
    assert len(replies) > 100


@pytest.mark.parametrize("size", [0, 1], ids=["as recorded", "byte by byte"])
def test_recorded_a5_answers_are_understood(bluez: BlueZ, size: int) -> None:
    chunks: list[bytes] = []
    bluez.add(device(answer=lambda _request: chunks))
    with DalyBMSBluetooth(request_retries=0, protocol="a5") as bms:
        bms.connect(MAC)
        for record in A5:
            stream = bytes.fromhex("".join(record["notifications"]))
            chunks[:] = cut(stream, size) if size else map(bytes.fromhex, record["notifications"])
            if record is A5[0]:
                bms.get_soc()
            assert bms.request(int(record["request"][4:6], 16)) == whole_frames(stream), record["id"]


def whole_frames(stream: bytes) -> list[bytes]:
    """The data of each undamaged frame, by looking at every position: simple, and not the product's way."""
    windows = [stream[at : at + 13] for at in range(len(stream) - 12)]
    return [each[4:12] for each in windows if each[0] == 0xA5 and sum(each[:12]) & 255 == each[12]]


def test_recorded_values(bluez: BlueZ) -> None:
    """What the source states for a 16-cell pack, read over Bluetooth."""
    replies = {
        bytes.fromhex(record["request"])[2]: [bytes.fromhex(chunk) for chunk in record["notifications"]]
        for record in reversed(A5)
        if record["id"].startswith("a5-eeckman")
    }
    bluez.add(device(answer=lambda request: replies.get(request[2], [])))
    with DalyBMSBluetooth(request_retries=0, protocol="a5") as bms:
        bms.connect(MAC)
        soc = bms.get_soc()
        assert (soc["total_voltage"], soc["current"], soc["soc_percent"]) == (53.0, -5.9, 92.2)
        cells = bms.get_cell_voltage_range()
        assert (cells["highest_voltage"], cells["highest_cell"]) == (3.315, 10)
        assert (cells["lowest_voltage"], cells["lowest_cell"]) == (3.308, 1)
        assert bms.get_temperature_range()["highest_temperature"] == 21
        status = bms.get_status()
        assert (status["cells"], status["cycles"], status["temperature_sensors"]) == (16, 11, 1)


def test_a_silent_board_is_no_reply_and_the_link_is_released(bluez: BlueZ) -> None:
    bluez.add(dongle := device())
    with DalyBMSBluetooth(timeout=0.05) as bms:
        bms.connect(MAC)
        began = time.monotonic()
        with pytest.raises(NoReply):
            bms.get_soc()
        assert time.monotonic() - began < 5
    assert not dongle.connected


@pytest.mark.alone
def test_a_link_lost_in_a_reading_is_a_transport_error_and_connect_mends_it(bluez: BlueZ) -> None:
    from bluez.peripheral import CUT

    bluez.add(dongle := battery(BOARD))
    with DalyBMSBluetooth(protocol="a5") as bms:
        bms.connect(MAC)
        soc = bms.get_soc()
        working = dongle.answer
        dongle.answer = lambda request: [b"\xa5\x01\x90", CUT]
        began = time.monotonic()
        with pytest.raises(TransportError, match="link was lost"):
            bms.get_soc()
        assert time.monotonic() - began < 0.5
        dongle.answer = working
        bms.connect(MAC)
        assert bms.get_soc() == soc


def test_a_link_lost_once_in_a_reading_is_opened_once_more(bluez: BlueZ) -> None:
    from bluez.peripheral import CUT

    bluez.add(dongle := battery(BOARD))
    with DalyBMSBluetooth(protocol="a5") as bms:
        bms.connect(MAC)
        soc = bms.get_soc()
        working = dongle.answer

        def breaking(request: bytes) -> Any:
            dongle.answer = working
            return [b"\xa5\x01\x90", CUT]

        dongle.answer = breaking
        assert bms.get_soc() == soc
        assert bluez.calls.count("Connect") == 2


def test_the_command_line(bluez: BlueZ) -> None:
    bluez.add(battery(BOARD))
    asked = [sys.executable, "-m", "dalybms", "-d", MAC, "--soc", "--status", "--protocol", "a5"]
    result = subprocess.run(asked, capture_output=True, text=True, timeout=PATIENCE)
    assert (result.returncode, result.stderr) == (0, "")
    assert '"soc_percent": 52.1' in result.stdout
    assert bluez.calls.count("Connect") == 1
