"""A process that reads with the `dalybms` of its own interpreter: worker.py READING PAUSE PATH...

Says "ready" when connected. For each line on stdin it reads every path once, each in a thread of its own
where there are several, and prints one JSON object: seconds, CPU seconds, failed sections and cells.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dalybms import DalyBMS


def connect(path: str, pause: str) -> Any:
    """A connected DalyBMS; pause "default" leaves the argument out, as upstream has none."""
    bms: Any = DalyBMS() if pause == "default" else DalyBMS(pause=float(pause))
    bms.connect(path)
    return bms


def failed_sections(value: Any) -> list[str]:
    if not isinstance(value, dict):
        return ["all"]
    return [
        name
        for name, section in value.items()
        if section is None or section is False or (isinstance(section, dict) and "error" in section)
    ]


def measure(calls: list[Any], pool: ThreadPoolExecutor) -> dict[str, Any]:
    """One reading of every board at once."""
    cpu, start = time.process_time(), time.perf_counter()
    values = [calls[0]()] if len(calls) == 1 else list(pool.map(lambda call: call(), calls))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "seconds": seconds,
        "cpu": cpu,
        "failed": sorted({name for value in values for name in failed_sections(value)}),
        "cells": [len(value["cell_voltages"]) for value in values if "cell_voltages" in value],
    }


def answers(reading: str, pause: str, paths: list[str]) -> Iterator[dict[str, Any]]:
    boards = [connect(path, pause) for path in paths]
    calls = [getattr(bms, reading) for bms in boards]
    with ThreadPoolExecutor(len(boards)) as pool:
        print("ready", flush=True)
        for _ in sys.stdin:
            yield measure(calls, pool)
    for bms in boards:
        bms.disconnect()


if __name__ == "__main__":
    for answer in answers(sys.argv[1], sys.argv[2], sys.argv[3:]):
        print(json.dumps(answer), flush=True)
