"""Requests as the documents spell them, and what is read out of the replies."""

from __future__ import annotations

from dalybms.emulator.line import Line
from dalybms.emulator.modbus.board import crc16


def a5(command: int, data: str = "", host: int = 0x40) -> bytes:
    body = bytes((0xA5, host, command, 8)) + bytes.fromhex(data).ljust(8, b"\0")
    return body + bytes((sum(body) & 0xFF,))


def sealed(text: str) -> bytes:
    body = bytes.fromhex(text)
    return body + crc16(body)


def ask(line: Line, request: bytes, at: float, wait: float = 0.5) -> bytes:
    """What arrives within `wait` seconds."""
    line.write(request, at)
    return line.take(at + wait)
