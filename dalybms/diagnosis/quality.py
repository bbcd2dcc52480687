"""How well a board that answers is heard: deaf time, answer rate, damage, and whether two answer for one."""

from __future__ import annotations

from dalybms.diagnosis.asking import REST, Found
from dalybms.diagnosis.deafness import MARGIN, Deafness, deafness
from dalybms.diagnosis.meter import DAMAGED, LATE, Meter
from dalybms.diagnosis.steps import NOTED, OK, SKIPPED, Notebook
from dalybms.diagnosis.wire import Ear, Place
from dalybms.link import Link
from dalybms.twins import proven

QUESTIONS = 20
_RESERVE = 5.0
"""Seconds that are left for reading the battery itself."""
_LATE_TIMES = 2
"""So many late answers are no chance."""
_TWIN_GAP = 0.4
"""Seconds by which the second of two boards may be behind the first."""
_TWIN_QUESTIONS = ("soc", "mosfet_status")
"""Of two boards the second holds a count that runs, so that they differ even where all else is equal."""


def measure(ear: Ear, place: Place, found: Found, notes: Notebook) -> float:
    """Four steps. Gives the seconds of silence that show that this board has no answer."""
    meter = Meter(ear, place, found, _RESERVE)
    notes.begin("deaf")
    if all(not meter.ask_rested() and meter.rested[-1] == LATE for _ in range(_LATE_TIMES)):
        notes.note("deaf", SKIPPED, "its answers come too late to tell", seconds=0.0, sure=False)
        deaf = 0.0
    else:
        deaf = _note_deaf(deafness(meter), notes)
    notes.begin("rate")
    while len(meter.rested) + (not deaf) * len(meter.hasty) < QUESTIONS and meter.time_left():
        meter.ask_rested(max(REST, deaf))
    came = meter.rested + meter.damaged + ([] if deaf else meter.hasty)
    _note_rate(came, meter, notes)
    _note_twins(ear, place, found, notes)
    return meter.patience


def _note_rate(came: list[str], meter: Meter, notes: Notebook) -> None:
    """Two steps."""
    answered, asked = came.count(""), len(came)
    lost = sum(seen not in ("", LATE) for seen in meter.rested)
    slow = meter.late >= _LATE_TIMES and meter.late >= lost
    detail = f"{answered} of {asked} questions"
    if meter.late:
        detail += f", and {meter.late} too late, up to {meter.slowest:.1f} s"
    facts = {"asked": asked, "answered": answered, "slow": round(meter.slowest, 2) if slow else 0.0}
    notes.note("rate", OK if answered == asked else NOTED, detail, **facts)
    notes.begin("damage")
    bad = sum(seen in DAMAGED for seen in came)
    facts = {"asked": asked, "damaged": bad}
    notes.note("damage", NOTED if bad else OK, f"{bad} of {asked} answers came damaged", **facts)


def _note_deaf(deaf: Deafness, notes: Notebook) -> float:
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
    return deaf.seconds


def _note_twins(ear: Ear, place: Place, found: Found, notes: Notebook) -> None:
    """Do two boards answer one question, each of two times?"""
    notes.begin("twins")
    if not place.target.wired or ear.left() < _RESERVE / 2:
        why = "no time was left" if place.target.wired else "no other board can be on this wire"
        notes.note("twins", SKIPPED, why, twins=[])
        return
    link = Link(ear, place.timing._replace(open_end=_TWIN_GAP), 0, 0.0, place.clock)
    questions = (found.speaker.probe([section]) for section in _TWIN_QUESTIONS)
    brief = (each._replace(writes=each.writes[:1], patience=0.5) for each in questions)
    differ = any(proven(link, each, found.number) for each in brief)
    detail = f"two boards answer under number {found.number}" if differ else "one board answers"
    notes.note("twins", NOTED if differ else OK, detail, twins=[found.number] if differ else [])
