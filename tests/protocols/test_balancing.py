"""Which cells balance: a cell is named only when it is certain, whatever the layout of the board."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from register_replay import answer_to, data_of, words
from support import Script, attach, captures, reply, talk

from dalybms import DalyBMS, NoReply, NotSupported

RECORDS: dict[str, dict[str, Any]] = {record["id"]: record for record in captures("second")}


def text(words_: str, command: int = 0x63) -> bytes:
    raw = words_.encode("latin-1").ljust(14, b"\0")
    return b"".join(reply(command, bytes((n + 1,)) + raw[7 * n : 7 * n + 7]) for n in range(2))


def a5(data: str, cells: int, hardware: str | None = None) -> Any:
    """A board with these bytes in 0x97, and perhaps a hardware text; `bms.script` has what it was asked."""
    replies = {
        0x94: reply(0x94, bytes((cells, 1))),
        0x97: reply(0x97, data),
        0x90: reply(0x90, "0212000075300384"),
    }
    if hardware is not None:
        replies[0x63] = text(hardware)
    script = talk(replies, hosts=(0x40,))
    bms: Any = attach(script, address=4, request_retries=0)
    bms.script = script
    return bms


def named(bms: DalyBMS) -> list[int]:
    return [cell for cell, on in bms.get_balancing_status().items() if on]


def nothing_named(bms: DalyBMS) -> bool:
    with pytest.raises(NotSupported, match="does not say which cells") as caught:
        bms.get_balancing_status()
    return caught.value.passing


def asked(bms: Any, command: int = 0x63) -> int:
    return sum(request[2] == command for request in bms.script.requests)


@pytest.mark.parametrize(
    ("record", "cells", "hardware", "found"),
    [
        ("a5h2-01-97", 8, None, [5, 8]),
        ("a5h2-11-97", 14, None, [9]),
        ("b2-12-a5-97", 8, None, [8]),
        ("b2-12-a5-97", 16, "JHB-R24TK-V2.1", [8]),
        ("b2-12-a5-97", 16, "JHB-R24TM-V2.2", [8]),
        ("b2-12-a5-97", 16, "DL-BMS-R32-01E", [12]),
        ("b2-12-a5-97", 16, None, None),
    ],
)
def test_recorded_answers(record: str, cells: int, hardware: str | None, found: list[int] | None) -> None:
    bms = a5(RECORDS[record]["responses"][0][8:24], cells, hardware)
    assert nothing_named(bms) if found is None else named(bms) == found


@pytest.mark.parametrize(
    ("data", "cells", "found"),
    [
        ("0000", 16, []),
        ("0000000000000808", 16, []),  # bytes 6 and 7 mean nothing
        ("0100", 16, [1]),
        ("0108", 16, [1, 12]),  # byte 0 is not 0: a mask
        ("8008", 16, [8, 12]),
        ("0120", 8, [1]),  # bits of cells that are not there
        ("000001", 24, [17]),
        ("00080100", 24, [12, 17]),
        ("000000000001", 48, [41]),
        ("0010", 8, None),  # cell 13 or cell 16: neither is there
        ("00ff", 8, None),
        ("0020", 16, [14]),  # there is no cell 32
        ("0030", 14, [13, 14]),
        ("0009", 11, [9]),  # there is no cell 12
        ("0001", 8, [1]),  # there is no cell 9
    ],
)
def test_what_is_certain_without_the_hardware_text(data: str, cells: int, found: list[int] | None) -> None:
    bms = a5(data, cells)
    assert nothing_named(bms) if found is None else named(bms) == found
    assert asked(bms) == 0


@pytest.mark.parametrize("cells", [4, 16, 48])
@pytest.mark.parametrize("rest", ["0000", "ffff"])
def test_nothing_but_ff_says_nothing(cells: int, rest: str) -> None:
    """So boards fill what they have nothing for; as a mask it would be all cells at once."""
    with pytest.raises(NotSupported, match="does not say whether it balances") as caught:
        a5(12 * "f" + rest, cells).get_balancing_status()
    assert not caught.value.passing


@pytest.mark.parametrize("number", range(1, 17))
def test_both_layouts_fit_and_the_text_decides(number: int) -> None:
    """16 cells: any number is one, and any mask of byte 1 fits."""
    data = bytes((0, number)).hex()
    mask = [9 + bit for bit in range(8) if number >> bit & 1]
    assert named(a5(data, 16, "JHB-R24TK-V1.3")) == [number]
    assert named(a5(data, 16, "3.1V-KT42R-BHJ")) == [number], "stored backwards"
    assert named(a5(data, 16, "BMS-ST103-309E")) == mask
    assert nothing_named(a5(data, 16))


@pytest.mark.parametrize("nothing", ["", "   ", "\xff" * 14])
def test_an_empty_text_decides_nothing(nothing: str) -> None:
    assert nothing_named(a5("0008", 16, nothing))


@pytest.mark.parametrize("hardware", ["JHB-R24TK-V1.3", "BMS-ST103-309E"])
def test_the_text_is_asked_for_once(hardware: str) -> None:
    bms = a5("0008", 16, hardware)
    first = named(bms)
    assert [named(bms) for _ in range(3)] == [first] * 3
    assert asked(bms) == 1


def test_silence_is_asked_for_twice_and_briefly() -> None:
    bms = a5("0008", 16)
    for _ in range(3):
        before = bms.clock()
        assert nothing_named(bms)
    assert asked(bms) == 2
    assert bms.clock() - before < 0.15, "not asked any more"


def test_two_short_attempts_cost_half_a_second() -> None:
    bms = a5("0008", 16)
    named_before = bms.clock()
    assert nothing_named(bms)
    assert bms.clock() - named_before < 0.75


def test_one_lost_answer_does_not_matter() -> None:
    board = a5("0008", 16, "JHB-R24TK-V1.3").script
    lost: list[bytes] = []

    def answer(request: bytes, n: int) -> Iterable[tuple[float, bytes]]:
        if request[2] == 0x63 and not lost:
            lost.append(request)
            return []
        return list(board._answer(request, n))

    assert named(attach(Script(answer), address=4)) == [8]


def test_a_damaged_text_is_asked_for_anew_by_the_next_call() -> None:
    board = a5("0008", 16, "JHB-R24TK-V1.3").script
    broken = [text("JHB-R24TK-V1.3")[:9]]

    def answer(request: bytes, n: int) -> Iterable[tuple[float, bytes]]:
        return [(0.04, broken[0])] if request[2] == 0x63 and broken else list(board._answer(request, n))

    bms = attach(Script(answer), address=4)
    with pytest.raises(NoReply, match=r"hardware_version.*damaged or incomplete"):
        bms.get_balancing_status()
    broken.clear()
    assert named(bms) == [8]


def test_byte_0_on_a_board_of_numbers_is_not_known() -> None:
    bms = a5("0108", 16, "JHB-R24TK-V1.3")
    assert named(bms) == [1, 12], "not asked for that"
    assert asked(bms) == 0
    assert bms.get_info()["hardware_version"] == "JHB-R24TK-V1.3"
    assert nothing_named(bms)
    assert asked(bms) == 1


def test_info_teaches_the_layout() -> None:
    bms = a5("0008", 16, "BMS-ST103-309E")
    bms.get_info()
    assert named(bms) == [12]
    assert asked(bms) == 1


def test_a_new_connection_asks_anew() -> None:
    bms = a5("0008", 16, "JHB-R24TK-V1.3")
    assert named(bms) == [8]
    again = attach(bms.script, bms)
    assert named(again) == [8]
    assert asked(bms) == 2


def test_get_all_leaves_it_out_and_says_the_rest() -> None:
    found: Any = a5("0008", 16).get_all()
    assert "balancing_status" not in found
    assert found["soc"]["total_voltage"] == 53.0


# P81: 0x4D tells whether, 0x4F to 0x51 which; R24TK boards have cells 1 to 8 in the high byte.


def p81(name: str = "b2-12-mask-1", **changes: int) -> DalyBMS:
    record = RECORDS[name]
    known = {}
    for start, source in ((0x00, record["first"]), (0x41, record)):
        raw = bytes.fromhex(source["responses"][0])
        known.update(enumerate(words(data_of({"notifications": [raw.hex()]})), start))
    known.update({int(register[1:], 16): raw for register, raw in changes.items()})
    script = Script(
        lambda request, _: [(0.05, answer_to(0x51, known, request))] if request[0] == 0x81 else []
    )
    return attach(script, protocol="p81")


@pytest.mark.parametrize(("record", "cell"), [("b2-12-mask-1", 8), ("b2-12-mask-2", 1)])
def test_recorded_p81_boards(record: str, cell: int) -> None:
    bms = p81(record)
    assert named(bms) == [cell]
    assert bms.get_mosfet_status()["balancing"] is True
    assert bms.get_mosfet_status()["balance_current"] == 0.75


@pytest.mark.parametrize("state", [1, 2])
@pytest.mark.parametrize("cell", range(1, 9))
@pytest.mark.parametrize("shift", [0, 8])
def test_up_to_eight_cells_the_byte_tells_the_layout(cell: int, shift: int, state: int) -> None:
    assert named(p81(r4F=1 << shift + cell - 1, r4D=state)) == [cell]


def test_several_cells() -> None:
    assert named(p81(r4F=0x0081)) == named(p81(r4F=0x8100)) == [1, 8]


def test_a_p81_board_that_does_not_balance() -> None:
    assert named(p81(r4D=0)) == []
    assert named(p81(r4D=0, r4F=0, r3C=16)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"r4F": 0},
        {"r4F": 0x0101},
        {"r4F": 0x8000, "r50": 1},
        {"r4F": 0x8000, "r51": 0x8000},
        {"r4F": 0x0001, "r3C": 9},
        {"r4F": 0x0100, "r3C": 16},
        {"r4F": 0x8000, "r3C": 7},  # a cell that is not there
        {"r4F": 0x0011, "r3C": 4},
        {"r4D": 7},
        {"r4D": 3},
    ],
)
def test_what_no_p81_board_says_for_certain(changes: dict[str, int]) -> None:
    assert nothing_named(p81(**changes))


def test_a_p81_board_without_the_register() -> None:
    with pytest.raises(NotSupported, match="whether it balances") as caught:
        p81(r4D=0xFFFF).get_balancing_status()
    assert not caught.value.passing


# D2: 0x34 tells whether; 0x3F was recorded as the same flag, where one project expected bits.


def d2(name: str, second: bytes | None = None) -> DalyBMS:
    record = RECORDS[name]
    replies = {record["request"]: record["responses"][0]}
    if "then" in record:
        replies[record["then"]["request"]] = record["then"]["responses"][0]

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        return [(0.05, bytes.fromhex(replies[request.hex()]))] if request.hex() in replies else []

    return attach(Script(answer), protocol="d2")


def test_recorded_d2_board_with_twelve_balancing_cells() -> None:
    bms = d2("b2-04-balflag-12s")
    assert nothing_named(bms)
    mosfets = bms.get_mosfet_status()
    assert mosfets["balancing"] is True
    assert (mosfets["balance_current"], mosfets["balancing_cells"]) == (0.8, 12)
    assert bms.get_temperature_range()["mosfet_temperature"] == 19
    found: Any = bms.get_all()
    assert "balancing_status" not in found
    assert not any("error" in section for section in found.values())


def test_recorded_d2_board_in_a_state_of_its_own() -> None:
    bms = d2("b2-04-mode20")
    assert nothing_named(bms)
    mosfets = bms.get_mosfet_status()
    assert (mosfets["charging_mosfet"], mosfets["discharging_mosfet"], mosfets["capacity_ah"]) == (
        True,
        True,
        33.6,
    )
    assert mosfets["balancing"] is True
