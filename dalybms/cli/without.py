"""`--without`: what `--all` and `--check` leave out, so that a board that lacks a command is read quickly."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from dalybms.errors import DalyError, NoReply
from dalybms.sections import SECTIONS, word

CHECK_CAN_SPARE = ("cell_voltage_range", "temperature_range", "temperatures", "balancing_status")
"""What a verdict of `--check` can do without. Faults, MOSFETs, state of charge and cells it cannot."""

_LACKING = ("silence", "another command", "echo")
"""What is heard from a board that does not know the question."""


def add_option(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--without",
        metavar="WORD",
        type=_section,
        action="append",
        default=[],
        help="with --all and --check: do not ask for this (balancing, temperatures, ...), repeatable; "
        "for boards that lack a command",
    )


def contradiction(options: argparse.Namespace) -> str | None:
    """Why `--without` cannot be obeyed by a reading, if so."""
    if options.without and not options.all:
        return "--without goes with --all or --check"
    both = [section for section in options.sections if section in options.without]
    return f"--{word(both[0])} and --without {word(both[0])} contradict each other" if both else None


def spared(sections: Iterable[str]) -> tuple[str, ...]:
    """What `--check` leaves out, in the documented order; ValueError when it needs one of them."""
    given = set(sections)
    needed = given.difference(CHECK_CAN_SPARE)
    if needed:
        can = ", ".join(map(word, CHECK_CAN_SPARE))
        raise ValueError(f"--check cannot do without {word(min(needed))}, only without {can}")
    return tuple(section for section in CHECK_CAN_SPARE if section in given)


def advised(outcomes: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Outcomes where each section of `--all` that alone stayed silent names the option to leave it out."""
    if not options.all or all(isinstance(outcome, DalyError) for outcome in outcomes.values()):
        return outcomes
    return {
        section: NoReply(f"{outcome}; {advice([section])}", outcome.seen)
        if is_lacking(outcome) and section not in options.sections and section in SECTIONS
        else outcome
        for section, outcome in outcomes.items()
    }


def advice(sections: Iterable[str]) -> str:
    """How to leave out what stayed silent."""
    options = [f"--without {word(section)}" for section in sections]
    return f"{' '.join(options)} leaves {'it' if len(options) == 1 else 'them'} out"


def is_lacking(outcome: Any) -> bool:
    """Did the board say nothing to this one question, as boards do that do not know it?"""
    return isinstance(outcome, NoReply) and outcome.seen in _LACKING


def _section(text: str) -> str:
    """The section of a word, as argparse wants it."""
    sections = {word(section): section for section in SECTIONS}
    if text not in sections:
        raise argparse.ArgumentTypeError(f"nothing is named {text!r}; there are {', '.join(sections)}")
    return sections[text]
