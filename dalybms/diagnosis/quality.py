"""How well a board that answers is heard: deaf time, answer rate, damage, and whether two answer for one."""

from __future__ import annotations

from dalybms.diagnosis.asking import Found
from dalybms.diagnosis.deafness import MARGIN, Deafness, deafness
from dalybms.diagnosis.meter import DAMAGED, Meter
from dalybms.diagnosis.steps import NOTED, OK, SKIPPED, Notebook
from dalybms.diagnosis.wire import Ear, Place
from dalybms.link import Link
from dalybms.twins import proven

QUESTIONS = 20
_RESERVE = 5.0
"""Seconds that are left for reading the battery itself."""
_LATE_TIMES = 2
_TWIN_QUESTIONS = ("soc", "mosfet_status")
"""Of two boards the second holds a count that runs, so that they differ even where all else is equal."""


def measure(ear: Ear, place: Place, found: Found, notes: Notebook) -> None:
    """Four steps."""
    meter = Meter(ear, place, found, _RESERVE)
    notes.begin("deaf")
    deaf = _note_deaf(deafness(meter), notes)
    notes.begin("rate")
    while len(meter.rested) + (not deaf) * len(meter.hasty) < QUESTIONS and meter.time_left():
        meter.ask_rested()
    came = meter.rested + meter.damaged + ([] if deaf else meter.hasty)
    answered, asked = came.count(""), len(came)
    slow = answered < asked and all(meter.is_late() for _ in range(_LATE_TIMES))
    facts = {"asked": asked, "answered": answered, "slow": round(meter.slowest, 2) if slow else 0.0}
    notes.note("rate", OK if answered == asked else NOTED, f"{answered} of {asked} questions", **facts)
    notes.begin("damage")
    bad = sum(seen in DAMAGED for seen in came)
    facts = {"asked": asked, "damaged": bad}
    notes.note("damage", NOTED if bad else OK, f"{bad} of {asked} answers came damaged", **facts)
    _note_twins(ear, place, found, notes)


def _note_deaf(deaf: Deafness, notes: Notebook) -> bool:
    facts = {"seconds": deaf.seconds, "lost": deaf.lost, "asked": deaf.asked, "sure": deaf.sure}
    if deaf.seconds:
        detail = (
            f"{deaf.lost} of {deaf.asked} questions right after an answer are lost, "
            f"{1000 * deaf.seconds:.0f} ms after it they are heard"
        )
        notes.note("deaf", NOTED, detail, **facts, pause=round(deaf.seconds + MARGIN, 2))
    elif deaf.sure:
        notes.note("deaf", OK, "it hears a question right after its answer", **facts)
    elif not deaf.lost:
        notes.note("deaf", SKIPPED, "too few answers to tell", **facts)
    else:
        detail = f"{deaf.lost} of {deaf.asked} questions right after an answer are lost, which may be chance"
        notes.note("deaf", NOTED, detail, **facts)
    return bool(deaf.seconds)


def _note_twins(ear: Ear, place: Place, found: Found, notes: Notebook) -> None:
    """Do two boards answer one question, each of two times?"""
    notes.begin("twins")
    if not place.target.wired or ear.left() < _RESERVE / 2:
        why = "no time was left" if place.target.wired else "no other board can be on this wire"
        notes.note("twins", SKIPPED, why, twins=[])
        return
    link = Link(ear, place.timing, 0, 0.0, place.clock)
    questions = (found.speaker.probe([section]) for section in _TWIN_QUESTIONS)
    brief = (each._replace(writes=each.writes[:1], patience=0.5) for each in questions)
    differ = any(proven(link, each, found.number) for each in brief)
    detail = f"two boards answer under number {found.number}" if differ else "one board answers"
    notes.note("twins", NOTED if differ else OK, detail, twins=[found.number] if differ else [])
