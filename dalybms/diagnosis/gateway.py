"""A question of Modbus TCP, for gateways that hand nothing on."""

from __future__ import annotations

from typing import Any

from dalybms.diagnosis.asking import REST
from dalybms.diagnosis.steps import FAILED, OK, SKIPPED, Notebook
from dalybms.diagnosis.wire import Ear, Place
from dalybms.errors import BadReply, NoReply
from dalybms.link import Link
from dalybms.protocols.request import Reader, Request

_SHORTEST, _LONGEST = 9, 11
_SIZES = (b"\0\3", b"\0\5")
"""What follows the head of a refusal, and of a register; our question says six, so its echo is neither."""
_QUESTION = bytes.fromhex("d4a100000006 d2 03 0000 0001")
"""A read of one register in the frame of Modbus TCP: on a serial line no board takes it for a question."""


class _Answer(Reader):
    """The head of a Modbus TCP answer, whatever it says; our own question may come back before it."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._heard = b""

    def mark(self) -> None:
        self.reset()

    def feed(self, chunk: bytes) -> list[bytes]:
        self._heard += chunk
        starts = (self._heard.find(_QUESTION[:4] + size) for size in _SIZES)
        return [self._heard[at:] for at in starts if 0 <= at <= len(self._heard) - _SHORTEST]


def ask_gateway(ear: Ear, place: Place, notes: Notebook) -> bool:
    """Does the far side answer a question of Modbus TCP?"""
    notes.begin("gateway")
    if place.kind != "socket":
        notes.note("gateway", SKIPPED, "no network socket")
        return False
    link = Link(ear, place.timing._replace(timeout=1.2), 0, REST, place.clock)
    whole: Any = list
    question = Request("Modbus TCP", (_QUESTION,), _Answer(), bool, whole, longest=_LONGEST, tries=1)
    try:
        link.exchange(question)
    except (NoReply, BadReply):
        notes.note("gateway", OK, "no Modbus TCP", modbus_tcp=False)
        return False
    notes.note("gateway", FAILED, "the gateway answers Modbus TCP", modbus_tcp=True)
    return True
