"""Parameter files: what they hold, how they are written, and how two are compared."""

from __future__ import annotations

import json
import os
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from support import attach

from dalybms import DalyError, __version__, parameters
from dalybms.emulator.options import build


def document(text: str = "", **options: Any) -> dict[str, Any]:
    return parameters.read(attach(build(text), **options))


def differing(a: Any, b: Any, path: str = "") -> list[str]:
    """Where two documents differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        return [place for key in {*a, *b} for place in differing(a.get(key), b.get(key), f"{path}/{key}")]
    return [] if a == b else [path]


def test_a_document_has_everything() -> None:
    found = document("protocol=p81&board=3", protocol="p81", board=3)
    assert list(found) == ["format", "version", "time", "identity", "parameters", "unavailable"]
    assert (found["format"], found["version"]) == (1, __version__)
    assert datetime.fromisoformat(found["time"]).utcoffset() is not None
    assert found["identity"] == {
        "protocol": "p81",
        "board": 3,
        "software_version": "20_230401_T01",
        "hardware_version": "DL-BMS-R32-01E",
        "cells": 16,
    }
    assert found["parameters"]["cell_voltage_high_2"] == {"value": 3.65, "unit": "V", "raw": 3650}
    assert found["parameters"]["sleep_time"] == {"value": 3600, "unit": "s", "raw": 360}
    assert list(found["parameters"]) == sorted(found["parameters"])


def test_the_time_is_that_of_the_caller_where_given() -> None:
    moment = datetime(2026, 11, 26, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    assert parameters.read(attach(build("")), moment)["time"] == "2026-11-26T01:02:03+02:00"


@pytest.mark.parametrize("text", ["", "protocol=d2", "protocol=p81", "unsupported=59,5e", "leftover=1"])
def test_two_of_an_unchanged_board_differ_in_time_alone(text: str, tmp_path: Path) -> None:
    protocol = text.partition("protocol=")[2] or "a5"
    line = build(text)
    for name, day in (("one", 1), ("two", 2)):
        moment = datetime(2026, 11, day, tzinfo=timezone.utc)
        parameters.save(tmp_path / name, parameters.read(attach(line, protocol=protocol), moment))
        line.boards[0].pack.set_soc(100 * day)
        line.boards[0].pack.charge_switch = day % 2
    one, two = parameters.load(tmp_path / "one"), parameters.load(tmp_path / "two")
    assert differing(one, two) == ["/time"]
    assert parameters.compare(one, two) == ([], [], [])


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    found = document("unsupported=59")
    parameters.save(str(tmp_path / "pack.json"), found)
    assert parameters.load(tmp_path / "pack.json") == found
    assert found["unavailable"]["cell_voltage_high_1"] == "not answered"
    assert (tmp_path / "pack.json").read_text().endswith("}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["pack.json"]


def test_a_file_that_is_there_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "pack.json"
    path.write_text("x" * 100_000)
    parameters.save(path, document())
    assert parameters.load(path)["format"] == 1


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pack.json"
    parameters.save(path, document())
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DalyError, match="No space left on device"):
        parameters.save(path, document("cells=8"))
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["pack.json"]


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    for name in (tmp_path, os.devnull):
        with pytest.raises(DalyError, match="is no file"):
            parameters.save(name, document())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DalyError, match="No such file or directory"):
        parameters.save(tmp_path / "no" / "pack.json", document())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no parameter file, or a broken one"),
        ("[]", "is no parameter file"),
        ("[" * 100_000, "is no parameter file"),
        ('{"format": 1}', "is no parameter file"),
        ('{"format": 1, "identity": {}, "parameters": []}', "is no parameter file"),
        ('{"format": 1, "identity": {}, "parameters": {"a": 1}}', "is no parameter file"),
        ('{"format": 1, "identity": {}, "parameters": {"a": {"value": 1}}}', "is no parameter file"),
        (
            '{"format": 1, "identity": {}, "parameters": {"a": {"value": [], "unit": ""}}}',
            "is no parameter file",
        ),
        (
            '{"format": 1, "identity": {}, "parameters": {"a": {"value": NaN, "unit": ""}}}',
            "is no parameter file",
        ),
        (
            '{"format": 1, "identity": {}, "parameters": {"\\u001b[2J": {"value": 1, "unit": ""}}}',
            "is no parameter",
        ),
        (
            '{"format": 1, "identity": {}, "parameters": {"a": {"value": "\\u001b", "unit": ""}}}',
            "is no parameter",
        ),
        ('{"format": 1, "identity": {"cells": "\\n"}, "parameters": {}}', "is no parameter file"),
        ('{"format": 1, "identity": {"cells": []}, "parameters": {}}', "is no parameter file"),
        ('{"format": true, "identity": {}, "parameters": []}', "is no parameter file"),
        ('{"format": "1", "identity": {}, "parameters": {}}', "is no parameter file"),
        ('{"format": 2, "whatever": 1}', "was written by a newer version .format 2."),
        ("\xff\xfe", "is no parameter file"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "pack.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DalyError, match=message) as error:
        parameters.load(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_every_cut_of_a_file_is_broken_or_the_whole(tmp_path: Path) -> None:
    whole, path = json.dumps(document()), tmp_path / "cut"
    for size in range(0, len(whole), 37):
        path.write_text(whole[:size])
        with pytest.raises(DalyError, match="no parameter file"):
            parameters.load(path)


def test_no_file_at_all(tmp_path: Path) -> None:
    for name in (tmp_path / "none", tmp_path):
        with pytest.raises(DalyError, match="cannot read"):
            parameters.load(name)


def test_differences_are_named_with_both_values_and_the_unit() -> None:
    a = document()
    b = deepcopy(a)
    b["parameters"]["cell_voltage_high_2"]["value"] = 3.6
    b["parameters"]["sleep_time"]["value"] = "never"
    assert parameters.compare(a, b).rows == [
        ("cell_voltage_high_2", 3.65, 3.6, "V"),
        ("sleep_time", 3600, "never", "s"),
    ]
    assert parameters.compare(b, a).rows[0] == ("cell_voltage_high_2", 3.6, 3.65, "V")


def test_true_is_not_one_and_volts_are_not_amperes() -> None:
    a = {"identity": {}, "parameters": {"x": {"value": True, "unit": "", "raw": 1}}}
    b = {"identity": {}, "parameters": {"x": {"value": 1, "unit": "", "raw": 1}}}
    c = {"identity": {}, "parameters": {"x": {"value": True, "unit": "V", "raw": 1}}}
    assert len(parameters.compare(a, b).rows) == len(parameters.compare(a, c).rows) == 1
    assert not parameters.compare(a, deepcopy(a)).rows


def test_what_only_one_side_has_is_a_note() -> None:
    a, b = document("unsupported=5f"), document("unsupported=60")
    found = parameters.compare(a, b)
    assert found.rows == []
    assert found.notes == [
        "short_circuit: only A has it",
        "shunt: only A has it",
        "balance_difference: only B has it",
        "balance_start: only B has it",
    ]


def test_another_board_is_said_first() -> None:
    found = parameters.compare(document(), document("protocol=p81&cells=8", protocol="p81"))
    assert found.first == ["another protocol: A a5, B p81", "another number of cells: A 16, B 8"]
    assert [row.name for row in found.rows if row.name == "cells"] == ["cells"]
    a, b = document(), document()
    b["identity"]["software_version"] = "31"
    del b["identity"]["hardware_version"]
    assert parameters.compare(a, b).first == [
        "another firmware: A 20_230401_T01, B 31",
        "another hardware: A DL-BMS-R32-01E, B unknown",
    ]


def test_the_same_settings_under_three_protocols_are_equal() -> None:
    found = {name: document(f"protocol={name}", protocol=name) for name in ("a5", "d2", "p81")}
    for a in found.values():
        for b in found.values():
            assert parameters.compare(a, b).rows == []


def test_a_file_that_an_editor_of_windows_has_saved(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    parameters.save(file, document())
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert parameters.compare(parameters.load(file), document()).rows == []
