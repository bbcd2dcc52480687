"""Watch boards for years in fast time, with faults on every wire, and say what became of it.

    python tests/soak.py [SAMPLES [BLUETOOTH]]      a Markdown table; 100000 and 10000 by default

Wires are virtual, so that a lost reply costs no time. Bluetooth is the real bleak beside a stand-in for
BlueZ, and one minute is real: the threads of the real loop, on sockets that are cut.
Ends with 1 on a wrong value, on a schedule that drifts, and on memory,
files, threads or tasks that grow.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from soak_boards import Wire, truth  # noqa: E402
from soak_real import bluetooth, sockets  # noqa: E402
from soak_result import HEAD, Result, held  # noqa: E402

from dalybms.outputs.csv import Csv  # noqa: E402
from dalybms.outputs.influx import Influx  # noqa: E402
from dalybms.outputs.jsonl import JsonLines  # noqa: E402
from dalybms.sampling import READ, Sampler, Watched  # noqa: E402
from dalybms.schedule import Schedule  # noqa: E402

BOARDS: dict[str, dict[str, Any]] = {
    "a5": {"options": "protocol=a5&cells=16&sensors=4"},
    "a5, 16 frames": {"options": "protocol=a5&cells=14&sensors=1&style=fixed&leftover=1"},
    "d2": {"options": "protocol=d2&cells=16&sensors=4"},
    "p81": {"options": "protocol=p81&cells=24&sensors=4"},
    "a5, two boards": {"options": "protocol=a5&cells=16&boards=2", "boards": (1, 2)},
    "sinowealth": {"options": "protocol=sinowealth&cells=4&sensors=2", "protocol": "sinowealth"},
}
INTERVAL = 10.0
RATE = 0.01


def virtual(name: str, samples: int, seed: int = 1) -> Result:
    """One kind of board on a wire of the emulator; all samples go through every text output."""
    chosen = dict(BOARDS[name])
    options, boards = chosen.pop("options"), chosen.pop("boards", ())
    true = truth(options.replace("&boards=2", ""), READ, **chosen)
    wire, result = Wire(options, RATE, seed, boards, **chosen), Result(name)
    sampler = Sampler(Watched(name, "/dev/x", boards), wire.open, wire.time)
    outputs = [JsonLines(_nowhere), Influx(_nowhere), Csv(_nowhere, _nowhere)]
    schedule, due, taken = Schedule(wire.time.now, INTERVAL), wire.time.now, 0
    warm = False
    while taken < samples:
        if not warm and taken >= samples // 2:
            result.before, warm = held(), True
        wire.advance(due)
        for sample in sampler.samples(wire.time):
            result.take(sample, true[wire.state(sample["board"])])
            taken += 1
            for each in outputs:
                each.take(sample)
        due = schedule.after(wire.time.now)
        steps = (due - 100.0) / INTERVAL
        result.late = max(result.late, abs(steps - round(steps)) * INTERVAL)
    sampler.end()
    result.injected, result.opened = wire.injected, wire.opened
    return result.finish()


def _nowhere(*_: str) -> None:
    """Takes lines and complaints."""


def runs(samples: int, over_bluetooth: int) -> Iterator[Result]:
    for name in BOARDS:
        yield virtual(name, samples // len(BOARDS))
    yield sockets(over_bluetooth // 20)
    from bluez.bus import Bus
    from bluez.standin import BlueZ

    with Bus() as bus:
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
        os.environ["PATH"] = f"{bus.programs}{os.pathsep}{os.environ['PATH']}"
        with BlueZ(bus.address) as bluez:
            for protocol, share in (("d2", 0.6), ("p81", 0.3), ("a5", 0.1)):
                yield bluetooth(protocol, round(share * over_bluetooth), bluez)


def main() -> int:
    given = [int(text) for text in sys.argv[1:]]
    samples, over_bluetooth = given + [100_000, 10_000][len(given) :]
    print(HEAD, flush=True)
    code = 0
    for result in runs(samples, over_bluetooth):
        print(result.row(), flush=True)
        for text in (*result.wrong[5:], *result.troubles()):
            print(f"{result.name}: {text}", file=sys.stderr, flush=True)
        code = code or int(bool(result.troubles()))
    return code


if __name__ == "__main__":
    raise SystemExit(main())
