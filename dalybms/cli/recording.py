"""--record: what passes on the wire goes into a file; and what a recording that is played has to say."""

from __future__ import annotations

import argparse
from typing import Any

from dalybms.cli import output
from dalybms.device import is_replay, open_recording

_RAW = (
    "nothing is blanked in {path}: it may hold serial numbers, passwords, names and addresses; "
    "do not post it as it is"
)


def recording(options: argparse.Namespace) -> dict[str, Any]:
    """The option of the library for --record; one file for all wires of a command."""
    if is_replay(options.device):
        _show_warnings()
    if options.record is None:
        return {}
    if not hasattr(options, "recording"):
        limit = {} if options.record_limit is None else {"limit": options.record_limit}
        options.recording = open_recording(
            options.record, raw=options.record_raw, tell=output.complain, **limit
        )
        if options.record_raw:
            output.complain(_RAW.format(path=options.record))
    return {"record": options.recording}


def _show_warnings() -> None:
    """The library's on stderr, in the words of this program."""
    import logging

    class Complaints(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            output.complain(record.getMessage())

    logger = logging.getLogger("dalybms.recording")
    if not logger.handlers:
        logger.addHandler(Complaints())
        logger.propagate = False
