"""The checksum of D2 and P81."""

from __future__ import annotations


def _shifted(crc: int) -> int:
    for _ in range(8):
        crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


_TABLE = tuple(map(_shifted, range(256)))


def crc16(data: bytes) -> bytes:
    """CRC-16 with polynomial 0xA001 (reflected) and initial 0xFFFF, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return bytes((crc & 0xFF, crc >> 8))
