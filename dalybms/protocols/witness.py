"""What was heard when no answer came: the difference between a sleeping board and a wrong cable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dalybms.protocols.a5.frame import LAST_BOARD, LENGTH, START, FrameReader
from dalybms.protocols.modbus import frame as modbus_frame

A5, D2, P81 = "A5", "D2", "P81 (81/51)"
_D2 = 0xD2
_SINOWEALTH = 0x0A
_P81_ASKED, _P81_ANSWERS = 0x80, 0x50

SENTENCES = {
    "silence": "nothing was heard: the board may be asleep (press its button, charge or load it), "
    "or on a cable A/B or TX/RX swapped, GND missing, the adapter of the wrong kind",
    "echo": "only our own request came back: the board is asleep, or TX and RX are joined",
    "another board": "only another board answered: check the board number",
    "another command": "the board answered other commands, but not this one: "
    "its firmware may not have it, or another program uses the line",
    "haste": "the board answered other commands, but not this one, which was asked in haste: "
    "try more repeats (--retry), or a longer rest before it (--pause 0.3)",
    "another protocol": "another protocol was heard",
    "damage": "its answer came damaged or incomplete: check A/B, GND, cable length and "
    "that no other program uses the line",
    "rivals": "another program asks the same board at the same time, and its answers cannot be told from "
    "ours: let one of the two ask, or ask less often",
    "noise": "only noise was heard: check A/B, GND, the baud rate and that no other program uses the line",
}


def testify(heard: bytes, sent: Iterable[bytes], board: int, alive: bool) -> tuple[str, str]:
    """(seen, sentence) for the bytes that came instead of an answer of board `board`.

    sent: what was asked, from which follows in what protocols. alive: something else was
    answered a moment ago.
    """
    seen, detail = _classify(bytes(heard), tuple(sent), board)
    if seen == "silence" and alive:
        seen = "another command"
    return seen, SENTENCES[seen] + detail


def _classify(heard: bytes, sent: tuple[bytes, ...], board: int) -> tuple[str, str]:
    if not heard:
        return "silence", ""
    asked = {_protocol(request[0]) for request in sent if request}
    if any(head in heard for head in _heads(sent, board)):
        return "damage", ""
    for protocol, numbers in _speakers(heard):
        if protocol not in asked:
            return "another protocol", f": this board speaks {protocol}"
        if board in numbers:
            return "another command", ""
        return "another board", f" (heard: {', '.join(map(str, sorted(numbers)))})"
    if all(not piece or any(piece in request for request in sent) for piece in _without(heard, sent)):
        return "echo", ""
    return "noise", ""


def _protocol(first: int) -> str:
    """The protocol of a question by its first byte."""
    return {START: A5, _D2: D2, _SINOWEALTH: "Sinowealth"}.get(first, P81)


def _heads(sent: Iterable[bytes], board: int) -> Iterator[bytes]:
    """How an answer to one of the questions would begin."""
    for request in sent:
        if request[:1] == bytes((START,)):
            yield bytes((START, board, request[2], LENGTH))
        elif _protocol(request[0]) in (D2, P81) and len(request) == modbus_frame.QUESTION:
            source = _D2 if request[0] == _D2 else request[0] - _P81_ASKED + _P81_ANSWERS
            is_read = request[1] == modbus_frame.READ
            yield bytes((source, request[1], 2 * request[5])) if is_read else bytes((source, *request[1:4]))


def _speakers(heard: bytes) -> Iterator[tuple[str, set[int]]]:
    """Each protocol of which a whole answer was heard, and the numbers of the boards."""
    register = modbus_frame.find(heard, (_D2, *range(_P81_ANSWERS + 1, _P81_ANSWERS + LAST_BOARD + 1)))
    if register:
        d2 = register.source == _D2
        yield (D2, {1}) if d2 else (P81, {register.source - _P81_ANSWERS})
    boards = {frame.source for frame in FrameReader().feed(heard) if frame.source <= LAST_BOARD}
    if boards:
        yield A5, boards


def _without(heard: bytes, sent: Iterable[bytes]) -> list[bytes]:
    """What is left of `heard` when every whole echo is cut out."""
    pieces = [heard]
    for request in sent:
        pieces = [rest for piece in pieces for rest in piece.split(request)]
    return pieces
