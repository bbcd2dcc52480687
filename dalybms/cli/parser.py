"""Wrong usage in one line: what is wrong, and which --help to read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from dalybms.cli import output, verbs

_ERROR = ": error: "
_MAY_BE_EMPTY = ("--mqtt-user", "--mqtt-password")
"""As scripts for 0.5 give them to a broker that asks for neither."""
_NEAR, _NEARER = 0.6, 0.8
"""How alike a word has to be to what may have been meant: an option, a word without dashes."""


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
        self._refuse_empty(sys.argv[1:] if args is None else args)
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            advice = self._advice(unknown[0])
            self.error(f"unrecognized arguments: {' '.join(unknown)}{f' ({advice})' if advice else ''}")
        return options

    def parse_intermixed_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        self._refuse_empty(sys.argv[1:] if args is None else args)
        return super().parse_intermixed_args(args, namespace)

    def _refuse_empty(self, given: Sequence[str]) -> None:
        """What a script has not set: the option would do nothing, or another thing, unseen."""
        for before, word in zip(("", *given), given):
            option, equals, value = word.partition("=")
            if word == "" or (equals and not value and option.startswith("--")):
                option = option or (before if self._takes_a_value(before) else "an argument")
                if option not in _MAY_BE_EMPTY:
                    self.error(f"{option} is empty: give a value, or leave it out")

    def _takes_a_value(self, option: str) -> bool:
        action = self._option_string_actions.get(option)
        return action is not None and action.nargs != 0

    def _advice(self, word: str) -> str:
        """What may have been meant; "" where nothing is near."""
        of_verb = " " in self.prog
        if word in verbs.VERBS and not of_verb:
            return f"{word} stands first: {self.prog} {word} ..."
        known = [*self._option_string_actions, *(() if of_verb else verbs.VERBS)]
        if "-d" in known and not word.startswith("-") and (":" in word or "/" in word):
            return "a battery is named with -d"
        if len(word.strip("-")) < 2:
            return ""
        from difflib import get_close_matches

        flag = f"--{word.strip('-').partition('=')[0]}"
        alike = _NEAR if word.startswith("-") else _NEARER
        begun = [name for name in known if word.startswith("--") and name.startswith(flag)]
        near = sorted(begun, key=len) or get_close_matches(flag, known, 1, alike)
        near = near or get_close_matches(word, known, 1, alike)
        return f"do you mean {near[0]}?" if near else ""

    def error(self, message: str) -> NoReturn:
        output.say(f"{self.prog}{_ERROR}{output.in_a_line(message)}; {self.prog} --help says more")
        raise SystemExit(output.USAGE)


def reason(said: str) -> str:
    """What was wrong, from what was said about it on stderr."""
    return said.partition(_ERROR)[2].rpartition("; ")[0] or said
