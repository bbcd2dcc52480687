"""The causes where no way of asking was answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dalybms.diagnosis import radio
from dalybms.diagnosis.cause import (
    ASKS,
    NETWORK,
    NOTICED,
    Cause,
    Facts,
    Wanted,
    cause,
    other_program,
    slow,
    twins_of,
)
from dalybms.diagnosis.steps import Step

_LATE = {"another protocol", "another board", "another command"}
"""What a question is met with that hears the answer to an earlier one."""
_STRANGERS = ("master", "boards", "inverter", "modem", "make", "modbus", "text")
_SLOW = cause("slow", time="very long", seconds=3)


def of_silence(facts: Facts, steps: Sequence[Step], wanted: Wanted) -> list[Cause]:
    """What fits, the likeliest first."""
    asked = [step.facts for step in steps if step.name in ASKS]
    if wanted.kind == "bluetooth":
        return _by_radio(facts, asked, wanted)
    heard = facts.get("listens", {}).get("heard", "nothing")
    return (
        _certain(facts, asked, wanted)
        or _of_numbers(facts, wanted)
        or _of_strangers(facts, _stranger(facts, asked), wanted)
        or _of_asked(facts, asked, heard, wanted)
    )


def _stranger(facts: Facts, asked: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What tells of somebody else: what came unasked, else while we asked."""
    unasked = [facts.get(name, {}) for name in ("listens", "others")]
    between = [{**each, "heard": each.get("bytes")} for each in asked]
    return next((each for each in (*unasked, *between) if each.get("heard") in _STRANGERS), {})


def _certain(facts: Facts, asked: Sequence[Mapping[str, Any]], wanted: Wanted) -> list[Cause]:
    """What can be nothing else."""
    listens = facts.get("listens", {})
    heard = listens.get("heard")
    answers = [each.get("bytes") for each in asked]
    if facts.get("gateway", {}).get("modbus_tcp"):
        return [cause("modbus-tcp")]
    if heard == "text" and listens.get("server"):
        return [cause("text")]
    for what in ("modbus-tcp", "telnet"):
        if what in {heard, *answers} and wanted.kind == "socket":
            return [cause(what)]
    for name, of in facts.items():
        rate = name.rpartition("-")[2]
        if of.get("answered") and name not in ASKS:
            return [cause("baudrate-found", rate=rate)]
    unasked = heard not in ("nothing", None)
    if facts.get("patiently", {}).get("slow") and not unasked and not _is_stranger(facts):
        return [slow(facts["patiently"]["slow"])]
    for what in ("text", "make", "modbus"):
        each_time = 2 * answers.count(what) > len(answers)
        if each_time and (what == "text" or not unasked):
            return [_named(what, facts, asked)]
    return [] if unasked else _refused(asked)


def _slow(facts: Facts) -> Cause:
    patient = facts.get("patiently", {}).get("slow")
    return slow(patient) if patient else _SLOW


def _is_stranger(facts: Facts) -> bool:
    return facts.get("others", {}).get("heard") in _STRANGERS


def _refused(asked: Sequence[Mapping[str, Any]]) -> list[Cause]:
    """Whole frames that refuse or hold nothing. Sinowealth's check is weak: what fails it may be anything."""
    names = [each["protocol"].upper() for each in asked if each.get("seen") == "unbelievable"]
    return [cause("unbelievable", spoken=" and ".join(names))] if names and "SINOWEALTH" not in names else []


def _by_radio(facts: Facts, asked: Sequence[Mapping[str, Any]], wanted: Wanted) -> list[Cause]:
    """One link is one board, which may have another number than is asked for."""
    if facts.get("patiently", {}).get("slow"):
        return [_slow(facts)]
    found = _refused(asked) or _of_numbers(facts, wanted)
    if found:
        return found
    seen = {each.get("seen", "") for each in asked}
    late = [_SLOW] if seen & _LATE or facts.get("others", {}).get("spoken") else []
    return [*late, *(cause(code) for code in radio.of_silence(seen))]


def _named(code: str, facts: Facts, asked: Sequence[Mapping[str, Any]]) -> Cause:
    make = next((each["make"] for each in (*asked, *facts.values()) if each.get("make")), "another")
    return cause(code, make=make)


def _of_numbers(facts: Facts, wanted: Wanted) -> list[Cause]:
    """Boards answer under numbers: another one, or this one now and then."""
    of = facts.get("numbers", {})
    numbers, twins = of.get("numbers"), twins_of(facts)
    if twins or not numbers:
        return twins
    unasked = {facts.get(name, {}).get("heard") for name in ("listens", "others")}
    others = [cause("master")] if unasked & {"master", "boards"} else []
    mine = str(wanted.board or 1)
    if mine in numbers:
        return [*others, _slow(facts), cause("unsteady", answered="some", asked="the")]
    text = ", ".join(f"{number} ({name.upper()})" for number, name in numbers.items())
    number = cause("number", wanted=mine, numbers=text, first=next(iter(numbers)))
    return [number] if of.get("sure", True) and not others else [cause("master"), number]


def _of_strangers(facts: Facts, heard: Mapping[str, Any], wanted: Wanted) -> list[Cause]:
    """Somebody else speaks on this line, unasked."""
    what, other = heard.get("heard"), other_program(facts)
    if what in ("master", "boards"):
        return [cause("master"), *other, _of_their_boards(heard.get("boards", []), wanted)]
    if what == "inverter":
        return [cause("inverter"), cause("master")]
    if what == "modem":
        return [cause("modem"), *other, cause("asleep")]
    if what in ("make", "modbus"):
        return [_named(what, facts, [heard]), *other, cause("asleep")]
    if what == "text" and wanted.kind in NETWORK:  # ser2net greets so
        return [cause("asleep"), cause("text"), cause("gateway-settings")]
    return [cause("text"), *other, cause("asleep")] if what == "text" else []


def _of_their_boards(boards: Sequence[int], wanted: Wanted) -> Cause:
    """Somebody else is answered: by another board than ours, or by ours, which then does not hear us."""
    mine = wanted.board or 1
    if not boards or mine in boards:
        return cause("wires" if boards else "asleep")
    numbers = ", ".join(f"{number} (A5)" for number in boards)
    return cause("number", wanted=mine, numbers=numbers, first=boards[0])


def _of_asked(facts: Facts, asked: Sequence[Mapping[str, Any]], heard: str, wanted: Wanted) -> list[Cause]:
    """By what came in place of an answer."""
    seen, other = {each.get("seen", "") for each in asked}, other_program(facts)
    if seen & _LATE or facts.get("others", {}).get("spoken"):
        return [_slow(facts), *other, cause("master"), cause("unsteady", answered=0, asked="all")]
    if "damage" in seen or "unbelievable" in seen:
        return [*other, cause("disturbed"), cause("collision"), cause("wires")]
    noisy = [each for each in asked if each.get("seen") == "noise"]
    if noisy and all(each.get("bytes") == "echo" for each in noisy) and heard == "nothing":
        return [cause("asleep"), cause("joined"), cause("disturbed")]
    if (
        noisy and heard == "nothing" and seen & {"silence", "echo"}
    ):  # some questions are answered, by what is no frame
        return [*other, cause("disturbed"), cause("collision"), cause("wires")]
    once = not noisy and seen <= {"silence", ""} and heard in ("noise", "zeros")
    if (
        once and facts["listens"].get("bytes", 0) >= NOTICED
    ):  # it came before anything was asked, and then no more
        return [cause("asleep"), *_of_noise(asked, "noise", other, wanted)]
    if not once and (noisy or heard in ("noise", "zeros")):
        return _of_noise(asked, heard, other, wanted)
    if "echo" in seen:
        return [cause("asleep"), cause("joined"), *other]
    if wanted.kind in NETWORK:
        return [cause("asleep"), cause("wires"), cause("gateway-settings")]
    return [cause("asleep"), *other, cause("wires"), cause("adapter")]


def _of_noise(
    asked: Sequence[Mapping[str, Any]], heard: str, other: list[Cause], wanted: Wanted
) -> list[Cause]:
    """Bytes of no known protocol."""
    rate = cause("baudrate") if wanted.kind == "serial" else cause("gateway-settings")
    if heard == "zeros" or any(each.get("bytes") == "zeros" for each in asked):
        return [cause("swapped"), rate, cause("disturbed")]
    return [*other, rate, cause("swapped"), cause("disturbed")]
