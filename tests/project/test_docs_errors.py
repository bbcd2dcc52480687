"""docs/errors.md: every message that the code can give is in it, and it holds no other.

A message is the first argument of an error class or of the few functions that print one, and the texts of the
tables and functions named in MORE. What a program fills in is written `...` on the page.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "dalybms"
PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
RAISERS = {
    "BadReply",
    "BluetoothError",
    "DalyError",
    "NoReply",
    "NotSupported",
    "TransportError",
    "ValueError",
    "TypeError",
    "ArgumentTypeError",
    "WriteRefused",
    "WriteUnverified",
    "complain",
    "error",
}
MORE = {
    "cli/control.py": {"misuse", "_in_time", "INTERRUPTED"},
    "cli/write_flags.py": {"_percent"},
    "cli/single.py": {"misuse"},
    "sampling.py": {"_read"},
    "watching.py": {"sample"},
    "outcomes.py": {"failure", "unproven"},
    "protocols/modbus/board.py": {"_powered"},
    "asked.py": {"_NO_REPEATS", "_asked", "_other_numbers", "_left_out"},
    "cli/run.py": {"_LATE"},
    "cli/parser.py": {"_advice"},
    "cli/values.py": {"__call__"},
    "cli/without.py": {"contradiction"},
    "cli/parameters.py": {"late"},
    "cli/check/run.py": {"_LATE"},
    "protocols/witness.py": {"SENTENCES", "_classify"},
    "protocols/plausible.py": {"_sum", "extremes", "named_cells", "unfitted", "_warmest"},
    "transports/ports.py": {
        "_IMPOSTOR",
        "why",
        "_busy",
        "_nowhere",
        "gone",
        "_taken_away",
        "_nosy",
        "_permission",
        "_existing",
    },
    "transports/bluetooth/errors.py": {"MISSING", "LOST", "OWN_THREAD", "STUCK"}
    | {"_CAUSES", "_TIMEOUTS", "late"},
    "transports/bluetooth/adverts.py": {"held", "not_heard"},
    "transports/bluetooth/session.py": {"_claim"},
}
"""Where a message is put together outside of the call that raises it."""
GAP = "..."
LEAST_WORDS = 4
"""Shorter literals are pieces of a message, or names."""


def template(node: ast.AST) -> str | None:
    """The text of a literal, with `...` for what is filled in; None for anything else."""
    if isinstance(node, ast.Constant):
        return re.sub(r"\{\w+\}", GAP, node.value) if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(GAP if isinstance(part, ast.FormattedValue) else part.value for part in node.values)
    return None


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def raised(tree: ast.AST) -> Iterator[str]:
    """The messages that stand in the call that raises or prints them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in RAISERS and node.args:
            argument = node.args[0]
            literals = [argument.left, argument.right] if isinstance(argument, ast.BinOp) else [argument]
            yield from filter(None, map(template, literals))


def put_together(tree: ast.Module, names: set[str]) -> Iterator[str]:
    """The literals inside functions, methods and assignments of these names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            body: list[ast.stmt] = node.body[1:] if ast.get_docstring(node) else node.body
            yield from literals(body)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if {getattr(target, "id", "") for target in targets} & names:
                yield from literals([node.value])


def literals(nodes: list[ast.AST] | list[ast.stmt]) -> Iterator[str]:
    """Literals, without the keys of dicts and without tuples that hold nothing but words to look for."""
    for node in nodes:
        if isinstance(node, (ast.Constant, ast.JoinedStr)):
            yield from filter(None, [template(node)])
        elif isinstance(node, ast.Dict):
            yield from literals(list(node.values))
        elif not (isinstance(node, ast.Tuple) and all(isinstance(each, ast.Constant) for each in node.elts)):
            yield from literals(list(ast.iter_child_nodes(node)))


@functools.cache
def messages() -> set[str]:
    found: set[str] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        where = path.relative_to(PACKAGE).as_posix()
        if where.startswith("emulator/"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = [*raised(tree), *put_together(tree, MORE.get(where, set()))]
        found.update(text.strip(" ;:") for text in texts if len(text.split()) >= LEAST_WORDS)
    return found


def documented() -> set[str]:
    """The first column of every table of the page."""
    return {cell.replace("\\|", "|") for cell in re.findall(r"^\| `(.+?)` \|", PAGE, re.MULTILINE)}


def says(row: str, message: str) -> bool:
    """Whether a row is this message or its beginning; `...` stands for anything."""
    parts = [re.escape(part) for part in row.split(GAP)]
    return re.match(".*".join(parts), message) is not None


def test_every_message_is_documented() -> None:
    rows = documented()
    assert [message for message in sorted(messages()) if not any(says(row, message) for row in rows)] == []


def test_every_documented_message_exists() -> None:
    known = messages()
    assert [row for row in sorted(documented()) if not any(says(row, message) for message in known)] == []


def test_no_row_fits_everything() -> None:
    assert [row for row in documented() if len(row.replace(GAP, "")) < 8] == []


def test_the_messages_of_the_readme_exist() -> None:
    section = README.split("## When it does not work")[1].split("\n## ")[0]
    first_cells = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    quoted = [text for cell in first_cells for text in re.findall(r"`([^`]+)`", cell)]
    assert len(quoted) >= 10
    for text in quoted:
        assert any(text in message for message in messages()), f"no message says: {text}"


def test_messages_are_found_in_code() -> None:
    tree = ast.parse(
        'raise ValueError(f"no {name} here: take " "another")\n'
        'fail("not a message")\n'
        'LATE = {"a key": "too late now", "b": (("a", "b"), "much too late")}\n'
    )
    assert list(raised(tree)) == ["no ... here: take another"]
    assert list(put_together(tree, {"LATE"})) == ["too late now", "much too late"]


@pytest.mark.parametrize(
    ("row", "message", "fits"),
    [
        ("a ... c", "a ... c", True),
        ("a ... c", "a bb c, and more", True),
        ("a ... c", "b ... c", False),
        ("no permission", "port: no permission", False),
        ("...no permission", "port: no permission", True),
    ],
)
def test_rows_are_compared(row: str, message: str, fits: bool) -> None:
    assert says(row, message) is fits
