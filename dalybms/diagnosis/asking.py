"""Ask in every way there is, one after the other, each by the link's own request loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dalybms.device import APP_HOST, PC_HOST, Target, hosts, speaker
from dalybms.diagnosis.listening import judge
from dalybms.diagnosis.steps import FAILED, NOTED, OK, SKIPPED, Notebook
from dalybms.diagnosis.wire import Ear, Place
from dalybms.errors import BadReply, NoReply, TransportError
from dalybms.link import Link
from dalybms.protocols.request import Reader, Request
from dalybms.rollcall import roll_call

if TYPE_CHECKING:
    from dalybms.device import Speaker

REST = 0.3
"""Before each question: every board hears after so long."""
TRIES = 2
_ROLL, _LEAST = 0.35, 0.14
"""Seconds for all questions to one number."""
_SHARE = 0.7
"""Of the usual silence, where that is less."""


class Found(NamedTuple):
    """A way of asking that was answered."""

    step: str
    speaker: Speaker
    number: int
    host: int | None


def ways(target: Target) -> list[tuple[str, Target]]:
    """The steps that ask, and how: those of the options first, then all the others."""
    number = target.number
    own = PC_HOST + number - 1
    found = [("a5-pc", Target("a5", own, number, fill=target.fill))]
    if number == 1:
        found.append(("a5-app", Target("a5", APP_HOST, 1, fill=target.fill)))
    if target.address is not None and hosts(target)[0] not in (own, APP_HOST):
        found.insert(0, ("a5-named", target._replace(protocol="a5")))
    found += [("d2", Target("d2")), ("p81", Target("p81", board=number))]
    if target.protocol == "sinowealth":
        found.insert(0, ("sinowealth", Target("sinowealth")))
    if not target.wired:  # some modules hang up when they hear A5, and D2 is what most speak there
        found.sort(key=lambda way: _ON_RADIO.index(way[0]) if way[0] in _ON_RADIO else -1)
    return found


_ON_RADIO = ("d2", "p81", "a5-app", "a5-pc")


def ask_all(ear: Ear, place: Place, notes: Notebook) -> list[Found]:
    """Each way in turn; what was answered. Raises TransportError when the wire is gone."""
    link = Link(ear, place.timing, TRIES - 1, REST, place.clock)
    found: list[Found] = []
    echoes = asked = 0
    for name, target in ways(place.target):
        notes.begin(name)
        if found and not place.target.wired:
            notes.note(name, SKIPPED, "one link is one board, and that has answered")
            continue
        one = speaker(target.protocol, target)
        ear.mark()
        link.retries = 0 if found else TRIES - 1
        answered, detail, seen = ask(link, one, target)
        echo = ear.question in ear.heard
        echoes += echo
        asked += 1
        host = target.address if target.protocol == "a5" else None
        facts = {"protocol": one.name, "number": target.number, "host": host, "seen": seen, "echo": echo}
        kind = judge(ear.heard).what if seen == "noise" else ""
        notes.note(name, OK if answered else NOTED, detail, answered=answered, bytes=kind, **facts)
        if answered:
            found.append(Found(name, one, target.number, host))
    _note_echo(notes, echoes, asked)
    return found


def ask(link: Link, one: Speaker, target: Target) -> tuple[bool, str, str]:
    """(answered, in words, what was heard instead)."""
    request = one.probe(["soc"])
    if isinstance(request, Request) and len(request.writes) > 1:
        request = request._replace(writes=request.writes[:1])
    try:
        with link.call():
            one.learn(link.exchange(request, target.number))
    except NoReply as error:
        said = "nothing was heard" if error.seen == "silence" else str(error)
        return False, f"{one.asks}: {said}", error.seen
    except BadReply as error:
        return False, f"{one.asks}: {error}", "unbelievable"
    return True, f"{one.asks} is answered", ""


def _note_echo(notes: Notebook, echoes: int, asked: int) -> None:
    notes.begin("echo")
    if echoes:
        notes.note("echo", NOTED, f"our own question came back {echoes} of {asked} times", echo=True)
    else:
        notes.note("echo", OK, "our own questions do not come back", echo=False)


def call_roll(ear: Ear, place: Place, notes: Notebook, each: float = _ROLL) -> dict[int, str]:
    """{number: protocol} of the boards that answer."""
    notes.begin("numbers")
    link = Link(ear, place.timing, 0, None, place.clock)
    try:
        roll = roll_call(
            link, place.clock, rounds=1, each=max(_LEAST, min(each, _SHARE * place.timing.timeout))
        )
    except NoReply as error:
        notes.note("numbers", FAILED, str(error), numbers={}, twins=[])
        return {}
    numbers = dict(sorted(roll.numbers.items()))
    detail = ", ".join(f"board {number} ({name.upper()})" for number, name in numbers.items())
    twins = sorted(roll.twins)
    outcome = NOTED if twins or len(numbers) > 1 else OK if numbers else NOTED
    detail = detail or "no board answers under any number from 1 to 16"
    notes.note("numbers", outcome, detail, numbers={str(n): name for n, name in numbers.items()}, twins=twins)
    return numbers


def ask_at(name: str, protocol: str, rate: int, place: Place, notes: Notebook, ends: float) -> bool:
    """One question at another rate of the port, which was closed before."""
    notes.begin(name)
    try:
        ear = Ear(place.open(rate), place.clock, ends)
    except TransportError as error:
        notes.note(name, FAILED, str(error), answered=False, seen="")
        return False
    try:
        target = Target(protocol, PC_HOST + place.target.number - 1 if protocol == "a5" else None)
        if protocol == "p81":
            target = Target("p81", board=place.target.number)
        link = Link(ear, place.timing._replace(byte=10 / rate), TRIES - 1, REST, place.clock)
        answered, detail, seen = ask(link, speaker(protocol, target), target)
    except TransportError as error:
        answered, detail, seen = False, str(error), ""
    finally:
        ear.close()
    notes.note(name, OK if answered else NOTED, f"at {rate} baud: {detail}", answered=answered, seen=seen)
    return answered


class _Tcp(Reader):
    """The head of a Modbus TCP answer, whatever it says."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._heard = b""

    def mark(self) -> None:
        self.reset()

    def feed(self, chunk: bytes) -> list[bytes]:
        self._heard += chunk
        return [self._heard] if self._heard.startswith(_MODBUS_TCP[:4]) and len(self._heard) > 8 else []


_LONGEST = 9
_MODBUS_TCP = bytes.fromhex("d4a100000006 d2 03 0000 0001")
"""A read of one register in the frame of Modbus TCP: on a serial line no board takes it for a question."""


def ask_gateway(ear: Ear, place: Place, notes: Notebook) -> bool:
    """Does the far side answer a question of Modbus TCP?"""
    notes.begin("gateway")
    if place.kind != "socket":
        notes.note("gateway", SKIPPED, "no network socket")
        return False
    link = Link(ear, place.timing._replace(timeout=1.2), 0, REST, place.clock)
    whole: Any = list
    question = Request("Modbus TCP", (_MODBUS_TCP,), _Tcp(), bool, whole, longest=_LONGEST, tries=1)
    try:
        link.exchange(question)
    except (NoReply, BadReply):
        notes.note("gateway", OK, "no Modbus TCP", modbus_tcp=False)
        return False
    notes.note("gateway", FAILED, "the gateway answers Modbus TCP", modbus_tcp=True)
    return True
