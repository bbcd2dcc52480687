"""What a soak found: states, wrong values, and what the process holds before and after."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from soak_boards import wrong

GROWTH = 3_000_000
"""Bytes that the memory may grow from the middle of a run to its end: an allocator's own."""
BLOCKS = 3000
"""The same of blocks that Python has in use: an object kept of each sample would be many more."""
HEAD = """\
| wire | samples | faults | opened | states | wrong | memory | blocks | files | threads | tasks | took |
|---|---|---|---|---|---|---|---|---|---|---|---|"""
_GOOD = ("ok", "partial")
COUNTED = ("files", "threads", "tasks")


class Held(NamedTuple):
    """What a process holds."""

    memory: int
    blocks: int
    files: int
    threads: int
    tasks: int


def held() -> Held:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Held(
        pages * os.sysconf("SC_PAGE_SIZE"),
        sys.getallocatedblocks(),
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
        good = sample["state"] in _GOOD
        found = wrong(sample, true) if good else []
        if sample["state"] == "frozen" or ("errors" in sample) is not good:
            found.append(f"state {sample['state']} of a board that moves: {sorted(sample)}")
        self.wrong += found[: 100 - len(self.wrong)]

    def finish(self) -> Result:
        self.after, self.seconds = held(), time.monotonic() - self.seconds
        return self

    def troubles(self) -> list[str]:
        grown = self.after.memory - self.before.memory
        found = [f"wrong: {text}" for text in self.wrong[:5]]
        found += [f"memory grew by {grown} bytes"] if grown > GROWTH else []
        blocks = self.after.blocks - self.before.blocks
        found += [f"{blocks} blocks more in use"] if blocks > BLOCKS else []
        for what in COUNTED:
            before, after = getattr(self.before, what), getattr(self.after, what)
            found += [f"{what}: {before} before, {after} after"] if after > before else []
        found += [f"{self.late:g} s off the grid"] if self.late > 1e-3 else []
        return found

    def row(self) -> str:
        states = ", ".join(f"{number} {state}" for state, number in self.states.most_common())
        grown = (self.after.memory - self.before.memory) / 1000
        rest = [getattr(self.after, what) - getattr(self.before, what) for what in COUNTED]
        cells = [self.name, sum(self.states.values()), self.injected, self.opened, states, len(self.wrong)]
        blocks = self.after.blocks - self.before.blocks
        cells += [
            f"{grown:+.0f} kB",
            f"{blocks:+d}",
            *(f"{number:+d}" for number in rest),
            f"{self.seconds:.0f} s",
        ]
        return f"| {' | '.join(map(str, cells))} |"
