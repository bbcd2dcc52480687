"""`daly-bms-cli plot`: a log of `watch` as a picture."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Sequence
from datetime import datetime

from dalybms.cli import output
from dalybms.cli.parser import Parser
from dalybms.errors import DalyError
from dalybms.outputs.plot.log import read

ENDINGS = (".png", ".svg", ".pdf")
_UNITS = {"m": 60, "h": 3600, "d": 86400}
_DESCRIPTION = """\
Draw what `daly-bms-cli watch` has written (JSON Lines or CSV) over time: voltage, current, power,
state of charge, cells and their distance from the mean, temperatures, energy, faults. Grey: no
sample came, or nothing was read. A bar at the bottom: a fault was active.
"""


def main(given: Sequence[str]) -> int:
    """Run the verb with its arguments; returns the exit code (argparse exits with 2 for wrong usage)."""
    parser = _parser()
    options = parser.parse_args(given)
    path = options.output or f"{os.path.splitext(options.log)[0]}.png"
    try:
        since, cells = _since(options.since), _cells(options.cells)
        _check(path, options.log)
    except ValueError as error:
        parser.error(str(error))
    try:
        return _plot(options.log, path, since, cells)
    except DalyError as error:
        output.complain(error)
        return output.FAILED


def _plot(source: str, path: str, since: float, cells: set[int]) -> int:
    from dalybms.outputs.plot.draw import draw

    log = read(source, since)
    draw(log.tracks, path, cells)
    if log.bad:
        output.complain(f"lines of {source} left out because they are no samples: {log.bad}")
    if log.odd:
        output.complain(f"numbers in {source} left out because they cannot be: {log.odd}")
    unread = cells.difference(
        *({number for number, _ in track.numbered("cell_voltage")} for track in log.tracks)
    )
    if unread:
        output.complain(f"cells that {source} never has: {', '.join(map(str, sorted(unread)))}")
    back = sum(track.setbacks() for track in log.tracks)
    if back:
        output.complain(f"times that the clock went back in {source}, where lines break and overlap: {back}")
    return output.write(path)


def _check(path: str, source: str) -> None:
    """Before a long log is read."""
    if not path.lower().endswith(ENDINGS):
        raise ValueError(f"{path}: a picture ends in {', '.join(ENDINGS)}")
    if os.path.exists(path) and os.path.exists(source) and os.path.samefile(path, source):
        raise ValueError(f"{path} is the log itself: give another -o")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise ValueError(f"there is no folder {folder} for the picture: make it, or give another -o")


def _since(text: str | None) -> float:
    """Seconds since 1970 of "2026-11-26", "2026-11-26T08:00" (local time), "12h", "3d"."""
    if text is None:
        return -math.inf
    ago = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    if ago:
        return time.time() - int(ago[1]) * _UNITS[ago[2]]
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"--since {text}: give 12h, 3d or a time as 2026-11-26T08:00") from None


def _cells(text: str | None) -> set[int]:
    """{1, 2, 3, 7} of "1-3,7"."""
    found: set[int] = set()
    for part in () if text is None else text.split(","):
        match = re.fullmatch(r"([0-9]{1,2})(?:-([0-9]{1,2}))?", part)
        if match is None or not 1 <= int(match[1]) <= int(match[2] or match[1]) <= 48:
            raise ValueError(f"--cells {text}: give numbers from 1 to 48, as 1-4,9")
        found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return found


def _parser() -> Parser:
    parser = Parser(prog="daly-bms-cli plot", description=_DESCRIPTION)
    parser.add_argument("-h", "--help", action="help", help="show this help and exit")
    parser.add_argument("log", metavar="LOG", help="what watch has written, .jsonl or .csv")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="picture, .png, .svg or .pdf (the name of the log with .png)"
    )
    parser.add_argument("--since", metavar="TIME", help="leave out what is older: 12h, 3d, 2026-11-26T08:00")
    parser.add_argument("--cells", metavar="NUMBERS", help="only these cells, as 1-4,9")
    return parser
