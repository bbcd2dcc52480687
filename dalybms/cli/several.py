"""Several boards on one cable, as the options name them, read within the limit of -t."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Callable, NamedTuple

from dalybms.cable import Cable, open_cable
from dalybms.cli import limits
from dalybms.cli.options import ALL_BOARDS
from dalybms.device import MOST_BOARDS
from dalybms.errors import DalyError, NoReply

Progress = Callable[[str], None]


class Answered(NamedTuple):
    """What came of one board. outcomes: {section: reading or DalyError}; unusable: as DalyBMS has it."""

    outcomes: dict[str, Any]
    unusable: Mapping[str, str]


class Limit(NamedTuple):
    """seconds: for all boards. late: what is said of one that was not read in time. farewell: of Deadline."""

    seconds: float | None
    late: str
    farewell: Callable[[], int]


def read_several(
    options: argparse.Namespace,
    settings: Mapping[str, Any],
    sections: Sequence[str],
    info_keys: Collection[str],
    limit: Limit,
    progress: Progress | None = None,
    first: Sequence[str] = (),
) -> dict[int, Answered | DalyError]:
    """{number: what came of it}. settings: the options of open_cable(). first: sections that are read before
    the others, and known then, whatever becomes of these.

    Raises DalyError when the cable cannot be opened or nobody answers, ValueError for options that cannot be.
    """
    opened: list[Cable] = []

    def close() -> None:
        for cable in opened:
            cable.close()

    with limits.Deadline(limit.seconds, close, limit.farewell) as deadline:

        def read(cable: Cable, number: int) -> Answered | DalyError:
            found: dict[str, Any] = {}
            try:
                board = cable.board(number)
                if first:
                    found.update(board.read(first))
                rest = [section for section in sections if section not in found]
                return Answered({**found, **board.read(rest, info_keys)}, board.unusable)
            except DalyError as error:
                why = DalyError(limit.late) if deadline.expired else error
                return Answered({**dict.fromkeys(sections, why), **found}, {}) if found else why

        try:
            with open_cable(options.device, **settings) as cable:
                opened.append(cable)
                return {number: read(cable, number) for number in _numbers(options, cable, progress)}
        except DalyError as error:
            raise DalyError(limit.late) if deadline.expired else error from None


def _numbers(options: argparse.Namespace, cable: Cable, progress: Progress | None) -> list[int]:
    if options.board != ALL_BOARDS:
        return list(options.board)
    found = cable.find(progress)
    if progress:
        progress("")
    if not found:
        raise NoReply(
            f"no board answered under any number from 1 to {MOST_BOARDS}: they may be asleep, A/B swapped, "
            "GND missing, the adapter of the wrong kind, or the board speaks D2: leave --board out then"
        )
    return found
