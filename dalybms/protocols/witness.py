"""What was heard when no answer came: the difference between a sleeping board and a wrong cable."""

from __future__ import annotations

from collections.abc import Iterable

from dalybms.protocols import modbus_frame
from dalybms.protocols.a5_frame import LAST_BOARD, LENGTH, START, FrameReader

_D2 = 0xD2
_P81 = range(0x51, 0x61)

SENTENCES = {
    "silence": "nothing was heard: the board may be asleep (press its button, charge or load it), "
    "A/B or TX/RX swapped, GND missing, or the adapter of the wrong kind",
    "echo": "only our own request came back: the board is asleep, or TX and RX are joined",
    "another board": "only another board answered: check the board number",
    "another command": "the board answered other commands, but not this one: "
    "its firmware may not have it, or another program uses the line",
    "another protocol": "another protocol was heard",
    "damage": "its answer came damaged or incomplete: check A/B, GND, cable length and "
    "that no other program uses the line",
    "noise": "only noise was heard: check A/B, GND, the baud rate and that no other program uses the line",
}


def testify(heard: bytes, sent: Iterable[bytes], board: int) -> tuple[str, str]:
    """(seen, sentence) for the bytes that came instead of an answer of A5 board `board`."""
    seen, detail = _classify(bytes(heard), tuple(sent), board)
    return seen, SENTENCES[seen] + detail


def _classify(heard: bytes, sent: tuple[bytes, ...], board: int) -> tuple[str, str]:
    if not heard:
        return "silence", ""
    other = modbus_frame.find(heard, (_D2, *_P81))
    if other:
        name = "D2" if other.source == _D2 else "P81 (81/51)"
        return "another protocol", f": this board speaks {name}"
    replies = [frame for frame in FrameReader().feed(heard) if frame.source <= LAST_BOARD]
    commands = {request[2] for request in sent if len(request) > 2}
    if any(bytes((START, board, command, LENGTH)) in heard for command in commands):
        return "damage", ""
    if any(frame.source == board for frame in replies):
        return "another command", ""
    if replies:
        numbers = sorted({frame.source for frame in replies})
        return "another board", f" (heard: {', '.join(map(str, numbers))})"
    if all(not piece or any(piece in request for request in sent) for piece in _without(heard, sent)):
        return "echo", ""
    return "noise", ""


def _without(heard: bytes, sent: Iterable[bytes]) -> list[bytes]:
    """What is left of `heard` when every whole echo is cut out."""
    pieces = [heard]
    for request in sent:
        pieces = [rest for piece in pieces for rest in piece.split(request)]
    return pieces
