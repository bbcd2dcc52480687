"""What passes is written down: held until a reply is there, in time whatever happens, never over a file."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import HEALTHY, PATIENCE, ROOT

from dalybms.device import open_recording
from dalybms.errors import DalyError, TransportError
from dalybms.transports.record_file import Failure, load
from dalybms.transports.recording import Recording
from dalybms.transports.replay import Tape

QUESTION = bytes.fromhex("a54090080000000000000000" + "7d")
ABOUT = {"wire": "serial", "protocol": "a5", "board": None, "address": None, "options": {}}


class Pieces:
    """A wire that gives what a test puts in."""

    def __init__(self, *heard: Any) -> None:
        self.heard, self.sent, self.closed = list(heard), [], False

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        self._fail(self.heard[:1], "write")

    def _fail(self, items: list[Any], where: str) -> None:
        for item in items:
            if isinstance(item, tuple) and item[0] == where:
                self.heard.remove(item)
                raise item[1]

    def read(self, timeout: float, enough: int = 1) -> bytes:
        self._fail(self.heard[:1], "read")
        if self.heard and isinstance(self.heard[0], tuple):
            return b""
        return self.heard.pop(0) if self.heard else b""

    def drain(self) -> None:
        assert not self.heard

    def close(self) -> None:
        self.closed = True


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def bytes_of(path: Path) -> list[tuple[str, str]]:
    return [(line["dir"], line["hex"]) for line in lines(path) if "dir" in line]


def wait_for(true: Any, limit: float = 5.0) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < limit
        os.sched_yield()
    return time.monotonic() - began


def test_a_header_and_a_line_for_each_piece(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    wire = Recording(path, None).wrap(Pieces(b"\x01\x02", b"\x03"), ABOUT, "/dev/ttyUSB0")
    wire.write(QUESTION)
    assert wire.read(1.0) + wire.read(1.0) == b"\x01\x02\x03"
    wire.close()
    head, opened, *pieces, closed = lines(path)
    assert {name: head[name] for name in ("format", "version", "blanked", "protocol", "name")} == {
        "format": "dalybms recording",
        "version": 1,
        "blanked": False,
        "protocol": "a5",
        "name": "/dev/ttyUSB0",
    }
    assert (opened["event"], closed["event"]) == ("open", "close")
    assert bytes_of(path) == [(">", QUESTION.hex()), ("<", "0102"), ("<", "03")]
    times = [line["t"] for line in (opened, *pieces, closed)]
    assert times == sorted(times)


def test_a_blanked_header_does_not_name_the_device(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    open_recording(path).wrap(Pieces(), ABOUT, "/dev/serial/by-id/usb-4711").close()
    assert "4711" not in path.read_text()
    assert lines(path)[0]["blanked"] is True


def test_a_reply_is_written_at_the_next_question_and_before_that_when_it_is_quiet(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    wire = Recording(path, None).wrap(Pieces(b"\x01", b"\x02"), ABOUT)
    wire.write(QUESTION)
    wire.read(1.0)
    assert bytes_of(path) == []
    wire.write(QUESTION)
    assert bytes_of(path) == [(">", QUESTION.hex()), ("<", "01")]
    wire.read(1.0)
    assert wait_for(lambda: len(bytes_of(path)) == 4) < 1.0 + 1.0  # the second for a busy machine
    wire.close()


def test_what_never_falls_quiet_is_written_after_a_second(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    wire = Recording(path, None).wrap(Pieces(*[b"\x55"] * 1_000_000), ABOUT)
    wire.write(QUESTION)
    assert 0.5 < wait_for(lambda: wire.read(0.0) and bytes_of(path)) < 3.0
    wire.close()


KILLED = """
import sys, time
from dalybms import open_bms
bms = open_bms("demo:", record=sys.argv[1])
bms.get_soc()
print("read", flush=True)
time.sleep(60)
"""


def test_after_kill_9_all_is_there(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "read\n"
    wait_for(lambda: any(way == "<" for way, _ in bytes_of(path)))
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    process.stdout.close()
    assert path.read_bytes().endswith(b"\n")
    assert [way for way, _ in bytes_of(path)] == [">", "<"]


def test_an_existing_file_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("mine")
    opened: list[int] = []
    with pytest.raises(DalyError, match="exists already: give the recording another name"):
        open_recording(path).opened(lambda: opened.append(1), ABOUT)
    assert (path.read_text(), opened) == ("mine", [])


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DalyError, match=r"cannot write the recording .*: No such file or directory"):
        open_recording(tmp_path / "no" / "x.jsonl").wrap(Pieces(), ABOUT)


def test_a_full_disk_ends_the_recording_and_not_the_command(tmp_path: Path) -> None:
    told: list[str] = []
    path = tmp_path / "x.jsonl"
    recording = Recording(path, None, tell=told.append)
    wire = recording.wrap(Pieces(b"\x01", b"\x02"), ABOUT)

    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            file.close()

    file, recording._lines._file = recording._lines._file, Full()  # type: ignore[assignment]
    for _ in range(2):
        wire.write(QUESTION)
        wire.read(1.0)
    wire.close()
    assert told == [f"the recording {path} stops: No space left on device"]


def test_up_to_the_limit_all_is_there(tmp_path: Path) -> None:
    """Also where much is written in one go; each line is whole."""
    path = tmp_path / "x.jsonl"
    told: list[str] = []
    wire = Recording(path, None, limit=0.02, tell=told.append).wrap(Pieces(*[b"\x01" * 500] * 60), ABOUT)
    for _ in range(60):
        wire.read(0.0)
    wire.close()
    assert 19_000 - 100 < path.stat().st_size <= 20_000
    assert len(lines(path)) > 15
    assert len(told) == 1


def test_a_flood_is_not_kept_in_memory(tmp_path: Path) -> None:
    """Of a gateway that sends what somebody else is meant to have, as fast as a network can."""
    path, clock = tmp_path / "x.jsonl", [0.0]
    wire = Recording(path, None, clock=lambda: clock[0]).wrap(Pieces(*[bytes(10_000)] * 20), ABOUT)
    for _ in range(20):
        wire.read(0.0)
    assert len(wire._held) < 8
    wire.close()
    assert sum(len(data) for _, data in bytes_of(path)) == 2 * 200_000


def test_at_the_limit_it_stops_and_says_so_once(tmp_path: Path) -> None:
    told: list[str] = []
    path = tmp_path / "x.jsonl"
    wire = Recording(path, None, limit=0.001, tell=told.append).wrap(Pieces(*[b"\x01" * 20] * 50), ABOUT)
    for _ in range(50):
        wire.write(QUESTION)
        assert wire.read(1.0)
    wire.close()
    assert path.stat().st_size <= 1000
    assert path.read_bytes().endswith(b"\n")
    assert len(told) == 1
    assert "has reached its limit" in told[0]


def test_errors_are_recorded_and_raised(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    passing = TransportError("try again")
    passing.passing = True
    wire = Recording(path, None).wrap(
        Pieces(("write", passing), b"\x01", ("read", TransportError("gone"))), ABOUT
    )
    with pytest.raises(TransportError, match="try again"):
        wire.write(QUESTION)
    wire.write(QUESTION)
    assert wire.read(1.0) == b"\x01"
    with pytest.raises(TransportError, match="gone"):
        wire.read(1.0)
    wire.close()
    (first, failed), (second, answered) = load(str(path)).exchanges
    assert first == second == QUESTION
    assert [item for _, item in failed] == [Failure("write", "try again", None, True)]
    assert [item for _, item in answered] == [b"\x01", Failure("read", "gone", None, False)]


def test_a_wire_that_does_not_open_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    recording = open_recording(path)

    def open_() -> Any:
        raise TransportError("cannot open /dev/ttyUSB7: ports here: /dev/ttyACM0")

    with pytest.raises(TransportError):
        recording.opened(open_, ABOUT, "/dev/ttyUSB7")
    assert "ttyUSB7" not in path.read_text()
    assert "ttyACM0" not in path.read_text()
    assert load(str(path)).openings[0].failure is not None


def test_closing_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    pieces = Pieces()
    wire = Recording(path, None).wrap(pieces, ABOUT)
    wire.close()
    pieces.heard = [("read", TransportError("closed"))]
    with pytest.raises(TransportError):
        wire.read(1.0)
    wire.close()
    assert [line["event"] for line in lines(path)[1:]] == ["open", "close"]


def test_what_is_drained_has_passed_as_well(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    wire = Recording(path, None).wrap(Pieces(b"\x01", b"\x02"), ABOUT)
    wire.drain()
    wire.close()
    assert bytes_of(path) == [("<", "01"), ("<", "02")]


def test_two_wires_and_a_wire_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    recording = Recording(path, None)
    first, second = (recording.wrap(Pieces(bytes((n,))), {**ABOUT, "board": n}, str(n)) for n in (1, 2))
    for wire in (second, first):
        wire.write(QUESTION)
        wire.read(1.0)
        wire.close()
    again = recording.wrap(Pieces(b"\x03"), {**ABOUT, "board": 2}, "2")
    again.write(QUESTION)
    again.read(1.0)
    again.close()
    assert load(str(path), 1).about["board"] == 1
    assert load(str(path), 2).about["board"] == 2
    assert [reply[0][1] for _, reply in load(str(path), 1).exchanges] == [b"\x01"]
    assert [reply[0][1] for _, reply in load(str(path), 2).exchanges] == [b"\x02", b"\x03"]
    assert len(load(str(path), 2).openings) == 2
    with pytest.raises(TransportError, match=r"has no device 3, only 1, 2: choose it with \?device=NUMBER"):
        load(str(path), 3)


def test_nothing_is_kept_open(tmp_path: Path) -> None:
    def files() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = files()
    for n in range(3):
        wire = open_recording(tmp_path / str(n)).wrap(Pieces(b"\x01"), ABOUT)
        wire.write(QUESTION)
        wire.read(0.0)
        wire.close()
    assert files() == before


@given(st.lists(st.tuples(st.sampled_from("<>"), st.binary(min_size=1, max_size=60)), max_size=20))
def test_any_bytes_survive_the_way_through_the_file(
    tmp_path_factory: Any, pieces: list[tuple[str, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "x.jsonl"
    wire = Recording(path, None).wrap(Pieces(*(data for way, data in pieces if way == "<")), ABOUT)
    for way, data in pieces:
        if way == ">":
            wire.write(data)
        else:
            assert wire.read(0.0) == data
    wire.close()
    spool = load(str(path))
    found = [("<", item) for _, item in spool.openings[0].heard]
    for question, reply in spool.exchanges:
        found += [(">", question), *(("<", item) for _, item in reply)]
    assert found == pieces


HEAD = b'{"format": "dalybms recording", "version": 1}\n'
GOOD = (
    HEAD
    + b'{"t": 0.1, "event": "open"}\n'
    + json.dumps({"t": 0.2, "dir": ">", "hex": QUESTION.hex()}).encode()
    + b"\n"
    + json.dumps({"t": 0.3, "dir": "<", "hex": HEALTHY[0x90].hex()}).encode()
    + b'\n{"t": 0.4, "event": "error", "in": "read", "text": "gone"}\n{"t": 0.5, "event": "close"}\n'
)
DAMAGES = {
    "an empty file": b"",
    "no recording": b"hello\n",
    "another JSON": b'{"a": 1}\n',
    "an older version": b'{"format": "dalybms recording", "version": 0}\n',
    "a version that is none": b'{"format": "dalybms recording", "version": "1"}\n',
    "a long line": HEAD + b'{"t": 1, "dir": "<", "hex": "' + b"00" * 600_000 + b'"}\n',
    "a device that is none": HEAD + b'{"t": 1, "device": "2", "event": "open"}\n',
    "a device that is true": HEAD + b'{"t": 1, "device": true, "event": "open"}\n',
    "a number": HEAD + b"7\n",
    "no time": HEAD + b'{"t": "soon", "event": "open"}\n',
    "no hex": HEAD + b'{"t": 1, "dir": ">", "hex": "zz"}\n',
    "no direction": HEAD + b'{"t": 1, "dir": "?", "hex": "00"}\n',
    "an event": HEAD + b'{"t": 1, "event": "party"}\n',
    "heard before it was open": HEAD + b'{"t": 1, "dir": "<", "hex": "00"}\n',
    "bytes": b"\xff\xfe\x00\n",
    "a nest": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_one_line(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(damage)
    with pytest.raises(
        TransportError, match=r"is no recording, or a damaged one: .*; record once more"
    ) as caught:
        load(str(path))
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(TransportError, match="cannot read the recording"):
            load(str(path))


def test_a_newer_version_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"format": "dalybms recording", "version": 2}\n{"what": "ever"}\n')
    with pytest.raises(TransportError, match=r"by a newer dalybms \(format 2, known is 1\): update dalybms"):
        load(str(path))


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(GOOD)
    os.truncate(path, 300_000_000)
    with pytest.raises(TransportError, match="is too large to be played: cut it to 250 MB"):
        load(str(path))


def test_a_file_that_was_edited_by_hand(tmp_path: Path) -> None:
    """Empty lines, ends of lines as Windows has them, digits in capitals and with blanks between."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(GOOD)
    told = load(str(path))
    spaced = GOOD.replace(QUESTION.hex().encode(), QUESTION.hex(" ").upper().encode())
    path.write_bytes(b"\xef\xbb\xbf" + spaced.replace(b"\n", b"\r\n\r\n"))
    assert load(str(path)) == told


@pytest.mark.skipif(os.name != "posix", reason="limits of a process")
def test_a_file_whose_header_cannot_be_written_is_taken_away(tmp_path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "from dalybms.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    given = ["-d", "demo:", "--soc", "--record", str(tmp_path / "x.jsonl")]
    done = subprocess.run(
        [sys.executable, "-c", code, *given], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot write the recording" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_last_line_that_was_not_finished_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_bytes(GOOD[:-10])
    assert load(str(path)).exchanges[0][0] == QUESTION


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=4), st.integers(0, 3))
def test_any_damage_is_a_recording_or_one_line(tmp_path_factory: Any, at: int, new: bytes, gone: int) -> None:
    path = tmp_path_factory.mktemp("damage") / "x.jsonl"
    path.write_bytes(GOOD[:at] + new + GOOD[at + gone :])
    with suppress(TransportError):
        Tape(str(path), 1, 0, bytes, str).open()


def test_a_line_without_end_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    head = {"format": "dalybms recording", "version": 1}
    path.write_bytes(json.dumps(head).encode() + b"\n" + b"a" * 1_000_000 + b"\n")
    with pytest.raises(TransportError, match="line 2 is too long"):
        load(path, 1)
