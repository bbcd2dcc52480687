"""Break every row of the tables of D2, P81, Sinowealth and of the A5 info: each break must turn a test red.

    python tests/mutate_registers.py [d2] [p81] [sinowealth] [a5]

Names what is not found, a line each, then the count.

Breaks position, size, scale, zero, limits, absent values, signs, words and names of
each field, the section of each row, start and size of each block, and swaps the fault
bits. Each break runs the tests of its table in a child process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import pytest  # noqa: E402
from mutate_rows import number_breaks  # noqa: E402

from dalybms.protocols.a5 import board as a5  # noqa: E402
from dalybms.protocols.a5 import commands as a5_commands  # noqa: E402
from dalybms.protocols.fields import Choice, Date, Flag, Number, Series, Text, Words  # noqa: E402
from dalybms.protocols.modbus import d2, p81, p81_faults  # noqa: E402
from dalybms.protocols.modbus.register_map import Block, RegisterMap, Row, holds  # noqa: E402
from dalybms.protocols.sinowealth import registers as sinowealth_registers  # noqa: E402
from dalybms.protocols.sinowealth import sections as sinowealth  # noqa: E402


class Break(NamedTuple):
    name: str
    do: Callable[[], None]
    tests: tuple[str, ...]


def field_breaks(field: Any, end: int = 1000) -> Iterator[tuple[str, Any]]:
    """Changes that can show: none that reads on where the message ends at byte `end`."""
    if isinstance(field, Series):
        yield "each", field._replace(each=field.each - 1)
        for what, item in field_breaks(field.item):
            if what != "name":
                yield what, field._replace(item=item)
        return
    if isinstance(field, Number):
        for what, other in number_breaks(field):
            beyond = what == "size" and other.size > field.size and field.at + field.size >= end
            if not beyond and other != field:
                yield what, other
        if field.signed:
            yield "sign", field._replace(signed=False)
        return
    yield "name", field._replace(name=field.name + "_")
    yield "position", field._replace(at=field.at + (1 if isinstance(field, (Text, Date)) else 2))
    if isinstance(field, Text):
        yield "size", field._replace(size=field.size - 1)
        if field.mirrored:
            yield "mirrored", field._replace(mirrored=False)
        if field.sure:
            yield "sure", field._replace(sure=0)
        if field.whole:
            yield "whole", field._replace(whole=False)
    if isinstance(field, Choice):
        yield "words", field._replace(words=field.words[1:] + field.words[:1])
        yield "words", field._replace(words=(*field.words, "?"))
        if field.unknown:
            yield "unknown", field._replace(unknown=False)
    if isinstance(field, Words):
        yield "each", field._replace(each=field.each - 1)
    if isinstance(field, Flag) and field.most < 0xFFFF:
        yield "most", field._replace(most=0xFFFF)
    if isinstance(field, Flag) and field.absent:
        yield "absent", field._replace(absent=field.absent[1:])
        yield "absent", field._replace(absent=field.absent[:-1])


def map_breaks(module: Any, board: Any, tests: tuple[str, ...]) -> Iterator[Break]:
    table: RegisterMap = module.MAP

    def use(broken: RegisterMap) -> Callable[[], None]:
        return lambda: setattr(board, "map", broken)

    for place, row in enumerate(table.rows):
        at = f"{board.name} {row.section} {getattr(row.field, 'name', 'list')}"
        ends = [2 * (block.start + block.size) for block in table.all if holds(block, row)]
        for what, field in field_breaks(row.field, *ends):
            yield Break(f"{at} {what}", use(swapped(table, place, row._replace(field=field))), tests)
        rest = (*table.rows[:place], *table.rows[place + 1 :])
        yield Break(f"{at} gone", use(table._replace(rows=rest)), tests)
    for kind in ("live", "info", "optional"):
        blocks: tuple[Block, ...] = getattr(table, kind)
        for place, block in enumerate(blocks):
            for what, other in (("start", block.start + 1), ("size", block.size - 1)):
                broken = (*blocks[:place], block._replace(**{what: other}), *blocks[place + 1 :])
                name = f"{board.name} block {block.start:02x} {what}"
                yield Break(name, use(table._replace(**{kind: broken})), tests)


def swapped(table: RegisterMap, place: int, row: Row) -> RegisterMap:
    return table._replace(rows=(*table.rows[:place], row, *table.rows[place + 1 :]))


def d2_bits(tests: tuple[str, ...]) -> Iterator[Break]:
    for word, codes in enumerate(d2.FAULT_BITS):
        for bit in range(len(codes)):
            other = list(codes)
            following = (bit + 1) % len(codes)
            other[bit], other[following] = other[following], other[bit]
            bits = (*d2.FAULT_BITS[:word], tuple(other), *d2.FAULT_BITS[word + 1 :])
            yield Break(f"d2 bit of {codes[bit]}", lambda bits=bits: setattr(d2, "FAULT_BITS", bits), tests)  # type: ignore[misc]


def p81_bits(tests: tuple[str, ...]) -> Iterator[Break]:
    for name in ("LEVELS", "FLAGS", "STATES"):
        table: dict[Any, str] = getattr(p81_faults, name)
        for (register, bit), code in table.items():
            other = {**table}
            del other[register, bit]
            gone = dict(other)
            other[register, bit + 1] = code
            for what, broken in (("moved", other), ("gone", gone)):
                do = lambda name=name, broken=broken: setattr(p81_faults, name, broken)  # type: ignore[misc]  # noqa: E731
                yield Break(f"p81 bit of {code} {what}", do, tests)


def sinowealth_breaks(tests: tuple[str, ...]) -> Iterator[Break]:
    rows = sinowealth_registers.ROWS
    for place, row in enumerate(rows):
        changes = [("register", row._replace(register=row.register ^ 0x20))]
        changes += [("section", row._replace(section=row.section + "_"))]
        changes += [("length", row._replace(length=6 - row.length))]
        if row.field:
            changes += [
                (what, row._replace(field=field)) for what, field in field_breaks(row.field, row.length)
            ]
        for what, broken in changes:
            if row.section in ("cell_voltages", "temperatures") and of_no_effect(row, what):
                continue
            if what == "section" and row.field is None:
                continue
            other = (*rows[:place], broken, *rows[place + 1 :])
            do = lambda row=row, broken=broken, other=other: use_rows(other, row, broken)  # type: ignore[misc]  # noqa: E731
            yield Break(f"sinowealth {row.register:02x} {what}", do, tests)
    for name in ("FAULT_BITS", "PACK_STATES"):
        table: dict[int, str] = getattr(sinowealth, name)
        for bit in table:
            broken = {**table}
            del broken[bit]
            do = lambda name=name, broken=broken: setattr(sinowealth, name, broken)  # type: ignore[misc]  # noqa: E731
            yield Break(f"sinowealth {name} {bit}", do, tests)


def of_no_effect(row: Any, what: str) -> bool:
    """The field of the first row of a list is that of all, and nothing names or places it."""
    first = row.register in (0x01, 0x0C)
    return what in ("name", "position") or (not first and what not in ("register", "section", "length"))


def use_rows(rows: Any, row: Any, broken: Any) -> None:
    sinowealth.ROWS = rows  # type: ignore[misc]
    sinowealth.BY_REGISTER[row.register] = broken


def a5_info(tests: tuple[str, ...]) -> Iterator[Break]:
    rows = a5_commands.INFO
    for place, row in enumerate(rows):
        changes: list[tuple[str, Any]] = [("code", row._replace(code=row.code + 0x20))]
        changes += [("frames", row._replace(frames=row.frames + 1))]
        for spot, field in enumerate(row.fields):
            for what, other in field_breaks(field, 8):
                fields = (*row.fields[:spot], other, *row.fields[spot + 1 :])
                changes.append((f"{field.name} {what}", row._replace(fields=fields)))
        for what, broken in changes:
            table = (*rows[:place], broken, *rows[place + 1 :])
            yield Break(f"a5 {row.code:02x} {what}", lambda table=table: setattr(a5, "INFO", table), tests)  # type: ignore[misc]


def all_breaks() -> list[Break]:
    shared = (
        *("protocols/test_balancing.py", "protocols/test_identity.py", "protocols/modbus/test_lacking.py"),
        "test_left_out.py",
    )
    of_d2 = ("protocols/modbus/test_d2.py", "protocols/modbus/test_d2_second_block.py", *shared)
    of_p81 = ("protocols/modbus/test_p81.py", *shared)
    return [
        *map_breaks(d2, d2.D2, of_d2),
        *d2_bits(of_d2),
        *map_breaks(p81, p81.P81, of_p81),
        *p81_bits(of_p81),
        *sinowealth_breaks(("protocols/sinowealth/test_sinowealth.py",)),
        *a5_info(("test_detection_info.py", "protocols/test_identity.py")),
    ]


def goes_red(each: Break) -> bool:
    child = os.fork()
    if child == 0:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        each.do()
        os.chdir(ROOT)
        os._exit(int(pytest.main(["-x", "-q", "--timeout=60", *(f"tests/{name}" for name in each.tests)])))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def main() -> int:
    breaks = [each for each in all_breaks() if not sys.argv[1:] or each.name.split()[0] in sys.argv[1:]]
    whole = [Break("nothing", lambda: None, tests) for tests in sorted({each.tests for each in breaks})]
    if any(goes_red(each) for each in whole):
        print("the tests fail before anything is broken")
        return 1
    survivors = [each.name for each in breaks if not goes_red(each)]
    for name in survivors:
        print(f"not found: {name}")
    print(f"{len(breaks)} breaks, {len(breaks) - len(survivors)} found")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
