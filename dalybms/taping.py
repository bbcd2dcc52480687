"""What a battery's wire is recorded into, and how a battery is set to one that is read out of a recording."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, Union

from dalybms.device import (
    MOST_BOARDS,
    PROTOCOLS,
    WITHOUT_NUMBER,
    Target,
    candidates,
    kind,
    likely_host,
    open_recording,
    open_tape,
)
from dalybms.errors import TransportError
from dalybms.logs import Log
from dalybms.timing import BAUD, BLUETOOTH, WIRE, Timing

if TYPE_CHECKING:
    from dalybms.transports.recording import Recording
    from dalybms.transports.replay import Tape

Record = Union["Recording", "Taping", str, "os.PathLike[str]", None]
"""A file that is made, one that several batteries share, what keeps both over several objects, or none."""
BLUETOOTH_WIRE = "bluetooth"
"""Such a wire is opened once more where it has gone deaf."""
_log = Log("dalybms.recording")


class Taping:
    """The recording of one battery or cable: made when its wire is opened, kept when it is opened anew.

    A program that opens a battery again and again, each time as a new object, hands in the same one: then
    it is recorded into one file, and a recording goes on where it was.
    """

    def __init__(self, record: Recording | str | os.PathLike[str] | None) -> None:
        if (
            record is not None
            and not isinstance(record, (str, os.PathLike))
            and not hasattr(record, "opened")
        ):
            raise TypeError(f"record is a file name or what open_recording() gives, not {record!r}")
        self._record = record
        self._tapes: dict[str, Tape] = {}

    def opened(self, device: str, open_: Callable[[], Any], about: Mapping[str, Any]) -> Any:
        """The wire that open_() gives, recorded where that was asked for; a replay as the wire that it was.

        Raises DalyError, before anything is opened, when the file exists or cannot be written.
        """
        if self._record is None:
            return open_()
        if isinstance(self._record, (str, os.PathLike)):
            self._record = open_recording(self._record, tell=_warn)
        played = self._tapes.get(device)
        wire = played.about.get("wire") if played else None
        return self._record.opened(open_, {**about, **({"wire": wire} if wire else {})}, device)

    def tape_of(self, device: str) -> Tape:
        """The recording of replay:FILE; opened anew it goes on where it was."""
        if device not in self._tapes:
            self._tapes[device] = open_tape(device, _warn)
        return self._tapes[device]


def taping_of(record: Record) -> Taping:
    return record if isinstance(record, Taping) else Taping(record)


def _warn(message: str) -> None:
    _log.warning("%s", message)


def told(device: str, target: Target, timing: Timing) -> dict[str, Any]:
    """What the header of a recording says of a wire and how it is asked."""
    options = {"timeout": timing.timeout, "baudrate": round(10 / timing.byte), "fill": target.fill}
    program = sys.modules[__name__.partition(".")[0]]  # an import would go round in a circle
    return {
        "program": f"dalybms {program.__version__}",
        "wire": kind(device),
        "protocol": target.protocol,
        "board": target.board,
        "address": target.address,
        "options": options,
    }


def as_recorded(about: Mapping[str, Any], target: Target, timing: Timing) -> tuple[Target, Timing]:
    """How to ask as was asked when this was recorded, where nothing else is wanted.

    Raises TransportError for a header that cannot be.
    """
    options = about.get("options", {})
    if not isinstance(options, Mapping):
        raise _damaged("options", options)
    if target.protocol in WITHOUT_NUMBER:
        about = {**about, "board": None, "address": None}
    bluetooth = about.get("wire") == BLUETOOTH_WIRE
    target = target._replace(
        likely=likely_host(bluetooth),
        protocol=_chosen(about, "protocol", target.protocol, "auto", PROTOCOLS),
        board=_chosen(about, "board", target.board, None, range(1, MOST_BOARDS + 1)),
        address=_chosen(about, "address", target.address, None, range(256)),
        fill=_chosen(options, "fill", target.fill, 0, range(256)),
    )
    try:
        candidates(target)
    except ValueError as error:
        raise TransportError(
            f"the header of this recording does not go with what is asked: {error}"
        ) from None
    usual = BLUETOOTH if bluetooth else WIRE
    timeout = _seconds(options, usual.timeout) if timing.timeout == WIRE.timeout else timing.timeout
    byte = 10 / _chosen(options, "baudrate", round(10 / timing.byte), BAUD, range(1200, 921601))
    return target, usual._replace(timeout=timeout, byte=byte)


def _chosen(source: Mapping[str, Any], name: str, own: Any, usual: Any, possible: Any) -> Any:
    """What was asked for, else what the recording says."""
    value = source.get(name, usual)
    if value != usual and (isinstance(value, (bool, float, list, dict)) or value not in possible):
        raise _damaged(name, value)
    return value if own == usual else own


def _seconds(options: Mapping[str, Any], usual: float) -> float:
    value = options.get("timeout", usual)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.001 <= value <= 60:
        raise _damaged("timeout", value)
    return float(value)


def _damaged(name: str, value: object) -> TransportError:
    return TransportError(
        f"the header of this recording is damaged: {name} cannot be {value!r}; record once more"
    )
