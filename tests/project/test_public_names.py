"""What help(), tab completion and a type checker tell a user."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from support import PATIENCE

import dalybms
from dalybms.transports.bluetooth.errors import BluetoothError

ROOT = Path(__file__).resolve().parents[2]
CLASSES = [dalybms.DalyBMS, dalybms.DalyBMSBluetooth, dalybms.DalyBMSSinowealth]


def test_names_are_listed_before_they_are_loaded() -> None:
    program = "import dalybms, sys; print('dalybms.bms' in sys.modules, *dir(dalybms))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    loaded, *names = done.stdout.split()
    assert loaded == "False"
    assert set(dalybms.__all__) <= set(names)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_public_method_explains_itself(kind: type) -> None:
    for name, member in inspect.getmembers(kind):
        if not name.startswith("_") and callable(member):
            assert inspect.getdoc(member), name


def test_every_transport_error_has_a_stage() -> None:
    assert dalybms.TransportError("x").stage is None
    assert BluetoothError("x", "scan").stage == "scan"
