"""Logs for the tests of the picture, as the outputs write them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dalybms.outputs import csv, jsonl

START = 1795651200.0
"""2026-11-26T00:00:00Z"""


def sample(at: float, **more: Any) -> dict[str, Any]:
    """One of four cells, `at` seconds after START; `more` overrules, None takes a section away."""
    time = datetime.fromtimestamp(START + at, timezone.utc).isoformat(timespec="milliseconds")
    made = {
        "time": time.replace("+00:00", "Z"), "device": "/dev/ttyUSB0", "name": "house", "board": None,
        "protocol": "a5", "state": "ok", "polarity": 1,
        "soc": {"total_voltage": 13.2, "current": 10.0, "soc_percent": 50.0},
        "status": {"cells": 4, "temperature_sensors": 1},
        "cell_voltages": {"1": 3.3, "2": 3.31, "3": 3.29, "4": 3.3}, "temperatures": {"1": 20},
        "faults": [], "errors": [], "energy": {"energy_in_wh": 5.0, "energy_out_wh": 7.0}, **more,
    }  # fmt: skip
    return {key: value for key, value in made.items() if value is not None or key == "board"}


def slim(at: float, **more: Any) -> dict[str, Any]:
    """Without what makes most charts, for what is the same in all of them."""
    return sample(at, **{"cell_voltages": None, "temperatures": None, "energy": None, "status": None, **more})


def failed(at: float, state: str = "asleep", **more: Any) -> dict[str, Any]:
    kept = ("time", "device", "name", "board", "protocol")
    made = sample(at, **more)
    return {**{key: made[key] for key in kept}, "state": state, "error": "nothing was heard"}


def write_json(path: Path, samples: Iterable[dict[str, Any]]) -> str:
    with path.open("w", encoding="utf-8") as file:
        output = jsonl.JsonLines(lambda line: print(line, file=file))
        for each in samples:
            output.take(each)
    return str(path)


def write_csv(path: Path, samples: Iterable[dict[str, Any]]) -> str:
    lines: list[str] = []

    def write(line: str, header: str) -> None:
        lines.extend([line] if lines else [header, line])

    output = csv.Csv(write, lambda _: None)
    for each in samples:
        output.take(each)
    output.close()
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)
