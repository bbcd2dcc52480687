"""The battery's words: connect, read, disconnect. No bytes in here."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Callable, cast

from dalybms.device import (
    APP_HOST,
    MOST_BOARDS,
    PC_HOST,
    candidates,
    is_bluetooth,
    open_bluetooth,
    open_wire,
    speaker,
)
from dalybms.errors import DalyError, NoReply, NotSupported, TransportError
from dalybms.link import BAUD, BLUETOOTH, WIRE, Link
from dalybms.logs import Log
from dalybms.protocols.reading import attempt
from dalybms.protocols.request import Answer, Ask, Request
from dalybms.sections import MORE_SECTIONS, SECTIONS

if TYPE_CHECKING:
    import logging

    from dalybms.device import Speaker
    from dalybms.readings import (
        All,
        BalancingStatus,
        CellVoltageRange,
        CellVoltages,
        Errors,
        Fault,
        Info,
        MosfetStatus,
        Soc,
        Status,
        TemperatureRange,
        Temperatures,
    )


class DalyBMS:
    """One battery on a wire.

    request_retries: how often a request is repeated (0 or more). address: the host
    address, 4 or 8 as in dalybms 0.5, the whole byte, or None: found out. logger: takes
    the few messages of this class. board: its number on a shared cable, 1 to 16.
    protocol: "a5", "d2", "p81", "sinowealth", or "auto": found out among the first three.
    timeout: the longest silence of an attempt, s. pause: seconds between an answer and
    the next request; None: adaptive, 0: none. baudrate: of a serial port.
    invert_current: turn the sign of `current`. fill: data bytes of a question, 0 to 255
    (boards ignore them; 0xAA is said to help some to synchronise).

    Nothing is sent before the first reading. Several threads may share one object:
    calls take turns; disconnect() ends a waiting one. Raises ValueError or TypeError for
    arguments that cannot be.
    """

    _timing = WIRE
    _likely_host = PC_HOST
    _hasty = True
    """Wires answer within a fifth of the usual silence; Bluetooth may need half of it."""
    _clock = staticmethod(time.monotonic)
    _renew: Callable[[], Any] | None = None
    """Opens the same wire once more, where one that has gone deaf may hear again."""

    def __init__(
        self,
        request_retries: int = 3,
        address: int | None = None,
        logger: logging.Logger | None = None,
        board: int = 1,
        protocol: str = "auto",
        timeout: float = WIRE.timeout,
        pause: float | None = None,
        invert_current: bool = False,
        fill: int = 0,
        baudrate: int = BAUD,
    ) -> None:
        _check_whole("request_retries", request_retries, 0, 100)
        _check_whole("board", board, 1, MOST_BOARDS)
        _check_whole("fill", fill, 0, 255)
        _check_whole("baudrate", baudrate, 1200, 921600)
        _check_seconds("timeout", timeout, 0.001, 60)
        if pause is not None:
            _check_seconds("pause", pause, 0, 10)
        if address is not None:
            _check_whole("address", address, 0, 255)
        self._options = (protocol, address, board, self._likely_host, fill)
        candidates(*self._options)
        self._retries, self._board, self._pause = request_retries, board, pause
        self._timing = self._timing._replace(timeout=timeout, byte=10 / baudrate)
        self._baudrate = baudrate
        self._invert = invert_current
        self._log = logger or Log("dalybms.bms")
        self._sign_told = False
        self._link: Link | None = None

    def connect(self, device: str) -> None:
        """Open a wire: a port (/dev/ttyUSB0, COM3), socket://host:port, rfc2217://host:port or demo:.

        Sends nothing: host address and counts are found by the first reading.
        Raises TransportError when it cannot be opened, ValueError for a text that is no wire.
        """
        self.disconnect()
        self._use(open_wire(os.fspath(device), self._baudrate))

    def disconnect(self) -> None:
        """Close the wire; a reading that waits in another thread ends at once. May be called twice."""
        link, self._link = self._link, None
        if link:
            link.close()

    def __enter__(self) -> DalyBMS:
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    def get_soc(self) -> Soc:
        """Pack voltage (V), current (A, the board's own sign), state of charge (%)."""
        return cast("Soc", self._get("soc"))

    def get_cell_voltage_range(self) -> CellVoltageRange:
        """Highest and lowest cell voltage (V) and the numbers of these cells (from 1)."""
        return cast("CellVoltageRange", self._get("cell_voltage_range"))

    def get_temperature_range(self) -> TemperatureRange:
        """Highest and lowest temperature (C) and the numbers of these sensors; {} without a sensor."""
        return cast("TemperatureRange", self._get("temperature_range"))

    def get_mosfet_status(self) -> MosfetStatus:
        """Direction, charge and discharge MOSFET (on or off), heartbeat, remaining capacity (Ah)."""
        return cast("MosfetStatus", self._get("mosfet_status"))

    def get_status(self) -> Status:
        """Number of cells and sensors, inputs and outputs, charge cycles."""
        return cast("Status", self._get("status"))

    def get_cell_voltages(self) -> CellVoltages:
        """{cell number from 1: V}."""
        return cast("CellVoltages", self._get("cell_voltages"))

    def get_temperatures(self) -> Temperatures:
        """{sensor number from 1: C}; a sensor that is not fitted is left out, {} without any."""
        return cast("Temperatures", self._get("temperatures"))

    def get_balancing_status(self) -> BalancingStatus:
        """{cell number from 1: is it being balanced?}"""
        return cast("BalancingStatus", self._get("balancing_status"))

    def get_errors(self) -> Errors:
        """Texts of the active faults, [] when there is none."""
        return cast("Errors", self._get("errors"))

    def get_faults(self) -> list[Fault]:
        """Active faults, each {"code", "level", "text"}.

        Levels: 1 warning, 2 protection, 3 hardware, 0 unknown.
        """
        return cast("list[Fault]", self._get("faults"))

    def get_info(self) -> Info:
        """What the board says of itself: protocol, versions, dates; no key for what it does not say."""
        return cast("Info", self._get("info"))

    def get_all(self) -> All:
        """All nine sections by name; one that failed holds {"error": "why"}, one the board has not is absent.

        Raises the first error when not one section could be read.
        """
        outcomes = self.read(tuple(SECTIONS))
        errors = [outcome for outcome in outcomes.values() if isinstance(outcome, DalyError)]
        if len(errors) == len(outcomes):
            raise errors[0]
        return cast("All", presentable(outcomes))

    def read(self, sections: Sequence[str]) -> dict[str, Any]:
        """Several sections in one call: {section: reading, or the DalyError that it ended with}.

        Sections read together are checked against each other. Raises TransportError
        when the wire is gone, NoReply when nothing answers at all.
        """
        known, sections = {**SECTIONS, **MORE_SECTIONS}, tuple(sections)
        if not sections or not known.keys() >= set(sections):
            raise ValueError(f"sections are {', '.join(known)}, not {list(sections)}")
        outcomes = self._read(sections)
        silent = all(isinstance(each, NoReply) and each.seen == "silence" for each in outcomes.values())
        return self._read_anew(sections) if silent and self._renew else outcomes

    def _read(self, sections: Sequence[str]) -> dict[str, Any]:
        link = self._connected()
        with link.call():
            protocol, ask = self._found(link, ["status"] if "info" in sections else sections)
            live = [section for section in sections if section != "info"]
            outcomes = self._signed(protocol.read(ask, live)) if live else {}
            if "info" in sections:
                own = {"protocol": protocol.name, "board": self._board}
                outcomes["info"] = attempt(lambda: {**own, **protocol.info(ask)})
            return outcomes

    def _read_anew(self, sections: Sequence[str]) -> dict[str, Any]:
        """On a link that was answered before and has gone deaf: once more on a new one, or let go of it."""
        assert self._renew is not None
        self._log.info("no answer any more: connecting once more")
        self.disconnect()
        self._use(self._renew())
        try:
            return self._read(sections)
        except NoReply:
            self.disconnect()
            raise

    def request(self, command: int, data: bytes = bytes(8)) -> list[bytes]:
        """The 8-byte data fields that answer a raw A5 command, in order of arrival; for the curious.

        Reads (0x50-0x8A, 0x90-0x9A, 0xD8) are repeated when nothing comes. Anything else may
        change the battery: it is sent once and not verified. Raises NoReply without an answer.
        """
        _check_whole("command", command, 0, 255)
        if not isinstance(data, (bytes, bytearray)):
            raise TypeError(f"data must be bytes, not {data!r}")
        if len(data) != 8:
            raise ValueError(f"data must be 8 bytes, not {len(data)}")
        link = self._connected()
        with link.call():
            protocol, _ = self._found(link, ["soc"])
            return protocol.request(lambda request: link.exchange(request, self._board), command, bytes(data))

    def _get(self, section: str) -> Any:
        outcome = self.read([section])[section]
        if isinstance(outcome, DalyError):
            raise outcome
        return outcome

    def _use(self, transport: Any) -> None:
        self._candidates: dict[str, Speaker] = {}
        self._protocol: Speaker | None = None
        self._link = Link(transport, self._timing, self._retries, self._pause, self._clock)

    def _connected(self) -> Link:
        link = self._link
        if link is None:
            raise TransportError("not connected: call connect() first")
        return link

    def _found(self, link: Link, sections: Sequence[str]) -> tuple[Speaker, Ask]:
        """The protocol that answers, and the way to ask; the first answer counts as data."""
        known: dict[str, Answer] = {}

        def ask(request: Request) -> Answer:
            return known.pop(request.name, None) or link.exchange(request, self._board)

        if self._protocol is None:
            owners: dict[Request, Speaker] = {}
            answer = link.find(self._probes(sections, owners), self._board)
            self._protocol = owners[answer.request]
            self._protocol.learn(answer)
            known[answer.request.name] = answer
        return self._protocol, ask

    def _probes(self, sections: Sequence[str], owners: dict[Request, Speaker]) -> Iterator[Request]:
        """One question of each protocol a round; a protocol is not even loaded before its turn.

        In the first round two possible host addresses are asked twice, with half the
        patience: so a lost first reply costs no round.
        """
        names = candidates(*self._options)
        for round_ in range(1 + self._retries):
            for name in names:
                if name not in self._candidates:
                    self._candidates[name] = speaker(name, *self._options)
                request = self._candidates[name].probe(sections, round_)
                if self._hasty and self._retries and not round_ and len(request.writes) > 1:
                    request = request._replace(patience=0.5, writes=2 * request.writes)
                owners[request] = self._candidates[name]
                yield request

    def _signed(self, outcomes: dict[str, Any]) -> dict[str, Any]:
        """Boards differ in the sign of the current: said once, never guessed."""
        soc, mosfets = outcomes.get("soc"), outcomes.get("mosfet_status")
        if not isinstance(soc, dict):
            return outcomes
        for key in ("current", "power"):
            if self._invert and soc.get(key):
                soc[key] = -soc[key]
        if isinstance(mosfets, dict) and mosfets["mode"] != "stationary" and not self._sign_told:
            self._sign_told = True
            self._log.info("this board says %+.1f A while %s", soc["current"], mosfets["mode"])
        return outcomes


class DalyBMSBluetooth(DalyBMS):
    """One battery over Bluetooth LE: the same blocking methods, another wire. Needs bleak.

    Arguments as DalyBMS; the silence allowed is longer, and host 0x80 is asked first. A
    link that was answered and has gone silent is renewed once; when that does not help, it
    is let go, so that the phone app can connect.
    """

    _likely_host = APP_HOST
    _hasty = False

    def __init__(
        self,
        request_retries: int = 3,
        logger: logging.Logger | None = None,
        timeout: float = BLUETOOTH.timeout,
        **options: Any,
    ) -> None:
        self._timing = BLUETOOTH
        super().__init__(request_retries, logger=logger, timeout=timeout, **options)

    def connect(self, device: str | None = None, *, mac_address: str | None = None, **bleak: Any) -> None:
        """Find and connect a device by MAC, CoreBluetooth UUID or advertised name.

        mac_address: the same, under the name of dalybms 0.5. bleak: `adapter` ("hci1"),
        `budget` (seconds for all of it), or arguments of bleak's client. Sends no request.
        Raises TransportError when it is not found or cannot be connected; its `stage`
        says how far it came.
        """
        target = device or mac_address
        if not target:
            raise ValueError("connect() needs a MAC address, a UUID or an advertised name")
        self.disconnect()
        self._renew = lambda: open_bluetooth(target, **bleak)
        self._use(self._renew())


def presentable(outcomes: dict[str, Any]) -> dict[str, Any]:
    """Outcomes as JSON takes them: {"error": why} for a failed section, none for one the board has not."""
    return {
        section: {"error": str(outcome)} if isinstance(outcome, DalyError) else outcome
        for section, outcome in outcomes.items()
        if not isinstance(outcome, NotSupported)
    }


def open_bms(device: str, **options: Any) -> DalyBMS:
    """A connected battery, for `with`; the text picks the class, options are the constructor's.

    device: as for connect(); over Bluetooth a MAC, a CoreBluetooth UUID or ble:NAME.
    Raises as the constructor and connect() do.
    """
    name = os.fspath(device)
    bms = (DalyBMSBluetooth if is_bluetooth(name) else DalyBMS)(**options)
    bms.connect(name)
    return bms


def _check_whole(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be {least} to {most}, not {value}")


def _check_seconds(name: str, value: object, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be {least:g} to {most:g} s, not {value}")
