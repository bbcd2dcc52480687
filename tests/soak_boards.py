"""Boards for the soak: their values change before every sample, so a stale one is a wrong one."""

from __future__ import annotations

import random
from typing import Any, Callable

from support import Clock, VirtualWire, attach

from dalybms import DalyBMS, TransportError
from dalybms.cable import Cable
from dalybms.emulator.options import build
from dalybms.sampling import Watched

STATES = 16
"""Sets of values; one follows the other."""
RARE = (
    "drop drop-reply double reorder cut flip late stale foreign other-program garbage slow echo echo-partial"
)
"""Each hits one reply in a hundred."""
CRC_16 = ("d2", "p81")
"""Here two to four flipped bits are noticed as well; A5's sum and Sinowealth's CRC-8 miss some."""
UNPLUGGED = 0.0005
"""Of the replies."""
ASLEEP = 0.01
"""Of the samples."""
_ABSENT = 0.5
"""Of the attempts to open a wire again."""
_LEFT_OUT = {"mosfet_temperature", "board_temperature", "balance_current", "balancing_cells"}
"""What D2 tells in an answer that is asked for once: lost, it is absent."""


def fill(pack: Any, number: int) -> None:
    """The values of one state; neighbours differ in every section."""
    sign = 1 if number % 2 else -1
    pack.cells = [3300 + (7 * cell + 13 * number) % 40 for cell in range(len(pack.cells))]
    pack.voltage = round(sum(pack.cells) / 100)
    pack.sensors = [60 + (3 * sensor + number) % 9 for sensor in range(len(pack.sensors))]
    pack.current, pack.current_ma = 30000 + sign * (50 + number), sign * 10 * (500 + number)
    pack.state = 2 if number % 2 else 1
    pack.soc = 500 + 7 * number
    pack.capacity = 140_000 + 1960 * number
    pack.charge_switch = pack.discharge_switch = number % 3 > 0
    pack.cycles = 40 + number
    pack.charger = pack.load = number % 2
    pack.balancing = 1 << number
    pack.faults = bytes((0, 1 << number % 8, 0, 0, 0, 0, 0, 0)) if number % 4 == 3 else bytes(8)


def truth(options: str, read: tuple[str, ...], **chosen: Any) -> list[dict[str, Any]]:
    """What a sound line says of each state; a section that the board has not is an error."""
    line = build(options)
    bms, found = attach(line, DalyBMS(**chosen)), []
    for number in range(STATES):
        fill(line.boards[0].pack, number)
        found.append(bms.read(read))
    return found


def wrong(sample: dict[str, Any], true: dict[str, Any]) -> list[str]:
    """The values of a sample that the board has not, or that are missing without a word."""
    unusable, found = sample.get("unusable", {}), []
    for section, expected in true.items():
        reading = sample.get(section, {"error": "absent"})
        if isinstance(reading, dict) and set(reading) == {"error"}:
            continue
        if not isinstance(expected, dict) or not isinstance(reading, dict):
            found += [] if reading == expected else [f"{section}: {reading} instead of {expected}"]
            continue
        found += [
            f"{section}.{key}: {value} instead of {expected.get(key)}"
            for key, value in reading.items()
            if value != expected.get(key) and key != "heartbeat"
        ]
        missing = expected.keys() - reading.keys() - _LEFT_OUT
        found += [f"{section}.{key} is missing" for key in missing if f"{section}.{key}" not in unusable]
    return found


class Wire:
    """Opens batteries on lines of the emulator with faults, in virtual time that never stops.

    boards: numbers on a cable; the second is one state ahead of the first.
    """

    def __init__(self, options: str, rate: float, seed: int, boards: tuple[int, ...], **chosen: Any) -> None:
        protocol = options.partition("protocol=")[2].partition("&")[0]
        names = [*RARE.split(), *(["flip2"] if protocol in CRC_16 else [])]
        faults = ",".join([*(f"{name}:{rate}" for name in names), f"unplug:{UNPLUGGED}:20"])
        self._text, self._boards, self._chosen = f"{options}&fault={faults}", boards, chosen
        self.dice, self.time = random.Random(seed), Clock()
        self.number, self.opened, self.injected = 0, 0, 0
        self._line: Any = None

    def open(self, _: Watched) -> tuple[dict[int | None, Any], Callable[[], None]]:
        if self.opened and self.dice.random() < _ABSENT:
            raise TransportError("/dev/x does not exist")
        self.opened += 1
        self._line = build(f"{self._text}&seed={self.dice.randrange(1 << 30)}")
        self._show()
        transport = VirtualWire(self._line, self.time)
        if self._boards:
            cable = Cable(transport, self.time, **self._chosen)
            return {number: cable.board(number) for number in self._boards}, self._shut(cable.close)
        bms = DalyBMS(**self._chosen)
        bms._clock = self.time  # type: ignore[method-assign, assignment]
        bms._use(transport)
        return {None: bms}, self._shut(bms.disconnect)

    def advance(self, until: float) -> None:
        """Let time pass and the values change; now and then the board sleeps through a sample."""
        self.number, self.time.now = self.number + 1, until
        if self._line:
            # A frame of the last sample that comes while its command is asked again cannot be told from a
            # new one, because A5 numbers nothing. Old frames are of this sample, as those of a slow line are.
            self._line._injector._old.clear()
            self._show(awake=self.dice.random() >= ASLEEP)

    def state(self, board: int | None) -> int:
        return (self.number + (board or 1) - 1) % STATES

    def _show(self, awake: bool = True) -> None:
        for number, board in enumerate(self._line.boards, 1):
            fill(board.pack, self.state(number))
            board.pack.heartbeat = (board.pack.heartbeat + 1) % 256
            board.conduct = board.conduct._replace(awake=awake)
            board.log.heard.clear()  # a board that remembers its requests is no leak of ours
        self._line.log.heard.clear()

    def _shut(self, close: Callable[[], None]) -> Callable[[], None]:
        def shut() -> None:
            self.injected += sum(self._line.injected.values())
            self._line = None
            close()

        return shut
