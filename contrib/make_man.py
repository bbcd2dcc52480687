"""Man page and shell completion out of the parsers themselves: `make man`.

Needs argparse-manpage and shtab. The versions of Python word some things differently, so what is kept in the
tree is made, and compared, by one: WITH.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WITH = (3, 11)
NAME = "daly-bms-cli"
MAN = f"docs/{NAME}.1"
COMPLETION = {
    "bash": f"contrib/completion/{NAME}",
    "zsh": f"contrib/completion/_{NAME}",
    "fish": f"contrib/completion/{NAME}.fish",
}
FILES = ("FILE", "LOG", "DEVICE")
"""Metavars after which a shell offers the names of files, ports among them."""

WORDS = {
    "bash": "_daly_bms_cli_words",
    "zsh": "_daly_bms_cli_words",
    "fish": "save diff (__fish_complete_path (commandline -ct))",
    "preamble": {
        "bash": '_daly_bms_cli_words() { compgen -W "save diff" -- "$1"; compgen -f -- "$1"; }',
        "zsh": "_daly_bms_cli_words() { compadd save diff; _files; }",
    },
}
"""After `parameters`: its own words, and files."""


def command() -> argparse.ArgumentParser:
    """The command with its verbs as argparse knows them: in the program each verb is loaded by itself."""
    from dalybms.cli.options import build_parser
    from dalybms.cli.verbs import VERBS

    whole = build_parser()
    verbs = whole.add_subparsers(title="verbs", metavar="VERB", parser_class=argparse.ArgumentParser)
    for verb, home in VERBS.items():
        __import__(home)
        own = sys.modules[home]._parser()
        verbs.add_parser(
            verb, parents=[own], prog=own.prog, usage=own.usage, description=own.description,
            epilog=own.epilog, help=_line(whole, verb),
            formatter_class=argparse.RawDescriptionHelpFormatter, add_help=False,
        )  # fmt: skip
    return whole


def _line(whole: argparse.ArgumentParser, verb: str) -> str:
    """What the --help of the command says of a verb."""
    found = re.search(rf"^  {verb} +(.+)$", whole.epilog or "", re.MULTILINE)
    if found is None:
        raise ValueError(f"the help of {NAME} has no line about {verb}: add it in dalybms/cli/options.py")
    return found[1]


def man_page() -> str:
    from argparse_manpage.manpage import Manpage

    from dalybms import __version__

    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    date = re.search(rf"^## \[{re.escape(__version__)}\] - (\S+)", changes, re.MULTILINE)
    data = {
        "date": date[1] if date else " ",
        "project_name": "dalybms",
        "version": __version__,
        "manual_title": "User Commands",
        "description": "read, check and control Daly battery management systems",
    }
    return f"{Manpage(command(), data)}\n"


def completion(shell: str) -> str:
    import shtab

    whole = command()
    (verbs,) = (action.choices for action in whole._actions if isinstance(action, argparse._SubParsersAction))
    for verb, own in verbs.items():
        own.description = _line(whole, verb)  # one line is shown
    for parser in (whole, *verbs.values()):
        for action in parser._actions:
            if action.dest == "words":
                action.complete = WORDS  # type: ignore[attr-defined]
            elif action.metavar in FILES or action.dest == "device":
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return f"{_behind_the_verb(shtab.complete(whole, shell))}\n"


def _behind_the_verb(script: str) -> str:
    """zsh: behind a verb an option is the verb's, also one that the command has as well."""
    verb, rest = "': :_shtab_daly_bms_cli_commands'", "'*::: :->daly-bms-cli')"
    return script.replace(f"({verb} {rest}", f"('(-){verb[1:]} '(-){rest[1:]}")


def made() -> dict[str, str]:
    """{path in the tree: what must stand in it}."""
    os.environ["COLUMNS"] = "100"
    os.environ.pop("DALY_BMS_DEVICE", None)
    return {MAN: man_page(), **{path: completion(shell) for shell, path in COMPLETION.items()}}


def main() -> None:
    if sys.version_info[:2] != WITH:
        raise SystemExit(
            f"make man PYTHON=python{WITH[0]}.{WITH[1]}: other versions word the help differently"
        )
    for path, text in made().items():
        (ROOT / path).parent.mkdir(exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
