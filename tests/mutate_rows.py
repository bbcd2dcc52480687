"""Break every row of the A5 command table, one property at a time: each break must turn a test red.

    python tests/mutate_rows.py          all of them, a line for each survivor, then the count

Each break runs the tests of the decoded values in a child process and counts as
found when they fail.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import pytest  # noqa: E402

from dalybms.protocols.a5 import commands as a5_commands  # noqa: E402
from dalybms.protocols.a5.commands import BY_SECTION, COMMANDS, Command  # noqa: E402
from dalybms.protocols.fields import Bits, Choice, Flag, Number, Series  # noqa: E402

TESTS = [
    "test_bms.py",
    "protocols/a5/test_a5_faults.py",
    "protocols/a5/test_a5_captures.py",
    "protocols/test_balancing.py",
    "faults/test_wire_faults.py",
]
Break = tuple[str, Callable[[], None]]


def number_breaks(field: Number) -> Iterator[tuple[str, Number]]:
    yield "position", field._replace(at=field.at + 1)
    yield "position", field._replace(at=field.at - 1 if field.at else field.at + 2)
    yield "size", field._replace(size=field.size + 1)
    if field.size > 1:
        yield "size", field._replace(size=field.size - 1)
    yield "scale", field._replace(per_unit=field.per_unit * 10)
    yield "zero", field._replace(zero=field.zero + 1)
    yield "name", field._replace(name=field.name + "_")
    if field.least:
        yield "least", field._replace(least=0)
    if field.most is not None:
        yield "most", field._replace(most=None)
    if field.absent:
        yield "absent", field._replace(absent=field.absent[:1])
        yield "absent", field._replace(absent=field.absent[1:])


def other_breaks(field: Any) -> Iterator[tuple[str, Any]]:
    yield "position", field._replace(at=field.at + 1)
    yield "name", field._replace(name=field.name + "_")
    if isinstance(field, Choice):
        yield "words", field._replace(words=field.words[1:] + field.words[:1])
        yield "words", field._replace(words=(*field.words, "?"))
    if isinstance(field, Bits):
        yield "names", field._replace(names=tuple(reversed(field.names)))
    if not isinstance(field, Flag):
        yield "size", field._replace(size=field.size + 1)


def field_breaks(row: Command) -> Iterator[tuple[str, Command]]:
    for place, field in enumerate(row.fields):
        breaks = number_breaks(field) if isinstance(field, Number) else other_breaks(field)
        for what, broken in breaks:
            if broken == field:
                continue
            fields = (*row.fields[:place], broken, *row.fields[place + 1 :])
            yield f"{field.name} {what}", row._replace(fields=fields)


def row_breaks(row: Command) -> Iterator[tuple[str, Command]]:
    yield "code", row._replace(code=row.code + 1)
    yield from field_breaks(row)
    if row.check:
        yield "check", row._replace(check=None)
    if row.series:
        yield "each", row._replace(series=row.series._replace(each=row.series.each - 1))
        for what, item in number_breaks(row.series.item):
            if what not in ("name", "least"):
                yield what, row._replace(series=Series(item, row.series.each))
    if row.special:
        special = row.special
        yield "byte order", row._replace(special=lambda data: special(bytes(reversed(data))))


def all_breaks() -> Iterator[Break]:
    for row in COMMANDS:
        for what, broken in row_breaks(row):
            name = f"{row.code:02x} {what}"
            yield name, lambda section=row.section, broken=broken: BY_SECTION.update({section: broken})  # type: ignore[misc]
    for at, codes in enumerate(a5_commands.FAULT_BITS):
        for bit, code in enumerate(codes):
            swapped = list(codes)
            other = (bit + 1) % len(codes)
            swapped[bit], swapped[other] = swapped[other], swapped[bit]
            table = (*a5_commands.FAULT_BITS[:at], tuple(swapped), *a5_commands.FAULT_BITS[at + 1 :])
            yield f"98 bit of {code}", lambda table=table: setattr(a5_commands, "FAULT_BITS", table)  # type: ignore[misc]


def goes_red(break_it: Callable[[], None]) -> bool:
    child = os.fork()
    if child == 0:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        break_it()
        os.chdir(ROOT)
        os._exit(int(pytest.main(["-x", "-q", "--timeout=60", *(f"tests/{name}" for name in TESTS)])))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def main() -> int:
    if not goes_red(lambda: BY_SECTION.clear()):
        print("the tests do not even fail without a table")
        return 1
    breaks = list(all_breaks())
    survivors = [name for name, break_it in breaks if not goes_red(break_it)]
    for name in survivors:
        print(f"not found: {name}")
    print(f"{len(breaks)} breaks, {len(breaks) - len(survivors)} found")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
