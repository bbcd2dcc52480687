"""Each cause of Bluetooth in docs/diagnose.md, with real bleak on a real bus; a stand-in is BlueZ."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bluez import MAC, close_sockets, device, left_open, needs_bus, old_bleak, use_bus, wire
from support import PATIENCE

from dalybms.diagnosis import bluetooth
from dalybms.diagnosis import wire as wire_of_diagnosis
from dalybms.diagnosis.diagnose import diagnose
from dalybms.diagnosis.radio import RADIO, of_error, of_silence
from dalybms.protocols.modbus.frame import crc

if TYPE_CHECKING:
    from bluez.bus import Bus
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]
pytestmark = [needs_bus, *left_open()]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in's devices advertise every 20 ms."""
    monkeypatch.setattr(bluetooth, "LISTENED", 0.4)
    monkeypatch.setattr(bluetooth, "_START", 0.4)
    monkeypatch.setattr(wire_of_diagnosis, "RADIO_BUDGET", 3.0)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a board that answers: its answers count, also where many tests run at once."""
    monkeypatch.setattr(wire_of_diagnosis, "RADIO_BUDGET", 12.0)


def diagnosed(target: str = MAC, **more: Any) -> dict[str, Any]:
    options = {"protocol": "auto", "address": None, "baudrate": 9600, "timeout": 0.15, **more}
    return diagnose(target, options, lambda _: None)


def codes(document: dict[str, Any]) -> list[str]:
    return [each["code"] for each in document["causes"]]


def steps(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["name"], each["outcome"]) for each in document["steps"]]


def last(document: dict[str, Any]) -> tuple[str, str]:
    return steps(document)[-1]


def trouble(name: str = "", text: str = "", **options: Any) -> Any:
    from bluez.standin import Trouble

    return Trouble((name, text), **options)


# -- this machine ---------------------------------------------------------------------------------
def test_bleak_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bleak", None)
    document = diagnosed()
    assert (codes(document), last(document)) == (["bluetooth-bleak"], ("service", "failed"))
    assert document["answers"] is False


def test_no_message_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    from dalybms.transports.bluetooth.thread import shutdown

    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/socket")
    assert codes(diagnosed()) == ["bluetooth-none"]
    shutdown()
    close_sockets()


def test_no_service(bus: Bus) -> None:
    document = diagnosed()
    assert (codes(document), last(document)) == (["bluetooth-service"], ("service", "failed"))


@pytest.fixture
def denied(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from bluez.bus import Bus
    from bluez.standin import BlueZ

    from dalybms.transports.bluetooth.thread import shutdown

    with Bus(denied=True) as made, BlueZ(made.address):
        use_bus(made, monkeypatch)
        yield
        shutdown()
    close_sockets()


def test_not_allowed(denied: None) -> None:
    document = diagnosed()
    assert codes(document) == ["bluetooth-permission"]
    assert steps(document) == [("service", "ok"), ("permission", "failed")]


def test_adapter_off(bus: Bus) -> None:
    from bluez.standin import BlueZ

    from dalybms.transports.bluetooth.thread import shutdown

    with BlueZ(bus.address, powered=False):
        document = diagnosed()
        shutdown()
    assert codes(document) == ["bluetooth-off"]
    assert steps(document) == [("service", "ok"), ("permission", "ok"), ("adapter", "failed")]


def test_no_such_adapter(bluez: BlueZ) -> None:
    assert codes(diagnosed(adapter="hci7")) == ["bluetooth-adapter"]


def test_another_program_scans(bluez: BlueZ) -> None:
    bluez.troubles["StartDiscovery"] = trouble("org.bluez.Error.InProgress", "Operation already in progress")
    assert codes(diagnosed()) == ["bluetooth-busy"]


def test_a_service_that_does_not_answer(bluez: BlueZ) -> None:
    bluez.troubles["StartDiscovery"] = trouble(hang=True)
    began = time.monotonic()
    assert codes(diagnosed()) == ["bluetooth-stuck"]
    assert time.monotonic() - began < 10


# -- the device -----------------------------------------------------------------------------------
def test_it_is_not_heard_and_others_are(bluez: BlueZ) -> None:
    bluez.add(device(address="AA:BB:CC:00:00:09", name="A lamp"))
    document = diagnosed()
    assert codes(document) == ["bluetooth-elsewhere", "bluetooth-asleep", "bluetooth-far"]
    assert last(document) == ("advertising", "failed")


def test_it_is_not_heard_and_another_daly_is(bluez: BlueZ) -> None:
    bluez.add(device(address="AA:BB:CC:00:00:09"))
    document = diagnosed()
    assert codes(document) == ["bluetooth-elsewhere", "bluetooth-asleep", "bluetooth-address"]
    assert "1 others that are heard" in document["causes"][2]["detail"]


def test_nothing_is_heard(bluez: BlueZ) -> None:
    assert codes(diagnosed()) == ["bluetooth-hears-nothing", "bluetooth-elsewhere", "bluetooth-asleep"]


def test_two_of_one_name(bluez: BlueZ) -> None:
    bluez.add(device(name="DL-1"), device(name="DL-1", address="AA:BB:CC:00:00:02"))
    assert codes(diagnosed("ble:DL-1")) == ["bluetooth-same-name"]


def test_this_program_has_it_open(bluez: BlueZ) -> None:
    """An older bleak shows no connected device, so one of several causes fits then."""
    bluez.add(device())
    link = wire()
    document = diagnosed()
    link.close()
    if old_bleak():
        assert "bluetooth-elsewhere" in codes(document)
        assert last(document) == ("advertising", "failed")
    else:
        assert codes(document) == ["bluetooth-ours"]
        assert ("advertising", "noted") in steps(document)


@pytest.mark.parametrize(("rssi", "first"), [(-60, []), (-93, ["bluetooth-far"])])
def test_no_connection_comes_about(bluez: BlueZ, rssi: int, first: list[str]) -> None:
    bluez.add(device(rssi=rssi))
    bluez.troubles["Connect"] = trouble("org.bluez.Error.Failed", "le-connection-abort-by-local")
    document = diagnosed()
    assert codes(document) == [*first, "bluetooth-hung", "bluetooth-disturbed"]
    assert last(document) == ("connects", "failed")
    assert ("signal", "noted" if first else "ok") in steps(document)


def test_no_daly_dongle(bluez: BlueZ) -> None:
    bluez.add(device(layout={"180f": {"2a19": ["read", "notify"]}}))
    document = diagnosed()
    assert codes(document) == ["bluetooth-not-daly"]
    assert steps(document)[-2:] == [("connects", "ok"), ("services", "failed")]


def test_a_recorded_refusal_has_the_causes_that_it_had(bluez: BlueZ, tmp_path: Path) -> None:
    bluez.add(device())
    bluez.troubles["Connect"] = trouble("org.bluez.Error.Failed", "le-connection-abort-by-local")
    path = tmp_path / "x.jsonl"
    assert codes(diagnosed(record=str(path))) == ["bluetooth-hung", "bluetooth-disturbed"]
    assert codes(diagnosed(f"replay:{path}?pace=0")) == ["bluetooth-hung", "bluetooth-disturbed"]


def test_notifications_are_taken(bluez: BlueZ) -> None:
    bluez.add(device())
    bluez.troubles["StartNotify"] = trouble("org.bluez.Error.NotPermitted", "Notify acquired")
    assert codes(diagnosed()) == ["bluetooth-taken"]


def test_the_link_breaks_at_a_question(bluez: BlueZ) -> None:
    from bluez.peripheral import CUT

    bluez.add(device(answer=lambda _: [CUT]))
    assert codes(diagnosed()) == ["bluetooth-far", "bluetooth-asleep", "bluetooth-lost"]


def test_a_dongle_that_hangs_up_at_a5(bluez: BlueZ) -> None:
    from bluez.peripheral import CUT

    bluez.add(device(answer=lambda data: [CUT] if data[0] == 0xA5 else []))
    assert codes(diagnosed()) == ["bluetooth-lost", "bluetooth-far", "bluetooth-asleep"]


def test_an_adapter_that_is_switched_off_meanwhile_is_no_certain_cause(bluez: BlueZ) -> None:
    from bluez.battery import battery

    bluez.add(dongle := battery("protocol=d2"))
    inner, asked = dongle.answer, []

    def answer(data: bytes) -> Any:
        asked.append(data)
        if len(asked) == 5:
            threading.Thread(target=bluez.power_off).start()
        return inner(data)

    dongle.answer = answer
    document = diagnosed()
    assert len(codes(document)) > 1
    assert document["unchecked"]


@pytest.mark.parametrize("more", [{"hang": True}, {"name": "org.bluez.Error.Failed", "text": "error: 0x0e"}])
def test_a_dongle_that_takes_no_bytes(bluez: BlueZ, more: dict[str, Any]) -> None:
    bluez.add(device())
    bluez.troubles["WriteValue"] = trouble(**more)
    assert codes(diagnosed()) == ["bluetooth-hung", "bluetooth-disturbed"]


def test_a_sleeping_board_that_sends_back_what_it_gets(bluez: BlueZ) -> None:
    bluez.add(device(answer=lambda data: [data]))
    assert codes(diagnosed()) == ["asleep", "bluetooth-plug", "bluetooth-other"]


def test_a_board_that_refuses_over_bluetooth(bluez: BlueZ) -> None:
    refusal = bytes((0x51, 0x83, 2))
    bluez.add(device(answer=lambda data: [refusal + crc(refusal)] if data[0] == 0x81 else []))
    assert codes(diagnosed()) == ["unbelievable"]


@pytest.mark.usefixtures("unhurried")
def test_a_number_is_no_hindrance_where_one_link_is_one_board(bluez: BlueZ) -> None:
    from bluez.battery import battery

    bluez.add(battery("protocol=d2"))
    document = diagnosed(board=3, timeout=1.0)
    assert (codes(document), document["answers"]) == (["well"], True)


def test_a_link_that_loses_questions_is_a_matter_of_the_radio(bluez: BlueZ) -> None:
    from bluez.battery import battery

    bluez.add(battery("protocol=d2&fault=drop-reply:0.4&seed=5"))
    assert codes(diagnosed())[:1] == ["bluetooth-disturbed"]


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("options", ["protocol=d2&fault=waking:1:3", "fault=waking:1:9"])
def test_a_board_that_wakes_up_while_it_is_asked(bluez: BlueZ, options: str) -> None:
    from bluez.battery import battery

    bluez.add(dongle := battery(options))
    document = diagnosed(timeout=0.5)
    assert (codes(document), document["answers"]) == (["woken"], True)
    assert reads(dongle)


@pytest.mark.parametrize(("options", "said"), [("protocol=p81&board=3", "3 (P81)"), ("board=2", "2 (A5)")])
def test_a_board_with_another_number_behind_the_dongle(bluez: BlueZ, options: str, said: str) -> None:
    from bluez.battery import battery

    bluez.add(battery(options))
    document = diagnosed(timeout=0.5)
    assert codes(document) == ["number"]
    assert said in document["causes"][0]["detail"]


@pytest.mark.usefixtures("unhurried")
def test_a_board_that_answers_late_behind_the_dongle(bluez: BlueZ) -> None:
    from bluez.battery import battery

    bluez.add(dongle := battery("protocol=d2"))
    inner = dongle.answer
    dongle.answer = lambda data: [1.2, *inner(data)]
    document = diagnosed(timeout=0.3)
    assert codes(document) == ["slow"]
    assert "1" in document["causes"][0]["next"]


def test_silence_behind_the_dongle(bluez: BlueZ) -> None:
    bluez.add(dongle := device())
    document = diagnosed()
    assert codes(document) == ["asleep", "bluetooth-plug", "bluetooth-other"]
    assert ("services", "ok") in steps(document)
    assert not dongle.connected
    assert reads(dongle)


def test_bytes_of_no_known_protocol(bluez: BlueZ) -> None:
    bluez.add(device(answer=lambda _: [b"\x11\x22\x33hello\r\n"]))
    assert codes(diagnosed()) == ["bluetooth-other", "bluetooth-disturbed"]


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("protocol", ["d2", "p81", "a5"])
def test_a_battery_that_is_well(bluez: BlueZ, protocol: str) -> None:
    from bluez.battery import battery

    bluez.add(dongle := battery(f"protocol={protocol}"))
    document = diagnosed(timeout=1.0)
    assert codes(document) == ["well"]
    assert document["answers"] is True
    assert document["findings"] == []
    assert ("signal", "ok") in steps(document)
    assert not dongle.connected
    assert reads(dongle)


def reads(dongle: Any) -> bool:
    """Nothing but reads: A5 below 0xD9 and the identity 0x5x to 0x9x; of Modbus function 3."""
    for data, _ in dongle.written:
        assert (data[0] == 0xA5 and 0x50 <= data[2] < 0xA0) or data[1] == 0x03, data.hex()
    return bool(dongle.written)


@pytest.mark.usefixtures("unhurried")
def test_a_module_that_hangs_up_at_a5_is_not_asked_in_it_once_d2_has_answered(bluez: BlueZ) -> None:
    from bluez.battery import battery

    bluez.add(dongle := battery("protocol=d2"))
    diagnosed(timeout=1.0)
    assert {data[0] for data, _ in dongle.written} == {0xD2}


# -- the process ----------------------------------------------------------------------------------
def run(*arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    clean = {name: value for name, value in os.environ.items() if name != "DALY_BMS_DEVICE"}
    command = [sys.executable, str(ROOT / "daly-bms-cli.py"), "diagnose", *arguments]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, env=clean)
    return done, time.monotonic() - began


@pytest.mark.timeout(60)
def test_a_dongle_without_a_board_in_its_time_and_in_a_report(bluez: BlueZ, tmp_path: Path) -> None:
    bluez.add(device(name="Ferdinands boat"))
    done, seconds = run("-d", MAC, "--report", str(tmp_path / "r.txt"))
    assert done.returncode == 1
    assert done.stdout.startswith("3 causes fit: (1) the board is asleep")
    assert [line.split()[0] for line in done.stderr.splitlines()][:7] == [
        "service",
        "permission",
        "adapter",
        "advertising",
        "signal",
        "connects",
        "services",
    ]
    assert seconds < 40
    text = (tmp_path / "r.txt").read_text(encoding="utf-8")
    assert "BlueZ: 5.66" in text
    assert MAC not in text
    assert "Ferdinand" not in text
    assert "wire: bluetooth" in text
    bug = tmp_path / "bug.jsonl"
    bug.write_text("".join(line + "\n" for line in text.splitlines() if line.startswith("{")))
    again = codes(diagnosed(f"replay:{bug}?pace=0"))
    assert again == ["asleep", "bluetooth-plug", "bluetooth-other"]


@pytest.mark.timeout(60)
def test_a_service_that_hangs_from_some_call_on_ends_in_its_time(bluez: BlueZ) -> None:
    bluez.add(device())
    bluez.hangs_after = "Connect"
    done, seconds = run("-d", MAC, "--json")
    assert done.returncode == 1
    assert seconds < 40
    assert "bluetooth-hung" in codes(json.loads(done.stdout))


# -- words ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("word", "code"), [("old", "bluetooth-old"), ("broken", "bluetooth-stuck")])
def test_what_no_stand_in_shows(word: str, code: str) -> None:
    assert of_error("service", word, {}) == [code]


def test_each_cause_has_its_row_in_the_documents() -> None:
    text = (ROOT / "docs" / "diagnose.md").read_text(encoding="utf-8")
    assert [code for code in RADIO if f"| `{code}` |" not in text] == []
    assert set(of_silence({"silence"})) <= {*RADIO, "asleep"}
