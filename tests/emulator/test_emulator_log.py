"""The log of requests: what was asked, of whom, whether it writes, whether it was the password."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from emulator.requests import a5, ask, sealed

from dalybms.emulator import frame_log
from dalybms.emulator.options import build


def test_every_request_has_its_time_and_whether_it_writes() -> None:
    line = build("")
    ask(line, a5(0x90), 1.0)
    ask(line, a5(0xD9, "00"), 2.5)
    assert [(each.at, each.frame, each.writes) for each in line.log.heard] == [
        (1.0, a5(0x90), False),
        (2.5, a5(0xD9, "00"), True),
    ]
    assert line.log.heard == line.boards[0].log.heard
    assert [each.frame for each in line.log.writes] == [a5(0xD9, "00")]
    assert line.log.frames() == [a5(0x90).hex(), a5(0xD9, "00").hex()]


@pytest.mark.parametrize("command", range(256))
def test_what_writes_on_a5(command: int) -> None:
    reads = 0x50 <= command <= 0x8A or 0x90 <= command <= 0x9A or command == 0xD8
    assert frame_log.describe(a5(command), 0.0).writes is not reads


@pytest.mark.parametrize("address", ["d2", "81", "90"])
@pytest.mark.parametrize("function", ["03", "04", "05", "06", "10"])
def test_all_but_function_3_writes(address: str, function: str) -> None:
    frame = sealed(f"{address}{function}00010000")
    line = build("cells=4")
    ask(line, frame, 0.0)
    assert [each.writes for each in line.log.heard] == [function != "03"]
    assert not line.boards[0].log.heard


def test_requests_to_nobody_are_in_the_log_of_the_line() -> None:
    line = build("protocol=p81&board=2")
    for request in (
        a5(0x90, host=0x44),
        a5(0x90, host=0x80),
        sealed("d20300280001"),
        sealed("830300000001"),
        b"\x0a\x0b\x02",
    ):
        ask(line, b"\xff\x00" + request, 0.0)
    ask(line, a5(0x90)[:-1] + b"\0", 1.0)
    assert [(each.protocol, each.board) for each in line.log.heard] == [
        ("a5", 5),
        ("a5", None),
        ("d2", None),
        ("p81", 3),
        ("sinowealth", None),
    ]
    assert not line.boards[0].log.heard


def test_a_request_that_the_board_could_not_hear_was_sent() -> None:
    line = build("paced=1")
    line.write(a5(0x95), 0.0)
    line.write(a5(0xD9, "00"), 0.03)
    line.take(1.0)
    assert [len(line.log.writes), len(line.boards[0].log.writes)] == [1, 0]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("d20300c80001", False),
        ("d20300c90003", True),
        ("d20300a90021", True),
        ("d20300cc0002", False),
        ("810301000051", True),
        ("810301220001", False),
        ("810301250001", True),
        ("810301230001", True),
        ("810301280001", True),
        ("810301290002", False),
        ("d20600c90000", False),
    ],
)
def test_reading_the_password_is_noted(text: str, secret: bool) -> None:
    line = build("protocol=d2+p81")
    ask(line, sealed(text), 0.0)
    assert bool(line.log.secrets) is bool(line.boards[0].log.secrets) is secret


def test_reads_do_not_push_out_writes_and_memory_is_bounded() -> None:
    log = frame_log.Log()
    log.add(frame_log.describe(a5(0xDA), 0.0))
    for turn in range(frame_log.KEPT + 5):
        log.add(frame_log.describe(a5(0x90), float(turn)))
    assert len(log.heard) == frame_log.KEPT
    assert len(log.writes) == 1


def test_the_log_file_has_a_line_for_each_request(tmp_path: Path) -> None:
    path = tmp_path / "heard.jsonl"
    line = build(f"protocol=d2+p81&log={path};protocol=d2+p81")
    assert path.read_text() == ""
    ask(line, sealed("820601220000"), 3.0)
    ask(line, sealed("d20300c90003"), 4.0)
    entries = [json.loads(text) for text in path.read_text().splitlines()]
    assert all(entry.pop("time") > 1.7e9 for entry in entries)
    write, read = entries
    assert write == {
        "at": 3.0,
        "frame": sealed("820601220000").hex(),
        "protocol": "p81",
        "board": 2,
        "writes": True,
        "secret": False,
        "taken_by": [1],
    }
    assert (read["board"], read["secret"], read["taken_by"]) == (None, True, [0, 1])


def test_a_log_file_is_continued(tmp_path: Path) -> None:
    for _ in range(2):
        ask(build(f"log={tmp_path}/log"), a5(0x90), 0.0)
    assert len((tmp_path / "log").read_text().splitlines()) == 2
