"""The device as the system knows it, on its way to the open wire, step by step."""

from __future__ import annotations

import os
from typing import Any

from dalybms.diagnosis.listening import judge
from dalybms.diagnosis.programs import holders_of, takers
from dalybms.diagnosis.steps import FAILED, NOTED, OK, SKIPPED, Notebook
from dalybms.diagnosis.wire import Place
from dalybms.errors import TransportError


def open_place(place: Place, notes: Notebook) -> Any:
    """The transport, or None when it cannot be opened; four steps."""
    here = place.is_port
    notes.begin("there")
    if here and not os.path.exists(place.device) and os.name == "posix":
        _fail(notes, "there", _error(place), place)
        return None
    notes.note("there", OK if here else SKIPPED, "the device is there" if here else "no serial port")
    notes.begin("permission")
    may = not here or os.name != "posix" or os.access(place.device, os.R_OK | os.W_OK)
    if not may:
        _fail(notes, "permission", _error(place), place)
        return None
    notes.note("permission", OK if here else SKIPPED, "this user may open it" if here else "nothing to ask")
    notes.begin("busy")
    holders = holders_of(place.device) if here else []
    try:
        transport: Any = place.open()
    except TransportError as error:
        transport = error
    if isinstance(transport, TransportError) and transport.cause == "busy":
        _fail(notes, "busy", transport, place, by=holders)
        return None
    if holders:
        notes.note("busy", NOTED, f"open in {', '.join(holders)} as well", by=holders)
    else:
        notes.note("busy", OK if here else SKIPPED, "no other program seen on it" if here else "no port")
    return _opened(transport, notes, place)


def _opened(transport: Any, notes: Notebook, place: Place) -> Any:
    notes.begin("opens")
    if isinstance(transport, TransportError):
        _fail(notes, "opens", transport, place)
        return None
    notes.note("opens", OK, "it opens")
    return transport


def _error(place: Place) -> TransportError:
    """Why it does not open, in the words of every command."""
    try:
        place.open().close()
    except TransportError as error:
        return error
    return TransportError("the device came just now: try again")


def _fail(notes: Notebook, name: str, error: TransportError, place: Place, **facts: Any) -> None:
    running = takers() if place.is_port else []
    notes.note(name, FAILED, str(error), error=error.cause or "other", takers=running, **facts)


def lost(notes: Notebook, error: TransportError, place: Place, heard: bytes) -> None:
    """The wire went away within the step that runs; a port that is there no more may have been taken.

    heard: what came in that step.
    """
    taken = takers() if place.is_port and not os.path.exists(place.device) else []
    last = judge(heard)
    notes.lost(error, stage=error.stage, takers=taken, heard=last.what, **last.facts)
