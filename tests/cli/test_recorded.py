"""Every kind of command, recorded on every wire, replays to the same output; over the real process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from peers import rfc2217
from processes import board
from sweep import leftovers

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, str(ROOT / "daly-bms-cli.py")]
PROTOCOLS = ("a5", "d2", "p81", "sinowealth")
COMMANDS = {
    "all": ["--all"],
    "info": ["--info", "--all"],
    "one section": ["--soc"],
    "check": ["--check", "--soc"],
    "parameters": ["parameters"],
    "watch": ["watch", "--count", "2", "--interval", "0.3"],
    "dry run": ["--set-soc", "50", "--dry-run"],
    "write": ["--set-discharge-mosfet", "on", "--yes"],
    "set soc": ["--set-soc", "43", "--yes"],
    "restart": ["--restart", "--yes"],
    "boards": ["--board", "1,2", "--all"],
}


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DALY")}
    settings = {"capture_output": True, "text": True, "timeout": 28, "cwd": ROOT, "env": clean, **options}
    return subprocess.run([*PROGRAM, *arguments], **settings)


@contextmanager
def demo(options: str) -> Iterator[str]:
    yield f"demo:?{options}"


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    with board(*arguments) as device:
        yield device


@contextmanager
def far_port(options: str) -> Iterator[str]:
    """RFC 2217."""
    with board("--pty", options) as port, rfc2217(port) as end:
        yield f"rfc2217://{end}"


WIRES: dict[str, Callable[[str], AbstractContextManager[str]]] = {
    "demo": demo,
    "pty": lambda options: served("--pty", options),
    "tcp": lambda options: served("--tcp", "0", options),
    "rfc2217": far_port,
}


def given(command: list[str], device: str, *more: str) -> list[str]:
    """A verb goes first."""
    verb = [command[0]] if not command[0].startswith("-") else []
    return [*verb, "-d", device, *command[len(verb) :], *more]


def untimed(text: str) -> Any:
    lines = [json.loads(line) for line in text.splitlines()]
    return [
        {key: value for key, value in line.items() if key not in ("time", "device", "name")} for line in lines
    ]


def same(
    recorded: subprocess.CompletedProcess[str], played: subprocess.CompletedProcess[str], watch: bool
) -> None:
    assert played.returncode == recorded.returncode, played.stderr
    if watch:
        assert untimed(played.stdout) == untimed(recorded.stdout)
    else:
        assert masked(played.stdout) == masked(recorded.stdout)


def masked(text: str) -> str:
    """Without the time that a restart took."""
    lines = [line for line in text.splitlines() if '"seconds"' not in line and '"frame"' not in line]
    return "\n".join(lines)


EVERYWHERE = ("info", "check", "parameters", "watch", "set soc", "boards")
"""What is done on real wires too; the rest differs above the wire alone."""
NUMBERED = ("a5", "p81")
CASES = [
    (wire, protocol, name)
    for wire in WIRES
    for protocol in PROTOCOLS
    for name in COMMANDS
    if (wire == "demo" or name in EVERYWHERE)
    and (name != "boards" or protocol in NUMBERED)
    and (name != "restart" or protocol == "p81")  # the others take the time that they have
]


def recording(
    path: Path, wire: str, protocol: str, name: str, *more: str
) -> subprocess.CompletedProcess[str]:
    named = ["--protocol", protocol] if protocol == "sinowealth" else []
    options = f"protocol={protocol}&restart=1" + ("&boards=2" if name == "boards" else "")
    with WIRES[wire](options) as device:
        return run(*given(COMMANDS[name], device, *named, "--record", str(path), *more))


@pytest.mark.parametrize(("wire", "protocol", "name"), CASES)
def test_it_replays_to_the_same_output(tmp_path: Path, wire: str, protocol: str, name: str) -> None:
    """Twice at most: where the machine stood still for longer than a silence, the replay gives up earlier."""
    for path in (tmp_path / "x.jsonl", tmp_path / "y.jsonl"):
        recorded = recording(path, wire, protocol, name, "--record-raw")
        assert path.exists(), recorded.stderr
        played = run(*given(COMMANDS[name], f"replay:{path}?pace=0"))
        if "has no question" not in played.stderr:
            break
    same(recorded, played, name == "watch")
    assert "has no question" not in played.stderr


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_blanked_it_replays_to_the_same_but_for_the_tokens(tmp_path: Path, protocol: str) -> None:
    path = tmp_path / "x.jsonl"
    recorded = recording(path, "demo", protocol, "info")
    played = run(*given(COMMANDS["info"], f"replay:{path}"))
    before, after = json.loads(recorded.stdout), json.loads(played.stdout)
    secrets = {
        key: before["info"].pop(key) for key in ("battery_code", "serial_number") if key in before["info"]
    }
    tokens = {key: after["info"].pop(key) for key in secrets}
    assert before == after
    assert bool(secrets) is (protocol != "sinowealth")
    for key, secret in secrets.items():
        assert len(tokens[key]) == len(secret)
        assert all(a != b for a, b in zip(tokens[key], secret))
    assert (recorded.stderr, played.stderr, recorded.returncode, played.returncode) == ("", "", 0, 0)


SECRETS = ("DL-280AH-16S-000123", "DL24010023000005")
"""Battery code and serial number of the emulated pack."""
SAID = re.compile(r'((?:battery_code|serial_number|battery code|serial number)"?: "?)[^"\n]*')


@pytest.mark.parametrize("wire", ["pty", "tcp", "rfc2217"])
@pytest.mark.parametrize("protocol", ["a5", "d2", "p81"])
def test_blanked_on_a_real_wire_with_all_that_is_asked_and_written(
    tmp_path: Path, wire: str, protocol: str
) -> None:
    for name in ("info", "parameters", "set soc"):
        path = tmp_path / f"{name}.jsonl"
        recorded = recording(path, wire, protocol, name)
        played = run(*given(COMMANDS[name], f"replay:{path}?pace=0"))
        assert played.returncode == recorded.returncode == 0
        told, again = (SAID.sub(r"\1", masked(each.stdout)) for each in (recorded, played))
        assert told == again
        assert "has no question" not in played.stderr
        assert leftovers(path, SECRETS) == []
        assert "/dev/" not in path.read_text()
        assert "127.0.0.1" not in path.read_text()


def test_raw_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    done = recording(path, "demo", "p81", "info", "--record-raw")
    assert done.stderr.startswith(f"daly-bms-cli: nothing is blanked in {path}: it may hold serial numbers")
    assert b"DL24010023000005".hex() in path.read_text()
    assert json.loads(path.read_text().splitlines()[0])["name"].startswith("demo:")


@pytest.mark.parametrize(
    ("name", "code"),
    [("all", 1), ("check", 3), ("parameters", 1), ("write", 1), ("boards", 1)],
)
def test_an_existing_file_stops_the_command_before_anything_is_sent(
    tmp_path: Path, name: str, code: int
) -> None:
    path, log = tmp_path / "x.jsonl", tmp_path / "log"
    path.write_text("mine")
    done = run(*given(COMMANDS[name], f"demo:?log={log}", "--record", str(path)))
    assert done.returncode == code
    assert f"{path} exists already: give the recording another name" in done.stdout + done.stderr
    assert path.read_text() == "mine"
    assert not log.exists() or not log.read_text()


def test_a_file_that_cannot_be_written_stops_it_too(tmp_path: Path) -> None:
    done = run("-d", "demo:", "--soc", "--record", str(tmp_path / "no" / "x"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot write the recording" in done.stderr


def test_the_limit_is_told_and_the_command_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    done = run("-d", "demo:", "--all", "--record", str(path), "--record-limit", "0.001")
    assert done.returncode == 0
    assert "has reached its limit and stops" in done.stderr
    assert path.stat().st_size <= 1000
    assert run("-d", f"replay:{path}?pace=0", "--soc").returncode in (0, 1)


@pytest.mark.parametrize("option", [["--record-raw"], ["--record-limit", "3"]])
def test_options_of_a_recording_without_one(option: list[str]) -> None:
    done = run("-d", "demo:", "--soc", *option)
    assert done.returncode == 2
    assert "only with --record FILE" in done.stderr


def test_an_unknown_question_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    recording(path, "demo", "a5", "one section")
    done = run("-d", f"replay:{path}?pace=0", "--soc", "--mosfet")
    assert json.loads(done.stdout)["soc"]["soc_percent"] == 76.5
    assert "error" in json.loads(done.stdout)["mosfet_status"]
    told = [line for line in done.stderr.splitlines() if "has no question a54093" in line]
    assert len(told) == 1
    assert "the nearest is a54090" in told[0]


@pytest.mark.parametrize("name", ["all", "check", "parameters", "watch", "write", "boards"])
def test_a_damaged_file_is_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("no recording\n")
    done = run(*given(COMMANDS[name], f"replay:{path}"))
    assert done.returncode in (1, 3)
    assert "is no recording, or a damaged one" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_two_batteries_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    watched = ["watch", "--count", "1", "-d", "demo:?soc=10", "-d", "b=demo:?soc=90&protocol=d2"]
    recorded = run(*watched, "--record", str(path))
    assert recorded.returncode == 0, recorded.stderr
    percent = {
        json.loads(line)["name"]: json.loads(line)["soc"]["soc_percent"]
        for line in recorded.stdout.splitlines()
    }
    assert sorted(percent.values()) == [10.0, 90.0]
    played = [
        json.loads(run("-d", f"replay:{path}?pace=0&device={n}", "--soc").stdout)["soc_percent"]
        for n in (1, 2)
    ]
    assert sorted(played) == [10.0, 90.0]
    assert run("-d", f"replay:{path}?device=3", "--soc").returncode == 1


def test_a_difference_of_two_batteries(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    done = run("parameters", "diff", "demo:?cells=8", "demo:?cells=16", "--record", str(path))
    assert done.returncode == 3
    again = run("parameters", "diff", f"replay:{path}?pace=0", f"replay:{path}?pace=0&device=2")
    assert (again.returncode, again.stdout) == (3, done.stdout)


def test_a_watch_that_lost_its_wire_goes_on_in_the_file_and_in_its_replay(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    watched = ["watch", "--count", "3", "--interval", "1.2"]
    recorded = run(*watched, "-d", "demo:?fault=unplug:1:14", "--record", str(path))
    states = [json.loads(line)["state"] for line in recorded.stdout.splitlines()]
    assert "unplugged" in states
    assert path.read_text().count('"open"') > 1
    played = run(*watched, "-d", f"replay:{path}?pace=0")
    assert untimed_states(played.stdout) == untimed_states(recorded.stdout)


def untimed_states(text: str) -> list[tuple[str, Any]]:
    return [(each["state"], each.get("soc")) for each in map(json.loads, text.splitlines())]


def test_ports_are_not_recorded(tmp_path: Path) -> None:
    done = run("--list-ports", "--record", str(tmp_path / "x"))
    assert done.returncode == 2
    assert "--record" in done.stderr
