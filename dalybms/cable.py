"""Several boards on one cable: one open wire, one lock, closed once."""

from __future__ import annotations

import os
import time
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Callable

from dalybms.bms import DalyBMS
from dalybms.device import Target, is_replay, open_wire
from dalybms.errors import BadReply
from dalybms.link import Link
from dalybms.rollcall import Progress, roll_call
from dalybms.timing import BAUD, Timing

if TYPE_CHECKING:
    from dalybms.taping import Record

NUMBERED = ("a5", "p81")
"""Protocols whose boards have a number on the cable."""
_EACH_ITS_OWN = (None, 4)
"""Host addresses under which board N is asked as 0x3F + N; any other one asks a single board."""


class CableBoard(DalyBMS):
    """One board of a cable; the wire belongs to the cable, which opens and closes it."""

    doubled = False
    """Do two boards answer under this number?"""
    likely: Callable[[], str]
    """What another board of the cable was found to speak; "" where none has answered."""

    @property
    def settings(self) -> tuple[Target, Timing]:
        """How it is asked."""
        return self._target, self._timing

    @property
    def spoken(self) -> str:
        return self._detection.spoken

    def speaks(self, protocol: str) -> None:
        """It answered in this protocol; what it was found to speak before may be another board's."""
        if (self.spoken or self._target.protocol) != protocol:
            self._target = self._target._replace(protocol=protocol)
            self.forget_protocol()

    def connect(self, device: str) -> None:
        """Raises ValueError: the cable has opened the wire."""
        raise ValueError(f"this board hangs on a cable that is open: for {device} use open_bms()")

    def disconnect(self) -> None:
        """Let go of the cable, which stays open for the other boards; its close() ends a wait."""
        self._link = None

    def link_on(self, transport: Any, clock: Callable[[], float]) -> Link:
        """A link with the timing of this board's options, for all boards of the wire."""
        self._clock = clock
        return self._link_on(transport)

    def hang_on(self, link: Link, likely: Callable[[], str]) -> None:
        self.likely = likely
        self._share(link)

    def _connected(self) -> Link:
        """Of two boards under one number nothing is asked, and to none is written."""
        if self.doubled:
            raise BadReply(
                f"two boards answer under number {self._target.number}: give each a number of its own "
                "with the vendor's program, then look for them again"
            )
        self._detection.likely = self.likely()
        return super()._connected()


class Cable:
    """An open wire with boards on it; see open_cable()."""

    def __init__(self, transport: Any, clock: Callable[[], float] = time.monotonic, **options: Any) -> None:
        self._options, self._clock = options, clock
        self._link = CableBoard(board=1, **options).link_on(transport, clock)
        self._boards: dict[int, CableBoard] = {}
        self._protocols: dict[int, str] = {}
        self._lock = Lock()

    def board(self, number: int) -> CableBoard:
        """The board with this number, 1 to 16, ready to be read; always the same object.

        Sends nothing. Boards may be used by several threads: one public call at a time has the wire.
        Raises ValueError or TypeError for a number that cannot be.
        """
        with self._lock:
            if number not in self._boards:
                options = {**self._options, "board": number}
                if number in self._protocols:
                    options["protocol"] = self._protocols[number]
                board = CableBoard(**options)
                board.hang_on(self._link, self._spoken)
                self._boards[number] = board
            return self._boards[number]

    def find(self, progress: Progress | None = None) -> list[int]:
        """The numbers that answer, within 10 s: all 16 are asked, as A5 and as P81, silent ones twice.

        progress: is handed a line about each number that is asked. A number that two boards have,
        seen by two different answers to one question, twice, is among them, and reading it raises BadReply.
        D2 boards have no number and are not found. Raises NoReply when noise leaves no time to ask
        them all, TransportError when the wire is gone.
        """
        protocol = self._options.get("protocol", "auto")
        roll = roll_call(self._link, self._clock, NUMBERED if protocol == "auto" else (protocol,), progress)
        self._protocols = roll.numbers
        for number in {*self._boards, *roll.numbers}:
            board = self.board(number)
            board.doubled = number in roll.twins
            if number in roll.numbers:
                board.speaks(roll.numbers[number])
        return sorted(roll.numbers)

    def _spoken(self) -> str:
        """Boards of one cable mostly are of one kind."""
        return next((board.spoken for board in list(self._boards.values()) if board.spoken), "")

    def close(self) -> None:
        """Close the wire, at once; a reading that waits in another thread ends. May be called twice."""
        self._link.close()

    def __enter__(self) -> Cable:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_cable(device: str, **options: Any) -> Cable:
    """A cable with several boards, for `with`; options are those of DalyBMS but for `board`.

    device: as for DalyBMS.connect(). record: as of DalyBMS, for the whole wire.
    Sends nothing. Raises ValueError or TypeError for options that cannot
    be, TransportError when the wire cannot be opened.
    """
    protocol, address = options.get("protocol", "auto"), options.get("address")
    if protocol not in ("auto", *NUMBERED):
        raise ValueError(f"{protocol} boards have no number: a cable with several speaks a5 or p81")
    if address not in _EACH_ITS_OWN:
        raise ValueError(f"address {address} asks one board: leave address out for a cable with several")
    record = options.pop("record", None)
    asked = CableBoard(board=1, **options)
    name = os.fspath(device)
    if record is None and not is_replay(name):
        return Cable(open_wire(name, options.get("baudrate", BAUD)), **options)
    return _taped(name, record, asked, options)


def _taped(name: str, record: Record, asked: CableBoard, options: dict[str, Any]) -> Cable:
    """With what passes recorded, or out of a recording."""
    from dalybms.taping import as_recorded, taping_of, told

    taping, target, timing = taping_of(record), *asked.settings
    opened: Callable[[], Any] = partial(open_wire, name, options.get("baudrate", BAUD))
    clock: Callable[[], float] = time.monotonic
    if is_replay(name):
        tape = taping.tape_of(name)
        target, timing = as_recorded(tape.about, target, timing)
        opened, clock = tape.open, tape.clock
        options = {**options, "protocol": target.protocol, "fill": target.fill, "timeout": timing.timeout}
    about = told(name, target._replace(board=None), timing)
    return Cable(taping.opened(name, opened, about), clock, **options)
