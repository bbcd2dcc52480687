"""The A5 frame: 13 bytes, start byte 0xA5, the low byte of a sum at the end.

Source: Daly UART/RS485 protocol V1.2 (2020), checked against recorded traffic.
    0 start 0xA5 | 1 address | 2 command | 3 length 8 | 4-11 data | 12 sum of bytes 0-11
Byte 1 is the asking host in a request, the answering board in a reply.
"""

from __future__ import annotations

from typing import NamedTuple

START = 0xA5
SIZE = 13
LENGTH = 8
LAST_BOARD = 16
"""Reply addresses 1..16 are boards; higher ones are hosts, so their frames are echoes."""


class Frame(NamedTuple):
    """A frame with a good checksum: who speaks, about what, and the 8 data bytes."""

    source: int
    command: int
    data: bytes

    def encode(self) -> bytes:
        body = bytes((START, self.source, self.command, LENGTH)) + self.data
        return body + bytes((sum(body) & 0xFF,))


class FrameReader:
    """Finds frames in a stream of bytes, whatever stands before, between or inside them.

    A candidate needs the start byte, the length byte and the checksum; when one
    fails, a single byte is given up, not a frame. At most 15 bytes are kept
    between two calls. `skipped` counts the bytes given up since the last reset().
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._old = 0
        self.skipped = 0

    def reset(self) -> None:
        self._buffer.clear()
        self._old = 0
        self.skipped = 0

    def mark(self) -> None:
        """What is in the buffer now belongs to an earlier attempt."""
        self._old = len(self._buffer)

    def feed(self, chunk: bytes) -> list[Frame]:
        self._buffer += chunk
        buffer, frames, at = self._buffer, [], 0
        while len(buffer) - at >= SIZE:
            window = bytes(buffer[at : at + SIZE])
            if not _whole(window) or self._torn(at):
                at = self._give_up(at)
            elif self._doubtful(at):
                break
            else:
                frames.append(Frame(window[1], window[2], window[4:12]))
                at += SIZE
        del buffer[:at]
        self._old = max(0, self._old - at)
        return frames

    def _give_up(self, at: int) -> int:
        """Where the next start byte may stand, at least one byte further on."""
        start = self._buffer.find(START, at + 1)
        new = len(self._buffer) if start < 0 else start
        self.skipped += new - at
        return new

    def _torn(self, at: int) -> bool:
        """Does the same header stand again inside or across the end of the candidate?

        A frame that lost bytes is followed by the head of the next one, and one in
        256 such mixtures has a good sum. No reading holds its own header.
        """
        header = self._buffer[at : at + 4]
        return self._buffer.find(header, at + 1, at + SIZE + 3) >= 0

    def _doubtful(self, at: int) -> bool:
        """A candidate begun in an earlier attempt that ends like a new head: the bytes behind it decide."""
        if at >= self._old or len(self._buffer) - at >= SIZE + 3:
            return False
        header = self._buffer[at : at + 3]
        return any(self._buffer[at + SIZE - n : at + SIZE] == header[:n] for n in (1, 2, 3))


def _whole(window: bytes) -> bool:
    return window[0] == START and window[3] == LENGTH and sum(window[:12]) & 0xFF == window[12]
