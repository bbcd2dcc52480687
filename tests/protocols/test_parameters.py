"""The settings of a board: recorded bytes, names and units, what is never read, what may be missing."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support import Clock, Script, VirtualWire, attach, captures, reply

from dalybms import DalyError, NoReply, NotSupported, parameter_names
from dalybms.cable import Cable
from dalybms.emulator import faults as emulator_faults
from dalybms.emulator.modbus.board import crc16
from dalybms.emulator.options import build
from dalybms.protocols.a5.parameters import MESSAGES
from dalybms.protocols.faults import FAULTS
from dalybms.protocols.modbus.parameters import PARTS
from dalybms.protocols.parameters import Row

SEEDS = int(os.environ.get("DALY_SEEDS", "2"))
PROTOCOLS = ("a5", "d2", "p81")
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)
ROWS: dict[str, list[Row]] = {
    "a5": [row for rows in MESSAGES.values() for row in rows],
    "d2": [row for _, rows in PARTS["d2"] for row in rows],
    "p81": [row for _, rows in PARTS["p81"] for row in rows],
}


def sealed(text: str) -> bytes:
    body = bytes.fromhex(text)
    return body + crc16(body)


def board(protocol: str, answers: dict[str, bytes]) -> Script:
    """A board that answers the first question of its protocol and these reads, by their first six bytes."""
    line = build(f"protocol={protocol}")
    first = {"a5": "a54094080000", "d2": "d2030000003e", "p81": "810300000040"}[protocol]

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        asked = request[:6].hex()
        if asked == first:
            line.write(request, 0.0)
            return [(0.03, line.take(0.0))]
        return [(0.03, answers[asked])] if asked in answers else []

    return Script(answer)


def a5_board(data: dict[int, str]) -> Script:
    return board("a5", {f"a540{code:02x}080000": reply(code, text) for code, text in data.items()})


def recorded(name: str, id_: str) -> dict[str, Any]:
    return next(record for record in captures(name) if record["id"] == id_)


def test_a5_settings_as_recorded() -> None:
    codes = (0x50, 0x51, 0x53, 0x5F, 0x60)
    line = a5_board({code: recorded("a5", f"diysolar65439-{code:02x}")["responses"][0] for code in codes})
    assert attach(line, protocol="a5").get_parameters() == {
        "rated_capacity": 30.0,
        "nominal_cell_voltage": 3.6,
        "measuring_boards": 1,
        "cells": 14,
        "sensors": 1,
        "chemistry": "NMC",
        "operation_mode": 1,
        "sleep_time": "never",
        "current_threshold": 1.0,
        "balance_start": 3.8,
        "balance_difference": 0.05,
        "short_circuit": 600,
        "shunt": 0.333,
    }


def test_a5_limits_by_hand() -> None:
    line = a5_board(
        {
            0x59: "0e420e740af009c4",
            0x5A: "0240024801c00190",
            0x5B: "71487148" + "79187a12",
            0x5C: "5a5f2d28646920 00",
            0x5D: "03e803e300640032",
            0x5E: "012c01f40a0fffff",
        }
    )
    assert attach(line, protocol="a5").get_parameters() == {
        "cell_voltage_high_1": 3.65,
        "cell_voltage_high_2": 3.7,
        "cell_voltage_low_1": 2.8,
        "cell_voltage_low_2": 2.5,
        "pack_voltage_high_1": 57.6,
        "pack_voltage_high_2": 58.4,
        "pack_voltage_low_1": 44.8,
        "pack_voltage_low_2": 40.0,
        "charge_overcurrent_1": 100.0,
        "charge_overcurrent_2": 100.0,
        "discharge_overcurrent_1": 100.0,
        "discharge_overcurrent_2": 125.0,
        "charge_temperature_high_1": 50,
        "charge_temperature_high_2": 55,
        "charge_temperature_low_1": 5,
        "charge_temperature_low_2": 0,
        "discharge_temperature_high_1": 60,
        "discharge_temperature_high_2": 65,
        "discharge_temperature_low_1": -8,
        "discharge_temperature_low_2": -40,
        "soc_high_1": 100.0,
        "soc_high_2": 99.5,
        "soc_low_1": 10.0,
        "soc_low_2": 5.0,
        "cell_voltage_difference_1": 0.3,
        "cell_voltage_difference_2": 0.5,
        "temperature_difference_1": 10,
        "temperature_difference_2": 15,
    }


@pytest.mark.parametrize("sign", [1, -1])
def test_a_limit_of_the_current_is_positive_whatever_the_sign_of_the_board(sign: int) -> None:
    raws = [30000 - sign * 2400, 30000 - sign * 3000, 30000 + sign * 1200, 30000 + sign * 1500]
    data = "".join(f"{raw:04x}" for raw in raws)
    assert attach(a5_board({0x5B: data}), protocol="a5").get_parameters() == {
        "charge_overcurrent_1": 240.0,
        "charge_overcurrent_2": 300.0,
        "discharge_overcurrent_1": 120.0,
        "discharge_overcurrent_2": 150.0,
    }


def test_a5_bytes_of_measuring_boards_that_are_not_there_mean_nothing() -> None:
    found = attach(a5_board({0x51: "02080701040302ff"}), protocol="a5").read_parameters()
    assert {name: each["value"] for name, each in found["parameters"].items()} == {
        "measuring_boards": 2,
        "cells": 8,
        "cells_board_2": 7,
        "sensors": 4,
        "sensors_board_2": 3,
    }
    assert found["unavailable"]["cells_board_3"] == "there is no such measuring board"


def test_a5_what_was_never_set_is_left_out() -> None:
    line = a5_board(
        {0x50: "ffffffff00000c80", 0x59: "ffff0e740af0ffff", 0x5C: "ff5f2d28646900ff", 0x60: "0000ffff"}
    )
    assert attach(line, protocol="a5").get_parameters() == {
        "nominal_cell_voltage": 3.2,
        "cell_voltage_high_2": 3.7,
        "cell_voltage_low_1": 2.8,
        "charge_temperature_high_2": 55,
        "charge_temperature_low_1": 5,
        "charge_temperature_low_2": 0,
        "discharge_temperature_high_1": 60,
        "discharge_temperature_high_2": 65,
        "discharge_temperature_low_1": -40,
        "short_circuit": 0,
    }


@pytest.mark.parametrize("data", ["00", "ffffffffffffffff"])
def test_a5_an_answer_of_one_byte_says_nothing(data: str) -> None:
    line = a5_board({0x59: data, 0x5F: "0d480014" if data == "00" else "0d480014ffffffff"})
    found = attach(line, protocol="a5").read_parameters()
    assert set(found["parameters"]) == {"balance_start", "balance_difference"}
    assert found["unavailable"]["cell_voltage_low_1"] == "no believable answer"


@pytest.mark.parametrize(
    ("code", "why"), [("02", "the board refuses to tell"), ("04", "no believable answer")]
)
def test_p81_a_block_that_is_refused_is_missing(code: str, why: str) -> None:
    limits = build("protocol=p81")
    limits.write(sealed("81030130003f"), 0.0)
    line = board("p81", {"810301000023": sealed(f"5183{code}"), "81030130003f": limits.take(0.0)})
    found = attach(line, protocol="p81").read_parameters()
    assert found["parameters"]["short_circuit"]["value"] == 600
    assert found["unavailable"]["cells"] == why


def test_a5_a_limit_counts_when_two_answers_agree() -> None:
    def answer(request: bytes, number: int) -> Iterable[tuple[float, bytes]]:
        if request[2] == 0x94:
            return [(0.03, reply(0x94, "10040000020000"))]
        if request[2] != 0x59:
            return []
        asked.append(number)
        return [(0.03, reply(0x59, "0e420e740af009c4" if len(asked) != 1 else "0e420e740af009c5"))]

    asked: list[int] = []
    assert attach(Script(answer), protocol="a5").get_parameters()["cell_voltage_low_2"] == 2.5  # type: ignore[typeddict-item]
    assert len(asked) == 3


def test_a5_answers_that_never_agree_are_none() -> None:
    def answer(request: bytes, number: int) -> Iterable[tuple[float, bytes]]:
        data = {0x94: "10040000020000", 0x5F: "0d480014", 0x59: f"0e42{number:04x}0af009c4"}.get(request[2])
        return [(0.03, reply(request[2], data))] if data else []

    found = attach(Script(answer), protocol="a5").read_parameters()
    assert set(found["parameters"]) == {"balance_start", "balance_difference"}
    assert found["unavailable"]["cell_voltage_high_1"] == "no believable answer"


def test_a5_left_over_bytes_change_nothing() -> None:
    truth = attach(build("")).get_parameters()
    assert attach(build("leftover=1")).get_parameters() == truth


def test_d2_settings_as_recorded() -> None:
    frame = bytes.fromhex(recorded("modbus_and_ble", "d2-syssi-test-settings_frame_1")["notifications"][0])
    line = board("d2", {"d20300800029": frame, "d20300cc0004": sealed("d20308170c0500ffff0001")})
    assert attach(line, protocol="d2").get_parameters() == {
        "rated_capacity": 105.0,
        "nominal_cell_voltage": 3.2,
        "measuring_boards": 1,
        "cells": 4,
        "cells_board_2": 0,
        "cells_board_3": 0,
        "sensors": 1,
        "sensors_board_2": 0,
        "sensors_board_3": 0,
        "chemistry": "LFP",
        "sleep_time": 7200,
        "cell_voltage_high_1": 3.5,
        "cell_voltage_high_2": 3.5,
        "cell_voltage_low_1": 2.6,
        "cell_voltage_low_2": 2.6,
        "pack_voltage_high_1": 14.0,
        "pack_voltage_high_2": 14.0,
        "pack_voltage_low_1": 10.4,
        "pack_voltage_low_2": 10.4,
        "charge_overcurrent_1": 10.0,
        "charge_overcurrent_2": 10.0,
        "discharge_overcurrent_1": 16.0,
        "discharge_overcurrent_2": 16.0,
        "charge_temperature_high_1": 45,
        "charge_temperature_high_2": 45,
        "charge_temperature_low_1": 0,
        "charge_temperature_low_2": 0,
        "discharge_temperature_high_1": 70,
        "discharge_temperature_high_2": 70,
        "discharge_temperature_low_1": -1,
        "discharge_temperature_low_2": -1,
        "cell_voltage_difference_1": 0.255,
        "cell_voltage_difference_2": 0.255,
        "temperature_difference_1": 255,
        "temperature_difference_2": 255,
        "balance_start": 3.2,
        "balance_difference": 0.02,
        "balancing_enabled": True,
    }


def test_d2_of_a_balancer_as_recorded() -> None:
    frame = bytes.fromhex(recorded("modbus_and_ble", "d2-btsnoop-01")["notifications"][0])
    found = attach(board("d2", {"d20300800029": frame}), protocol="d2").read_parameters()
    assert found["parameters"]["sleep_time"] == {"value": "never", "unit": "s", "raw": 65535}
    assert found["parameters"]["charge_overcurrent_1"]["value"] == 0.0
    assert found["unavailable"] == {"balancing_enabled": "not answered"}


def test_d2_what_was_never_set_or_is_not_known_is_left_out() -> None:
    frame = bytes.fromhex(recorded("second", "b2-05-chem3")["responses"][0])
    found = attach(board("d2", {"d20300800029": frame}), protocol="d2").read_parameters()
    assert found["parameters"]["chemistry"] == {"value": "sodium-ion", "unit": "", "raw": 3}
    assert found["unavailable"]["charge_overcurrent_1"] == "what 0 means is not known"
    line = board("d2", {"d20300800029": sealed(frame[:-2].hex().replace("0003", "0009", 1))})
    assert "chemistry" not in attach(line, protocol="d2").get_parameters()


def test_a_board_that_has_only_some_registers_tells_those_and_never_says_never() -> None:
    line = build("protocol=d2&absent=80-8a,a3-ff")
    found = attach(line, protocol="d2").read_parameters()
    assert len(found["parameters"]) == 24
    assert found["unavailable"]["sleep_time"] == "the board has not got it, or it was never set (FFFF)"
    assert found["unavailable"]["balancing_enabled"] == "no believable answer"


def test_p81_settings_as_recorded() -> None:
    block = bytes.fromhex(recorded("modbus_and_ble", "p81-ess-04")["notifications"][0])[3:-2].hex()
    rest = bytes.fromhex(recorded("modbus_and_ble", "p81-ess-05")["notifications"][0])[3:-2].hex()
    limits = (block[4 * 0x30 :] + rest)[: 4 * 63]
    line = board(
        "p81",
        {"810301000023": sealed("510346" + block[: 4 * 35]), "81030130003f": sealed("51037e" + limits)},
    )
    found = attach(line, protocol="p81").get_parameters()
    expected: dict[str, Any] = {
        "board_number": 1,
        "cells": 16,
        "cells_board_1": 16,
        "cells_board_2": 0,
        "cells_board_3": 0,
        "sensors": 4,
        "sensors_board_2": 0,
        "sensors_board_3": 0,
        "rated_capacity": 314.0,
        "actual_capacity": 314.0,
        "nominal_cell_voltage": 3.2,
        "sleep_time": "never",
        "balancing_enabled": True,
        "balance_start": 3.4,
        "balance_difference": 0.02,
        "key_logic": "off",
        "charge_overcurrent_1": 160.0,
        "charge_overcurrent_2": 200.0,
        "charge_overcurrent_2_delay": 1.0,
        "charge_overcurrent_3": 300.0,
        "charge_overcurrent_3_delay": 1.0,
        "discharge_overcurrent_1": 160.0,
        "discharge_overcurrent_2": 200.0,
        "discharge_overcurrent_2_delay": 1.0,
        "discharge_overcurrent_3": 300.0,
        "discharge_overcurrent_3_delay": 1.0,
        "short_circuit": 2000,
    }
    fours = {
        "cell_voltage_high": (3.45, 3.55, 3.4, 5.0),
        "cell_voltage_low": (2.8, 2.7, 2.9, 5.0),
        "pack_voltage_high": (55.2, 56.2, 54.2, 1.0),
        "pack_voltage_low": (45.6, 44.0, 45.0, 1.0),
        "charge_temperature_high": (50, 55, 50, 1.0),
        "charge_temperature_low": (5, 0, 5, 1.0),
        "discharge_temperature_high": (50, 55, 50, 1.0),
        "discharge_temperature_low": (-15, 0, -15, 1.0),
        "cell_voltage_difference": (0.45, 0.5, 0.45, 1.0),
        "temperature_difference": (10, 15, 12, 1.0),
        "soc_low": (0.0, 0.0, 2.0, 1.0),
        "mosfet_temperature_high": (95, 100, 65, 1.0),
    }
    for code, values in fours.items():
        expected.update(zip((f"{code}_1", f"{code}_2", f"{code}_release", f"{code}_delay"), values))
    assert found == expected


def test_counts_of_further_measuring_boards_by_hand() -> None:
    line = build("protocol=d2+p81")
    pack = line.boards[0].pack
    pack.registers.update(dict(zip(range(0x82, 0x8B), (3, 11, 12, 13, 14, 15, 16, 2, 65535))))
    pack.registers.update(dict(zip(range(0x100, 0x109), (9, 21, 0, 22, 23, 24, 25, 26, 27))))
    pack.registers.update({0x115: 65535, 0x10B: 1, 0x10C: 0x86A0, 0xCF: 0, 0x119: 0})
    found = attach(line, protocol="d2").get_parameters()
    assert {
        name: found[name] for name in found if re.match("cells|sensors|measuring|chem|sleep|balancing", name)
    } == {  # type: ignore[literal-required]
        "measuring_boards": 3,
        "cells": 11,
        "cells_board_2": 12,
        "cells_board_3": 13,
        "sensors": 14,
        "sensors_board_2": 15,
        "sensors_board_3": 16,
        "chemistry": "LTO",
        "sleep_time": "never",
        "balancing_enabled": False,
    }
    found = attach(line, protocol="p81").get_parameters()
    assert {
        name: found[name] for name in found if re.match("cells|sensors|board|sleep|actual|balancing", name)
    } == {  # type: ignore[literal-required]
        "board_number": 9,
        "cells": 21,
        "cells_board_1": 22,
        "cells_board_2": 23,
        "cells_board_3": 24,
        "sensors": 25,
        "sensors_board_2": 26,
        "sensors_board_3": 27,
        "actual_capacity": 100.0,
        "sleep_time": "never",
        "balancing_enabled": False,
    }


def test_p81_limits_by_hand() -> None:
    """Of which the recorded board has some that are zero, or equal."""
    line = build("protocol=p81")
    line.boards[0].pack.registers.update(
        dict(
            zip(
                range(0x15A, 0x16A),
                (300, 400, 250, 1500, 7, 9, 6, 1600, 123, 45, 150, 1700, 120, 125, 100, 1800),
            )
        )
    )
    line.boards[0].pack.registers.update(
        dict(zip(range(0x140, 0x14A), (28000, 27000, 1100, 26000, 200, 31600, 32600, 1300, 33600, 400)))
    )
    found = attach(line, protocol="p81").get_parameters()
    names = [
        *(f"cell_voltage_difference_{end}" for end in ("1", "2", "release", "delay")),
        *(f"temperature_difference_{end}" for end in ("1", "2", "release", "delay")),
        *(f"soc_low_{end}" for end in ("1", "2", "release", "delay")),
        *(f"mosfet_temperature_high_{end}" for end in ("1", "2", "release", "delay")),
        *(f"charge_overcurrent_{end}" for end in ("1", "2", "2_delay", "3", "3_delay")),
        *(f"discharge_overcurrent_{end}" for end in ("1", "2", "2_delay", "3", "3_delay")),
    ]
    assert [found[name] for name in names] == [  # type: ignore[literal-required]
        *(0.3, 0.4, 0.25, 1.5),
        *(7, 9, 6, 1.6),
        *(12.3, 4.5, 15.0, 1.7),
        *(80, 85, 60, 1.8),
        *(200.0, 300.0, 1.1, 400.0, 0.2),
        *(160.0, 260.0, 1.3, 360.0, 0.4),
    ]


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ("0055", "off"),
        ("00a5", "discharge and sleep"),
        ("005a", "discharge"),
        ("00aa", "charge and discharge"),
        ("00a6", "charge, discharge and sleep"),
        ("0001", None),
        ("ffff", None),
    ],
)
def test_p81_key_logic(raw: str, word: str | None) -> None:
    line = build("protocol=p81")
    line.boards[0].pack.registers[0x120] = int(raw, 16)
    assert attach(line, protocol="p81").get_parameters().get("key_logic") == word


def test_every_value_of_the_emulator_comes_back() -> None:
    line = build("protocol=p81")
    pack = line.boards[0].pack
    pack.soc_limits = [1000, 1000, 150, 70]
    pack.sleep = 1230
    found = attach(line, protocol="p81").get_parameters()
    assert (found["soc_low_1"], found["soc_low_2"], found["soc_low_release"]) == (15.0, 7.0, 15.0)  # type: ignore[typeddict-item]
    assert found["sleep_time"] == 1230  # type: ignore[typeddict-item]
    assert found["charge_overcurrent_2_delay"] == 1.0  # type: ignore[typeddict-item]
    assert found["discharge_overcurrent_3_delay"] == 0.2  # type: ignore[typeddict-item]


@pytest.mark.parametrize("protocol", ["auto", *PROTOCOLS])
def test_no_password_is_read_and_nothing_written(protocol: str) -> None:
    for text in ("", "protocol=d2", "protocol=p81", "protocol=a5+d2+p81"):
        spoken = text.partition("=")[2].split("+") if text else ["a5"]
        if protocol not in ("auto", *spoken):
            continue
        line = build(text)
        bms = attach(line, protocol=protocol)
        bms.get_parameters()
        bms.read_parameters()
        bms.get_info()
        assert line.log.heard
        assert not line.log.secrets
        assert not line.log.writes


@EACH
@pytest.mark.parametrize("name", ["rated", "nominal"])
def test_a_capacity_or_voltage_of_zero_was_never_set(protocol: str, name: str) -> None:
    line = build(f"protocol={protocol}")
    setattr(line.boards[0].pack, name, 0)
    found = attach(line, protocol=protocol).read_parameters()
    zero = {"rated": {"rated_capacity", "actual_capacity"}, "nominal": {"nominal_cell_voltage"}}[name]
    assert set(found["unavailable"]) & {"rated_capacity", "actual_capacity", "nominal_cell_voltage"} == {
        each for each in zero if each != "actual_capacity" or protocol == "p81"
    }


@EACH
def test_what_lives_is_no_parameter(protocol: str) -> None:
    names = {row.name for row in ROWS[protocol]}
    assert not {
        name
        for name in names
        if re.search(r"switch|^soc_percent|clock|time$|charged|forced|total", name) and name != "sleep_time"
    }
    line = build(f"protocol={protocol}")
    before = attach(line, protocol=protocol).get_parameters()
    pack = line.boards[0].pack
    pack.set_soc(111)
    pack.charge_switch = pack.discharge_switch = 0
    pack.clock = bytes((30, 1, 2, 3, 4, 5))
    pack.charged, pack.discharged, pack.cycles = 1, 2, 3
    pack.registers[0x12E] = 299
    assert attach(line, protocol=protocol).get_parameters() == before


@pytest.mark.parametrize("code", MESSAGES)
def test_each_a5_command_may_stay_unanswered(code: int) -> None:
    truth = attach(build("")).get_parameters()
    found = attach(build(f"unsupported={code:02x}")).read_parameters()
    missing = {row.name for row in MESSAGES[code]}
    assert {name: each["value"] for name, each in found["parameters"].items()} == {
        name: value for name, value in truth.items() if name not in missing
    }
    assert all(found["unavailable"][name] == "not answered" for name in missing)


@pytest.mark.parametrize(("protocol", "block"), [(name, part[0]) for name in PARTS for part in PARTS[name]])
def test_each_block_may_stay_unanswered(protocol: str, block: Any) -> None:
    truth = attach(build(f"protocol={protocol}"), protocol=protocol).get_parameters()
    line = build(f"protocol={protocol}&unsupported={block.start:02x}")
    found = attach(line, protocol=protocol).read_parameters()
    missing = {row.name for part, rows in PARTS[protocol] if part == block for row in rows}
    assert set(found["parameters"]) == set(truth) - missing
    assert {name for name, why in found["unavailable"].items() if why == "not answered"} == missing


@EACH
def test_no_answer_to_any_is_an_error(protocol: str) -> None:
    starts = [f"{code:02x}" for code in MESSAGES] if protocol == "a5" else ["80", "cc", "100", "130"]
    line = build(f"protocol={protocol}&unsupported={','.join(starts)}")
    with pytest.raises(NoReply):
        attach(line, protocol=protocol).get_parameters()


def test_a_board_that_tells_nothing_of_use_has_none() -> None:
    with pytest.raises(DalyError):
        attach(build("protocol=d2&absent=80-ff"), protocol="d2").get_parameters()


def test_boards_of_one_cable_tell_their_own() -> None:
    line = build("protocol=p81;protocol=p81&cells=8;protocol=a5&cells=4")
    clock = Clock()
    with Cable(VirtualWire(line, clock), clock=clock) as cable:
        assert [cable.board(number).get_parameters()["cells"] for number in (1, 2, 3)] == [16, 8, 4]  # type: ignore[typeddict-item]


def test_sinowealth_has_none() -> None:
    with pytest.raises(NotSupported, match="parameters are for A5, D2 and P81"):
        attach(build("protocol=sinowealth"), protocol="sinowealth").get_parameters()


def test_names_and_units_are_those_that_are_declared() -> None:
    (declared,) = (
        node
        for node in ast.parse(Path(parameter_names.__file__).read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    names = [node.target.id for node in declared.body if isinstance(node, ast.AnnAssign)]  # type: ignore[attr-defined]
    texts = [node.value.value for node in declared.body[1:] if isinstance(node, ast.Expr)]  # type: ignore[attr-defined]
    tables: dict[str, tuple[str, list[str]]] = {}
    for protocol, rows in ROWS.items():
        for row in rows:
            tables.setdefault(row.name, (row.unit, []))[1].append(protocol.upper())
            assert tables[row.name][0] == row.unit
    assert set(names) == set(tables)
    for name, text in zip(names, texts):
        unit, protocols = tables[name]
        assert text.endswith(", ".join(protocols)), name
        assert not unit or re.match(rf"{unit}\b|{unit};", text), name


def test_limits_have_the_code_of_the_fault_they_cause() -> None:
    known = {re.sub(r"_\d$", "", code) for code in FAULTS}
    for rows in ROWS.values():
        for row in rows:
            limit = re.fullmatch(r"(.+?)_(\d|release|\d_delay|delay)", row.name)
            if limit and not re.search(r"_board_\d$", row.name):
                assert limit[1] in known, row.name


@EACH
def test_no_two_rows_have_one_name_or_one_place(protocol: str) -> None:
    names = [row.name for row in ROWS[protocol]]
    assert len(set(names)) == len(names)
    parts = (MESSAGES.items()) if protocol == "a5" else enumerate(rows for _, rows in PARTS[protocol])
    for _, rows in parts:
        taken = [at for row in rows for at in range(row.at, row.at + row.size)]
        assert len(set(taken)) == len(taken)


@EACH
@pytest.mark.parametrize("fault", [name for name, kind in emulator_faults.KINDS.items() if name != "noise"])
def test_a_fault_gives_true_values_or_none(protocol: str, fault: str) -> None:
    truth = attach(build(f"protocol={protocol}"), protocol=protocol).get_parameters()
    for seed in range(SEEDS):
        line = build(f"protocol={protocol}&fault={fault}&seed={seed}&paced=1&latency=25")
        try:
            found = attach(line, protocol=protocol).get_parameters()
        except DalyError:
            continue
        assert found.items() <= truth.items()
        assert not line.log.writes
