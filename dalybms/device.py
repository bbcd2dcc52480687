"""The text after -d becomes a wire; what may answer on it becomes a list of protocols.

The only place that knows both lists.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, cast

from dalybms.errors import NotSupported

if TYPE_CHECKING:
    from dalybms.protocols.a5.board import A5
    from dalybms.protocols.a5.writes import A5Writes
    from dalybms.protocols.modbus.d2 import D2
    from dalybms.protocols.modbus.p81 import P81
    from dalybms.protocols.modbus.writes import RegisterWrites
    from dalybms.protocols.sinowealth.board import Sinowealth
    from dalybms.transports.recording import Recording
    from dalybms.transports.replay import Tape

    Speaker = A5 | D2 | P81 | Sinowealth
    """A board as one protocol sees it."""
    Writer = A5Writes | RegisterWrites
    """Its writes."""
PROTOCOLS = ("auto", "a5", "d2", "p81", "sinowealth")
_ON_A_WIRE = ("a5", "p81", "d2")
"""P81 says which board of a cable it is, D2 does not."""
_ON_BLUETOOTH = ("d2", "p81", "a5")
"""D2 is one question where A5 is a dozen, and some modules hang up when they hear A5."""
WITHOUT_NUMBER = ("d2", "sinowealth")
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_BLUETOOTH_NAME = "ble:"
_REPLAY = "replay:"
PC_HOST = 0x40
"""Asks board 1 from a PC; board N listens to 0x3F + N."""
APP_HOST = 0x80
"""Asks from a Bluetooth app; on some UART boards the only one that is answered."""
_SHORT = {4: PC_HOST, 8: APP_HOST}
MOST_BOARDS = 16


def is_bluetooth(device: str) -> bool:
    """Is this a MAC, a CoreBluetooth UUID or ble:NAME, not a wire?"""
    return bool(_MAC.fullmatch(device) or _UUID.fullmatch(device) or _begins(device, _BLUETOOTH_NAME))


def is_replay(device: str) -> bool:
    """Is this a recording to be played?"""
    return _begins(device, _REPLAY)


def _begins(device: str, scheme: str) -> bool:
    return device[: len(scheme)].lower() == scheme


def kind(device: str) -> str:
    """What a wire is, in a word: bluetooth, demo, socket, rfc2217, replay, or serial for a port."""
    scheme = device.partition(":")[0].lower()
    if is_bluetooth(device):
        return "bluetooth"
    return scheme if scheme in ("demo", "socket", "rfc2217", "replay") else "serial"


def likely_host(bluetooth: bool) -> int:
    """The host address that A5 is asked from first."""
    return APP_HOST if bluetooth else PC_HOST


def open_wire(device: str, baudrate: int) -> Any:
    """The transport of a port, socket://host:port, rfc2217://host:port or demo:.

    baudrate: of a port; the others have none.

    Raises ValueError for a text of another kind, TransportError when it cannot be opened.
    """
    if is_bluetooth(device):
        raise ValueError(f"{device} is a Bluetooth device: use DalyBMSBluetooth or open_bms()")
    if not device.strip():
        raise ValueError("no device is named: give a port, demo: or socket://HOST:PORT")
    if _begins(device, "demo:"):
        from dalybms.transports.demo import open_demo

        return open_demo(device[len("demo:") :].lstrip("?"))
    if _begins(device, "socket:"):
        from dalybms.transports.tcp import TcpTransport

        return TcpTransport(device)
    from dalybms.transports.serial import SerialTransport

    return SerialTransport(device, baudrate)


def open_bluetooth(device: str, **options: Any) -> Any:
    """The transport of a Bluetooth device: a MAC, a CoreBluetooth UUID or an advertised name.

    Raises TransportError when bleak is missing or the device cannot be reached.
    """
    from dalybms.transports.bluetooth.transport import BluetoothTransport

    name = device[len(_BLUETOOTH_NAME) :] if _begins(device, _BLUETOOTH_NAME) else device
    return BluetoothTransport(name, **options)


def open_recording(
    path: str | os.PathLike[str],
    limit: float = 10.0,
    raw: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Recording:
    """A file that takes what passes on wires; it must not exist yet, and is made when a wire is opened.

    limit: megabytes, then it stops and says so by tell. Serial numbers, battery codes, passwords, and in
    errors paths, addresses and names are blanked, each as the same token throughout this file; raw: nothing.
    """
    from dalybms.discretion import blanking
    from dalybms.transports.recording import Recording

    return Recording(path, None if raw else blanking(), limit, tell)


def open_tape(device: str, tell: Callable[[str], None]) -> Tape:
    """The recording of replay:FILE, replay:FILE?pace=0 (at once) and replay:FILE?device=2 (its second wire).

    tell: takes a line about each question that was never recorded. Raises ValueError for other options,
    TransportError for a file that is no recording.
    """
    from dalybms.protocols.likeness import timeless
    from dalybms.transports.replay import Tape

    path, options = device[len(_REPLAY) :], {"device": "1", "pace": "1"}
    if "?" in path and not os.path.exists(path):
        path, _, text = path.rpartition("?")
        options.update(pair.partition("=")[::2] for pair in text.split("&"))
    if len(options) > 2 or options["pace"] not in ("0", "1") or not options["device"].isdecimal():
        raise ValueError(f"{device}: the options of a recording are pace=0 or pace=1, and device=NUMBER")
    return Tape(path, int(options["device"]), int(options["pace"]), timeless, tell)


class Target(NamedTuple):
    """Which board is meant, and how it may be asked.

    board: its number; None: the one board of the wire, which is board 1 where its protocol has
    numbers. likely: the host address that A5 is asked from first; APP_HOST over Bluetooth,
    where one link is one board. fill: data bytes of an A5 question.
    """

    protocol: str = "auto"
    address: int | None = None
    board: int | None = None
    likely: int = PC_HOST
    fill: int = 0

    @property
    def number(self) -> int:
        """The number that must stand in an answer, in protocols that have numbers."""
        return self.board or 1

    @property
    def wired(self) -> bool:
        """May other boards hang on the line? Over Bluetooth one link is one board."""
        return self.likely != APP_HOST

    @property
    def numbered(self) -> bool:
        """Is the number all that tells this board from others of its line?"""
        return self.board is not None and self.wired


def hosts(target: Target) -> list[int]:
    """Host addresses to try, the likeliest first.

    The address is 4 or 8 as in dalybms 0.5, the whole byte, or None to find it out.
    Raises ValueError where address and board contradict each other.
    """
    address, own = target.address, PC_HOST + target.number - 1
    if address is None:
        other = APP_HOST if target.likely == PC_HOST else PC_HOST
        return [target.likely, other] if target.number == 1 else [own]
    if address == 4:
        return [own]
    host = _SHORT.get(address, address)
    if not 0x20 <= host <= 0xFF:
        raise ValueError(f"address {address} is no host address: 4, 8 or a byte from 0x20 to 0xFF")
    asked = host - PC_HOST + 1
    if target.number != (asked if 1 <= asked <= MOST_BOARDS else 1):
        raise ValueError(f"address {address} does not ask board {target.number}: leave address out, or board")
    return [host]


def candidates(target: Target) -> tuple[str, ...]:
    """Names of the protocols that a board may speak, in the order in which they are tried.

    A host address is a thing of A5, so with an address nothing else is tried. On a wire every
    awake D2 board answers, whatever its number, so a number leaves D2 out; over Bluetooth it does not.
    Sinowealth is tried only when it is named: its questions disturb other devices.
    Raises ValueError for D2 and Sinowealth with a board number, and for an address that asks another board.
    """
    if target.protocol not in PROTOCOLS:
        raise ValueError(f"protocol {target.protocol!r} is unknown: {', '.join(PROTOCOLS)}")
    if target.protocol in WITHOUT_NUMBER and target.board is not None:
        raise ValueError(
            f"{target.protocol} boards have no number, so board {target.board} is ambiguous: leave board out"
        )
    hosts(target)
    if target.protocol != "auto":
        return (target.protocol,)
    if target.address is not None:
        return ("a5",)
    if target.numbered:
        return tuple(name for name in _ON_A_WIRE if name not in WITHOUT_NUMBER)
    return _ON_BLUETOOTH if target.likely == APP_HOST else _ON_A_WIRE


def speaker(name: str, target: Target) -> Speaker:
    """The protocol object of a name; its module is loaded only now."""
    if name == "d2":
        from dalybms.protocols.modbus.d2 import D2

        return D2(bluetooth=target.likely == APP_HOST)
    if name == "p81":
        from dalybms.protocols.modbus.p81 import P81

        return P81(target.number)
    if name == "sinowealth":
        from dalybms.protocols.sinowealth.board import Sinowealth

        return Sinowealth()
    from dalybms.protocols.a5.board import A5

    return A5(hosts(target), target.number, target.fill)


def writer(speaker: Speaker) -> Writer:
    """The writes of a board that has answered; loaded only now. Raises NotSupported for Sinowealth."""
    if speaker.name == "a5":
        from dalybms.protocols.a5.writes import A5Writes

        return A5Writes(cast("A5", speaker))
    if speaker.name == "sinowealth":
        raise NotSupported("Sinowealth boards cannot be written to: no such frame is known")
    from dalybms.protocols.modbus.writes import RegisterWrites

    return RegisterWrites(cast("D2 | P81", speaker))
