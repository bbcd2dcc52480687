"""Write the tables of docs/protocols.md from the rows that the decoders use.

python tests/protocol_tables.py      rewrites what stands between the markers of the page
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from dalybms.protocols.a5 import commands as a5_commands  # noqa: E402
from dalybms.protocols.a5.commands import Command  # noqa: E402
from dalybms.protocols.faults import FAULTS  # noqa: E402
from dalybms.protocols.fields import Bits, Choice, Date, Flag, Number, Series, Text, Words  # noqa: E402
from dalybms.protocols.modbus import d2, p81, p81_faults  # noqa: E402
from dalybms.protocols.modbus.register_map import RegisterMap, Row  # noqa: E402
from dalybms.protocols.sinowealth import registers as sinowealth_registers  # noqa: E402

PAGE = ROOT / "docs" / "protocols.md"


def table(head: str, rows: Iterable[Iterable[str]]) -> str:
    columns = head.count("|") + 1
    lines = [f"| {head} |", "|" + "---|" * columns]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def meaning(field: Any) -> str:
    """What the raw number becomes, in words."""
    if isinstance(field, Number):
        return number(field)
    if isinstance(field, Series):
        return f"{field.each} values in a row, each {number(field.item)}"
    if isinstance(field, Choice):
        words = ", ".join(f"{raw} {word}" for raw, word in enumerate(field.words))
        return words + ("; any other is absent" if field.unknown else "")
    if isinstance(field, Bits):
        return "bits from the lowest: " + ", ".join(field.names)
    if isinstance(field, Words):
        return f"{field.each} words as they came"
    if isinstance(field, Text):
        turned = ", may be stored backwards" if field.mirrored else ""
        sure = f", the first {field.sure} for sure" if field.sure else ""
        return f"{field.size} characters{sure}{turned}{', all of them' * field.whole}"
    if isinstance(field, Flag) and field.most < 0xFFFF:
        return f"on when not 0; absent above {field.most}"
    return {Flag: "on when not 0", Date: "YY MM DD, a byte each"}[type(field)] + hole(field)


def number(field: Number) -> str:
    raw = f"raw - {field.zero}" if field.zero else "raw"
    scaled = (
        raw
        if field.per_unit == 1
        else f"({raw}) / {field.per_unit}"
        if field.zero
        else f"{raw} / {field.per_unit}"
    )
    unit = f" {field.unit}" if field.unit else ""
    signed = ", signed" if field.signed else ""
    return f"{scaled}{unit}{signed}{limits(field)}{hole(field)}"


def limits(field: Number) -> str:
    if not field.least and field.most is None:
        return ""
    least = f"{field.least}" if field.least or field.signed else "0"
    return f"; raw {least} to {field.most}" if field.most is not None else f"; raw from {least}"


def hole(field: Any) -> str:
    raws = getattr(field, "absent", ())
    return f"; absent when {', '.join(f'0x{raw:X}' if raw > 9 else str(raw) for raw in raws)}" if raws else ""


def name(field: Any) -> str:
    return f"each {field.item.name}" if isinstance(field, Series) else f"`{field.name}`"


def proven(row: Any) -> str:
    return "recorded" if row.proven else "stated"


def register_rows(table_: RegisterMap) -> Iterable[list[str]]:
    for row in sorted(table_.rows, key=place):
        yield [place_words(row), row.section, name(row.field), meaning(row.field), proven(row)]


def place(row: Row) -> tuple[int, int]:
    return (row.field.item.at if isinstance(row.field, Series) else row.field.at), row.section == "faults"


def place_words(row: Row) -> str:
    field: Any = row.field
    size = 2 * field.each if isinstance(field, (Series, Words)) else field.size
    last = row.register + max(1, -(-size // 2)) - 1
    return f"0x{row.register:02X}" + (f"-0x{last:02X}" if last > row.register else "")


def blocks(table_: RegisterMap) -> str:
    def words(these: Any) -> str:
        return ", ".join(f"0x{block.start:02X} x {block.size}" for block in these)

    optional = f" Optional: {words(table_.optional)}." if table_.optional else ""
    return f"Read in a poll: {words(table_.live)}. Read for `--info`: {words(table_.info)}.{optional}"


def a5_rows(commands: Iterable[Command]) -> Iterable[list[str]]:
    for command in commands:
        code = f"0x{command.code:02X}"
        frames = f", text of {command.frames} frames" if command.frames > 1 else ""
        for field in command.fields:
            yield [code, command.section, name(field), f"byte {field.at}{frames}", meaning(field)]
        if command.series:
            series = command.series
            yield [code, command.section, name(series), "frames by number", meaning(series)]
        if command.special:
            what = {"faults": "bits, see below", "balancing_status": "two layouts, see below"}[
                command.section
            ]
            yield [code, command.section, "", "bytes 0-7", what]


def bit_rows(words: Iterable[Iterable[str]], first: int, digits: int) -> Iterable[list[str]]:
    for number_, codes in enumerate(words, first):
        for bit, code in enumerate(codes):
            yield [
                f"{number_:0{digits}X}" if digits > 1 else str(number_),
                str(bit),
                f"`{code}`",
                str(FAULTS[code]["text"]),
            ]


def p81_bits() -> Iterable[list[str]]:
    found = {place_: (code, 3) for place_, code in p81_faults.LEVELS.items()}
    found.update({place_: (code, 1) for place_, code in {**p81_faults.FLAGS, **p81_faults.STATES}.items()})
    for (register, bit), (code, width) in sorted(found.items()):
        bits = f"{bit}-{bit + width - 1}" if width > 1 else str(bit)
        known = FAULTS.get(code) or FAULTS[f"{code}_1"]
        words = str(known["text"]).replace(" (level 1)", "")
        shown = f"`{code}_1`, `{code}_2`" if width > 1 else f"`{code}`"
        yield [f"{register:02X}", bits, shown, words]


def sinowealth_rows() -> Iterable[list[str]]:
    others = {
        sinowealth_registers.PACK_STATE: "bits, see below",
        sinowealth_registers.BATTERY_STATE: "bits, see below",
        sinowealth_registers.CONFIG: "cells = (low byte & 7) + 3; bit 6: a second sensor",
    }
    for row in sinowealth_registers.ROWS:
        shown = "" if row.field is None else name(row.field)
        said = others[row.register] if row.field is None else meaning(row.field)
        yield [f"0x{row.register:02X}", str(row.length), row.section, shown, said, proven(row)]


def sinowealth_bits() -> Iterable[list[str]]:
    for bit, text in sinowealth_registers.PACK_STATES.items():
        yield ["0x15", str(bit), "", text]
    for bit, code in sinowealth_registers.FAULT_BITS.items():
        yield ["0x16", str(bit), f"`{code}`", str(FAULTS[code]["text"])]


def tables() -> dict[str, str]:
    """The text of each marked part of the page."""
    registers = "register | section | key | value | evidence"
    return {
        "a5": table("command | section | key | where | value", a5_rows(a5_commands.COMMANDS)),
        "a5 info": table("command | section | key | where | value", a5_rows(a5_commands.INFO)),
        "a5 bits": table("byte | bit | code | text", bit_rows(a5_commands.FAULT_BITS, 0, 1)),
        "d2": blocks(d2.MAP) + "\n\n" + table(registers, register_rows(d2.MAP)),
        "d2 bits": table("register | bit | code | text", bit_rows(d2.FAULT_BITS, 0x3A, 2)),
        "p81": blocks(p81.MAP) + "\n\n" + table(registers, register_rows(p81.MAP)),
        "p81 bits": table("register | bits | code | text", p81_bits()),
        "sinowealth": table("register | bytes | section | key | value | evidence", sinowealth_rows()),
        "sinowealth bits": table("register | bit | code | text", sinowealth_bits()),
    }


def rewritten(page: str) -> str:
    for part, text in tables().items():
        pattern = re.compile(f"(<!-- {part}: begin -->\n).*?(<!-- {part}: end -->)", re.DOTALL)
        if not pattern.search(page):
            raise SystemExit(f"{PAGE.name} has no markers for {part}")
        page = pattern.sub(lambda match, text=text: f"{match[1]}{text}\n{match[2]}", page)  # type: ignore[misc]
    return page


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
