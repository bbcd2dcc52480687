"""Print what became of every fault: runs, spoilt replies, true readings, errors, wrong values.

    python tests/fault_table.py [SEEDS [FAULT...]]    a Markdown table; 20 seeds of every fault by default

A run is two get_all() and each getter once, on three kinds of pack, in virtual time.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fault_runs import PACKS, is_error, run, truth, wrong_values  # noqa: E402

from dalybms.emulator.faults import KINDS  # noqa: E402


def row(fault: str, seeds: int) -> str:
    spoilt = true = errors = wrong = 0
    for pack in PACKS:
        expected = truth(pack)
        for seed in range(seeds):
            outcomes, line = run(pack, fault, seed)
            spoilt += sum(line.injected.values())
            errors += sum(is_error(reading) for outcome in outcomes for reading in outcome.values())
            true += sum(not is_error(reading) for outcome in outcomes for reading in outcome.values())
            wrong += sum(len(wrong_values(outcome, expected)) for outcome in outcomes)
    return f"| {fault} | {seeds * len(PACKS)} | {spoilt} | {true - wrong} | {errors} | {wrong} |"


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print("| fault | runs | replies spoilt | sections true | errors | wrong values |")
    print("|---|---|---|---|---|---|")
    for fault in sys.argv[2:] or KINDS:
        print(row(fault, seeds), flush=True)


if __name__ == "__main__":
    main()
