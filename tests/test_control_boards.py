"""Writes to boards written by hand from the documents: late, lying, drifting, doubled, without a counter.

None of it is the emulator's. Each board keeps what it heard and how it stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest
from support import Script, attach

from dalybms import DalyBMS, DalyBMSBluetooth, DalyError, WriteRefused, WriteUnverified

Pieces = list[tuple[float, bytes]]


def crc(data: bytes) -> bytes:
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


class Board:
    """How it stands, and how it takes a write.

    delay: seconds until it acts; None: never. says: "ack", "silent", "refuse" or "other" (another value).
    drift: 0.1 % a second. numbers: it also answers as these (twins), each with another voltage.
    """

    def __init__(
        self,
        protocol: str,
        delay: float | None = 0.0,
        says: str = "ack",
        drift: float = 0.0,
        soc: int = 500,
        powered: int | None = 90000,
        twin: int | None = None,
        hosts: Iterable[int] = (0x40,),
    ) -> None:
        self.protocol, self.delay, self.says, self.drift = protocol, delay, says, drift
        self.twin, self.powered, self.hosts = twin, powered, hosts
        self.registers = {0xA5: 1, 0xA6: 1, 0x121: 1, 0x122: 1}
        self.soc, self.soc_at = float(soc), 100.0
        self.due: list[tuple[float, int, int]] = []
        self.writes: list[bytes] = []
        self.line = Script(self.answer)
        self.now = 100.0

    def answer(self, request: bytes, _: int) -> Pieces:
        self.now = self.line.sent[-1][0]
        for at, what, value in [each for each in self.due if each[0] <= self.now]:
            self.due.remove((at, what, value))
            self.set(what, value, at)
        return self.a5(request) if self.protocol == "a5" else self.modbus(request)

    def set(self, what: int, value: int, at: float) -> None:
        if what in (0x21, 0xA7, 0x116):
            self.soc, self.soc_at = float(value), at
        elif what == 0xF0:
            self.powered = None if self.powered is None else -int(at)
        else:
            self.registers[what] = value

    @property
    def shown(self) -> int:
        return int(self.soc + self.drift * (self.now - self.soc_at))

    def take(self, request: bytes, what: int, value: int) -> None:
        self.writes.append(request)
        if self.delay is not None:
            self.due.append((self.now + self.delay, what, value))

    def a5(self, request: bytes) -> Pieces:
        host, code = request[1], request[2]
        if host not in self.hosts:
            return []
        if code in (0xD9, 0xDA, 0x21, 0x00):
            register = {0xD9: 0x122, 0xDA: 0x121, 0x00: 0xF0}.get(code, code)
            value = int.from_bytes(request[10:12], "big") if code == 0x21 else request[4]
            self.take(request, register, value)
            good = 1 if code == 0x21 else request[4]
            said = {"ack": good, "refuse": 1 - good, "other": 7}.get(self.says)
            return [] if said is None else [(0.04, _a5(1, code, bytes((said,))))]
        data = {
            0x90: bytes.fromhex("020e 0000 7530") + self.shown.to_bytes(2, "big"),
            0x93: bytes((0, self.registers[0x121], self.registers[0x122], 9)) + bytes.fromhex("0003eaf8"),
            0x94: bytes.fromhex("1002000000000000"),
        }.get(code)
        if data is None:
            return []
        other = [] if self.twin is None else [(0.09, _a5(self.twin, code, b"\1" + data[1:]))]
        return [(0.04, _a5(1, code, data)), *other]

    def modbus(self, request: bytes) -> Pieces:
        asked, source = (0xD2, 0xD2) if self.protocol == "d2" else (0x81, 0x51)
        if request[0] != asked:
            return []
        first, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        if request[1] == 6:
            self.take(request, first, count)
            said = {
                "ack": bytes((source,)) + request[1:6],
                "refuse": bytes((source, 0x86, 4)),
                "other": bytes((source,)) + request[1:5] + b"\7",
            }.get(self.says)
            return [] if said is None else [(0.04, said + crc(said))]
        words = b"".join(self.word(register).to_bytes(2, "big") for register in range(first, first + count))
        frame = bytes((source, 3, len(words))) + words
        twin = bytes((source, 3, len(words))) + b"\x0d\x0d" + words[2:]
        other = [] if self.twin is None else [(0.1, twin + crc(twin))]
        return [(0.04, frame + crc(frame)), *other]

    def word(self, register: int) -> int:
        if register in self.registers:
            return self.registers[register]
        if self.protocol == "p81":
            live = {0x38: 530, 0x39: 30000, 0x3A: self.shown, 0x3B: 2511, 0x3C: 16, 0x3D: 2, 0x52: 1, 0x53: 1}
            if self.powered is not None:
                since = max(0, int(self.now) + self.powered) if self.powered < 0 else self.powered
                live.update({0xAB: since >> 16, 0xAC: since & 0xFFFF})
            voltages, sensors = range(16), range(0x30, 0x32)
        else:
            live = {0x28: 530, 0x29: 30000, 0x2A: self.shown, 0x30: 2511, 0x31: 16, 0x32: 2, 0x35: 1, 0x36: 1}
            voltages, sensors = range(16), range(0x20, 0x22)
        if register in voltages:
            return 3312
        return 60 if register in sensors else live.get(register, 0)


def _a5(source: int, code: int, data: bytes) -> bytes:
    body = bytes((0xA5, source, code, 8)) + data.ljust(8, b"\0")
    return body + bytes((sum(body) & 0xFF,))


def write(board: Board, action: str, value: Any, bms: DalyBMS | None = None) -> dict[str, Any]:
    battery = attach(board.line, bms or DalyBMS(protocol=board.protocol))
    result: dict[str, Any] = {}
    try:
        battery.carry_out(action, value, result)
    except (WriteRefused, WriteUnverified):
        assert result["outcome"] in ("refused", "unverified")
    assert len(board.writes) == ("frame" in result)
    assert len(board.writes) <= 1
    return result


ALL = ("a5", "d2", "p81")


@pytest.mark.parametrize("protocol", ALL)
@pytest.mark.parametrize("says", ["ack", "silent", "refuse", "other"])
@pytest.mark.parametrize("delay", [0.0, 5.0, 14.0, 16.0, None])
@pytest.mark.parametrize(("action", "value"), [("discharge_mosfet", False), ("soc", 80)])
def test_late_and_lying(protocol: str, says: str, delay: float | None, action: str, value: Any) -> None:
    board = Board(protocol, delay, says)
    outcome = write(board, action, value)["outcome"]
    if delay is None or delay > 15:
        assert outcome == ("unverified" if says in ("ack", "silent") else "refused")
    else:
        assert outcome == "done"


@pytest.mark.parametrize("protocol", ALL)
@pytest.mark.parametrize("says", ["silent", "refuse"])
@pytest.mark.parametrize("tenths", [501, 502, 505, 508])
def test_a_state_of_charge_that_drifts_to_what_was_asked_for(protocol: str, says: str, tenths: int) -> None:
    """The board ignores the write; its counter comes by all by itself."""
    board = Board(protocol, None, says, drift=0.7)
    assert write(board, "soc", tenths / 10)["outcome"] == "unverified"


@pytest.mark.parametrize("protocol", ALL)
@pytest.mark.parametrize("says", ["silent", "refuse"])
def test_a_state_of_charge_that_has_moved_on_when_it_is_shown(protocol: str, says: str) -> None:
    """It was taken: the board that says otherwise has not refused it."""
    board = Board(protocol, 0.0, says, drift=-20.0)
    assert write(board, "soc", 80)["outcome"] in ("done", "unverified")


@pytest.mark.parametrize("protocol", ALL)
def test_a_small_correction_that_is_taken_at_once(protocol: str) -> None:
    assert write(Board(protocol, says="silent"), "soc", 50.5)["outcome"] == "done"


@pytest.mark.parametrize("powered", [0, 7])
def test_a_counter_that_stands_still_proves_no_restart(powered: int) -> None:
    assert write(Board("p81", None, powered=powered), "restart", None)["outcome"] == "unverified"


def test_a_counter_that_has_begun_anew_proves_it() -> None:
    assert write(Board("p81"), "restart", None)["outcome"] == "done"


@pytest.mark.parametrize(("protocol", "twin"), [("a5", 1), ("p81", 1), ("d2", 1)])
def test_two_boards_under_one_number_both_obey(protocol: str, twin: int) -> None:
    board = Board(protocol, twin=twin)
    for name in ("preview", "carry_out"):
        bms = attach(board.line, DalyBMS(protocol=protocol))
        with pytest.raises(WriteRefused, match="two boards answer one question"):
            getattr(bms, name)("discharge_mosfet", False, *([{}] if name == "carry_out" else []))
    assert not board.writes


def test_an_app_host_names_no_board() -> None:
    """Asked as 0x80, board 2 of the cable answers as well, and would switch off as well."""
    board = Board("a5", twin=2, hosts=(0x80,))
    for options in ({}, {"address": 8}):
        with pytest.raises(WriteRefused, match="two boards answer one question"):
            attach(board.line, DalyBMS(protocol="a5", **options)).set_discharge_mosfet(False)
    assert not board.writes
    assert write(board, "discharge_mosfet", False, DalyBMSBluetooth(protocol="a5"))["outcome"] == "done"


# What is known at each moment.


class Stop(BaseException):
    """As Ctrl-C is."""


@pytest.mark.parametrize("protocol", ALL)
def test_interrupted_at_every_moment(protocol: str) -> None:
    """The frame stands in the result wherever it may have left, and nothing says "unchanged"."""
    for at in range(1, 800):
        board = Board(protocol, None)
        bms, result = attach(board.line, DalyBMS(protocol=protocol)), {"frame": "of another write"}
        wire, calls = bms._link._transport, 0  # type: ignore[union-attr]
        tried: list[Any] = []

        def count(use: Any, *arguments: Any, at: int = at, tried: list[Any] = tried) -> Any:
            nonlocal calls
            calls += 1
            tried.append(arguments[0])
            if calls == at:
                raise Stop
            done = use(*arguments)
            calls += 1
            if calls == at:
                raise Stop
            return done

        for verb in ("write", "read"):
            setattr(wire, verb, partial(count, getattr(wire, verb)))
        try:
            bms.carry_out("charge_mosfet", False, result)
        except Stop:
            assert result.get("outcome") in ((None, "not sent") if "frame" not in result else ("unverified",))
            assert not board.writes or result["frame"] == board.writes[0].hex()
            assert result.get("frame") != "of another write"
            assert "frame" not in result or bytes.fromhex(result["frame"]) in tried
            continue
        except DalyError:
            assert board.writes
            break
    assert 100 < at < 799, "interrupted at many moments, and in the end at none"


def test_a_result_of_another_write_is_forgotten() -> None:
    board = Board("p81")
    bms = attach(board.line, DalyBMS(protocol="p81"))
    result: dict[str, Any] = {"frame": "ab", "held_by": "rust", "mosfet": True, "outcome": "done"}
    bms.disconnect()
    with pytest.raises(DalyError):
        bms.carry_out("soc", 70, result)
    assert result == {"action": "soc", "requested": 70.0}


def test_read_only_counts_also_for_a_write_that_waits_its_turn() -> None:
    """It was allowed when it was called, and is not any more when it has its turn."""
    board = Board("p81")
    bms = attach(board.line, DalyBMS(protocol="p81"))
    before = board.answer

    def answer(request: bytes, n: int) -> Pieces:
        bms.read_only = True  # as another thread may, at any time
        return before(request, n)

    board.line._answer = answer
    with pytest.raises(WriteRefused, match="read-only"):
        bms.set_charge_mosfet(False)
    assert not board.writes


def test_read_only_counts_also_for_a_raw_command_that_waits_its_turn() -> None:
    board = Board("a5")
    bms = attach(board.line, DalyBMS(protocol="a5"))
    before = board.answer

    def answer(request: bytes, n: int) -> Pieces:
        bms.read_only = True
        return before(request, n)

    board.line._answer = answer
    with pytest.raises(WriteRefused, match="read-only"):
        bms.request(0xDA)
    assert not board.writes
    assert bms.request(0x90)


def test_a_zero_has_no_sign() -> None:
    board = Board("d2")
    assert str(write(board, "soc", -0.0)["requested"]) == "0.0"


@pytest.mark.parametrize("protocol", ALL)
@pytest.mark.parametrize("tenths", [502, 505, 508])
def test_an_answer_does_not_turn_a_drift_into_a_proof(protocol: str, tenths: int) -> None:
    board = Board(protocol, None, "ack", drift=0.7)
    assert write(board, "soc", tenths / 10)["outcome"] == "unverified"


@pytest.mark.parametrize("protocol", ALL)
def test_a_line_that_loses_answers_proves_no_restart(protocol: str) -> None:
    """Three answers in a row are lost soon after sending, later one now and then: nothing has restarted."""
    board = Board(protocol, None, powered=None)
    before, asked = board.answer, 0

    def answer(request: bytes, n: int) -> Pieces:
        nonlocal asked
        pieces = before(request, n)
        asked += bool(board.writes)
        return [] if asked in (2, 3, 4, 5) or (asked and asked % 5 == 0) else pieces

    board.line._answer = answer
    assert write(board, "restart", None)["outcome"] == "unverified"


@pytest.mark.parametrize("protocol", ["d2", "p81"])
def test_a_restart_that_left_no_trace_is_not_said_to_be_refused(protocol: str) -> None:
    """It says no and starts anew, without a gap and without a counter that tells."""
    assert write(Board(protocol, 0.0, "refuse", powered=None), "restart", None)["outcome"] == "unverified"
    assert write(Board("p81", None, "refuse"), "restart", None)["outcome"] == "refused"
