"""How well a board that answers is heard: deaf time, answer rate, damage, and the commands it lacks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dalybms.cable import CableBoard
from dalybms.diagnosis.asking import REST, Found
from dalybms.diagnosis.steps import FAILED, NOTED, OK, Notebook
from dalybms.diagnosis.wire import Ear, Place, TimeUp
from dalybms.errors import BadReply, DalyError, NoReply, NotSupported
from dalybms.link import Link
from dalybms.sections import MORE_SECTIONS, SECTIONS

QUESTIONS = 20
_RESTS = (0.007, 0.05, 0.1, 0.15, 0.2, 0.25, REST)
"""Seconds between an answer and the next question, as programs in the field have them."""
_TIMES = 2
_BRIEF = 0.5
"""The share of the usual silence that is enough to see that a question was lost."""
_DAMAGED = ("damage", "noise")
_RESERVE = 6.0
"""Seconds that are left for reading the battery itself."""


class Meter:
    """Asks one question of a board again and again, each time after a rest that is chosen."""

    def __init__(self, ear: Ear, place: Place, found: Found) -> None:
        self._ear, self._place, self._found = ear, place, found
        request = found.speaker.probe(["soc"])
        self._request = request._replace(writes=request.writes[:1], tries=1, optional=True)

    def ask(self, rest: float, patience: float = 1.0) -> str:
        """What came after so long a rest: "" an answer, else what was heard instead."""
        link = Link(self._ear, self._place.timing, 0, 0.0, self._place.clock)
        link.idle(rest)
        try:
            link.exchange(self._request._replace(patience=patience), self._found.number)
        except NoReply as error:
            return error.seen
        except BadReply:
            return "damage"
        return ""

    def time_left(self) -> bool:
        return self._ear.left() > _RESERVE


def measure(ear: Ear, place: Place, found: Found, notes: Notebook) -> None:
    """Three steps."""
    meter = Meter(ear, place, found)
    notes.begin("deaf")
    deaf = _deaf(meter)
    if deaf:
        notes.note(
            "deaf",
            NOTED,
            f"a question right after an answer is lost, {deaf * 1000:.0f} ms after it is heard",
            seconds=deaf,
        )
    else:
        notes.note("deaf", OK, "it hears a question right after its answer", seconds=0.0)
    notes.begin("rate")
    came = [meter.ask(REST if deaf or number % 2 else 0.05) for number in _counted(meter)]
    answered, asked = came.count(""), len(came)
    facts = {"asked": asked, "answered": answered}
    notes.note("rate", OK if answered == asked else NOTED, f"{answered} of {asked} questions", **facts)
    notes.begin("damage")
    bad = sum(seen in _DAMAGED for seen in came)
    facts = {"asked": asked, "damaged": bad}
    notes.note("damage", NOTED if bad else OK, f"{bad} of {asked} answers came damaged", **facts)


def _counted(meter: Meter) -> Any:
    return (number for number in range(QUESTIONS) if meter.time_left())


def _deaf(meter: Meter) -> float:
    """The shortest rest that is known to be long enough; 0.0 when a question is heard at once."""
    if not _lost(meter, _RESTS[0]):
        return 0.0
    low, high = 0, len(_RESTS) - 1
    while high - low > 1 and meter.time_left():
        middle = (low + high) // 2
        low, high = (middle, high) if _lost(meter, _RESTS[middle]) else (low, middle)
    return _RESTS[high]


def _lost(meter: Meter, rest: float) -> bool:
    """Is each question lost that comes so soon after an answer? No answer to begin with says nothing."""
    lost = 0
    while lost < _TIMES and meter.time_left():
        if meter.ask(REST, _BRIEF):
            return False
        if not meter.ask(rest, _BRIEF):
            return False
        lost += 1
    return lost > 0


def read_battery(ear: Ear, place: Place, found: Found, notes: Notebook) -> dict[str, Any]:
    """What the battery says, {section: reading or {"error": ...}}; the step "commands"."""
    notes.begin("commands")
    target = place.target
    numbered = found.speaker.name in ("a5", "p81")
    board = CableBoard(
        request_retries=2,
        board=found.number if numbered and target.board else None,
        protocol=found.speaker.name,
        address=found.host,
        read_only=True,
    )
    pause = next((step.facts["seconds"] for step in notes.steps if step.name == "deaf"), 0.0)
    board.hang_on(Link(ear, place.timing, 2, pause + 0.05 if pause else None, place.clock), lambda: "")
    try:
        outcomes = board.read((*SECTIONS, *MORE_SECTIONS))
    except (NoReply, BadReply) as error:
        notes.note("commands", FAILED, str(error), missing=[])
        return {"readings": {}, "unusable": {}, "parameters": None}
    missing = [name for name, value in outcomes.items() if _lacks(value)]
    broken = [name for name, value in outcomes.items() if isinstance(value, DalyError)]
    detail = f"no answer to {', '.join(missing)}" if missing else "all sections are answered"
    notes.note("commands", NOTED if broken else OK, detail, missing=missing, unread=broken)
    readings = {
        name: {"error": str(value)} if isinstance(value, DalyError) else value
        for name, value in outcomes.items()
    }
    return {
        "readings": readings,
        "unusable": dict(board.unusable),
        "parameters": _parameters(board, ear),
        "clock": _clock(board, ear, place),
    }


def _lacks(value: Any) -> bool:
    """What its protocol does not have at all is no fault of the board."""
    return isinstance(value, NoReply) and value.seen == "another command"


def _parameters(board: CableBoard, ear: Ear) -> dict[str, Any] | None:
    if ear.left() < 1.0:
        return None
    try:
        return dict(board.get_parameters())
    except (NoReply, BadReply, NotSupported, TimeUp):
        return None


def _clock(board: CableBoard, ear: Ear, place: Place) -> dict[str, Any]:
    if place.kind == "replay":
        return {"error": "a recording does not tell the local time that it was made at"}
    if ear.left() < 1.0:
        return {"error": "not read, no time was left"}
    try:
        return {"board": board.get_clock(), "here": datetime.now()}
    except (NoReply, BadReply, NotSupported, TimeUp) as error:
        return {"error": str(error)}
