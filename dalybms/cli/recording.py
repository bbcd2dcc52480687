"""--record: what passes on the wire goes into a file; and what a recording that is played has to say."""

from __future__ import annotations

import argparse

from dalybms.cli import output
from dalybms.device import is_replay, open_recording
from dalybms.taping import Taping
from dalybms.transports.recording import Recording

_RAW = (
    "nothing is blanked in {path}: it may hold serial numbers, passwords, names and addresses; "
    "do not post it as it is"
)


def taping(options: argparse.Namespace) -> Taping:
    """What the library takes as `record`: one file for all wires of a command."""
    if is_replay(options.device):
        _show_warnings()
    if options.record is None:
        return Taping(None)
    file: list[Recording] = options.record.made  # shared by copies of the options
    if not file:
        limit = {} if options.record_limit is None else {"limit": options.record_limit}
        path = options.record.path
        file.append(open_recording(path, raw=options.record_raw, tell=output.complain, **limit))
        if options.record_raw:
            output.complain(_RAW.format(path=path))
    return Taping(file[0])


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
