"""The battery's words: connect, read, disconnect. No bytes in here."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from dalybms.arguments import check_flag, check_seconds, check_whole
from dalybms.detection import Detection
from dalybms.device import MOST_BOARDS, PC_HOST, Target, candidates, is_replay, kind, open_wire
from dalybms.errors import BadReply, DalyError, TransportError
from dalybms.getters import Getters
from dalybms.link import Link
from dalybms.logs import Log
from dalybms.playing import Playing
from dalybms.protocols.reading import attempt
from dalybms.raw import Raw
from dalybms.restoring import Restoring
from dalybms.sections import MORE_SECTIONS, SECTIONS
from dalybms.timing import BAUD, WIRE
from dalybms.writing import Writing

if TYPE_CHECKING:
    import logging
    from datetime import datetime

    from dalybms.device import Speaker
    from dalybms.protocols.parameters import Found
    from dalybms.protocols.request import Answer, Request
    from dalybms.taping import Record

_Own = TypeVar("_Own", bound="DalyBMS")
"""`with` gives what it was given: a Bluetooth battery has a connect() of its own."""


class DalyBMS(Getters, Writing, Raw, Restoring, Playing):
    """One battery on a wire.

    request_retries: how often a request is repeated (0 or more). address: the host
    address, 4 or 8 as in dalybms 0.5, the whole byte, or None: found out. logger: takes
    the few messages of this class. board: its number on a shared cable, 1 to 16, which on
    a wire leaves D2 out, because every D2 board of a cable answers; None: the one board of this wire.
    protocol: "a5", "d2", "p81", "sinowealth", or "auto": found out among the first three.
    timeout: the longest silence of an attempt, s. pause: seconds between an answer and
    the next request; None: adaptive, 0: none. baudrate: of a serial port.
    invert_current: turn the sign of `current`. fill: data bytes of a question, 0 to 255
    (boards ignore them; 0xAA is said to help some to synchronise). read_only: refuse every write.
    record: a file that takes all that passes, blanked of what tells this battery from others; or what
    open_recording() gives.

    Nothing is sent before the first reading. Several threads may share one object:
    calls take turns; disconnect() ends a waiting one. Raises ValueError or TypeError for
    arguments that cannot be. Each reading raises TransportError when the wire is gone, NoReply when nothing
    usable answers, BadReply for an answer that cannot be, NotSupported for what the board has not.
    Where each value stands on the wire, and how sure that is: docs/protocols.md.
    """

    _timing = WIRE
    _likely_host = PC_HOST
    _clock = staticmethod(time.monotonic)

    def __init__(
        self,
        request_retries: int = 3,
        address: int | None = None,
        logger: logging.Logger | None = None,
        board: int | None = None,
        protocol: str = "auto",
        timeout: float = WIRE.timeout,
        pause: float | None = None,
        invert_current: bool = False,
        fill: int = 0,
        baudrate: int = BAUD,
        read_only: bool = False,
        record: Record = None,
    ) -> None:
        self.request_retries = request_retries
        if board is not None:
            check_whole("board", board, 1, MOST_BOARDS)
        check_whole("fill", fill, 0, 255)
        check_flag("invert_current", invert_current)
        check_whole("baudrate", baudrate, 1200, 921600)
        check_seconds("timeout", timeout, 0.001, 60)
        if pause is not None:
            check_seconds("pause", pause, 0, 10)
        if address is not None:
            check_whole("address", address, 0, 255)
        self._target = Target(protocol, address, board, self._likely_host, fill)
        candidates(self._target)
        self._pause = pause
        self._timing = self._timing._replace(timeout=timeout, byte=10 / baudrate)
        self._baudrate = baudrate
        self.read_only = bool(read_only)
        self._invert = invert_current
        self._log = logger or Log("dalybms.bms")
        self._sign_told = False
        self.unusable: dict[str, str] = {}
        """What the last reading goes without, as {"soc.total_voltage": "why"}: values that the board
        means, but that cannot be. Their keys are absent."""
        self._link: Link | None = None
        self._record = record

    @property
    def request_retries(self) -> int:
        """How often a request is repeated, 0 to 100. A new number counts from the next call on."""
        return self._retries

    @request_retries.setter
    def request_retries(self, number: int) -> None:
        check_whole("request_retries", number, 0, 100)
        self._retries = number

    @property
    def spoken(self) -> str | None:
        """The protocol that was found out: "a5", "d2", "p81", "sinowealth"; None before an answer."""
        return self._detection.name if self._link else None

    def forget_protocol(self) -> None:
        """Another board may hang there now: the next reading finds out anew which protocol answers."""
        if self._link:
            self._share(self._link)

    @property
    def connected(self) -> bool:
        """Is a wire open? Whether a board answers on it shows when it is asked."""
        return self._link is not None

    def connect(self, device: str) -> None:
        """Open a wire: a port (/dev/ttyUSB0, COM3), socket://host:port, rfc2217://host:port or demo:.

        replay:FILE plays a recording, which sends nothing anywhere, asked with the board number, address
        and protocol that it was made with where none is given.
        Sends nothing: host address and counts are found by the first reading.
        Raises TransportError when it cannot be opened, ValueError for a text that is no wire.
        """
        self.disconnect()
        self._restore = None
        name = os.fspath(device)
        self._stop_playing()
        if is_replay(name):
            self._play(name)
        else:
            open_ = partial(self._opened, name, partial(open_wire, name, self._baudrate))
            self._use(open_())
            self._restore = open_ if kind(name) == "socket" else None

    def disconnect(self) -> None:
        """Close the wire; a reading that waits in another thread ends at once. May be called twice."""
        link, self._link = self._link, None
        if link:
            link.close()

    def __enter__(self: _Own) -> _Own:
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    def read(self, sections: Sequence[str], info_keys: Collection[str] = ()) -> dict[str, Any]:
        """Several sections in one call: {section: reading, or the DalyError that it ended with}.

        info_keys: of "info" only what these keys need is asked for; empty: all of it.
        Sections read together are checked against each other. Raises TransportError
        when the wire is gone, NoReply when nothing answers at all.
        """
        known, sections = {**SECTIONS, **MORE_SECTIONS}, tuple(sections)
        if not sections or not known.keys() >= set(sections):
            raise ValueError(f"sections are {', '.join(known)}, not {list(sections)}")
        return self._read_lastingly(sections, info_keys)

    def _read(self, sections: Sequence[str], info_keys: Collection[str]) -> dict[str, Any]:
        link = self._connected()
        with link.call(self._retries):
            self.unusable = {}
            protocol, ask = self._detection.found(["status"] if "info" in sections else sections)
            live = [section for section in sections if section != "info"]
            outcomes = self._signed(protocol.read(ask, live)) if live else {}
            self.unusable = _of_readings(protocol.unusable, outcomes) if live else {}
            if "info" in sections:
                outcomes["info"] = attempt(
                    lambda: {"protocol": protocol.name, **protocol.info(ask, info_keys)}
                )
                self.unusable.update(protocol.unusable)
            if len(outcomes) > 1 and link.doubles.suspected and self._doubled(link, protocol):
                raise BadReply(
                    f"two boards answer as board {self._target.number}, so these readings are mixed: "
                    "give each a number of its own with the vendor's program"
                )
            return outcomes

    def _doubled(self, link: Link, protocol: Speaker) -> bool:
        from dalybms.twins import proven

        with link.call():  # with a patience of its own: two boards spoil much before
            return proven(link, protocol.probe(["soc"]), self._target.number)

    def _parameters(self) -> Found:
        link = self._connected()
        with link.call():
            protocol, ask = self._detection.found(["status"])

        def ask_alone(request: Request) -> Answer:
            """With the patience of a call of its own: a board may lack any number of them."""
            with link.call():
                return ask(request)

        return protocol.parameters(ask_alone)

    def _board_clock(self) -> datetime | None:
        with self._connected().call():
            protocol, ask = self._detection.found(["status"])
            return protocol.clock(ask)

    def _use(self, transport: Any) -> None:
        self._share(self._link_on(transport))

    def _link_on(self, transport: Any) -> Link:
        return Link(transport, self._timing, self._retries, self._pause, self._clock)

    def _share(self, link: Link) -> None:
        self._link = link
        self._detection = Detection(link, self._target)

    def _connected(self) -> Link:
        link = self._link
        if link is None:
            raise TransportError("not connected: call connect() first")
        return link

    def _signed(self, outcomes: dict[str, Any]) -> dict[str, Any]:
        """Boards differ in the sign of the current: said once, never guessed."""
        soc, mosfets = outcomes.get("soc"), outcomes.get("mosfet_status")
        if not isinstance(soc, dict):
            return outcomes
        for key in ("current", "power"):
            if self._invert and soc.get(key):
                soc[key] = -soc[key]
        mode = mosfets.get("mode", "stationary") if isinstance(mosfets, dict) else "stationary"
        if mode != "stationary" and "current" in soc and not self._sign_told:
            self._sign_told = True
            self._log.info("this board says %+.1f A while %s", soc["current"], mode)
        return outcomes


def _of_readings(unusable: dict[str, str], outcomes: dict[str, Any]) -> dict[str, str]:
    """Without what is said of sections that have become errors: these say more."""
    failed = {section for section, outcome in outcomes.items() if isinstance(outcome, DalyError)}
    return {name: why for name, why in unusable.items() if name.partition(".")[0] not in failed}
