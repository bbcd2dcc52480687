"""Break every row of the tables of parameters: each break must turn a test red.

    python tests/mutate_parameters.py [a5] [d2] [p81]

Names what is not found, a line each, then the count. Breaks name, unit, position, size, meaning and
conditions of each setting, and start and size of each block. Each break runs the tests in a child process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import mutate_rows  # noqa: E402

from dalybms.protocols.a5.parameters import MESSAGES  # noqa: E402
from dalybms.protocols.modbus.parameters import PARTS  # noqa: E402
from dalybms.protocols.modbus.register_map import Block  # noqa: E402
from dalybms.protocols.parameters import (  # noqa: E402
    Row,
    amperes,
    celsius,
    seconds,
    tenths,
    thousandths,
    whole,
)

Break = tuple[str, Callable[[], Any]]
TESTS = ("protocols/test_parameters.py",)
_MEANINGS = (whole, tenths, thousandths, celsius, amperes, partial(seconds, 10))
_PLAIN = (whole, tenths, thousandths, celsius, amperes)


def row_breaks(row: Row) -> Iterator[tuple[str, Row]]:
    yield "name", row._replace(name=row.name + "_")
    yield "unit", row._replace(unit=row.unit + "x")
    yield "position", row._replace(at=row.at + row.size)
    yield "size", row._replace(size=row.size + 1 if row.size < 4 else 2)
    for meaning in _MEANINGS:
        if meaning != row.meaning:
            yield f"meaning {meaning}", row._replace(meaning=meaning)
    if row.full:
        yield "full", row._replace(full=False)
    if row.beside is not None:
        yield "beside", row._replace(beside=None)
    if row.needs:
        yield "needs", row._replace(needs=None)
        yield "needs less", row._replace(needs=(row.needs[0], row.needs[1] - 1))
    if row.meaning not in _PLAIN and isinstance(row.meaning, partial):
        kept = row.meaning.args[-1]
        if isinstance(kept, dict):
            for raw in kept:
                words = {key: word for key, word in kept.items() if key != raw}
                yield f"word {raw}", row._replace(meaning=partial(row.meaning.func, words))


def a5_breaks() -> Iterator[Break]:
    for code, rows in MESSAGES.items():
        for name, broken in table_breaks(rows):
            yield f"a5 {code:02x} {name}", lambda code=code, broken=broken: MESSAGES.update({code: broken})  # type: ignore[misc]
        yield f"a5 {code:02x} left out", lambda code=code: MESSAGES.pop(code)  # type: ignore[misc]


def register_breaks(protocol: str) -> Iterator[Break]:
    parts = PARTS[protocol]

    def use(place: int, block: Block, rows: Sequence[Row]) -> Callable[[], None]:
        broken = (*parts[:place], (block, tuple(rows)), *parts[place + 1 :])
        return lambda: PARTS.update({protocol: broken})

    for place, (block, rows) in enumerate(parts):
        for name, broken in table_breaks(rows):
            yield f"{protocol} {name}", use(place, block, broken)
        for what, other in (
            ("start", block._replace(start=block.start + 1)),
            ("size", Block(block.start, 9)),
        ):
            yield f"{protocol} block {block.start:02x} {what}", use(place, other, rows)


def table_breaks(rows: tuple[Row, ...]) -> Iterator[tuple[str, tuple[Row, ...]]]:
    for place, row in enumerate(rows):
        for what, broken in row_breaks(row):
            yield f"{row.name} {what}", (*rows[:place], broken, *rows[place + 1 :])


def main(chosen: Sequence[str]) -> int:
    mutate_rows.TESTS = TESTS
    if mutate_rows.goes_red(lambda: None):
        print("the tests fail without any break")
        return 1
    breaks = [
        each
        for protocol in chosen or ("a5", "d2", "p81")
        for each in (a5_breaks() if protocol == "a5" else register_breaks(protocol))
    ]
    found = 0
    for name, break_it in breaks:
        red = mutate_rows.goes_red(break_it)
        found += red
        if not red:
            print(f"not found: {name}", flush=True)
    print(f"{len(breaks)} breaks, {found} found")
    return 0 if found == len(breaks) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
