"""Turn the captures of tests/captures/ into recordings, a file for each group of records of one board.

    python tests/make_recordings.py FOLDER

A capture has no times: an answer follows its question after 40 ms, its pieces after 10 ms each.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import captures  # noqa: E402

NAMES = ("a5", "modbus_and_ble", "second", "sinowealth")


class Exchange(NamedTuple):
    """A question and the pieces that answered it. board: which of the recorded ones."""

    board: str
    protocol: str
    question: bytes
    pieces: list[bytes]


def exchanges(name: str) -> Iterator[Exchange]:
    """Those of a file that hold both bytes."""
    for record in captures(name):
        question = hex_of(record.get("request"))
        pieces = [hex_of(text) for text in answers(record)]
        if question and pieces and all(pieces):
            yield Exchange(board_of(name, record), protocol_of(name, record), question, pieces)


def answers(record: dict[str, Any]) -> list[Any]:
    found = record.get("notifications") or record.get("responses") or record.get("response") or []
    return [found] if isinstance(found, str) else list(found)


def hex_of(text: Any) -> bytes:
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):
        return b""


def board_of(name: str, record: dict[str, Any]) -> str:
    """The id without what counts the records of one board."""
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
    head = {"format": "dalybms recording", "version": 1, "blanked": False, "wire": "serial"}
    lines: list[dict[str, Any]] = [{**head, "protocol": protocol}, {"t": 0.0, "event": "open"}]
    at = 0.0
    for exchange in group:
        at += 1.0
        lines.append({"t": at, "dir": ">", "hex": exchange.question.hex()})
        for number, piece in enumerate(exchange.pieces):
            lines.append({"t": at + 0.04 + 0.01 * number, "dir": "<", "hex": piece.hex()})
    lines.append({"t": at + 1.0, "event": "close"})
    return "".join(json.dumps(line) + "\n" for line in lines)


def main() -> None:
    folder = Path(sys.argv[1])
    for name, content in recordings().items():
        (folder / f"{name}.jsonl").write_text(content)


if __name__ == "__main__":
    main()
