"""Imports point down: cli -> bms -> device -> link -> protocols, transports -> readings, errors."""

from __future__ import annotations

import ast
import importlib.util
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BELOW = {
    "cli": {
        "cli",
        "arguments",
        "banking",
        "battery_names",
        "diagnosis",
        "energy_file",
        "outputs",
        "packs",
        "sampling",
        "watching",
        "cable",
        "dalybms",
        "opening",
        "outcomes",
        "taping",
        "writing",
        "bms",
        "getters",
        "device",
        "link",
        "parameters",
        "protocols",
        "transports",
        "readings",
        "sections",
        "timing",
        "errors",
    },
    "dalybms": {
        "watching",
        "banking",
        "cable",
        "opening",
        "bms",
        "bms_bluetooth",
        "bms_sinowealth",
        "readings",
        "sections",
        "errors",
    },
    "diagnosis": {
        "diagnosis",
        "dalybms",
        "files",
        "packs",
        "polarity",
        "cable",
        "device",
        "link",
        "rollcall",
        "taping",
        "protocols",
        "transports",
        "twins",
        "sections",
        "timing",
        "errors",
    },
    "cable": {"bms", "device", "errors", "link", "rollcall", "taping", "timing"},
    "playing": {"device", "taping", "timing"},
    "raw": {"arguments", "detection", "link", "protocols"},
    "restoring": {"errors", "logs"},
    "taping": {"device", "errors", "logs", "timing", "transports"},
    "rollcall": {"device", "errors", "link", "protocols", "twins"},
    "opening": {"bms", "bms_bluetooth", "device"},
    "bms_bluetooth": {"bms", "device", "timing"},
    "bms_sinowealth": {"bms", "protocols"},
    "getters": {"errors", "protocols", "readings", "sections"},
    "exchange": {"errors", "pace", "protocols"},
    "bms": {
        "arguments",
        "playing",
        "raw",
        "restoring",
        "taping",
        "getters",
        "writing",
        "twins",
        "detection",
        "device",
        "link",
        "protocols",
        "transports",
        "readings",
        "sections",
        "timing",
        "errors",
        "logs",
    },
    "writing": {"arguments", "census", "control", "detection", "device", "errors", "link", "readings"},
    "control": {"device", "errors", "link", "outcomes", "protocols"},
    "census": {"device", "errors", "link", "rollcall", "twins"},
    "outcomes": {"errors", "protocols"},
    "watching": {
        "arguments",
        "banking",
        "battery_names",
        "cable",
        "elapsed",
        "opening",
        "sampling",
        "schedule",
    },
    "elapsed": set(),
    "sampling": {"getters", "errors", "memory", "packs", "polarity", "schedule", "sections"},
    "memory": {"polarity", "stillness"},
    "battery_names": set(),
    "stillness": {"packs", "polarity"},
    "schedule": set(),
    "detection": {"asked", "device", "errors", "link", "pace", "protocols"},
    "asked": {"device"},
    "discretion": {"protocols", "transports"},
    "device": {"discretion", "link", "protocols", "transports", "readings", "sections", "errors"},
    "twins": {"errors", "link", "protocols"},
    "doubles": {"protocols"},
    "wire": {"timing", "protocols", "errors", "logs"},
    "link": {
        "budget",
        "doubles",
        "exchange",
        "listener",
        "pace",
        "timing",
        "behind",
        "wire",
        "protocols",
        "errors",
    },
    "behind": {"listener", "pace", "timing", "trail", "wire", "protocols"},
    "listener": {"pace", "timing", "protocols", "errors"},
    "pace": {"timing", "protocols"},
    "budget": {"timing"},
    "timing": set(),
    "trail": set(),
    "protocols": {"protocols", "readings", "sections", "errors"},
    "transports": {"transports", "errors"},
    "outputs": {"outputs", "elapsed", "dalybms", "files", "polarity", "sections", "errors"},
    "banking": {"packs", "polarity", "readings"},
    "energy_file": {"energy", "errors", "files", "polarity", "readings"},
    "energy": {"packs", "polarity"},
    "files": {"errors"},
    "packs": {"polarity", "sections"},
    "polarity": set(),
    "arguments": set(),
    "parameters": {"dalybms", "errors", "files"},
    "parameter_names": set(),
    "readings": {"parameter_names"},
    "sections": set(),
    "errors": set(),
    "logs": set(),
    "emulator": {"emulator"},
}
ONLY_IN = {  # packages that cost start-up time or may be absent, and the one place for each
    "asyncio": "transports/bluetooth/",
    "bleak": "transports/bluetooth/",
    "serial": "transports/",
    "paho": "outputs/mqtt/",
    "prometheus_client": "outputs/prometheus/",
    "rich": "outputs/table/",
    "matplotlib": "outputs/plot/",
    "numpy": "outputs/plot/",
}


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """(line, full module name) of every import of a file, in functions and type checks too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, name) for name in from_targets(node, path, root))


def from_targets(node: ast.ImportFrom, path: Path, root: Path) -> Iterator[str]:
    """`from package import x` means package.x where that is a module, else the package."""
    base = node.module or ""
    if node.level:
        own = module_name(path, root).split(".")
        package = own if path.name == "__init__.py" else own[:-1]
        up = package[: len(package) - node.level + 1]
        base = ".".join([*up, base] if base else up)
    for alias in node.names:
        inner = f"{base}.{alias.name}"
        spot = root.joinpath(*inner.split("."))
        yield inner if spot.is_dir() or spot.with_suffix(".py").is_file() else base


def floor(module: str) -> str:
    """The floor of the house that a module of the package stands on."""
    parts = module.split(".")
    name = parts[1] if len(parts) > 1 else "dalybms"
    return "cli" if name == "__main__" else name


def breaches(root: Path) -> list[str]:
    found = []
    for path in sorted((root / "dalybms").rglob("*.py")):
        where = path.relative_to(root / "dalybms").as_posix()
        here = floor(module_name(path, root))
        for line, target in imported(path, root):
            top = target.split(".")[0]
            there = floor(target) if top == "dalybms" else ""
            lazy_demo = where == "transports/demo.py" and there == "emulator"
            if there and there not in BELOW.get(here, set()) and not lazy_demo:
                found.append(f"{where}:{line} imports {target}, which is not below {here}")
            if not where.startswith(ONLY_IN.get(top, "")):
                found.append(f"{where}:{line} imports {target}, which only {ONLY_IN[top]} may")
    return found


def test_imports_point_down() -> None:
    assert breaches(ROOT) == []


def arrows(root: Path) -> dict[str, set[str]]:
    """{module: what it imports of the package}, in functions and type checks too."""
    package = root / "dalybms"
    modules = {module_name(path, root): path for path in package.rglob("*.py")}
    return {
        name: {target for _, target in imported(path, root) if target in modules and target != name}
        for name, path in modules.items()
    }


def circles(root: Path) -> list[str]:
    """Modules that reach themselves over imports."""
    graph = arrows(root)
    found = []
    for start in sorted(graph):
        reached: set[str] = set()
        ways = list(graph[start])
        while ways:
            here = ways.pop()
            if here not in reached:
                reached.add(here)
                ways += graph[here]
        if start in reached:
            found.append(start)
    return found


def test_no_file_imports_itself_around_a_corner() -> None:
    """Not for types either; the package's own names are loaded when they are first used."""
    assert [name for name in circles(ROOT) if name != "dalybms"] == []


def test_a_circle_is_found(tmp_path: Path) -> None:
    house(tmp_path)
    (tmp_path / "dalybms" / "link.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import device"
    )
    (tmp_path / "dalybms" / "device.py").write_text("def f():\n    from .link import Link")
    assert circles(tmp_path) == ["dalybms.device", "dalybms.link"]


def test_every_file_stands_on_a_floor() -> None:
    floors = {floor(module_name(path, ROOT)) for path in (ROOT / "dalybms").rglob("*.py")}
    assert floors <= set(BELOW)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("protocols/sample.py", "from ..link import Link"),
        ("protocols/sample.py", "from dalybms import errors, link"),
        ("protocols/sample.py", "from .. import transports"),
        ("protocols/sample.py", "import dalybms.transports.serial"),
        ("protocols/sample.py", "def f():\n    from dalybms.device import open"),
        ("transports/demo.py", "from ..protocols import a5"),
        ("transports/serial.py", "from ..emulator import pack"),
        ("transports/serial.py", "import asyncio"),
        ("cli/main.py", "from bleak import BleakClient"),
        ("cli/main.py", "import serial.tools.list_ports"),
        ("cli/main.py", "from ..emulator.options import build"),
        ("emulator/sample.py", "from ..errors import DalyError"),
        ("link.py", "from .device import open_transport"),
        ("bms.py", "from . import cli"),
        ("errors.py", "from dalybms import __version__"),
    ],
)
def test_an_import_that_points_up_is_found(tmp_path: Path, file: str, text: str) -> None:
    house(tmp_path)
    (tmp_path / "dalybms" / file).write_text(text, encoding="utf-8")
    assert len(breaches(tmp_path)) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("protocols/sample.py", "from . import fields\nfrom ..errors import BadReply\nimport struct"),
        ("transports/demo.py", "from dalybms.emulator.options import build"),
        ("transports/bluetooth/transport.py", "import asyncio\nimport bleak"),
        ("transports/serial.py", "import serial"),
        ("cli/main.py", "from dalybms import DalyBMS\nfrom ..errors import DalyError"),
        ("emulator/sample.py", "from .pack import Pack"),
    ],
)
def test_an_import_that_points_down_passes(tmp_path: Path, file: str, text: str) -> None:
    house(tmp_path)
    (tmp_path / "dalybms" / file).write_text(text, encoding="utf-8")
    assert breaches(tmp_path) == []


def house(root: Path) -> None:
    for name in ("cli", "protocols", "transports", "transports/bluetooth", "emulator"):
        (root / "dalybms" / name).mkdir(parents=True)
        (root / "dalybms" / name / "__init__.py").touch()
    for name in ("__init__", "bms", "device", "link", "readings", "sections", "errors", "protocols/fields"):
        (root / "dalybms" / f"{name}.py").touch()


def test_every_other_import_is_declared_or_standard() -> None:
    declared = {
        "dalybms",
        "serial",
        "bleak",
        "msvcrt",
        "paho",
        "prometheus_client",
        "rich",
        "matplotlib",
        "numpy",
    }
    for path in sorted((ROOT / "dalybms").rglob("*.py")):
        for line, target in imported(path, ROOT):
            top = target.split(".")[0]
            assert top in declared or is_standard(top), f"{path.name}:{line} imports {target}"


def is_standard(top: str) -> bool:
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin in ("built-in", "frozen"):
        return spec is not None
    home = Path(sysconfig.get_path("stdlib"))
    return home in Path(spec.origin or "").parents and "site-packages" not in (spec.origin or "")


def test_an_installed_package_is_not_standard() -> None:
    assert is_standard("json")
    assert is_standard("_struct")
    assert not is_standard("pytest")
    assert not is_standard("no_such_package")
