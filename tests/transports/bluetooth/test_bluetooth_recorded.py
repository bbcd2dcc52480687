"""A battery over Bluetooth, recorded, replays to the same readings, without bleak, radio or names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bluez import MAC, needs_bus
from bluez.battery import battery
from support import PATIENCE

from dalybms import DalyBMSBluetooth, TransportError, open_bms

if TYPE_CHECKING:
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]
pytestmark = needs_bus


def said(bms: Any) -> dict[str, Any]:
    return {
        "all": bms.get_all(),
        "info": bms.get_info(),
        "parameters": bms.get_parameters(),
        "written": bms.set_discharge_mosfet(True)["outcome"],
        "faults": bms.get_faults(),
    }


@pytest.mark.parametrize("protocol", ["a5", "d2", "p81"])
@pytest.mark.parametrize("named", ["auto", "yes"])
def test_it_replays_to_the_same(bluez: BlueZ, tmp_path: Path, protocol: str, named: str) -> None:
    bluez.add(battery(f"protocol={protocol}"))
    path = tmp_path / "x.jsonl"
    with DalyBMSBluetooth(protocol=protocol if named == "yes" else "auto", record=path) as bms:
        bms.connect(MAC)
        live = said(bms)
    with open_bms(f"replay:{path}?pace=0") as bms:
        played = said(bms)
    for key in ("battery_code", "serial_number"):
        assert (key in live["info"]) is (key in played["info"])
        assert live["info"].pop(key, 1) != played["info"].pop(key, 2)
    assert played == live
    text = path.read_text()
    assert MAC not in text
    assert MAC.replace(":", "").lower() not in text.lower()
    assert json.loads(text.splitlines()[0])["wire"] == "bluetooth"


def test_a_battery_that_is_not_there(bluez: BlueZ, tmp_path: Path) -> None:
    bluez.add(battery("protocol=d2"))
    path = tmp_path / "x.jsonl"
    with pytest.raises(TransportError, match="is not advertising") as live:
        DalyBMSBluetooth(record=path).connect("AA:BB:CC:11:22:33", budget=3)
    assert MAC not in path.read_text()
    assert "11:22:33" not in path.read_text()
    with pytest.raises(TransportError, match="is not advertising") as played:
        open_bms(f"replay:{path}")
    assert played.value.stage == live.value.stage  # type: ignore[attr-defined]


def test_a_replay_loads_no_bleak(bluez: BlueZ, tmp_path: Path) -> None:
    bluez.add(battery("protocol=d2"))
    path = tmp_path / "x.jsonl"
    with open_bms(MAC, record=path) as bms:
        bms.get_soc()
    code = (
        "import sys\nfrom dalybms import open_bms\n"
        f"with open_bms('replay:{path}?pace=0') as bms: bms.get_soc()\n"
        "assert not {'bleak', 'asyncio', 'serial'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)
