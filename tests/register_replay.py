"""Boards with registers, made of recorded traffic: what was recorded is answered in the recorded pieces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from support import Script, captures

from dalybms import DalyBMS, DalyBMSBluetooth
from dalybms.protocols.modbus.frame import crc

RECORDS = {record["id"]: record for record in captures("modbus_and_ble")}
WIRES = (DalyBMS, DalyBMSBluetooth)
"""Everything above the wire is shared; the Bluetooth class has other limits and another order."""
Pieces = list[tuple[float, bytes]]


def pieces(record: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(piece) for piece in record["notifications"]]


def data_of(record: dict[str, Any]) -> bytes:
    """The data bytes of a record that holds one whole answer."""
    raw = b"".join(pieces(record))
    assert raw[1] == 3
    assert len(raw) == 5 + raw[2]
    return raw[3:-2]


def start_of(record: dict[str, Any]) -> int:
    """The register at which the recorded question begins."""
    return int(record["request"][4:8], 16)


def words(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def registers(*records: dict[str, Any]) -> dict[int, int]:
    found: dict[int, int] = {}
    for record in records:
        found.update(enumerate(words(data_of(record)), start_of(record)))
    return found


def answer_to(source: int, known: dict[int, int], request: bytes) -> bytes:
    """The answer of a board with these registers; nothing where it has not all of them."""
    start, count = words(request[2:6])
    wanted = [known.get(register) for register in range(start, start + count)]
    if None in wanted:
        return b""
    body = bytes((source, 3, 2 * count)) + b"".join(
        word.to_bytes(2, "big") for word in wanted if word is not None
    )
    return body + crc(body)


def board(address: int, source: int, known: dict[int, int], *records: dict[str, Any]) -> Script:
    """Answers reads of `known` registers from `source`; a recorded question in its recorded pieces."""
    recorded = {bytes.fromhex(record["request"]): pieces(record) for record in records}

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        if request[0] != address or request[1] != 3:
            return []
        chunks = recorded.get(request) or [answer_to(source, known, request)]
        return [(0.05 + 0.01 * n, chunk) for n, chunk in enumerate(chunks)]

    return Script(answer)


_D2 = registers(RECORDS["d2-syssi-test-status_frame_62_reg_no_alarms"])


class Kind(NamedTuple):
    """A protocol: its name, addresses and where its values stand."""

    name: str
    asked: int
    answers: int
    known: dict[int, int]
    stated: dict[str, int]
    sensors: int


_P81: dict[int, int] = {
    **dict.fromkeys(range(0x80), 0),
    **{register: 3300 + register for register in range(8)},
    0x30: 61, 0x31: 62,
    0x38: 264, 0x39: 30000, 0x3A: 500, 0x3C: 8, 0x3D: 2, 0x3E: 3307, 0x3F: 8, 0x42: 7,
    0x43: 62, 0x44: 2, 0x45: 61, 0x46: 1, 0x4B: 100, 0x52: 1, 0x53: 1, 0x57: 3303,
}  # fmt: skip
KINDS = [
    Kind(
        "d2", 0xD2, 0xD2, _D2,
        {"highest_voltage": 0x2B, "lowest_voltage": 0x2C, "average_voltage": 0x37, "delta_voltage": 0x38},
        0x32,
    ),
    Kind(
        "p81", 0x81, 0x51, _P81,
        {"highest_voltage": 0x3E, "highest_cell": 0x3F, "average_voltage": 0x57, "delta_voltage": 0x42},
        0x3D,
    ),
]  # fmt: skip
