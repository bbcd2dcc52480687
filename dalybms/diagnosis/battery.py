"""What a battery that answers says of itself, as far as the time allows; the step "commands"."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dalybms.cable import CableBoard
from dalybms.diagnosis.asking import Found
from dalybms.diagnosis.meter import DAMAGED
from dalybms.diagnosis.steps import NOTED, OK, Notebook
from dalybms.diagnosis.wire import Ear, Place, TimeUp
from dalybms.errors import BadReply, DalyError, NoReply, NotSupported
from dalybms.link import Link
from dalybms.sections import MORE_SECTIONS, SECTIONS

_LEAST = 1.0
"""Seconds without which the settings are not begun."""
_PARTS = (
    ("soc", "cell_voltage_range", "status", "cell_voltages", "faults", "errors"),
    ("mosfet_status", "temperature_range", "temperatures", "balancing_status"),
    ("info",),
)
"""What is read together, and what first, where the time is short: the second part, where a board lacks the
first question. Sections that are checked against each other, or have one answer, stand in one part."""
_VITAL = ("soc", "status", "cell_voltages")
"""Sections without which nothing can be said of a battery."""


def read_battery(ear: Ear, place: Place, found: Found, notes: Notebook, patience: float) -> dict[str, Any]:
    """What findings() takes: `readings` {section: reading or {"error": ...}}, and what else it is made of.

    patience: seconds of silence that show that this board has no answer.
    """
    notes.begin("commands")
    board = _board(ear, place, found, notes, patience)
    outcomes: dict[str, Any] = {}
    unusable: dict[str, str] = {}
    for part in _PARTS if not found.round else (_PARTS[1], _PARTS[0], *_PARTS[2:]):
        try:
            outcomes.update(board.read(part))
        except (NoReply, BadReply) as error:
            outcomes.update(dict.fromkeys(part, error))
        except TimeUp:
            break
        unusable.update(board.unusable)
    patient = _board(ear, place, found, notes, place.timing.timeout)
    _ask_alone(board, patient, ear, outcomes, unusable)
    _note(outcomes, notes)
    readings = {
        name: {"error": str(value)} if isinstance(value, DalyError) else value
        for name, value in outcomes.items()
    }
    clock = _clock(board, ear, place)  # a single question, where the settings are many
    return {
        "readings": readings,
        "unusable": unusable,
        "clock": clock,
        "parameters": _parameters(board, ear),
    }


def _ask_alone(
    board: CableBoard, patient: CableBoard, ear: Ear, outcomes: dict[str, Any], unusable: dict[str, str]
) -> None:
    """Sections not answered beside others, each with a time of its own: some were not even asked.

    patient: for what began and was not whole; some lines have pauses between frames.
    """
    for name, value in list(outcomes.items()):
        if not isinstance(value, NoReply):
            continue
        if ear.left() < _LEAST:
            break
        asked = patient if value.seen in DAMAGED else board
        try:
            outcomes.update(asked.read((name,)))
            unusable.update(asked.unusable)
        except (NoReply, BadReply) as error:
            outcomes[name] = error
        except TimeUp:
            break


def _board(ear: Ear, place: Place, found: Found, notes: Notebook, patience: float) -> CableBoard:
    numbered = found.speaker.name in ("a5", "p81")
    board = CableBoard(
        request_retries=2,
        board=found.number if numbered and place.target.board else None,
        protocol=found.speaker.name,
        address=found.host,
        read_only=True,
    )
    pause = next((step.facts.get("pause") for step in notes.steps if step.name == "deaf"), None)
    board.hang_on(Link(ear, place.timing._replace(timeout=patience), 2, pause, place.clock), lambda: "")
    return board


def _note(outcomes: dict[str, Any], notes: Notebook) -> None:
    known = (*SECTIONS, *MORE_SECTIONS)
    missing = [name for name in known if _lacks(outcomes.get(name))]
    unread = [name for name in known if isinstance(outcomes.get(name), DalyError)]
    late = [name for name in known if name not in outcomes]
    refused = [name for name in unread if isinstance(outcomes[name], BadReply)]
    damaged = [name for name in known if getattr(outcomes.get(name), "seen", "") in DAMAGED]
    facts: dict[str, Any] = {"missing": missing, "unread": unread, "refused": refused, "late": late}
    facts["damaged"] = damaged
    if not set(_VITAL) & set(late):
        facts["read"] = len(set(_VITAL) - set(unread))
    lacking = (
        ("no answer to", missing),
        ("only damaged answers to", damaged),
        ("no believable answer to", refused),
        ("no time for", late),
    )
    detail = _said(lacking)
    notes.note("commands", NOTED if unread or late else OK, detail, **facts)


def _said(lacking: Sequence[tuple[str, list[str]]]) -> str:
    parts = [f"{words} {', '.join(names)}" for words, names in lacking if names]
    return "; ".join(parts) or "all sections are answered"


def _lacks(value: Any) -> bool:
    """What its protocol does not have at all is no fault of the board; what was asked once may be lost."""
    return isinstance(value, NoReply) and value.seen in ("another command", "silence") and value.repeated


def _parameters(board: CableBoard, ear: Ear) -> dict[str, Any] | None:
    if ear.left() < _LEAST:
        return None
    try:
        return dict(board.get_parameters())
    except (NoReply, BadReply, NotSupported, TimeUp):
        return None


def _clock(board: CableBoard, ear: Ear, place: Place) -> dict[str, Any]:
    if place.kind == "replay":
        return {"error": "a recording does not tell the local time that it was made at"}
    if ear.left() < _LEAST:
        return {"error": "not read, no time was left"}
    try:
        return {"board": board.get_clock(), "here": datetime.now()}
    except (NoReply, BadReply, NotSupported, TimeUp) as error:
        return {"error": str(error)}
