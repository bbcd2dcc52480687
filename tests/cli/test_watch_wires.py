"""Several wires, one of which dies and comes back, as every output of a real watch tells it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from broker import free_port, listening, running, until
from support import PATIENCE, ROOT

PROGRAM = [sys.executable, str(ROOT / "daly-bms-cli.py"), "watch"]


@contextmanager
def gateway(port: int) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dalybms.emulator", "--tcp", str(port), "--unpaced", "soc=40"],
        stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


@pytest.mark.alone
def test_a_wire_that_dies_and_returns_is_never_shown_with_old_values(tmp_path: Path) -> None:
    port, metrics, log = free_port(), free_port(), tmp_path / "log.jsonl"
    command = [
        *PROGRAM, "-d", "house=demo:?soc=50", "-d", f"van=socket://127.0.0.1:{port}", "--bank",
        "--interval", "0.5", "-o", str(log), "--prometheus", str(metrics),
        "--energy", str(tmp_path / "energy.json"), "--mqtt",
    ]  # fmt: skip

    def exposed(name: str) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=PATIENCE) as answer:
            return f'daly_bms_voltage_volts{{battery="{name}"' in answer.read().decode()

    def last(name: str) -> dict[str, Any]:
        samples = [json.loads(line) for line in log.read_text().splitlines()]
        return [sample for sample in samples if sample["name"] == name][-1]

    def state(name: str) -> dict[str, Any]:
        return dict(json.loads(listener.of(f"daly_bms/{name}/state")[-1]))

    with running(tmp_path) as broker, listening(broker.port) as listener:
        with gateway(port):
            process = subprocess.Popen(
                [*command, "--mqtt-port", str(broker.port)], stderr=subprocess.PIPE, text=True
            )
            until(lambda: all(listener.of(f"daly_bms/{name}/state") for name in ("van", "house", "bank")))
            until(lambda: state("bank")["boards_answering"] == 2)
            assert exposed("van")
        until(lambda: listener.of("daly_bms/van/status")[-1:] == ["offline"])
        until(lambda: state("van")["state"] == "unplugged" and state("van")["soc_percent"] is None)
        until(lambda: not exposed("van") and exposed("house"))
        until(lambda: state("bank")["boards_answering"] == 1)
        assert "soc" not in last("van")
        assert last("house")["soc"]["soc_percent"] == 50
        assert listener.of("daly_bms/house/status") == ["online"]
        with gateway(port):
            until(lambda: listener.of("daly_bms/van/status") == ["online", "offline", "online"], 20)
            until(lambda: exposed("van") and state("bank")["boards_answering"] == 2)
            process.terminate()
            assert process.communicate(timeout=PATIENCE)[1] == ""
        assert process.returncode == 0
        until(lambda: listener.of("daly_bms/status")[-1] == "offline")
        assert [listener.of(f"daly_bms/{name}/status")[-1] for name in ("house", "van", "bank")] == [
            "offline"
        ] * 3
