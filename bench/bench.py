"""`make bench`: speed and cost of this library beside dalybms 0.5.0, against an emulated board at 9600 8N1.

BENCH_QUICK=1 takes a few samples of everything and writes no file: it shows that the bench works.
"""

from __future__ import annotations

import os
import sys
import time

import boards_seen
import measure
import report


def main() -> int:
    quick = os.environ.get("BENCH_QUICK", "") not in ("", "0")
    counts = measure.QUICK if quick else measure.FULL
    start = time.monotonic()
    sections: list[report.Section] = []
    steps = (
        measure.cold,
        measure.imports,
        measure.memory,
        measure.silent,
        measure.lost,
        measure.ports,
        boards_seen.first_answers,
        boards_seen.deaf_boards,
        measure.radio,
    )
    for part in (measure.warm(counts), *([step(counts)] for step in steps)):
        sections.extend(part)
    facts = report.machine()
    print(f"Python {facts['python']}, {facts['cpu']}, {facts['system']}")
    for section in sections:
        print(f"\n{report.as_text(section)}")
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
    if not quick:
        report.write(sections, "make bench")
    return 0


if __name__ == "__main__":
    sys.exit(main())
