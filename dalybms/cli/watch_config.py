"""`watch --config FILE`: a TOML file, checked key by key; what stands in it as plain dicts."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

from dalybms.arguments import check_seconds, check_whole
from dalybms.device import MOST_BOARDS, PROTOCOLS
from dalybms.errors import DalyError

_LARGEST = 1_000_000
_NUMBER = (int, float)
_BATTERY: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "device": (str,),
    "board": (int, list),
    "protocol": (str,),
    "address": (int,),
    "baudrate": (int,),
    "adapter": (str,),
    "invert_current": (bool,),
    "retry": (int,),
    "reply_timeout": _NUMBER,
    "pause": _NUMBER,
}
_MQTT: dict[str, tuple[type, ...]] = {
    "broker": (str,),
    "port": (int,),
    "topic": (str,),
    "user": (str,),
    "password_file": (str,),
    "tls": (bool,),
    "ca": (str,),
    "hass": (bool,),
    "hass_prefix": (str,),
}
_OUTPUT: dict[str, tuple[type, ...]] = {"format": (str,), "file": (str,)}
_PROMETHEUS: dict[str, tuple[type, ...]] = {"at": (str, int)}
_TOP: dict[str, tuple[type, ...]] = {
    "interval": _NUMBER,
    "bank": (bool,),
    "release": (bool,),
    "energy": (str,),
    "battery": (list,),
    "output": (dict,),
    "mqtt": (dict,),
    "prometheus": (dict,),
}
FORMATS = ("jsonl", "csv", "table", "influx")
_BOUNDS: dict[str, Callable[[str, Any], None]] = {
    "interval": lambda name, value: check_seconds(name, value, 0.1, 86400),
    "retry": lambda name, value: check_whole(name, value, 0, 100),
    "reply_timeout": lambda name, value: check_seconds(name, value, 0.001, 60),
    "pause": lambda name, value: check_seconds(name, value, 0, 10),
    "baudrate": lambda name, value: check_whole(name, value, 1200, 921600),
    "board": lambda name, value: _check_boards(name, value),
    "protocol": lambda name, value: _check_word(name, value, PROTOCOLS),
    "format": lambda name, value: _check_word(name, value, FORMATS),
}
"""Of values whose type is right; those that have to do with others are judged where they are used."""
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", list: "a list",
          dict: "a table"}  # fmt: skip


def load(path: str) -> dict[str, Any]:
    """The settings of a file. Raises DalyError, one line with file and key, for what is not known."""
    try:
        with open(path, "rb") as file:
            raw = file.read(_LARGEST + 1)
        if len(raw) > _LARGEST:
            raise ValueError("it is larger than 1 MB")
        document = _toml().loads(raw.decode("utf-8-sig"))
    except RecursionError:
        raise DalyError(f"{path} is no TOML file: too many brackets; docs/watch.md has an example") from None
    except OSError as error:
        raise DalyError(f"cannot read {path}: {error.strerror}; check its name and permissions") from None
    except ValueError as error:
        raise DalyError(f"{path} is no TOML file: {error}; docs/watch.md has an example") from None
    if isinstance(document.get("battery"), dict):
        raise DalyError(f"{path}: battery is written with two brackets on each side: [[battery]]")
    _check(path, "", document, _TOP)
    for name, keys in (("output", _OUTPUT), ("mqtt", _MQTT), ("prometheus", _PROMETHEUS)):
        _check(path, f"{name}.", document.get(name, {}), keys)
    for number, battery in enumerate(document.get("battery", []), 1):
        where = f"battery {number}, "
        if not isinstance(battery, dict):
            raise DalyError(f"{path}: battery {number} must be a table: write [[battery]]")
        _check(path, where, battery, _BATTERY)
        if "device" not in battery:
            raise DalyError(f"{path}: {where}device is missing: which port or address is it on?")
    return dict(document)


def _check(path: str, where: str, table: dict[str, Any], keys: dict[str, tuple[type, ...]]) -> None:
    for key, value in table.items():
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            known = f"do you mean {near[0]}?" if near else f"known are {', '.join(keys)}"
            raise DalyError(f"{path}: {where}{key} is unknown: {known}")
        kinds = keys[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            words = " or ".join(dict.fromkeys(_WORDS[kind] for kind in kinds))
            raise DalyError(f"{path}: {where}{key} must be {words}, not {value!r}")
        if isinstance(value, str) and not value.strip():
            raise DalyError(f"{path}: {where}{key} is empty: give a value, or leave it out")
        if key in _BOUNDS:
            with blamed(path):
                _BOUNDS[key](f"{where}{key}", value)


@contextmanager
def blamed(path: str | None) -> Iterator[None]:
    """Inside, what cannot be is told with the name of the file that says so; None: no file does."""
    try:
        yield
    except DalyError:
        raise
    except (TypeError, ValueError) as error:
        raise (DalyError(f"{path}: {error}") if path else error) from None


def _check_boards(name: str, value: Any) -> None:
    numbers = value if isinstance(value, list) else [value]
    for number in numbers:
        check_whole(name, number, 1, MOST_BOARDS)
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"{name} must be a number, or several as [1, 2], not {value}")


def _check_word(name: str, value: str, words: tuple[str, ...]) -> None:
    if value not in words:
        raise ValueError(f"{name} {value!r} is unknown: {', '.join(words)}")


def _toml() -> Any:
    """The standard library's from Python 3.11 on, before that the package tomli."""
    name = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    try:
        return __import__(name)
    except ImportError:
        from dalybms.outputs.packages import missing

        raise missing("--config", "tomli", "config") from None
