"""A recording as a wire: the same answers in their order, as slowly or at once, and nothing sent anywhere."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support import HEALTHY, PATIENCE, reply

from dalybms import DalyBMS, NoReply, TransportError, open_bms, open_cable
from dalybms.device import open_tape
from dalybms.protocols.a5.frame import Frame
from dalybms.protocols.likeness import timeless

SOC, STATUS = (Frame(0x40, code, bytes(8)).encode() for code in (0x90, 0x94))
HEAD = {
    "format": "dalybms recording",
    "version": 1,
    "wire": "serial",
    "protocol": "a5",
    "board": None,
    "address": None,
    "options": {},
}


def file(path: Path, *lines: tuple[Any, ...], **head: Any) -> str:
    """(t, ">" or "<", bytes), (t, event) or (t, "error", where, text)."""
    found: list[dict[str, Any]] = [{**HEAD, **head}, {"t": 0, "event": "open"}]
    for at, what, *rest in lines:
        if what == "error":
            found.append({"t": at, "event": "error", "in": rest[0], "text": rest[1]})
        elif what in "<>":
            found.append({"t": at, "dir": what, "hex": rest[0].hex()})
        else:
            found.append({"t": at, "event": what})
    path.write_text("".join(json.dumps(line) + "\n" for line in found))
    return str(path)


def tape(path: str, told: list[str] | None = None, options: str = "?pace=0") -> Any:
    return open_tape(f"replay:{path}{options}", (told if told is not None else []).append)


def test_answers_in_their_order_and_the_last_one_stays(tmp_path: Path) -> None:
    path = file(tmp_path / "x", (1, ">", SOC), (1.1, "<", b"one"), (2, ">", SOC), (2.1, "<", b"two"))
    wire = tape(path).open()
    heard = []
    for _ in range(4):
        wire.write(SOC)
        heard.append(wire.read(1.0))
    assert heard == [b"one", b"two", b"two", b"two"]


def test_the_pieces_keep_their_times(tmp_path: Path) -> None:
    path = file(tmp_path / "x", (1, ">", SOC), (1.1, "<", b"a"), (1.4, "<", b"b"))
    played = tape(path)
    wire, clock = played.open(), played.clock
    wire.write(SOC)
    began = clock()
    assert wire.read(0.05) == b""
    assert wire.read(1.0) == b"a"
    assert clock() - began == pytest.approx(0.1)
    assert wire.read(1.0, 1) == b"b"
    assert clock() - began == pytest.approx(0.4)
    wire.write(SOC)
    assert wire.read(1.0, 2) == b"ab"
    assert wire.read(7.0) == b""
    assert clock() - began == pytest.approx(7.8)


@pytest.mark.alone
def test_at_recorded_pace(tmp_path: Path) -> None:
    path = file(tmp_path / "x", (1, ">", SOC), (1.2, "<", b"a"))
    wire = tape(path, options="").open()
    began = time.monotonic()
    wire.write(SOC)
    assert wire.read(2.0) == b"a"
    assert 0.19 < time.monotonic() - began < 1.5


def test_what_was_heard_before_anything_was_asked(tmp_path: Path) -> None:
    wire = tape(file(tmp_path / "x", (0.5, "<", b"noise"), (1, ">", SOC))).open()
    assert wire.read(1.0) == b"noise"


def test_an_unknown_question_is_silence_and_told_once_with_the_nearest(tmp_path: Path) -> None:
    told: list[str] = []
    path = file(tmp_path / "x", (1, ">", SOC), (1.1, "<", b"a"), (2, ">", b"\x81\x03\x00"))
    wire = tape(path, told).open()
    for _ in range(2):
        wire.write(STATUS)
        assert wire.read(1.0) == b""
    assert told == [f"{path} has no question {STATUS.hex()}; the nearest is {SOC.hex()}"]


def test_an_empty_recording(tmp_path: Path) -> None:
    told: list[str] = []
    wire = tape(file(tmp_path / "x"), told).open()
    wire.write(SOC)
    assert wire.read(1.0) == b""
    wire.write(STATUS)
    assert told == [f"{tmp_path / 'x'} has no question at all: nothing was asked when it was recorded"]


def test_the_clock_of_a_write_does_not_count(tmp_path: Path) -> None:
    first, later, other = (
        Frame(0x40, 0x21, bytes(clock) + percent).encode()
        for clock, percent in (
            ((26, 1, 2, 3, 4, 5), b"\x03\x84"),
            ((27, 6, 7, 8, 9, 10), b"\x03\x84"),
            ((26, 1, 2, 3, 4, 5), b"\x03\x85"),
        )
    )
    assert timeless(first) == timeless(later) != timeless(other)
    wire = tape(file(tmp_path / "x", (1, ">", first), (1.1, "<", b"ack"))).open()
    wire.write(later)
    assert wire.read(1.0) == b"ack"
    wire.write(other)
    assert wire.read(1.0) == b""


def test_failures_are_played_where_they_were(tmp_path: Path) -> None:
    path = file(
        tmp_path / "x",
        (1, ">", SOC),
        (1.1, "<", b"half"),
        (1.2, "error", "read", "gone"),
        (1.3, "close"),
        (2, "error", "open", "not there"),
        (3, "open"),
        (4, ">", SOC),
        (4.0, "error", "write", "no bytes taken"),
    )
    played = tape(path)
    wire = played.open()
    wire.write(SOC)
    assert wire.read(1.0, 13) == b"half"
    with pytest.raises(TransportError, match="gone"):
        wire.read(1.0)
    with pytest.raises(TransportError, match="not there"):
        played.open()
    again = played.open()
    with pytest.raises(TransportError, match="no bytes taken"):
        again.write(SOC)


def test_closing_ends_a_read_in_another_thread(tmp_path: Path) -> None:
    wire = tape(file(tmp_path / "x"), options="").open()
    caught: list[BaseException] = []

    def read() -> None:
        try:
            wire.read(20.0)
        except TransportError as error:
            caught.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    wire.close()
    thread.join(PATIENCE)
    assert len(caught) == 1


@pytest.mark.parametrize("options", ["?pace=2", "?speed=1", "?device=x", "?device=-1", "?", "?pace=0&pace"])
def test_other_options_are_refused(tmp_path: Path, options: str) -> None:
    with pytest.raises(
        ValueError, match="the options of a recording are pace=0 or pace=1, and device=NUMBER"
    ):
        tape(file(tmp_path / "x"), options=options)


def test_a_question_mark_in_the_name(tmp_path: Path) -> None:
    assert tape(file(tmp_path / "what?"), options="").open()
    assert tape(file(tmp_path / "what?")).open()


def exchange(at: float, question: bytes, answer: bytes) -> list[tuple[Any, ...]]:
    return [(at, ">", question), (at + 0.04, "<", answer)]


def test_protocol_board_and_address_are_those_of_the_recording(tmp_path: Path) -> None:
    path = file(
        tmp_path / "x",
        *exchange(1, Frame(0x42, 0x90, b"\xaa" * 8).encode(), reply(0x90, "0212000075300384", board=3)),
        board=3,
        options={"fill": 0xAA},
    )
    with open_bms(f"replay:{path}?pace=0") as bms:
        assert bms.get_soc()["total_voltage"] == 53.0
    with open_bms(f"replay:{path}?pace=0", protocol="d2") as bms, pytest.raises((NoReply, ValueError)):
        bms.get_soc()


def test_nothing_of_a_recording_stays_for_the_next_wire(tmp_path: Path) -> None:
    path = file(tmp_path / "x", *exchange(1, SOC, HEALTHY[0x90]), wire="bluetooth", board=3)
    bms = DalyBMS()
    bms.connect(f"replay:{path}?pace=0")
    assert bms._target.board == 3
    bms.connect("demo:")
    assert (bms._target.board, bms._clock, bms._renew) == (None, time.monotonic, None)
    assert bms._timing.timeout == 0.5
    assert bms.get_soc()
    bms.disconnect()


def test_a_link_that_went_deaf_is_renewed_as_it_was(tmp_path: Path) -> None:
    """Over Bluetooth the same object goes on in the recording."""
    ask = Frame(0x80, 0x90, bytes(8)).encode()
    silent = [(at, ">", ask) for at in (2, 3, 4, 5)]
    path = file(
        tmp_path / "x",
        *exchange(1, ask, HEALTHY[0x90]),
        *silent,
        (6, "close"),
        (7, "open"),
        *exchange(8, ask, HEALTHY[0x90]),
        wire="bluetooth",
        address=8,
    )
    with open_bms(f"replay:{path}?pace=0") as bms:
        assert bms.get_soc() == bms.get_soc()


@pytest.mark.parametrize(
    "head",
    [
        {"protocol": "esperanto"},
        {"protocol": 7},
        {"board": 99},
        {"board": "1"},
        {"address": [1]},
        {"options": 3},
        {"options": {"fill": 256}},
        {"options": {"timeout": "long"}},
        {"options": {"baudrate": 0}},
    ],
)
def test_a_header_that_cannot_be(tmp_path: Path, head: dict[str, Any]) -> None:
    path = file(tmp_path / "x", **head)
    with pytest.raises(TransportError, match="the header of this recording is damaged"):
        open_bms(f"replay:{path}")


@pytest.mark.parametrize(
    ("head", "given"),
    [
        ({"address": 5}, {}),
        ({"protocol": "d2", "board": 3}, {}),
        ({"address": 128}, {"board": 3}),
    ],
)
def test_a_header_that_contradicts_itself_or_what_is_asked(
    tmp_path: Path, head: dict[str, Any], given: dict[str, Any]
) -> None:
    """An error of the file, not of the user."""
    path = file(tmp_path / "x", **{"protocol": "auto", **head})
    with pytest.raises(TransportError, match="does not go with what is asked"):
        open_bms(f"replay:{path}", **given)


def test_a_recording_of_a_replay_is_as_good_as_the_first(tmp_path: Path) -> None:
    """What was Bluetooth is asked as Bluetooth; a raw recording is blanked so."""
    ask = Frame(0x80, 0x90, bytes(8)).encode()
    path = file(tmp_path / "x", *exchange(1, ask, HEALTHY[0x90]), wire="bluetooth", protocol="auto")
    with open_bms(f"replay:{path}?pace=0", record=tmp_path / "y") as bms:
        first = bms.get_soc()
    assert json.loads((tmp_path / "y").read_text().splitlines()[0])["wire"] == "bluetooth"
    assert "replay" not in (tmp_path / "y").read_text()
    with open_bms(f"replay:{tmp_path / 'y'}?pace=0") as bms:
        assert bms.get_soc() == first


def test_a_cable(tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    with open_cable("demo:?boards=2", record=path) as cable:
        said = [cable.board(number).get_all() for number in (1, 2)]
    with open_cable(f"replay:{path}?pace=0") as cable:
        assert [cable.board(number).get_all() for number in (1, 2)] == said


def test_nothing_is_opened_anew_while_it_is_recorded(tmp_path: Path) -> None:
    """The same object connects again and goes on in the same file."""
    path = tmp_path / "x"
    bms = DalyBMS(record=path)
    for _ in range(2):
        bms.connect("demo:")
        bms.get_soc()
        bms.disconnect()
    events = [json.loads(line).get("event") for line in path.read_text().splitlines()]
    assert [event for event in events if event] == ["open", "close"] * 2
