"""What the options of `--check` amount to: a policy."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dalybms.cli.check.metrics import LABELS, METRICS, cell_number
from dalybms.cli.check.nagios import CRITICAL, UNKNOWN, Range
from dalybms.cli.without import spared
from dalybms.sections import word

Threshold = tuple[str, Range]

WARNING_DEFAULT = {"soc": Range.parse("20:")}
CRITICAL_DEFAULT = {"soc": Range.parse("10:")}


class Policy(NamedTuple):
    """What the operator wants to hear about; the default is what `--check` alone does.

    `warning`, `critical`: ranges by metric label. `expect_charge`, `expect_discharge`: "on",
    "off" or "any"; None means on, where the board can tell, and a charge MOSFET that is off in a
    nearly full pack is normal. `cells`: how many there must be. `sensors`: how many must be readable.
    `no_reply`: the state of a board that is silent on an open wire. `without`: sections not asked for.
    """

    warning: Mapping[str, Range] = WARNING_DEFAULT
    critical: Mapping[str, Range] = CRITICAL_DEFAULT
    all_cells: bool = False
    expect_charge: str | None = None
    expect_discharge: str | None = None
    cells: int | None = None
    sensors: int | None = None
    no_reply: int = CRITICAL
    without: tuple[str, ...] = ()


DEFAULT = Policy()


def policy_of(args: argparse.Namespace) -> Policy:
    """The policy that parsed options amount to; ValueError when they contradict each other."""
    unknown = args.no_reply_state == "unknown"
    without = spared(args.without)
    _refuse_what_is_left_out(args, without)
    return Policy(
        warning={**WARNING_DEFAULT, **_by_metric("--warning", args.warning or (), args.all_cells)},
        critical={**CRITICAL_DEFAULT, **_by_metric("--critical", args.critical or (), args.all_cells)},
        all_cells=args.all_cells,
        expect_charge=args.expect_charge,
        expect_discharge=args.expect_discharge,
        cells=args.cells,
        sensors=args.sensors,
        no_reply=UNKNOWN if unknown else CRITICAL,
        without=without,
    )


def _refuse_what_is_left_out(args: argparse.Namespace, without: Iterable[str]) -> None:
    """ValueError when an option judges what another one leaves out."""
    judged = [("--sensors", "temperatures")] if args.sensors is not None else []
    for option, pairs in (("--warning", args.warning), ("--critical", args.critical)):
        labels = {label for label, _ in pairs or ()}
        judged += [(f"{option} {row.label}", row.section) for row in METRICS if row.label in labels]
    for option, section in judged:
        if section in without:
            raise ValueError(f"{option} and --without {word(section)} contradict each other")


def threshold(text: str) -> Threshold:
    """("soc", Range) of "soc=20:"; ArgumentTypeError names the metrics there are."""
    label, equals, limits = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no threshold, write METRIC=RANGE, for instance soc=20:"
        )
    if label not in LABELS and cell_number(label) is None:
        raise argparse.ArgumentTypeError(
            f"no metric is named {label!r}; there are {', '.join(LABELS)}; with --all-cells cell_1 to cell_48"
        )
    try:
        return label, Range.parse(limits)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _by_metric(option: str, pairs: Iterable[Threshold], all_cells: bool) -> dict[str, Range]:
    ranges: dict[str, Range] = {}
    for label, limits in pairs:
        if label in ranges:
            raise ValueError(
                f"{option} is given twice for {label}; one range can say both ends, as {label}=20:80"
            )
        if label not in LABELS and not all_cells:
            raise ValueError(f"{option} {label} needs --all-cells")
        ranges[label] = limits
    return ranges
