"""The options of `--check` as argparse takes them, and nothing that other commands would have to load."""

from __future__ import annotations

import argparse
from typing import Any

from dalybms.cli.values import whole_from

CHECK_ONLY = (
    "warning",
    "critical",
    "all_cells",
    "expect_charge",
    "expect_discharge",
    "cells",
    "sensors",
    "no_reply_state",
)


def add_options(group: argparse._ActionsContainer) -> None:
    """Adds `--check` and its own options; `policy_of` reads them back."""
    add = group.add_argument
    add(
        "--check", action="store_true", help="monitoring plugin for Nagios, Icinga, Checkmk: exit code 0 to 3"
    )
    for short, name, default in (("-w", "warning", "soc=20:"), ("-c", "critical", "soc=10:")):
        text = f"{name} unless METRIC is within RANGE ([@]start:end), repeatable; default {default}"
        add(short, f"--{name}", metavar="METRIC=RANGE", action="append", type=_threshold, help=text)
    add(
        "--all-cells",
        action="store_true",
        help="performance data and thresholds for each cell: cell_1, cell_2, ...",
    )
    for name in ("charge", "discharge"):
        text = f"state that the {name} MOSFET must have (default on)"
        add(f"--expect-{name}", choices=("on", "off", "any"), help=text)
    add("--cells", metavar="N", type=_count(1, 48), help="critical unless the pack has N cells")
    add(
        "--sensors",
        metavar="N",
        type=_count(0, 16),
        help="critical unless N temperature sensors can be read",
    )
    text = "state when the board is silent on an open port (default critical)"
    add("--no-reply-state", choices=("critical", "unknown"), help=text)


def without_check(args: argparse.Namespace) -> list[str]:
    """The options given that mean nothing without `--check`, as the user writes them."""
    if args.check:
        return []
    given = (
        name for name in CHECK_ONLY if getattr(args, name) is not None and getattr(args, name) is not False
    )
    return [f"--{name.replace('_', '-')}" for name in given]


def _threshold(text: str) -> Any:
    from dalybms.cli.check.policy import threshold

    return threshold(text)


class _count:
    """An argparse type: a whole number from `low` to `high`."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def __call__(self, text: str) -> int:
        if not whole_from(self.low, self.high, text):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {self.low} to {self.high}")
        return int(text)
