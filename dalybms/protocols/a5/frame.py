"""The A5 frame: 13 bytes, start byte 0xA5, the low byte of a sum at the end.

Source: Daly UART/RS485 protocol V1.2 (2020), checked against recorded traffic.
    0 start 0xA5 | 1 address | 2 command | 3 length 8 | 4-11 data | 12 sum of bytes 0-11
Byte 1 is the asking host in a request, the answering board in a reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dalybms.protocols.request import Reader

START = 0xA5
SIZE = 13
LENGTH = 8
HEAD = 4
"""Bytes that tell that a frame begins."""
LAST_BOARD = 16
"""Reply addresses 1..16 are boards; higher ones are hosts, so their frames are echoes."""
LOWEST_HOST = 0x20


class Frame(NamedTuple):
    """A frame with a good checksum: who speaks, about what, and the 8 data bytes."""

    source: int
    command: int
    data: bytes

    def encode(self) -> bytes:
        body = bytes((START, self.source, self.command, LENGTH)) + self.data
        return body + bytes((sum(body) & 0xFF,))


class FrameReader(Reader):
    """Finds frames in a stream of bytes, whatever stands before, between or inside them.

    A candidate needs the start byte, the length byte and the checksum; when one
    fails, a single byte is given up, not a frame. An 8-bit sum is weak, so a candidate
    that may be torn is held back: release() gives it when the line has fallen quiet.
    At most 15 bytes and a few frames are kept between two calls. `skipped` counts the
    bytes given up since the last reset().
    """

    weak = True
    size = SIZE

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._buffer = bytearray()
        self._old = 0
        self._late: list[Frame] = []
        self.doubt = False
        self.skipped = 0

    def mark(self) -> None:
        """What is in the buffer now belongs to an earlier attempt."""
        self._old = len(self._buffer)
        self._late.clear()

    def feed(self, chunk: bytes) -> list[Frame]:
        """Frames that are certain by now. `doubt`: is one held back until more comes?"""
        self._buffer += chunk
        return self._found(patient=True)

    def release(self, everything: bool) -> list[Frame]:
        """The line is quiet: the frame in doubt; with everything also those begun in an earlier attempt."""
        frames = self._found(patient=False)
        return [*self.recall(), *frames] if everything else frames

    def recall(self) -> list[Frame]:
        frames, self._late = self._late, []
        return frames

    def missing(self) -> int:
        """Bytes to the end of the frame that may have begun; the next byte decides about one in doubt."""
        return max(1, SIZE - len(self._buffer))

    @property
    def begun(self) -> bool:
        """Does a frame of a board stand in the buffer, as far as it has come?"""
        head = self._buffer[self._buffer.find(START) :][:HEAD] if START in self._buffer else b""
        return len(head) > 1 and head[1] <= LAST_BOARD and _begins(head)

    @staticmethod
    def followed(heard: bytes, frames: Sequence[Frame]) -> bool:
        """Do stray bytes stand right behind one of these frames, and not the beginning of another?"""
        ends = (heard.find(frame.encode()) + SIZE for frame in frames)
        return not all(_begins(heard[end : end + HEAD]) for end in ends)

    @staticmethod
    def led(heard: bytes, written: bytes) -> bool:
        """Do stray bytes stand before the first frame, and not the end of an echo?"""
        echoes = (n for n in range(SIZE) if heard[:n] == written[SIZE - n :])
        return not any(_begins(heard[n : n + HEAD]) for n in echoes)

    def _found(self, patient: bool) -> list[Frame]:
        buffer, at = self._buffer, 0
        frames: list[Frame] = []
        self.doubt = False
        while len(buffer) - at >= SIZE:
            window = bytes(buffer[at : at + SIZE])
            if not _whole(window) or self._torn(at):
                at = self._give_up(at)
                continue
            if patient and self._doubtful(at):
                self.doubt = True
                break
            frame = Frame(window[1], window[2], window[4:12])
            (self._late if at < self._old else frames).append(frame)
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
        """Does another head of this command stand inside or across the end of the candidate?

        A frame that lost bytes is followed by the next one or by an echo, and one in 256
        such mixtures has a good sum. No reading holds such a head.
        """
        place = at
        while (place := self._buffer.find(START, place + 1, at + SIZE)) >= 0:
            if _is_head(self._buffer[place : place + 4], self._buffer[at : at + 3]):
                return True
        return False

    def _doubtful(self, at: int) -> bool:
        """Does the candidate end like a new head? The bytes behind it decide."""
        if len(self._buffer) - at >= SIZE + 3 or START not in self._buffer[at + SIZE - 3 : at + SIZE]:
            return False
        own = self._buffer[at : at + 3]
        tails = (self._buffer[at + SIZE - n : at + SIZE] for n in (1, 2, 3))
        return any(_may_be_head(tail, own) for tail in tails)


def _begins(head: bytes | bytearray) -> bool:
    """May a frame begin so, as far as `head` goes?"""
    return not head or (head[0] == START and head[3:] in (b"", bytes((LENGTH,))))


def _is_head(head: bytearray, own: bytearray) -> bool:
    return len(head) == 4 and head[3] == LENGTH and _may_be_head(head[:3], own)


def _may_be_head(tail: bytearray, own: bytearray) -> bool:
    """Start byte, this board or a host, this command: as far as `tail` goes."""
    if tail[0] != START:
        return False
    if len(tail) > 1 and tail[1] != own[1] and tail[1] < LOWEST_HOST:
        return False
    return len(tail) < 3 or tail[2] == own[2]


def _whole(window: bytes) -> bool:
    return window[0] == START and window[3] == LENGTH and sum(window[:12]) & 0xFF == window[12]
