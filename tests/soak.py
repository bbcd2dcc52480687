"""Watch boards for years in fast time, with faults on every wire, and say what became of it.

    python tests/soak.py [SAMPLES [BLUETOOTH]]      100000 and 10000 by default; a Markdown table

Wires are virtual, so that a lost reply costs no time; Bluetooth is the real bleak beside a stand-in for BlueZ,
and two minutes are real: sockets that are cut, with the threads of the real loop.
Ends with 1 on a wrong value, on a grid that drifts, and on memory, files, threads or tasks that grow.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from soak_boards import STATES, Wire, truth, wrong  # noqa: E402

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
GROWTH = 2_000_000
"""Bytes that the memory may grow from the first tenth of a run to its end: an allocator's own."""


class Held(NamedTuple):
    """What a process holds."""

    memory: int
    files: int
    threads: int
    tasks: int


def held() -> Held:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Held(
        pages * os.sysconf("SC_PAGE_SIZE"),
        len(os.listdir("/proc/self/fd")),
        threading.active_count(),
        sum(type(each).__name__ == "Task" and not each.done() for each in gc.get_objects()),
    )


class Result:
    """What became of one run."""

    def __init__(self, name: str) -> None:
        self.name, self.states, self.wrong = name, Counter[str](), list[str]()
        self.injected = self.opened = 0
        self.before = self.after = held()
        self.late = 0.0
        """The furthest that a sample was from the grid of its schedule, s."""
        self.seconds = time.monotonic()

    def take(self, sample: dict[str, Any], true: dict[str, Any]) -> None:
        self.states[sample["state"]] += 1
        found = wrong(sample, true) if sample["state"] in ("ok", "partial") else []
        if sample["state"] == "frozen" or ("soc" in sample) is not (sample["state"] in ("ok", "partial")):
            found.append(f"state {sample['state']} of a board that moves: {sorted(sample)}")
        self.wrong += found[: 100 - len(self.wrong)]

    def finish(self) -> Result:
        self.after, self.seconds = held(), time.monotonic() - self.seconds
        return self

    def troubles(self) -> list[str]:
        grown = self.after.memory - self.before.memory
        found = [f"wrong: {text}" for text in self.wrong[:5]]
        found += [f"memory grew by {grown} bytes"] if grown > GROWTH else []
        for what in ("files", "threads", "tasks"):
            before, after = getattr(self.before, what), getattr(self.after, what)
            found += [f"{what}: {before} before, {after} after"] if after > before else []
        found += [f"{self.late:g} s off the grid"] if self.late > 1e-3 else []
        return found

    def row(self) -> str:
        states = ", ".join(f"{number} {state}" for state, number in self.states.most_common())
        grown = (self.after.memory - self.before.memory) / 1000
        held_ = f"{self.after.files} ({self.after.files - self.before.files:+d})"
        return (
            f"| {self.name} | {sum(self.states.values())} | {self.injected} | {self.opened} | {states} "
            f"| {len(self.wrong)} | {grown:+.0f} kB | {held_} | {self.after.threads - self.before.threads:+d} "
            f"| {self.after.tasks - self.before.tasks:+d} | {self.seconds:.0f} s |"
        )


HEAD = (
    "| wire | samples | faults | opened | states | wrong values | memory | open files | threads | tasks | took |"
    "\n|---|---|---|---|---|---|---|---|---|---|---|"
)


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
        if not warm and taken >= samples // 10:
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


def main() -> int:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(HEAD, flush=True)
    bad = 0
    for result in runs(samples):
        print(result.row(), flush=True)
        for trouble in result.troubles():
            print(f"{result.name}: {trouble}", file=sys.stderr, flush=True)
            bad = 1
    return bad


def runs(samples: int) -> Iterator[Result]:
    for name in BOARDS:
        yield virtual(name, samples // len(BOARDS))


if __name__ == "__main__":
    raise SystemExit(main())
