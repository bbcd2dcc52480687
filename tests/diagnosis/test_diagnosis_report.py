"""The file for a bug report: what it holds, and that it holds no secret and nothing else of the machine."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support import PATIENCE, ROOT
from sweep import SECRETS, Battery, board, leftovers

import dalybms
from dalybms import DalyError, open_bms
from dalybms.diagnosis.machine import versions
from dalybms.diagnosis.report import Report
from dalybms.diagnosis.steps import Step
from dalybms.emulator.faults import KINDS
from dalybms.getters import presentable

PROTOCOLS = ("a5", "d2", "p81")
MAC, NAME, HOST = "AA:BB:CC:00:00:01", "DL-AABBCC000001", "garage.example.org"
NODE, USER = "lighthouse", "ferdinand"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user with a name of his own, on a machine with one; real names would be chance."""
    monkeypatch.setenv("USER", USER)
    monkeypatch.setenv("HOSTNAME", NODE)


def result(device: str = "demo:") -> dict[str, Any]:
    return {
        "device": "demo",
        "steps": [
            Step("there", "ok", "the device is there", {"path": "/dev/ttyUSB7"}).document(),
            Step(
                "busy", "noted", f"open in minicom of {USER}@{NODE} as /home/{USER}/bms, at {HOST}:8899", {}
            ).document(),
            Step("advertising", "ok", f"{MAC} ({NAME}) is heard, not '{NAME}'", {}).document(),
        ],
        "causes": [{"code": "well", "detail": f"the battery answers on {device}", "next": "nothing"}],
        "findings": [{"severity": "note", "area": "mosfets", "detail": "one is off", "fix": "look"}],
        "unchecked": ["clock: the board is not asked for it"],
    }


def reported(path: Path, device: str) -> str:
    with Report(str(path)) as report:
        with open_bms(device, record=report.recording) as bms:
            bms.read(("info", "soc", "status", "cell_voltages"))
        report.write(device, result(device))
    return path.read_text(encoding="utf-8")


def parts_of(text: str) -> dict[str, list[str]]:
    head, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    named = {part.partition("\n")[0]: part.splitlines()[1:] for part in parts}
    return {
        "": head.splitlines(),
        **{name: [line for line in lines if line] for name, lines in named.items()},
    }


def test_it_holds_versions_causes_steps_findings_and_the_recording(tmp_path: Path) -> None:
    parts = parts_of(reported(tmp_path / "r.txt", "demo:"))
    assert list(parts) == ["", "Versions", "Causes", "Steps", "Findings", "Not checked", "Recording"]
    assert parts[""][:2] == ["dalybms report 1", "wire: demo"]
    told = dict(line.split(": ", 1) for line in parts["Versions"])
    assert told["dalybms"] == dalybms.__version__
    assert told["Python"] == platform.python_version()
    assert platform.release() in told["kernel"]
    assert {"pyserial", "bleak", "BlueZ"} <= set(told)
    assert parts["Steps"][0] == "there, ok: the device is there"
    assert parts["Findings"] == ["note, mosfets: one is off; look"]
    assert parts["Not checked"] == ["clock: the board is not asked for it"]
    assert parts["Causes"][0].startswith("well: ")
    assert json.loads(parts["Recording"][0])["blanked"] is True


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_its_recording_replays(tmp_path: Path, protocol: str) -> None:
    device = f"demo:?protocol={protocol}"
    text = reported(tmp_path / "r.txt", device)
    alone = "\n".join(parts_of(text)["Recording"]) + "\n"
    for name, told in (("r.txt", text), ("posted", text.replace("\n", "\r\n")), ("bug.jsonl", alone)):
        (tmp_path / name).write_bytes(told.encode())
        with open_bms(f"replay:{tmp_path / name}?pace=0") as bms, open_bms(device) as same:
            assert presentable(bms.read(("soc", "status"))) == presentable(same.read(("soc", "status")))


@pytest.mark.parametrize("end", ["", "## Recording\n", "## Recording\nnothing: no wire was opened\n"])
def test_a_report_without_a_recording_does_not_play(tmp_path: Path, end: str) -> None:
    (tmp_path / "r.txt").write_text(f"dalybms report 1\nwire: demo\n{end}")
    with pytest.raises(DalyError, match="is no recording, or a damaged one"):
        open_bms(f"replay:{tmp_path / 'r.txt'}?pace=0")


def swept(path: Path, options: str, protocol: str) -> None:
    with Report(str(path)) as report:
        bms = Battery(board(options), report.recording, protocol=protocol)
        for read in (lambda: bms.read(("info", "soc", "cell_voltages", "status")), bms.get_parameters):
            with suppress(DalyError):
                read()
        bms.disconnect()
        report.write("/dev/ttyUSB7", result())


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", ["", *KINDS])
def test_no_secret_is_left(tmp_path: Path, protocol: str, fault: str) -> None:
    """As text, in hex, as BCD and backwards, and nobody's name, path, host or address."""
    path = tmp_path / "r.txt"
    swept(path, f"protocol={protocol}" + f"&fault={fault}&scale=0.2" * bool(fault), protocol)
    assert leftovers(path, SECRETS) == []
    for name in (MAC, NAME, HOST, NODE, USER, "ttyUSB7", str(tmp_path), "/home"):
        assert name.lower() not in path.read_text(encoding="utf-8").lower(), name


def test_the_sweep_sees_a_secret_in_words_and_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    swept(path, "protocol=p81", "p81")
    with path.open("a") as file:
        file.write(
            f"serial {SECRETS[1][::-1]}\n" + json.dumps({"dir": "<", "hex": SECRETS[1].encode().hex()})
        )
    assert len(leftovers(path, SECRETS)) > 9


def test_names_of_this_machine_are_not_in_it(tmp_path: Path) -> None:
    text = reported(tmp_path / "r.txt", "demo:")
    for name in (platform.node(), os.path.expanduser("~")):
        assert len(name) < 3 or name not in text


def test_an_existing_file_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text("mine")
    with pytest.raises(DalyError, match="exists already: give the report another name"), Report(str(path)):
        pytest.fail("it went on")
    assert path.read_text() == "mine"


def test_a_file_that_cannot_be_written_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "no" / "r.txt"
    with (
        pytest.raises(DalyError, match=r"cannot write the report .*choose another folder"),
        Report(str(path)),
    ):
        pytest.fail("it went on")


def test_no_room_for_the_recording_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(DalyError, match="no place for a temporary file"), Report(str(tmp_path / "r.txt")):
        pytest.fail("it went on")
    assert list(tmp_path.iterdir()) == []


def test_what_fails_leaves_no_file(tmp_path: Path) -> None:
    report = Report(str(tmp_path / "r.txt"))

    def interrupted() -> None:
        with report:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    assert not Path(report.path).parent.exists()


def test_a_wire_that_never_opened_is_said(tmp_path: Path) -> None:
    with Report(str(tmp_path / "r.txt")) as report:
        report.write("/dev/nowhere", {**result(), "steps": []})
    parts = parts_of((tmp_path / "r.txt").read_text())
    assert parts["Recording"] == ["nothing: no wire was opened"]
    assert parts["Steps"] == ["none"]


def test_versions_load_neither_bleak_nor_asyncio() -> None:
    code = (
        "import sys; from dalybms.diagnosis.machine import versions; told = versions('demo:');"
        "print(told['bleak'], not {'bleak', 'asyncio'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT
    )
    assert done.stdout.endswith(" True\n"), done.stderr


@pytest.mark.skipif(os.name != "posix", reason="a script as a program")
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo bluetoothctl: 5.66", "5.66"),
        ("echo 'Welcome home, ferdinand'", "unknown"),
        ("exec sleep 20", "bluetoothctl does not answer"),
        ("printf '\\377\\376'", "bluetoothctl cannot be run"),
        ("exit 1", "unknown"),
    ],
)
def test_the_version_of_bluez(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    program = tmp_path / "bluetoothctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert versions("demo:")["BlueZ"] == said


def test_without_bluez_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert versions("demo:")["BlueZ"] == "not installed"


def test_the_chip_of_an_adapter_without_its_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    from serial.tools import list_ports
    from serial.tools.list_ports_common import ListPortInfo

    port = ListPortInfo("/dev/ttyUSB7", skip_link_detection=True)
    port.vid, port.pid, port.serial_number = 0x1A86, 0x7523, "A50285BI"
    port.manufacturer, port.product = "QinHeng", "USB Serial A50285BI"
    monkeypatch.setattr(list_ports, "comports", lambda: [port])
    told = versions("/dev/ttyUSB7")
    assert told["adapter"] == "1a86:7523"
    assert told["adapter, by its own words"].strip() == "QinHeng, USB Serial"
    assert "adapter" not in versions("/dev/ttyUSB8")
