"""Wrong usage in one line: what is wrong, and which --help to read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from dalybms.cli import output, verbs

_ERROR = ": error: "
_LONGEST_REST = 10.0


class Parser(argparse.ArgumentParser):
    """A command line that is read to the letter, and says no more than needed when it is wrong."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(
            prog=prog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=False,
            **options,
        )

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            advice = self._advice(unknown[0])
            self.error(f"unrecognized arguments: {' '.join(unknown)}{f' ({advice})' if advice else ''}")
        return options

    def _advice(self, word: str) -> str:
        """What may have been meant; "" where nothing is near."""
        of_verb = " " in self.prog
        if word in verbs.VERBS and not of_verb:
            return f"{word} stands first: {self.prog} {word} ..."
        known = [*self._option_string_actions, *(() if of_verb else verbs.VERBS)]
        if "-d" in known and not word.startswith("-") and (":" in word or "/" in word):
            return "a battery is named with -d"
        from difflib import get_close_matches

        flag = f"--{word.strip('-').partition('=')[0]}"
        near = get_close_matches(flag, known, 1) or get_close_matches(word, known, 1)
        return f"do you mean {near[0]}?" if near else ""

    def error(self, message: str) -> NoReturn:
        if sys.stderr is not None:
            reason = " ".join(message.split())
            print(f"{self.prog}{_ERROR}{reason}; {self.prog} --help says more", file=sys.stderr)
        raise SystemExit(output.USAGE)


def reason(said: str) -> str:
    """What was wrong, from what was said about it on stderr."""
    return said.partition(_ERROR)[2].rpartition("; ")[0] or said


def whole(text: str) -> int:
    """A whole number, for the library to judge."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def seconds(text: str) -> float:
    """A time limit."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0 and below a million")
    return value


def megabytes(text: str) -> float:
    """The size of a file."""
    try:
        return seconds(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of megabytes above 0") from None


def rest(text: str) -> float:
    """Between an answer and the next question."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= _LONGEST_REST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to 10")
    return value


def repeats(text: str) -> int:
    """How often a request is repeated."""
    if not (text.isascii() and text.isdigit() and int(text) <= 100):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 100")
    return int(text)


def host_address(text: str) -> int:
    """A byte, decimal or as 0x40."""
    try:
        return int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no host address: 4, 8 or a byte as 0x40") from None
