"""What a fake board does with a write: it takes it, refuses it, lies, lags, restarts, loses its power.

For each protocol: the requests by hand from the documents, the acknowledgement, and how the switch, the
transistor and the state of charge are read.
"""

from __future__ import annotations

from typing import Callable, NamedTuple

import pytest
from emulator.requests import a5, ask, sealed

from dalybms.emulator import conduct
from dalybms.emulator.faults import KINDS
from dalybms.emulator.line import Line
from dalybms.emulator.options import build


class Protocol(NamedTuple):
    """How a protocol writes and reads what can be written."""

    name: str
    discharge_off: bytes
    charge_off: bytes
    soc: bytes
    """30.0 %."""
    restart: bytes
    acknowledged: bytes
    """After discharge_off."""
    refused: bytes
    """The same, refused."""
    transistors: Callable[[Line, float], tuple[int, int]]
    charge_state: Callable[[Line, float], int]


def registers(line: Line, address: int, first: int, at: float, count: int = 2) -> list[int]:
    reply = ask(line, sealed(f"{address:02x}03{first:04x}{count:04x}"), at)
    return [int.from_bytes(reply[place : place + 2], "big") for place in range(3, len(reply) - 2, 2)]


def a5_transistors(line: Line, at: float) -> tuple[int, int]:
    reply = ask(line, a5(0x93), at)
    return reply[5], reply[6]


PROTOCOLS = {
    each.name: each
    for each in (
        Protocol(
            "a5",
            a5(0xD9, "00"),
            a5(0xDA, "00"),
            a5(0x21, "160c0d151d27012c"),
            a5(0x00),
            bytes.fromhex("a501d908000000000000000087"),
            bytes.fromhex("a501d908010000000000000088"),
            a5_transistors,
            lambda line, at: int.from_bytes(ask(line, a5(0x90), at)[10:12], "big"),
        ),
        Protocol(
            "d2",
            sealed("d20600a60000"),
            sealed("d20600a50000"),
            sealed("d20600a7012c"),
            sealed("d20600f00001"),
            sealed("d20600a60000"),
            sealed("d28604"),
            lambda line, at: tuple(registers(line, 0xD2, 0x35, at)),  # type: ignore[return-value]
            lambda line, at: registers(line, 0xD2, 0x2A, at, 1)[0],
        ),
        Protocol(
            "p81",
            sealed("810601220000"),
            sealed("810601210000"),
            sealed("81060116012c"),
            sealed("810600f00001"),
            sealed("510601220000"),
            sealed("518604"),
            lambda line, at: tuple(registers(line, 0x81, 0x52, at)),  # type: ignore[return-value]
            lambda line, at: registers(line, 0x81, 0x3A, at, 1)[0],
        ),
    )
}
EACH = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))
READ = {"a5": a5(0x90), "d2": sealed("d20300280001"), "p81": sealed("810300380001")}


@EACH
def test_a_write_is_done_and_acknowledged(protocol: Protocol) -> None:
    line = build(f"protocol={protocol.name}")
    assert ask(line, protocol.discharge_off, 0.0) == protocol.acknowledged
    assert protocol.transistors(line, 1.0) == (1, 0)
    assert ask(line, protocol.charge_off, 2.0)
    assert protocol.transistors(line, 3.0) == (0, 0)
    assert ask(line, protocol.soc, 4.0)
    assert protocol.charge_state(line, 5.0) == 300


@EACH
def test_what_remains_follows_the_state_of_charge(protocol: Protocol) -> None:
    line = build(f"protocol={protocol.name}")
    ask(line, protocol.soc, 0.0)
    assert line.boards[0].pack.capacity == 84000


@pytest.mark.parametrize(("address", "first"), [("d2", 0xA5), ("81", 0x121)])
def test_function_10_has_no_byte_count(address: str, first: int) -> None:
    line = build(f"protocol={'d2' if address == 'd2' else 'p81'}")
    answer = "51" if address == "81" else address
    assert ask(line, sealed(f"{address}10{first:04x}000200000000"), 0.0) == sealed(
        f"{answer}10{first:04x}0002"
    )
    assert registers(line, int(address, 16), first, 1.0) == [0, 0]


def test_recorded_writes_of_the_vendors_tool() -> None:
    line = build("protocol=p81&boards=2")
    assert ask(line, bytes.fromhex("8106014204d2b57f"), 0.0).hex() == "5106014204d2a6ef"
    assert ask(line, bytes.fromhex("8106014575b160c7"), 1.0).hex() == "5106014575b17357"
    assert ask(line, bytes.fromhex("811001090002000059d8f0ec"), 2.0).hex() == "5110010900029c66"
    assert ask(line, bytes.fromhex("811001290002190c05002f2b"), 3.0).hex() == "5110012900029dac"
    assert ask(line, bytes.fromhex("81060120005a1607"), 4.0).hex() == "51060120005a0597"
    assert registers(line, 0x81, 0x109, 5.0) == [0, 23000]
    assert ask(line, bytes.fromhex("82060122000037cf"), 6.0)
    assert [board.pack.discharge_switch for board in line.boards] == [1, 0]


@pytest.mark.parametrize("mosfet", ["charge", "discharge"])
@pytest.mark.parametrize("state", ["on", "off"])
@EACH
def test_a_transistor_is_held_while_its_switch_moves(protocol: Protocol, mosfet: str, state: str) -> None:
    off = protocol.charge_off if mosfet == "charge" else protocol.discharge_off
    line = build(f"protocol={protocol.name}&hold={mosfet}:{state}")
    for at in (0.0, 10.0):
        assert protocol.transistors(line, at)[mosfet == "discharge"] == (state == "on")
        if protocol.name != "a5":
            first = {"d2": 0xA5, "p81": 0x121}[protocol.name]
            switches = registers(line, off[0], first, at + 2)
            assert switches[mosfet == "discharge"] == (at == 0.0)
        ask(line, off, at + 4)


@EACH
def test_refused(protocol: Protocol) -> None:
    line = build(f"protocol={protocol.name}&write=refuse")
    assert ask(line, protocol.discharge_off, 0.0) == protocol.refused
    assert protocol.transistors(line, 100.0) == (1, 1)


@EACH
def test_refused_and_done_all_the_same(protocol: Protocol) -> None:
    line = build(f"protocol={protocol.name}&write=refuse,act")
    assert ask(line, protocol.discharge_off, 0.0) == protocol.refused
    assert protocol.transistors(line, 1.0) == (1, 0)


def test_a5_refuses_the_state_of_charge_with_a_zero() -> None:
    line = build("write=refuse")
    assert ask(line, a5(0x21, "160c0d151d27012c"), 0.0)[:5] == bytes.fromhex("a501210800")
    assert line.boards[0].pack.soc == 765


@EACH
def test_acknowledged_and_not_done(protocol: Protocol) -> None:
    line = build(f"protocol={protocol.name}&write=ignore")
    assert ask(line, protocol.discharge_off, 0.0) == protocol.acknowledged
    assert protocol.transistors(line, 100.0) == (1, 1)
    ask(line, protocol.restart, 101.0)
    assert ask(line, READ[protocol.name], 102.0)
    assert line.boards[0].pack.restarts == 0


@EACH
def test_an_ignored_restart_is_acknowledged(protocol: Protocol) -> None:
    assert ask(build(f"protocol={protocol.name}&write=ignore"), protocol.restart, 0.0)


@EACH
def test_done_and_not_acknowledged(protocol: Protocol) -> None:
    line = build(f"protocol={protocol.name}&write=silent")
    assert ask(line, protocol.discharge_off, 0.0) == b""
    assert protocol.transistors(line, 1.0) == (1, 0)


@pytest.mark.parametrize("seconds", [1, 10, 30, 0.5])
@EACH
def test_done_late(protocol: Protocol, seconds: float) -> None:
    line = build(f"protocol={protocol.name}&write=late:{seconds}")
    assert ask(line, protocol.discharge_off, 0.0, wait=0.1) == protocol.acknowledged
    assert protocol.transistors(line, seconds - 0.01) == (1, 1)
    assert protocol.transistors(line, seconds + 0.6) == (1, 0)


@EACH
def test_the_request_comes_back(protocol: Protocol) -> None:
    line = build(f"protocol={protocol.name}&write=echo,ignore")
    assert ask(line, protocol.charge_off, 0.0) == protocol.charge_off
    assert protocol.transistors(line, 1.0) == (1, 1)


@EACH
def test_left_over_bytes(protocol: Protocol) -> None:
    line = build(f"protocol={protocol.name}&write=leftover")
    before = ask(line, READ[protocol.name], 0.0)
    answer = ask(line, protocol.charge_off, 1.0)
    if protocol.name == "a5":
        assert answer == a5(0xDA, before[4:12].hex(), host=1)
    else:
        assert answer == before
    assert protocol.transistors(line, 2.0) == (0, 1)


@EACH
def test_the_old_value_is_read_for_a_while(protocol: Protocol) -> None:
    line = build(f"protocol={protocol.name}&write=lag:20")
    ask(line, protocol.discharge_off, 0.0)
    ask(line, protocol.soc, 5.0)
    assert line.boards[0].pack.discharge_switch == 0
    assert protocol.transistors(line, 19.0) == (1, 1)
    assert protocol.transistors(line, 20.0) == (1, 0)
    assert protocol.charge_state(line, 23.0) == 765
    assert protocol.charge_state(line, 26.0) == 300


def test_of_two_writes_the_oldest_value_is_read_until_its_lag_is_over() -> None:
    line = build("write=lag:20")
    ask(line, a5(0xD9, "00"), 0.0)
    ask(line, a5(0xD9, "01"), 10.0)
    assert [a5_transistors(line, at)[1] for at in (15.0, 25.0, 35.0)] == [1, 0, 1]


@EACH
def test_power_goes_with_discharge(protocol: Protocol) -> None:
    line = build(f"protocol={protocol.name}&discharge_off=silent")
    assert ask(line, protocol.charge_off, 0.0)
    assert ask(line, READ[protocol.name], 1.0)
    assert ask(line, protocol.discharge_off, 2.0) == protocol.acknowledged
    assert ask(line, READ[protocol.name], 3.0) == b""
    assert line.alive(1000.0)
    assert line.boards[0].lost == 2.0


@EACH
def test_the_wire_goes_with_discharge(protocol: Protocol) -> None:
    line = build(f"protocol={protocol.name}&discharge_off=gone&latency=25")
    line.write(protocol.discharge_off, 0.0)
    assert line.alive(0.02)
    assert line.take(0.1) == protocol.acknowledged
    assert not line.alive(0.1)
    assert line.next_time() is None


def test_the_wire_goes_when_a_late_write_is_done_and_a_reader_wakes_for_it() -> None:
    line = build("write=silent,late:7&discharge_off=gone")
    line.write(a5(0xD9, "00"), 0.0)
    assert line.next_time() == 7.0
    assert line.alive(6.9)
    assert not line.alive(7.0)


def test_power_stays_when_the_transistor_is_held() -> None:
    line = build("discharge_off=gone&hold=discharge:on")
    ask(line, a5(0xD9, "00"), 0.0)
    assert line.alive(1.0)


@EACH
def test_a_restart_is_silence_and_then_an_answer(protocol: Protocol) -> None:
    line = build(f"protocol={protocol.name}&restart=4")
    acknowledged = ask(line, protocol.restart, 0.0)
    assert bool(acknowledged) is (protocol.name == "a5")
    assert ask(line, READ[protocol.name], 3.9, 0.05) == b""
    assert ask(line, READ[protocol.name], 4.0)
    assert line.boards[0].pack.restarts == 1


def test_bytes_that_came_during_a_restart_are_forgotten() -> None:
    line = build("restart=1")
    ask(line, a5(0x00), 0.0)
    request = a5(0x90)
    line.write(request[:6], 0.5)
    line.write(request[6:], 1.5)
    assert line.take(2.0) == b""


def test_what_was_half_heard_before_a_restart_is_forgotten() -> None:
    board, request = build("restart=1").boards[0], a5(0x90)
    assert len(board.feed(a5(0x00) + request + request[:6], 0.0)) == 1
    assert board.feed(request[6:], 2.0) == []
    assert board.feed(request, 3.0) != []


def test_left_over_bytes_are_of_the_last_reply_that_there_was() -> None:
    line = build("protocol=d2&write=leftover&unsupported=3e")
    before = ask(line, READ["d2"], 0.0)
    assert ask(line, sealed("d203003e0009"), 1.0) == b""
    assert ask(line, sealed("d20600a60000"), 2.0) == before


def test_power_on_time_counts_and_starts_again() -> None:
    def times(at: float) -> tuple[int, int]:
        words = registers(line, 0x81, 0xA9, at, 4)
        return words[0] << 16 | words[1], words[2] << 16 | words[3]

    line = build("protocol=p81&restart=2")
    lifetime, uptime = times(0.0)
    assert times(10.5) == (lifetime + 10, uptime + 10)
    ask(line, sealed("810600f00001"), 20.0)
    assert times(22.7) == (lifetime + 22, 2)
    assert times(25.2) == (lifetime + 25, 5)


def test_a_write_to_what_the_board_has_not_is_silence() -> None:
    line = build("unsupported=d9")
    assert ask(line, a5(0xD9, "00"), 0.0) == b""
    assert a5_transistors(line, 1.0) == (1, 1)
    line = build("protocol=p81&unsupported=122")
    assert ask(line, sealed("810601220000"), 0.0) == b""
    assert line.boards[0].pack.discharge_switch == 1


def test_conduct_and_faults_combine() -> None:
    line = build("write=late:5&fault=echo,drop-reply:1")
    answer = ask(line, a5(0xD9, "00"), 0.0)
    assert answer == a5(0xD9, "00")
    assert line.injected["drop-reply"] == 1
    ask(line, b"", 6.0)
    assert line.boards[0].pack.discharge_switch == 0


CONDUCTS = {
    "ack": True,
    "refuse": False,
    "ignore": False,
    "silent": True,
    "late:10": True,
    "echo": True,
    "echo,ignore": False,
    "leftover": True,
    "lag:20": True,
    "refuse,act": True,
}
"""How a board takes writes, and whether it has done in the end what was written."""


@pytest.mark.parametrize("words", CONDUCTS)
@pytest.mark.parametrize("fault", KINDS)
@EACH
def test_every_conduct_goes_with_every_fault(protocol: Protocol, fault: str, words: str) -> None:
    line = build(f"protocol={protocol.name}&write={words}&fault={fault}&paced=1&latency=25&seed=3")
    line.write(protocol.discharge_off, 0.0)
    line.take(60.0)
    (board,) = line.boards
    assert board.pack.discharge_switch == (0 if CONDUCTS[words] else 1)
    assert [heard.frame for heard in line.log.writes] == [protocol.discharge_off]
    assert [heard.frame for heard in board.log.writes] == [protocol.discharge_off]


@pytest.mark.parametrize("fault", KINDS)
@EACH
def test_power_goes_whatever_the_line_does(protocol: Protocol, fault: str) -> None:
    line = build(f"protocol={protocol.name}&discharge_off=gone&fault={fault}&paced=1&latency=25&seed=3")
    line.write(protocol.discharge_off, 0.0)
    for tick in range(1, 300):
        line.take(tick / 100)
    assert not line.alive(3.0)
    assert line.boards[0].lost is not None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["melt"], "unknown word 'melt': take act, ignore"),
        (["late"], "unknown word 'late'"),
        (["ack:1"], "unknown word 'ack:1'"),
        (["late:x"], "'x' is no number of seconds"),
        (["lag:-1"], "'-1' is no number of seconds"),
        (["late:nan"], "no number of seconds from 0 to 3600"),
        (["echo", "silent"], "'echo' and 'silent' exclude each other"),
        (["ignore", "late:1"], "exclude each other"),
    ],
)
def test_wrong_words(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        conduct.parse(words)


def test_words_make_a_conduct() -> None:
    assert conduct.of("silent", "late:10", "lag:3", restart=1.0) == conduct.Conduct("silent", 10.0, 3.0, 1.0)
    assert conduct.parse(["refuse"]).delay is None
    assert conduct.parse(["refuse", "late:2"]).delay == 2.0
