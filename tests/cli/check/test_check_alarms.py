"""No hidden alarm: every bit in which any board may tell one is a state, on its way through all of `--check`.

Quiet are the bits alone that docs/protocols.md says tell a state of the board and no alarm.
"""

from __future__ import annotations

from typing import Any

import pytest

from dalybms import open_bms
from dalybms.cli.check import verdict as check
from dalybms.cli.check.findings import SECTIONS
from dalybms.protocols.modbus.p81_faults import faults_of

OK, WARNING, CRITICAL, _ = range(4)
QUIET_P81 = {
    *((0x6D, 6), (0x6D, 14), (0x6F, 7), (0x70, 6), (0x70, 7)),
    *((0x73, bit) for bit in (12, 13, 14)),
}


def told(protocol: str, alarms: bytes) -> tuple[dict[str, Any], check.Verdict]:
    device = f"demo:?protocol={protocol}&alarms={alarms.hex()}"
    with open_bms(device, protocol=protocol, pause=0) as bms:
        read = bms.read(SECTIONS)
        return read, check.verdict(read, left_out=bms.unusable)


BYTES = {"a5": 8, "d2": 8, "sinowealth": 2}


@pytest.mark.parametrize(
    ("protocol", "byte"), [(name, byte) for name, n in BYTES.items() for byte in range(n)]
)
def test_every_bit_is_told_by_its_level(protocol: str, byte: int) -> None:
    for bit in range(8):
        read, verdict = told(protocol, bytes(1 << bit if place == byte else 0 for place in range(8)))
        (fault,) = read["faults"]
        assert verdict.code == (CRITICAL if fault["level"] >= 2 else WARNING), (byte, bit, verdict)
        assert fault["text"] in verdict.first_line


def test_a_board_without_alarms_is_ok() -> None:
    for protocol in ("a5", "d2", "p81", "sinowealth"):
        assert told(protocol, bytes(8))[1].code == OK


@pytest.mark.parametrize("register", range(0x6D, 0x74))
def test_every_bit_of_p81_but_the_quiet_ones(register: int) -> None:
    read, _ = told("p81", bytes(8))
    for bit in range(16):
        words = [1 << bit if each == register else 0 for each in range(0x6D, 0x74)]
        found = faults_of(words, [0, 0, 0, 0])
        verdict = check.verdict({**read, "faults": found})
        worst = max((int(fault["level"]) for fault in found), default=None)
        expected = OK if worst is None else CRITICAL if worst >= 2 else WARNING
        assert verdict.code == expected, (register, bit, verdict)
        assert (verdict.code == OK) == ((register, bit) in QUIET_P81), (register, bit, verdict)


@pytest.mark.parametrize("byte", range(8))
def test_every_bit_of_the_old_words_of_p81(byte: int) -> None:
    for bit in range(8):
        _, verdict = told("p81", bytes(1 << bit if place == byte else 0 for place in range(8)))
        assert verdict.code == WARNING, (byte, bit, verdict)
