"""`python -m dalybms.emulator`: a fake board behind a pseudo terminal or a TCP port."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from dalybms.emulator import options
from dalybms.emulator.serve import PtyEnd, TcpEnd, serve


def main() -> int:
    """Serves until SIGINT or SIGTERM; one line on stdout says where, as soon as clients may come."""
    parser = _parser()
    given = parser.parse_args()
    if not given.pty and (given.link or given.baud is not None):
        parser.error("--link and --baud go with --pty")
    try:
        line = options.build(given.options, paced=not given.unpaced)
        end = PtyEnd(given.link, given.baud) if given.pty else TcpEnd(given.tcp)
    except OSError as error:
        where = given.link or ("a pseudo terminal" if given.pty else f"port {given.tcp}")
        parser.error(
            f"cannot serve {where}: {(error.strerror or str(error)).partition(' (')[0]}; take another one"
        )
    except OverflowError:
        parser.error(f"a TCP port is 0 to 65535, not {given.tcp}")
    except ValueError as error:
        parser.error(str(error))
    return serve(line, end, sys.stdout)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; {self.prog} --help says more\n")


def _parser() -> Parser:
    parser = Parser(
        prog="python -m dalybms.emulator",
        description="A fake Daly board. Prints one line when ready: the path or address to connect to.",
        epilog=options.describe(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--pty", action="store_true", help="serve a pseudo terminal")
    where.add_argument("--tcp", type=int, metavar="PORT", help="serve 127.0.0.1:PORT; 0 takes any free port")
    parser.add_argument("--link", metavar="PATH", help="with --pty: a symbolic link to it")
    parser.add_argument(
        "--baud", type=int, metavar="N", help="with --pty: understand a client at this rate only"
    )
    parser.add_argument("--unpaced", action="store_true", help="answer at once instead of as at 9600 8N1")
    parser.add_argument("options", nargs="?", default="", metavar="OPTIONS", help='"cells=16&fault=drop:0.2"')
    return parser


if __name__ == "__main__":
    sys.exit(main())
