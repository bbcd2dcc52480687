"""Ask in every way there is, one after the other, each by the link's own request loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dalybms.device import APP_HOST, PC_HOST, Target, hosts, speaker
from dalybms.diagnosis.listening import is_echo, judge
from dalybms.diagnosis.steps import NOTED, OK, SKIPPED, Notebook
from dalybms.diagnosis.wire import Ear, Place
from dalybms.errors import BadReply, NoReply
from dalybms.link import Link

if TYPE_CHECKING:
    from dalybms.device import Speaker
    from dalybms.protocols.request import Answer

REST = 0.3
"""Before each question: every board hears after so long."""
TRIES = 2
_ROUNDS = {"d2": (0, 2), "p81": (0, 2)}
"""What is asked in turn: of these the poll, then a part of it, of others another command."""
_LEAST_SILENCE = 0.3
"""Seconds that an answer is waited for even where less is asked for: that may be what is wrong."""
_BRIEF = 0.6
"""The share of the usual silence for other ways, where one has been answered."""


class Found(NamedTuple):
    """A way of asking that was answered. round: of its questions the one that was."""

    step: str
    speaker: Speaker
    number: int
    host: int | None
    round: int = 0


class Asked(NamedTuple):
    """What became of a way of asking. seen: what was heard instead of an answer."""

    answered: bool
    detail: str
    seen: str
    round: int = 0


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
        done = ask(link, one, target, (found[0].round,) if found else (), _BRIEF if found else 1.0)
        kind, echo, more = _heard_instead(ear, done.seen)
        echoes, asked = echoes + echo, asked + 1
        host = target.address if target.protocol == "a5" else None
        facts = {"protocol": one.name, "number": target.number, "host": host, "seen": done.seen, "echo": echo}
        facts.update(more)
        outcome = OK if done.answered else NOTED
        notes.note(name, outcome, done.detail, answered=done.answered, bytes=kind, **facts)
        if done.answered:
            found.append(Found(name, one, target.number, host, done.round))
    _note_echo(notes, echoes, asked)
    return found


def _heard_instead(ear: Ear, seen: str) -> tuple[str, bool, dict[str, Any]]:
    """(what noise really is, did our own question come back, perhaps late? what it tells besides)."""
    rest = ear.heard
    for question in ear.asked:
        rest = rest.replace(question, b"")
    whole = rest != ear.heard
    if seen != "noise":
        return "", whole, {}
    heard = judge(rest)
    if heard.what in ("noise", "zeros", "nothing") and (is_echo(ear.question, rest) or (whole and not rest)):
        return "echo", True, {}
    return heard.what, whole, {"make": heard.facts["make"]} if "make" in heard.facts else {}


def ask(link: Link, one: Speaker, target: Target, rounds: Sequence[int] = (), patience: float = 1.0) -> Asked:
    """A question for each round, as some boards lack or refuse one; a late answer to the first counts."""
    rounds = rounds or _ROUNDS.get(one.name, range(TRIES))
    patience = max(patience, _LEAST_SILENCE / link.timing.timeout)
    questions = [one.probe(["soc"], round_) for round_ in rounds]
    questions = [each._replace(writes=each.writes[:1], patience=patience) for each in questions]
    try:
        with link.call():
            answer: Answer = link.find(questions, target.number)
            one.learn(answer)
    except NoReply as error:
        said = "nothing was heard" if error.seen == "silence" else str(error)
        return Asked(False, f"{one.asks}: {said}", error.seen)
    except BadReply as error:
        return Asked(False, f"{one.asks}: {error}", "unbelievable")
    return Asked(True, f"{one.asks} is answered", "", rounds[questions.index(answer.request)])


def _note_echo(notes: Notebook, echoes: int, asked: int) -> None:
    notes.begin("echo")
    if echoes:
        notes.note("echo", NOTED, f"our own question came back {echoes} of {asked} times", echo=True)
    else:
        notes.note("echo", OK, "our own questions do not come back", echo=False)


def chosen(found: Sequence[Found], target: Target) -> Found | None:
    """What a reading takes: the protocol that is named, else D2 last, which tells no board number."""
    named = [way for way in found if way.speaker.name == target.protocol]
    others = [way for way in found if way.speaker.name != "d2" or not target.wired]
    return next(iter([*named, *others, *found]), None)


def ask_at(rate: int, protocols: Sequence[str], place: Place, notes: Notebook, ends: float) -> str:
    """Some questions at another rate of the port, which was closed before: what is answered, or "".

    TransportError when it is gone.
    """
    names = [f"{protocol}-{rate}" for protocol in protocols]
    notes.begin(names[0])
    ear = Ear(place.open(rate), place.clock, ends)
    try:
        link = Link(ear, place.timing._replace(byte=10 / rate), TRIES - 1, REST, place.clock)
        asked = (
            protocol
            for name, protocol in zip(names, protocols)
            if _ask_one_at(name, protocol, place, link, notes)
        )
        return next(asked, "")
    finally:
        ear.close()


def _ask_one_at(name: str, protocol: str, place: Place, link: Link, notes: Notebook) -> bool:
    notes.begin(name)
    number = place.target.number
    target = Target(protocol, PC_HOST + number - 1, number) if protocol == "a5" else Target(protocol)
    if protocol == "p81":
        target = Target("p81", board=number)
    done = ask(link, speaker(protocol, target), target)
    facts = {"answered": done.answered, "seen": done.seen}
    notes.note(
        name, OK if done.answered else NOTED, f"at {name.rpartition('-')[2]} baud: {done.detail}", **facts
    )
    return done.answered
