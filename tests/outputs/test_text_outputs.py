"""JSON Lines, CSV and line protocol: each line against the JSON of the same sample; files that survive."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import signal
from pathlib import Path
from typing import Any

import pytest
from line_protocol_parser import parse_line
from samples import BANK, ENERGY, FAILED, PROTOCOLS, read

from dalybms.errors import DalyError
from dalybms.outputs import csv as csv_output
from dalybms.outputs import influx, jsonl
from dalybms.outputs.flat import Shape, flat
from dalybms.outputs.line_file import LineFile

SAMPLES = [
    pytest.param({"protocol": protocol, "faults": faults}, id=f"{protocol} {'faults' if faults else ''}")
    for protocol in PROTOCOLS
    for faults in (False, True)
]


def as_json(sample: dict[str, Any]) -> dict[str, Any]:
    lines: list[str] = []
    jsonl.JsonLines(lines.append).take(sample)
    assert len(lines) == 1
    assert "\n" not in lines[0]
    loaded: dict[str, Any] = json.loads(lines[0])
    return loaded


@pytest.mark.parametrize("options", SAMPLES)
def test_json_is_the_sample(options: dict[str, Any]) -> None:
    sample = read(**options)
    assert as_json(sample) == json.loads(json.dumps(sample))


@pytest.mark.parametrize("options", SAMPLES)
def test_line_protocol_is_the_json(options: dict[str, Any]) -> None:
    sample = read(**options, energy=ENERGY, board=3)
    compare_line(sample)


def compare_line(sample: dict[str, Any]) -> None:
    loaded = as_json(sample)
    found = parse_line(influx.line(sample))
    values = flat(loaded, Shape().grown(loaded))
    board = {} if sample["board"] is None else {"board": str(sample["board"])}
    assert found["measurement"] == "daly_bms"
    assert found["tags"] == {"battery": sample["name"], **board}
    assert found["time"] == 1795654923456000000
    fields = {key: value for key, value in values.items() if key not in ("name", "board", "time")}
    assert found["fields"] == {key: value for key, value in fields.items() if value is not None}


@pytest.mark.parametrize(
    "sample", [FAILED, BANK, {**FAILED, "state": "unplugged", "error": 'a "quoted"\\ \n x'}]
)
def test_line_protocol_of_a_sample_without_sections(sample: dict[str, Any]) -> None:
    found = parse_line(influx.line(sample))
    assert found["fields"]["state"] == sample["state"]
    if "error" in sample:
        told = re.sub(r'\\(["\\])', r"\1", found["fields"]["error"])  # the parser for Python 3.9 leaves them
        assert told == " ".join(sample["error"].split())


@pytest.mark.parametrize("name", ["a b", "x,y=z", "Küche", "back\\", "two\nlines", "\U0001f50b"])
def test_any_name_of_a_battery_is_a_tag(name: str) -> None:
    found = parse_line(influx.line({**FAILED, "name": name}))
    assert found["tags"]["battery"] == " ".join(name.split()).replace("\\", "/")
    assert found["fields"]["state"] == "asleep"


def test_a_number_never_changes_its_type() -> None:
    whole, broken = read(options="&soc=76&current=10"), read()
    for line in (influx.line(whole), influx.line(broken)):
        assert all(type(value) is not int for value in parse_line(line)["fields"].values())


class Sheet:
    """A CSV output that writes to a list, as a file would hold it."""

    def __init__(self, header: str = "") -> None:
        self.told: list[str] = []
        self.lines: list[str] = [header] if header else []
        self.output = csv_output.Csv(self._write, self.told.append, header)

    def _write(self, row: str, header: str) -> None:
        self.lines += [row] if self.lines else [header, row]

    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(self.lines))


@pytest.mark.parametrize("options", SAMPLES)
def test_csv_is_the_json(options: dict[str, Any]) -> None:
    sample = read(**options, energy=ENERGY)
    sheet = Sheet()
    sheet.output.take(sample)
    loaded = as_json(sample)
    values = flat(loaded, Shape().grown(loaded))
    (row,) = sheet.rows()
    for key, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
        assert row.get(key, "") == text, key
    assert sheet.told == []


def test_csv_columns_stay_and_a_missing_value_is_empty() -> None:
    sheet = Sheet()
    for sample in (FAILED, read(), {**read(), "state": "partial", "soc": {"error": "lost"}}, FAILED):
        sheet.output.take(sample)
    rows = sheet.rows()
    assert [row["state"] for row in rows] == ["asleep", "ok", "partial", "asleep"]
    assert [row["total_voltage"] for row in rows] == ["", "53.0", "", ""]
    assert rows[0]["error"] == FAILED["error"]
    assert len({len(line) for line in csv.reader(sheet.lines)}) == 1


def test_csv_of_another_number_of_cells_keeps_its_columns_and_says_so_once() -> None:
    sheet = Sheet()
    for options in ("&cells=8", "&cells=10", "&cells=10", "&cells=4"):
        sheet.output.take(read(options=options))
    assert [row["cell_voltage_8"] for row in sheet.rows()] == ["3.314", "3.314", "3.314", ""]
    assert len(sheet.told) == 1
    assert "cell_voltage_9, cell_voltage_10" in sheet.told[0]


def test_csv_goes_on_with_the_columns_of_the_file() -> None:
    sheet = Sheet("time,name,total_voltage,mine,state")
    sheet.output.take(read())
    assert sheet.rows() == [
        {"time": read()["time"], "name": "house", "total_voltage": "53.0", "mine": "", "state": "ok"}
    ]


def test_csv_refuses_a_file_of_somebody_else() -> None:
    with pytest.raises(DalyError, match="other columns"):
        Sheet("date,amount")


def test_csv_without_any_good_sample_is_written_at_the_end() -> None:
    sheet = Sheet()
    for _ in range(csv_output.HELD + 5):
        sheet.output.take(FAILED)
    assert sheet.lines == []
    sheet.output.close()
    assert len(sheet.rows()) == csv_output.HELD
    assert sheet.output.dropped == 5
    assert len(sheet.told) == 1


def test_a_file_begins_with_a_header_and_again_when_it_is_rotated(tmp_path: Path) -> None:
    told: list[str] = []
    file = LineFile(str(tmp_path / "a.csv"), told.append, lambda line: False)
    file.write("1", header="n")
    file.write("2", header="n")
    os.rename(tmp_path / "a.csv", tmp_path / "old.csv")
    file.write("3", header="n")
    assert (tmp_path / "old.csv").read_text() == "n\n1\n2\n"
    assert (tmp_path / "a.csv").read_text() == "n\n3\n"
    assert file.first_line() == "n"
    assert told == []


@pytest.mark.parametrize(
    ("whole", "good", "cut"),
    [
        (jsonl.whole, '{"soc":{"total_voltage":53.0}}', '{"soc":{"total_voltage":53.'),
        (influx.whole, "daly_bms v=53.0 1795654923456000000", "daly_bms v=53"),
        (lambda line: csv_output.whole(line, 3), "a,53.0,", "a,5"),
    ],
)
def test_a_line_that_a_crash_cut_off_does_not_stay(tmp_path: Path, whole: Any, good: str, cut: str) -> None:
    path, told = tmp_path / "log", []  # type: Path, list[str]
    path.write_text(f"first\n{cut}")
    LineFile(str(path), told.append, whole).write("next")
    assert path.read_text() == "first\nnext\n"
    assert len(told) == 1
    path.write_text(f"first\n{good}")
    LineFile(str(path), told.append, whole).write("next")
    assert path.read_text() == f"first\n{good}\nnext\n"
    assert len(told) == 1


def test_a_full_disk_leaves_no_half_line_and_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    file = LineFile(str(tmp_path / "log"), told.append, lambda line: True)
    file.write("x" * 50)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, hard))
    try:
        file.write("y" * 50)
        file.write("y" * 50)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    file.write("z")
    assert (tmp_path / "log").read_text() == "x" * 50 + "\nz\n"
    assert file.dropped == 2
    assert [text.split(":")[0].split(";")[0] for text in told] == [
        f"cannot write {tmp_path / 'log'}", f"{tmp_path / 'log'} can be written again",
    ]  # fmt: skip


def test_a_file_that_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in ((tmp_path / "pipe", "no plain file"), (tmp_path / "no" / "a", "cannot write"),
                        (tmp_path, "no plain file")):  # fmt: skip
        with pytest.raises(DalyError, match=words):
            LineFile(str(path), print, lambda line: True)


def test_a_file_that_turns_into_something_else_is_told_once_and_ends_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    path = tmp_path / "log"
    file = LineFile(str(path), told.append, lambda line: True)
    for make, remove in ((os.mkdir, os.rmdir), (os.mkfifo, os.unlink)):
        path.unlink()
        make(path)
        file.write("lost")
        file.write("lost")
        remove(path)
        file.write("kept")
        assert path.read_text() == "kept\n"
    assert file.dropped == 4
    assert [text.partition(str(path))[2].partition(";")[0] for text in told] == [
        ": it is no plain file any more", " can be written again",
    ] * 2  # fmt: skip


@pytest.mark.parametrize(("whole", "begins"), [(jsonl.whole, "{"), (influx.whole, influx.MEASUREMENT)])
@pytest.mark.parametrize(
    "content", ["time,name,state\n1,2,3", "my notes", "[mqtt]\nuser = 'me'", "\n\nnotes"]
)
def test_a_file_of_something_else_is_left_alone(
    tmp_path: Path, whole: Any, begins: str, content: str
) -> None:
    """Its last line may have no end, and is not one that a crash cut off."""
    path = tmp_path / "notes"
    path.write_text(content)
    with pytest.raises(DalyError, match="something else"):
        LineFile(str(path), print, whole, begins)
    assert path.read_text() == content


@pytest.mark.parametrize("content", ["", "{", '{"time":', '{"a":1}\n{"b'])
def test_a_file_that_a_crash_cut_off_early_is_ours(tmp_path: Path, content: str) -> None:
    path = tmp_path / "log"
    path.write_text(content)
    LineFile(str(path), lambda text: None, jsonl.whole, "{").write('{"c":2}')
    assert path.read_text() == content.rpartition("\n")[0] + ("\n" if "\n" in content else "") + '{"c":2}\n'
