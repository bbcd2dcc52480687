"""The writing options as argparse takes them, and nothing that a reading command would have to load."""

from __future__ import annotations

import argparse
from typing import Any

from dalybms.cli.values import Once, decimal

ACTIONS = ("charge_mosfet", "discharge_mosfet", "soc", "restart")
_ONLY_WITH_WRITES = ("yes", "dry_run", "if_battery_code", "write_log")


def add_options(group: argparse._ActionsContainer) -> None:
    """Upstream's writing flags, and what makes them safe."""
    add = group.add_argument
    for name in ("charge", "discharge"):
        flag, text = f"--set-{name}-mosfet", f"switch the {name} MOSFET, and read back"
        add(flag, action=Once, choices=("on", "off"), dest=f"{name}_mosfet", help=text)
    add(
        "--set-soc",
        action=Once,
        metavar="PERCENT",
        type=_percent,
        dest="soc",
        help="set the state of charge, and read back (A5: its clock, too)",
    )
    add("--restart", action="store_true", help="restart the board, and wait until it answers again")
    add("--yes", action="store_true", help="do not ask; needed where no terminal is there to ask")
    add("--dry-run", action="store_true", help="show old -> new and the frame, and send nothing but reads")
    add("--if-battery-code", action=Once, metavar="TEXT", help="write only to the battery with this code")
    add("--write-log", action=Once, metavar="FILE", help="append a JSON line before and after the write")
    add("--read-only", action="store_true", help="refuse every write")


def asked(options: argparse.Namespace) -> list[tuple[str, Any]]:
    """(action, value) of each write that was asked for."""
    switches = {name: getattr(options, name) for name in ACTIONS[:2]}
    found: list[tuple[str, Any]] = [(name, value == "on") for name, value in switches.items() if value]
    found += [("soc", options.soc)] if options.soc is not None else []
    return [*found, ("restart", None)] if options.restart else found


def without_write(options: argparse.Namespace) -> list[str]:
    """The options given that mean nothing without a write, as the user writes them."""
    given = [name for name in _ONLY_WITH_WRITES if getattr(options, name)]
    return [] if asked(options) else [f"--{name.replace('_', '-')}" for name in given]


def _percent(text: str) -> float:
    from dalybms.writing import checked_percent

    value = None if "e" in text.lower() else decimal(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"a state of charge is a number, not {text!r}")
    try:
        return checked_percent(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
