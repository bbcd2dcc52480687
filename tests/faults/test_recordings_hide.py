"""No secret is left in a blanked recording, as text, in hex, as BCD or backwards, whatever the line does."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support import Clock, VirtualWire
from sweep import SECRETS, Battery, board, leftovers

from dalybms import DalyBMS, DalyError
from dalybms.device import open_recording
from dalybms.emulator.faults import KINDS
from dalybms.protocols.modbus.frame import crc, read_request

PASSWORD = "860423"
PROTOCOLS = ("a5", "d2", "p81")
SEEDS = range(3)


def record(path: Path, options: str, raw: bool = False, **more: Any) -> None:
    bms = Battery(board(options), open_recording(path, raw=raw), **more)
    for _ in range(2):
        for read in (lambda: bms.read(("info", "soc", "cell_voltages", "status")), bms.get_parameters):
            with suppress(DalyError):
                read()
    bms.disconnect()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", KINDS)
def test_no_secret_is_left_under_any_fault(tmp_path: Path, fault: str, protocol: str) -> None:
    for seed in SEEDS:
        path = tmp_path / f"{seed}.jsonl"
        record(path, f"protocol={protocol}&fault={fault}&seed={seed}&scale=0.2", protocol=protocol)
        assert leftovers(path, SECRETS) == [], f"seed {seed}"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_sweep_finds_what_is_not_blanked(tmp_path: Path, protocol: str) -> None:
    path = tmp_path / "raw.jsonl"
    record(path, f"protocol={protocol}", raw=True, protocol=protocol)
    assert leftovers(path, SECRETS)


def answered(source: int, data: bytes) -> bytes:
    body = bytes((source, 3, len(data))) + data
    return body + crc(body)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("cut", [0, 1, 3, 8])
def test_the_password_that_another_program_reads(tmp_path: Path, protocol: str, cut: int) -> None:
    """Its question and answer lie in ours; the answer may be cut."""
    foreign = read_request(0xD2, 0xC9, 3) + answered(0xD2, PASSWORD.encode())[: 11 - cut]
    line = board(f"protocol={protocol}")

    class Disturbed(VirtualWire):
        def read(self, timeout: float, enough: int = 1) -> bytes:
            data = super().read(timeout, enough)
            return foreign + data + foreign if data else data

    path = tmp_path / "x.jsonl"
    bms, clock = DalyBMS(protocol=protocol), Clock()
    bms._clock = clock
    bms._use(open_recording(path).wrap(Disturbed(line, clock), {}))
    for read in (bms.get_soc, bms.get_info):
        with suppress(DalyError):
            read()
    bms.disconnect()
    assert leftovers(path, (PASSWORD, *SECRETS)) == []
    assert path.read_text().count(read_request(0xD2, 0xC9, 3).hex()) > 0
