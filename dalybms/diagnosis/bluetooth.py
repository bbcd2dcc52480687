"""A Bluetooth device on its way from the system's service to the open link, step by step.

A dongle that is connected does not advertise: a phone that holds it, a pack that sleeps and one out of
reach look the same from here, so they are told as causes that fit. Nothing is written to a device before its
link is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dalybms.diagnosis.radio import BEFORE, WEAK
from dalybms.diagnosis.steps import FAILED, NOTED, OK, SKIPPED, Notebook
from dalybms.errors import TransportError

if TYPE_CHECKING:
    from dalybms.diagnosis.wire import Place

LONGEST = 40.0
"""Seconds for all of it."""
LISTENED = 6.0
"""Seconds: a dongle advertises about once a second, a weak one is heard every third time."""
_TURN, _START, _STOP, _CLEANUP = 1.0, 3.0, 1.0, 1.0
"""Seconds, shorter than a reading allows: what hangs so long is said to hang."""
_STEP_OF = {
    "bleak": "service",
    "bus": "service",
    "service": "service",
    "old": "service",
    "broken": "service",
    "permission": "permission",
}
"""Which step an error of this machine fails; any other fails the adapter."""
_FINE = {
    "service": "the Bluetooth service runs",
    "permission": "this user may use it",
    "adapter": "there is an adapter, and it is on",
}


def open_link(place: Place, notes: Notebook) -> Any:
    """The open transport, or None where a step failed. Seven steps."""
    from dalybms.transports.bluetooth.limits import LIMITS
    from dalybms.transports.bluetooth.scanning import scan

    limits = LIMITS._replace(
        turn=_TURN,
        bus=_START,
        start=_START,
        stop=_STOP,
        cleanup=_CLEANUP,
        connect=0,
        subscribe=0,
        disconnect=0,
    )
    notes.begin(BEFORE[0])
    try:
        rows = scan(LISTENED, place.adapter, limits=limits)
    except TransportError as error:
        _this_machine(notes, error)
        return None
    _this_machine(notes)
    return _connected(place, notes) if _is_heard(place.name, rows, notes) else None


def _this_machine(notes: Notebook, error: TransportError | None = None) -> None:
    """Three steps, up to the one that failed."""
    word = getattr(error, "cause", "") or "other"
    for step in BEFORE:
        if step != BEFORE[0]:
            notes.begin(step)
        if error and step == _STEP_OF.get(word, "adapter"):
            notes.note(step, FAILED, str(error), error=word)
            return
        notes.note(step, OK, _FINE[step])


def _is_heard(name: str, rows: list[dict[str, Any]], notes: Notebook) -> bool:
    """Two steps."""
    from dalybms.transports.bluetooth.adverts import matches

    notes.begin("advertising")
    found = [row for row in rows if matches(name, row["address"], [row["name"]])]
    dalys = sum(row["daly"] for row in rows if row not in found)
    if len(found) == 1:
        _signal(found[0], notes)
        return True
    if found:
        word, detail = "same-name", f"{len(found)} devices have this name"
    else:
        word = "not-heard" if rows else "nothing-heard"
        detail = f"not heard in {LISTENED:g} s; of {len(rows)} devices that were, {dalys} look like Daly"
    notes.note("advertising", FAILED, detail, error=word, devices=len(rows), dalys=dalys)
    return False


def _signal(row: Mapping[str, Any], notes: Notebook) -> None:
    strength = row["rssi"]
    if strength is None:
        notes.note("advertising", NOTED, "this machine is connected to it already", connected=True)
        notes.begin("signal")
        notes.note("signal", SKIPPED, "a connected device tells none")
        return
    looks = "and looks like Daly" if row["daly"] else "and does not say that it is Daly"
    notes.note("advertising", OK, f"it is heard, {looks}", daly=row["daly"])
    notes.begin("signal")
    weak = strength < WEAK
    detail = f"{strength} dBm{', which is weak' if weak else ''}"
    notes.note("signal", NOTED if weak else OK, detail, rssi=strength, weak=weak)


def _connected(place: Place, notes: Notebook) -> Any:
    """Two steps."""
    notes.begin("connects")
    try:
        transport = place.open()
    except TransportError as error:
        if getattr(error, "stage", "") == "subscribe":
            notes.note("connects", OK, "it connects")
            notes.begin("services")
        failed = "services" if notes.steps[-1].name == "connects" else "connects"
        notes.note(failed, FAILED, str(error), error=getattr(error, "cause", "") or "other")
        return None
    notes.note("connects", OK, "it connects")
    notes.begin("services")
    notes.note("services", OK, "it has the services of a Daly dongle, and takes notifications")
    return transport
