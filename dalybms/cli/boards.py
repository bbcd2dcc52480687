"""--board 1,2,3 and --board all: each board printed as it would be alone, and the bank beside them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from dalybms.banking import bank
from dalybms.cli import output, without
from dalybms.cli.several import Answered, Limit, Progress, read_several
from dalybms.errors import DalyError, NotSupported
from dalybms.getters import presentable

_FOR_THE_BANK = ("rated_capacity_ah",)
"""What the bank needs of `info`, where nobody has asked for all of it."""


def print_boards(
    options: argparse.Namespace,
    sections: Sequence[str],
    settings: Mapping[str, Any],
    limit: Limit,
    progress: Progress | None,
) -> int:
    """One object of all boards, keyed by number; with --all also their bank. Returns the exit code.

    A board that failed is {"error": why} in its place, and the code is FAILED.
    """
    more = options.all and "info" not in sections
    asked = [*sections, "info"] if more else list(sections)
    found = read_several(options, settings, asked, _FOR_THE_BANK if more else (), limit, progress)
    found = {number: _advised(came, options) for number, came in found.items()}
    alone = len(sections) == 1 and not options.all
    document: dict[str, Any] = {
        "boards": {str(number): _shown(came, sections, alone) for number, came in found.items()}
    }
    if options.all:
        packs = {str(number): _pack(came) for number, came in found.items()}
        document["bank"] = bank(packs, inverted=packs if options.invert_current else ())
    for number, came in found.items():
        _tell(number, came)
    code = output.write(json.dumps(document, indent=2))
    return output.FAILED if any(_failed(came, sections) for came in found.values()) else code


def _advised(came: Answered | DalyError, options: argparse.Namespace) -> Answered | DalyError:
    if isinstance(came, DalyError):
        return came
    return came._replace(outcomes=without.advised(came.outcomes, options))


def _outcomes(came: Answered | DalyError, sections: Sequence[str]) -> dict[str, Any]:
    return dict.fromkeys(sections, came) if isinstance(came, DalyError) else came.outcomes


def _shown(came: Answered | DalyError, sections: Sequence[str], alone: bool) -> Any:
    outcomes = {section: _outcomes(came, sections)[section] for section in sections}
    errors = [outcome for outcome in outcomes.values() if isinstance(outcome, DalyError)]
    if len(errors) == len(outcomes):
        return {"error": str(errors[0])}
    return next(iter(outcomes.values())) if alone else presentable(outcomes)


def _pack(came: Answered | DalyError) -> Any:
    if isinstance(came, DalyError):
        return came
    return {**presentable(came.outcomes), "unusable": came.unusable}


def _failed(came: Answered | DalyError, sections: Sequence[str]) -> bool:
    """A section that the board has not is no failure, unless it is all that was asked for."""
    outcomes = [_outcomes(came, sections)[section] for section in sections]
    bad = [each for each in outcomes if isinstance(each, DalyError)]
    return len(bad) == len(outcomes) or any(not isinstance(error, NotSupported) for error in bad)


def _tell(number: int, came: Answered | DalyError) -> None:
    if isinstance(came, Answered) and came.unusable:
        whys = "; ".join(dict.fromkeys(came.unusable.values()))
        output.complain(f"board {number}: left out, as the board states it twice: {whys}")
