"""All steps of one wire in their order, within its time."""

from __future__ import annotations

from typing import Any

from dalybms.device import PROTOCOLS, hosts
from dalybms.diagnosis.asking import Found, ask_all, ask_at, chosen
from dalybms.diagnosis.battery import read_battery
from dalybms.diagnosis.bluetooth import LONGEST as BY_RADIO
from dalybms.diagnosis.bluetooth import open_link
from dalybms.diagnosis.cause import Wanted, answers_as_wanted
from dalybms.diagnosis.causes import causes
from dalybms.diagnosis.findings import findings
from dalybms.diagnosis.gateway import ask_gateway
from dalybms.diagnosis.later import ask_again, ask_patiently
from dalybms.diagnosis.listening import SECONDS, daly_answers, judge
from dalybms.diagnosis.numbers import call_roll
from dalybms.diagnosis.overheard import overheard
from dalybms.diagnosis.port import lost, open_place
from dalybms.diagnosis.quality import measure
from dalybms.diagnosis.steps import NOTED, OK, Notebook, Tell
from dalybms.diagnosis.wire import Ear, Place, TimeUp, place_of
from dalybms.errors import TransportError

LONGEST = 20.0
"""Seconds on a wire."""
_CLOSING = 1.8
"""Of these, for opening, closing and what is said."""
_FURTHER = 1.0
"""Seconds more for each further number that answers."""
_DISCONNECTING = 2.5
"""Of the seconds on Bluetooth: BlueZ takes two to let a device go."""
_FAST, _USUAL = 115200, 9600
_ENOUGH = 4096
"""Bytes: who hears so many need not listen longer."""


def diagnose(device: str, options: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """{"device": its kind, "answers": bool, "steps", "causes", "findings", "unchecked"}.

    options: as cli.settings.settings() gives them, "board", and "interval": s between readings, None: not
    known. tell: is handed each step as it begins and
    when it is done. Sends nothing but reads. Raises ValueError for a text or options that cannot be.
    """
    place, notes = place_of(device, options), Notebook(tell)
    wanted = _wanted(place)
    seen = _walk(place, notes)
    found = causes(notes.steps, wanted)
    wrong, unchecked = findings({**seen, "interval": options.get("interval")}) if seen else ([], [])
    return {
        "device": place.kind,
        "answers": answers_as_wanted(notes.steps, wanted),
        "steps": [step.document() for step in notes.steps],
        "causes": [each._asdict() for each in found],
        "findings": wrong,
        "unchecked": unchecked,
    }


def _wanted(place: Place) -> Wanted:
    target = place.target
    address = None if target.address is None else hosts(target)[0]
    return Wanted(place.wire, target.protocol, address, target.board)


def _walk(place: Place, notes: Notebook) -> dict[str, Any]:
    """The steps; what the battery says, {} where none was read."""
    began = place.clock()
    radio = place.kind == "bluetooth"
    transport = open_link(place, notes) if radio else open_place(place, notes)
    if transport is None:
        return {}
    longest = BY_RADIO - _DISCONNECTING if radio else LONGEST
    ear = Ear(transport, place.clock, began + longest - _CLOSING)
    seen: dict[str, Any] = {}
    try:
        found = _find(ear, place, notes) or _find_later(ear, place, notes)
        if found:
            seen = {"readings": {}}
            patience = measure(ear, place, found, notes)
            seen = read_battery(ear, place, found, notes, patience)
        _note_others(ear, place.target.number, notes)
    except TimeUp:
        notes.over()
        _note_others(ear, place.target.number, notes)
    except TransportError as error:
        lost(notes, error, place, ear.heard)
    finally:
        ear.close()
    return seen


def _note_others(ear: Ear, number: int, notes: Notebook) -> None:
    notes.begin("others")
    heard = overheard(bytes(ear.passed), ear.asked)
    spoken = sorted(daly_answers(bytes(ear.passed), number))
    notes.note(
        "others",
        OK if heard.what == "nothing" else NOTED,
        heard.detail,
        heard=heard.what,
        spoken=spoken,
        **heard.facts,
    )


def _find(ear: Ear, place: Place, notes: Notebook) -> Found | None:
    """Listen, then ask in every way; the way that the options name first, else the likeliest."""
    notes.begin("listens")
    ear.mark()
    until = ear.left() - SECONDS
    while len(ear.heard) < _ENOUGH and ear.left() > until:
        ear.read(max(0.0, ear.left() - until))
    heard = judge(ear.heard)
    notes.note(
        "listens", OK if heard.what == "nothing" else NOTED, heard.detail, heard=heard.what, **heard.facts
    )
    ways = ask_all(ear, place, notes)
    numbers = call_roll(ear, place, notes, bool(ways)) if place.target.wired or not ways else {}
    ear.ends += _FURTHER * max(0, len(numbers) - 1)
    return chosen(ways, place.target)


def _find_later(ear: Ear, place: Place, notes: Notebook) -> Found | None:
    """Nobody answers in time: other rates, and once more."""
    numbers = {step.name: step.facts for step in notes.steps}.get("numbers", {}).get("numbers", {})
    others = numbers and str(place.target.number) not in numbers
    if ask_patiently(ear, place, notes) or others:
        return None
    if not numbers:
        ask_gateway(ear, place, notes)
    answered = ""
    if place.is_port and not numbers:
        ear.close()
        answered = _at_another_rate(place, notes, ear.ends)
        ear.go_on(place.open())
    quiet = any(step.facts.get("seen") in ("silence", "echo") for step in notes.steps)
    if not (answered or numbers or quiet):  # noise without end leaves no board to be heard
        return None
    return chosen(ask_again(ear, place, notes, [answered] if answered else PROTOCOLS), place.target)


def _at_another_rate(place: Place, notes: Notebook, ends: float) -> str:
    """The protocol that is answered at another rate, "" for none."""
    found = "" if place.baudrate == _USUAL else ask_at(_USUAL, ("a5", "d2", "p81"), place, notes, ends)
    return found or (
        "" if place.baudrate == _FAST else ask_at(_FAST, ("p81", "d2", "a5"), place, notes, ends)
    )
