"""The pages on the library, the emulator and dalybms 0.5 beside the code: no name, row or key is left out."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import dalybms
from dalybms import readings
from dalybms.cable import Cable
from dalybms.cli.options import build_parser
from dalybms.emulator import conduct, faults, options
from dalybms.emulator.__main__ import _parser as emulator_parser
from dalybms.protocols.a5.commands import FAULT_BITS
from dalybms.protocols.faults import FAULTS
from dalybms.sections import MORE_SECTIONS, SECTIONS

ROOT = Path(__file__).resolve().parents[2]
PROTOCOLS = re.compile(r"A5|D2|P81|Sinowealth")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(text: str, head: str) -> list[list[str]]:
    """The rows of the table with this first cell in its head, cell by cell."""
    table = text.split(f"\n| {head} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table]


LIBRARY, EMULATOR, OLD = page("library.md"), page("emulator.md"), page("from-0.5.md")


def declared() -> dict[str, dict[str, str]]:
    """{TypedDict: {key: its docstring}} of readings.py."""
    found: dict[str, dict[str, str]] = {}
    for kind in ast.parse(Path(readings.__file__).read_text(encoding="utf-8")).body:
        if isinstance(kind, ast.ClassDef):
            keys = found[kind.name] = {}
            for node, after in zip(kind.body, [*kind.body[1:], ast.Pass()]):
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                    keys[node.target.id] = str(after.value.value) if said else ""
    return found


KEYS = declared()
METHODS = {
    name
    for kind in (dalybms.DalyBMS, dalybms.DalyBMSBluetooth, dalybms.DalyBMSSinowealth)
    for name, member in inspect.getmembers(kind, inspect.isfunction)
    if not name.startswith("_")
}
CABLE = {name for name, _ in inspect.getmembers(Cable, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(METHODS | CABLE))
def test_every_method_is_documented(name: str) -> None:
    assert re.search(rf"^\| `{name}\(", LIBRARY, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(dalybms.__all__))
def test_every_public_name_is_documented(name: str) -> None:
    assert re.search(rf"^\| `{name}\b", LIBRARY, re.MULTILINE)


def test_documented_methods_exist() -> None:
    named = re.findall(r"^\| `([a-z_]+)\(", LIBRARY, re.MULTILINE)
    assert set(named) <= METHODS | {"bank", "watch", "open_bms", "open_cable", *CABLE}


@pytest.mark.parametrize("key", sorted({key for keys in KEYS.values() for key in keys}))
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in LIBRARY or re.fullmatch(r"D[IO][1-4]", key)


def test_every_argument_is_documented_with_its_default() -> None:
    arguments = {cells[0].strip("`"): cells[1] for cells in rows(LIBRARY, "argument")}
    parameters = dict(inspect.signature(dalybms.DalyBMS).parameters)
    assert list(arguments) == list(parameters)
    for name, parameter in parameters.items():
        default = parameter.default
        said = arguments[name].split(";")[0].strip('"')
        assert said == str(default), name
    bluetooth = inspect.signature(dalybms.DalyBMSBluetooth).parameters["timeout"].default
    assert arguments["timeout"].endswith(f"Bluetooth {bluetooth}")


def test_the_table_of_extras_is_what_the_readings_declare() -> None:
    extras = {
        key: set(PROTOCOLS.findall(text))
        for kind, keys in KEYS.items()
        if kind not in ("Info", "Written")
        for key, text in keys.items()
        if PROTOCOLS.search(text)
    }
    documented = {
        key: set(PROTOCOLS.findall(cells[3]))
        for cells in rows(LIBRARY, "key | in")
        for key in re.findall(r"`(\w+)`", cells[0])
    }
    assert documented == extras


def test_the_table_of_infos_is_what_the_readings_declare() -> None:
    documented = {
        key: set(PROTOCOLS.findall(cells[2]))
        for cells in rows(LIBRARY, "key | what")
        for key in re.findall(r"`(\w+)`", cells[0])
    }
    assert documented == {key: set(PROTOCOLS.findall(text)) for key, text in KEYS["Info"].items()} | {
        "protocol": set()
    }


def test_the_sections_are_named_in_their_order() -> None:
    row = next(cells for cells in rows(LIBRARY, "method") if cells[0].startswith("`get_all"))
    named = re.findall(r"`(\w+)`", row[1].split(". One")[0])
    assert named == list(SECTIONS)
    assert all(f'"{section}"' in LIBRARY for section in MORE_SECTIONS)


def test_the_options_of_the_emulator_are_its_table() -> None:
    assert rows(EMULATOR, "option | form") == [
        [f"`{option.name}`", option.form, option.default, option.text] for option in options.OPTIONS
    ]


def test_the_faults_of_the_emulator_are_its_table() -> None:
    assert rows(EMULATOR, "fault") == [
        [f"`{name}`", kind.text, f"{kind.rate:g}", str(kind.times or "")]
        for name, kind in faults.KINDS.items()
    ]


def test_the_words_of_write_are_their_table() -> None:
    assert rows(EMULATOR, "word") == [[f"`{word}`", text] for word, text in conduct.WORDS.items()]


def test_the_options_of_the_server_are_its_parser() -> None:
    known = {option for action in emulator_parser()._actions for option in action.option_strings}
    assert {cells[0].strip("`") for cells in rows(EMULATOR, "option | what")} == known - {"-h", "--help"}


def test_every_fault_of_0_5_has_its_code() -> None:
    documented = [
        (int(byte), int(bit), code.strip("`"), text) for byte, bit, _, code, text in rows(OLD, "byte")
    ]
    assert documented == [
        (byte, bit, code, FAULTS[code]["text"])
        for byte, codes in enumerate(FAULT_BITS)
        for bit, code in enumerate(codes)
    ]


OLD_FLAGS = """
    -d --uart --sinowealth --status --soc --mosfet --cell-voltages --temperatures --balancing --errors --all
    --check --set-charge-mosfet --set-discharge-mosfet --set-soc --restart --retry --verbose --mqtt
    --mqtt-hass --mqtt-topic --mqtt-broker --mqtt-port --mqtt-user --mqtt-password
"""
"""Of 0.5.0."""


def test_what_stays_is_there_and_no_flag_of_the_old_version_is_forgotten() -> None:
    flags = {flag for action in build_parser()._actions for flag in action.option_strings}
    stays = OLD.split("## What stays")[1].split("\n## ")[0]
    named = set(re.findall(r"`(-[\w-]+)`", stays))
    assert named <= flags
    assert set(re.findall(r"`((?:[gs]et_\w+)|restart|connect|disconnect)`", stays)) <= METHODS
    gone = OLD.split("## Not there any more")[1].split("\n## ")[0]
    assert set(OLD_FLAGS.split()) <= named | set(re.findall(r"--[\w-]+", gone))
