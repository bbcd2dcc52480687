"""A board number is kept: another board of the cable never answers for the one that was asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support import PATIENCE, Clock, Script, VirtualWire, attach, captures, reply

from dalybms import DalyBMS, DalyBMSBluetooth, NoReply, open_bms
from dalybms.detection import Detection
from dalybms.device import Target
from dalybms.emulator.options import build
from dalybms.link import Link
from dalybms.protocols.modbus.frame import crc

ROOT = Path(__file__).resolve().parent.parent
BOTH = "board=1&protocol=d2+p81&soc=80&awake=0;board=2&protocol=d2+p81&soc=20"
"""A cable of two K-series boards, of which every awake one answers D2, and board 1 sleeps."""
RECORDS = {record["id"]: record for record in captures("second")}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dalybms", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT)


def asked(bms: DalyBMS, script: Script) -> set[bytes]:
    """The first two bytes of all that is asked of a silent line."""
    with pytest.raises(NoReply):
        attach(script, bms).get_all()
    return {request[:2] for request in script.requests}


def silent() -> Script:
    return Script(lambda *_: [])


# The case that showed it.


def test_a_sleeping_board_is_not_answered_for() -> None:
    done = run("-d", f"demo:{BOTH}", "--board", "1", "--soc", "--retry", "1", "--reply-timeout", "0.1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "D2 was left out, because any D2 board of the line would answer for board 1" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_board_that_was_asked_is_read() -> None:
    done = run("-d", f"demo:{BOTH}", "--board", "2", "--soc", "--info")
    found = json.loads(done.stdout)
    assert (found["soc"]["soc_percent"], found["info"]["board"], found["info"]["protocol"]) == (
        20.0,
        2,
        "p81",
    )


def test_the_recorded_answer_of_another_board_is_not_taken() -> None:
    record = RECORDS["b2-06-shared-line"]
    answer = bytes.fromhex(record["responses"][0])

    def awake(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        return [(0.04, answer)] if request.hex() == record["request"] else []

    with pytest.raises(NoReply, match="D2 was left out"):
        attach(Script(awake), board=1).get_soc()
    assert attach(Script(awake)).get_soc()["soc_percent"] == 20.0  # the danger that the documents name


# What a number means on each wire.


@pytest.mark.parametrize("number", range(1, 17))
def test_on_a_wire_a_number_is_asked_by_number_only(number: int) -> None:
    hosts = {0x40, 0x80} if number == 1 else {0x3F + number}
    expected = {*(bytes((0xA5, host)) for host in hosts), bytes((0x80 + number, 0x03))}
    assert asked(DalyBMS(board=number), silent()) == expected


def test_without_a_number_everything_is_asked() -> None:
    assert asked(DalyBMS(), silent()) == {b"\xa5\x40", b"\xa5\x80", b"\xd2\x03", b"\x81\x03"}


@pytest.mark.parametrize("number", [1, 2, 16])
def test_over_bluetooth_one_link_is_one_board(number: int) -> None:
    assert b"\xd2\x03" in asked(DalyBMSBluetooth(board=number), silent())
    bms = attach(build("protocol=d2"), DalyBMSBluetooth(board=number))
    assert "board" not in bms.get_info()


@pytest.mark.parametrize("kind", [DalyBMS, DalyBMSBluetooth])
@pytest.mark.parametrize("protocol", ["d2", "sinowealth"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_protocol_without_numbers_refuses_one(kind: type[DalyBMS], protocol: str, number: int) -> None:
    with pytest.raises(ValueError, match=f"{protocol} boards have no number, so board {number} is ambiguous"):
        kind(protocol=protocol, board=number)


def test_so_does_the_command_line() -> None:
    done = run("-d", "demo:", "--board", "1", "--protocol", "d2", "--soc")
    assert (done.returncode, done.stdout) == (2, "")
    assert "ambiguous" in done.stderr


@pytest.mark.parametrize("board", [None, 1])
@pytest.mark.parametrize("source", [2, 3, 16])
def test_an_answer_with_another_number_is_named_and_not_taken(board: int | None, source: int) -> None:
    script = Script(lambda request, _: [(0.04, reply(request[2], "0212000075300384", board=source))])
    with pytest.raises(NoReply, match=rf"only another board answered: .*heard: {source}\)") as caught:
        attach(script, board=board, protocol="a5").get_soc()
    assert caught.value.seen == "another board"


@pytest.mark.parametrize("board", [None, 1])
def test_so_is_one_of_p81(board: int | None) -> None:
    body = bytes.fromhex("520302ffff")
    script = Script(lambda *_: [(0.04, body + crc(body))])
    with pytest.raises(NoReply, match=r"only another board answered: .*heard: 2\)"):
        attach(script, board=board, protocol="p81").get_soc()


# The number that answered.


@pytest.mark.parametrize("protocol", ["a5", "p81"])
@pytest.mark.parametrize(("board", "told"), [(None, 1), (1, 1), (7, 7)])
def test_info_has_the_number_that_answered(protocol: str, board: int | None, told: int) -> None:
    bms = attach(build(f"protocol={protocol}&board={told}"), board=board)
    assert bms.get_info()["board"] == told


@pytest.mark.parametrize("protocol", ["d2", "sinowealth"])
def test_info_has_no_number_where_boards_have_none(protocol: str) -> None:
    assert "board" not in attach(build(f"protocol={protocol}"), protocol=protocol).get_info()


# Several boards on one wire.


@pytest.mark.parametrize("protocol", ["a5", "p81", "a5+p81"])
def test_several_detections_share_one_link(protocol: str) -> None:
    line = ";".join(f"board={n}&protocol={protocol}&soc={10 * n}&latency=25" for n in (1, 2, 3))
    clock = Clock()
    link = Link(VirtualWire(build(line), clock), clock=clock)
    found = {n: Detection(link, Target(board=n)) for n in (1, 2, 3)}
    for _ in range(2):
        for number, detection in found.items():
            with link.call():
                speaker, ask = detection.found(["soc"])
                assert speaker.read(ask, ["soc"])["soc"]["soc_percent"] == 10.0 * number


# What is said about silence.


def said(error: Any) -> str:
    text = str(error.value)
    assert "command 9" not in text
    assert "registers" not in text
    return text


def test_silence_says_what_was_asked() -> None:
    with pytest.raises(NoReply) as caught:
        attach(silent()).get_soc()
    text = said(caught)
    for part in ("A5 as host 0x40 and 0x80", "P81 as board 1", "D2", "another number than 1", "--board"):
        assert part in text


@pytest.mark.parametrize("record", [RECORDS["a5h2-05-80"]], ids=lambda record: str(record["id"]))
def test_silence_of_the_only_host_that_was_asked(record: dict[str, Any]) -> None:
    script = Script(
        lambda request, _: (
            [(0.04, reply(request[2], "0085000075300 1e4".replace(" ", "")))] if request[1] == 0x40 else []
        )
    )
    with pytest.raises(NoReply) as caught:
        attach(script, address=8).get_soc()
    assert "only A5 as host 0x80 was asked" in said(caught)
    assert record["request"] in [request.hex() for request in script.requests]
    assert attach(script).get_soc()["soc_percent"] == 48.4


@pytest.mark.parametrize(("flags", "host"), [(["--uart"], "0x80"), (["--address", "4"], "0x40")])
def test_the_command_line_says_so_too(flags: list[str], host: str) -> None:
    done = run("-d", "demo:?fault=asleep", "--soc", "--retry", "1", "--reply-timeout", "0.05", *flags)
    assert f"only A5 as host {host} was asked" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"protocol": "p81"}, "only P81 as board 1 was asked: protocol auto"),
        ({"protocol": "d2"}, "only D2 was asked: protocol auto"),
        ({"protocol": "sinowealth"}, "only Sinowealth was asked: protocol auto"),
        ({"protocol": "a5"}, "only A5 as host 0x40 and 0x80 was asked: protocol auto"),
        ({"board": 3}, "what was asked: A5 as host 0x42, P81 as board 3; D2 was left out"),
        ({"board": 3, "address": 4}, "only A5 as host 0x42 was asked"),
    ],
    ids=str,
)
def test_silence_where_less_was_asked(options: dict[str, Any], words: str) -> None:
    with pytest.raises(NoReply) as caught:
        attach(silent(), **options).get_soc()
    assert words in said(caught)
    assert ("another number" in said(caught)) is (
        "board" not in options and options["protocol"] in ("a5", "p81")
    )


def test_what_was_heard_needs_no_list_of_questions() -> None:
    with pytest.raises(NoReply) as caught:
        attach(Script(lambda request, _: [(0.003, request)])).get_soc()
    assert "what was asked" not in said(caught)


@pytest.mark.parametrize(
    "wrong", [{"address": 0x41}, {"address": 8, "board": 2}, {"address": 4, "board": 17}]
)
def test_numbers_that_contradict_each_other(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"does not ask board|board must be"):
        DalyBMS(**wrong)


def test_open_bms_takes_the_number() -> None:
    with open_bms(f"demo:{BOTH}", board=2) as bms:
        assert bms.get_soc()["soc_percent"] == 20.0
