"""Turn the captures of tests/captures/ into recordings, a file for each group of records of one board.

    python tests/make_recordings.py FOLDER

A capture has no times: an answer follows its question after 40 ms, its pieces after 10 ms each. Where it
has no question either, that is the one which such an answer belongs to.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import captures  # noqa: E402

from dalybms.protocols.a5.frame import START, Frame  # noqa: E402
from dalybms.protocols.modbus.frame import read_request  # noqa: E402

NAMES = ("a5", "a5_streams", "modbus_and_ble", "second", "third", "fourth", "fifth", "sinowealth")

LATER = ("third", "fourth", "fifth")
LATER_PARTS = re.compile(r"(-(?:live|status|settings|versions|zeros))?(-[0-9])?$")


class Exchange(NamedTuple):
    """A question and the pieces that answered it. board: which of the recorded ones. number: of the board."""

    board: str
    protocol: str
    question: bytes
    pieces: list[bytes]
    number: int


def exchanges(name: str) -> Iterator[Exchange]:
    """Those of a file that hold an answer."""
    for record in captures(name):
        pieces = [hex_of(text) for text in answers(record)]
        if pieces and all(pieces):
            for question, own in asked(name, record, pieces):
                number = record.get("board", 1)
                yield Exchange(board_of(name, record), protocol_of(name, record), question, own, number)


def asked(name: str, record: dict[str, Any], pieces: list[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    """(question, pieces) of a record."""
    if "request" in record:
        if hex_of(record["request"]):
            yield hex_of(record["request"]), pieces
    elif protocol_of(name, record) == "a5":
        host = 0x3F + record["board"]
        for command, frames in itertools.groupby(pieces, lambda piece: piece[piece.index(START) + 2]):
            yield Frame(host, command, bytes(8)).encode(), list(frames)
    else:
        address = {"d2": 0xD2, "p81": 0x81}[record["protocol"]]
        size = pieces[0][2] // 2
        yield read_request(address, record.get("first_register", 0), size), pieces


def answers(record: dict[str, Any]) -> list[Any]:
    keys = ("notifications", "responses", "response", "raw")
    found = next((record[key] for key in keys if record.get(key)), [])
    return [found] if isinstance(found, str) else list(found)


def hex_of(text: Any) -> bytes:
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):
        return b""


def board_of(name: str, record: dict[str, Any]) -> str:
    """The id without what counts the records of one board."""
    if name in LATER:
        number = record.get("board") or 1
        kept = LATER_PARTS.sub("", record["id"])
        return f"{name}-{kept}" if number == 1 else f"{name}-{kept}-board-{number}"
    return f"{name}-{re.sub(r'[-_ ]?[0-9a-fx]+$', '', record['id'].rpartition('-')[0] or record['id'])}"


def protocol_of(name: str, record: dict[str, Any]) -> str:
    return str(record.get("protocol") or {"sinowealth": "sinowealth"}.get(name, "a5")).partition(" ")[0]


def recordings() -> dict[str, str]:
    """{name: text of the file}."""
    groups: dict[tuple[str, str], list[Exchange]] = {}
    for name in NAMES:
        for exchange in exchanges(name):
            groups.setdefault((exchange.board, exchange.protocol), []).append(exchange)
    return {f"{board}-{protocol}": text(protocol, group) for (board, protocol), group in groups.items()}


def text(protocol: str, group: Iterable[Exchange]) -> str:
    group = list(group)
    numbers = {each.number for each in group} - {1}
    head = {"format": "dalybms recording", "version": 1, "blanked": False, "wire": "serial"}
    about = {"protocol": protocol, **({"board": max(numbers)} if numbers else {})}
    lines: list[dict[str, Any]] = [{**head, **about}, {"t": 0.0, "event": "open"}]
    at = 0.0
    for exchange in group:
        at += 1.0
        lines.append({"t": at, "dir": ">", "hex": exchange.question.hex()})
        for number, piece in enumerate(exchange.pieces):
            lines.append({"t": at + 0.04 + 0.01 * number, "dir": "<", "hex": piece.hex()})
    lines.append({"t": at + 1.0, "event": "close"})
    return "".join(json.dumps(line) + "\n" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in recordings().items():
        (folder / f"{name}.jsonl").write_text(content)


if __name__ == "__main__":
    main()
