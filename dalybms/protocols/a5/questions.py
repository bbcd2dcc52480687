"""The questions to an A5 board: the host addresses it may listen to, the frames, and whose answer counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Callable

from dalybms.protocols.a5.commands import MOST_CELLS, Command
from dalybms.protocols.a5.frame import SIZE, Frame, FrameReader
from dalybms.protocols.a5.leftover import Leftover
from dalybms.protocols.request import Answer, Ask, Request

_MOST_FRAMES = MOST_CELLS // 3
"""The longest reply: 48 cells, three a frame; some boards always send all 16."""
READS = frozenset((*range(0x50, 0x8B), *range(0x90, 0x9B), 0xD8))
"""Commands that only read: all others may change the battery."""


class Questions:
    """What is asked of one board on one connection, and the host address that it answered.

    hosts: the host addresses it may listen to, the likeliest first. board: the number
    it answers with. fill: the data bytes of a question, which boards do not read.
    """

    def __init__(self, hosts: Sequence[int], board: int = 1, fill: int = 0) -> None:
        self._hosts = list(hosts)
        self._settled = len(self._hosts) == 1
        self.number = board
        self._fill = bytes((fill,)) * 8
        self.reader = FrameReader()
        self._frames: dict[int, bytes] = {}
        self._leftover = Leftover()

    @property
    def asks(self) -> str:
        """What it asks, in the words of an error."""
        return f"A5 as host {' and '.join(f'0x{host:02X}' for host in self._hosts)}"

    @property
    def host(self) -> int:
        """The host address that was answered last."""
        return self._hosts[0]

    def learn(self, answer: Answer) -> None:
        """The host address that was answered goes first from now on; no frame says which one it was."""
        host = answer.written[1]
        self._hosts.sort(key=lambda known: known != host)
        self._settled = True

    def answers(self, command: int, frame: Frame) -> bool:
        """Is this frame an answer of this board to a command?"""
        return frame.source == self.number and frame.command == command

    def question(self, row: Command, parse: Callable[[Sequence[Frame]], Any], frames: int = 1) -> Request:
        """For a message of the tables. frames: so many of its answer are used."""
        hosts, single = self._hosts, row.series is None and row.frames == 1
        if self._settled and len(hosts) > 1:
            hosts = [hosts[0], hosts[0], hosts[1]]
        return Request(
            name=_name(row),
            writes=tuple([self._written(host, row.code) for host in hosts]),
            reader=self.reader,
            wanted=partial(self.answers, row.code),
            parse=partial(self._leftover.refused, _name(row), single, parse),
            longest=SIZE * (_MOST_FRAMES if row.series else 1),
            size=SIZE * frames,
            number=None if single else _number,
        )

    def request(self, ask: Ask, command: int, data: bytes) -> list[bytes]:
        """The data fields of the frames that answer a raw command, in order of arrival.

        Sent to the host address that was answered before; a command that may change
        something is sent once.
        """
        question = Request(
            name=f"raw command 0x{command:02X}",
            writes=(Frame(self.host, command, data).encode(),),
            reader=self.reader,
            wanted=partial(self.answers, command),
            parse=lambda frames: [frame.data for frame in frames],
            longest=SIZE * _MOST_FRAMES,
            open_end=True,
            once=command not in READS,
        )
        return list(ask(question).value)

    def _written(self, host: int, code: int) -> bytes:
        """A question as it is sent; the same ones are sent for as long as the connection."""
        key = host << 8 | code
        if key not in self._frames:
            self._frames[key] = Frame(host, code, self._fill).encode()
        return self._frames[key]


def _name(row: Command) -> str:
    """What is asked, as users know it: the section, or what fills a part of the information."""
    return row.section if row.section != "info" else ", ".join(field.name for field in row.fields)


def _number(frame: Frame) -> int:
    return frame.data[0]
