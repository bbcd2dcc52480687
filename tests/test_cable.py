"""Several boards on one open wire, in virtual time."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import pytest
from support import PATIENCE, Clock, Script, VirtualWire, reply, talk

from dalybms import DalyBMS, open_cable
from dalybms.cable import Cable
from dalybms.emulator.a5.board import A5Board
from dalybms.emulator.line import BYTE, Line
from dalybms.emulator.modbus.p81 import P81Board
from dalybms.emulator.pack import Pack
from dalybms.errors import BadReply, DalyError, NoReply, TransportError


def cable(line: Any, **options: Any) -> Cable:
    """A cable in virtual time; its clock is `.clock`."""
    clock = Clock()
    made = Cable(VirtualWire(line, clock), clock=clock, **options)
    made.clock = clock  # type: ignore[attr-defined]
    return made


def pack(number: int) -> Pack:
    """Its state of charge is the number of the board, so that a mix-up shows."""
    return Pack.of(soc=10 * number, cells=[3300 + number] * 16)


def a5(*numbers: int) -> list[Any]:
    return [A5Board(pack(number), number) for number in numbers]


def p81(*numbers: int) -> list[Any]:
    return [P81Board(pack(number), number) for number in numbers]


def paced(boards: list[Any], latency: float = 0.025, **options: Any) -> Line:
    return Line(boards, latency=latency, paced=True, **options)


def spied(line: Line) -> list[bytes]:
    """What will be sent to this line."""
    sent: list[bytes] = []
    write = line.write

    def write_and_note(data: bytes, now: float) -> None:
        sent.append(data)
        write(data, now)

    line.write = write_and_note  # type: ignore[method-assign]
    return sent


# Reading


@pytest.mark.parametrize("kind", [a5, p81])
def test_boards_share_the_wire_and_each_answers_for_itself(kind: Any) -> None:
    bus = cable(paced(kind(1, 2, 16)))
    for _ in range(2):
        for number in (16, 1, 2):
            assert bus.board(number).get_soc()["soc_percent"] == number
            assert bus.board(number).get_cell_voltages()[16] == (3300 + number) / 1000
    assert bus.board(2) is bus.board(2)
    assert isinstance(bus.board(2), DalyBMS)


def test_a_late_answer_of_another_board_never_counts() -> None:
    """Board 1 answers each question, whoever is asked, and board 2 comes after it."""
    other, own = reply(0x90, "0212000075300001", board=1), reply(0x90, "0213000075300002", board=2)
    line = Script(lambda request, _: [(0.03, other), (0.06, own)] if request[1] == 0x41 else [(0.03, other)])
    bus = cable(line)
    assert bus.board(2).get_soc() == {"total_voltage": 53.1, "current": 0.0, "soc_percent": 0.2}
    with pytest.raises(NoReply, match="another board") as caught:
        bus.board(3).get_soc()
    assert caught.value.seen == "another board"


@pytest.mark.parametrize("fault", ["late", "late:0.7", "double", "reorder", "drop", "cut", "slow", "garbage"])
def test_no_mix_up_on_a_disturbed_cable(fault: str) -> None:
    for seed in range(5):
        bus = cable(paced(a5(1, 2, 3), faults=[fault], seed=seed))
        for number in (1, 2, 3, 1):
            outcomes = bus.board(number).read(["soc", "cell_voltages"])
            if not isinstance(outcomes["soc"], DalyError):
                assert outcomes["soc"]["soc_percent"] == number
            if not isinstance(outcomes["cell_voltages"], DalyError):
                assert set(outcomes["cell_voltages"].values()) == {(3300 + number) / 1000}


def test_three_boards_cost_hardly_more_than_their_wire_times_and_rests() -> None:
    """At 25 ms latency: the bytes of both directions, the latency and the rest after each answer."""
    line = paced(a5(1, 2, 3))
    sent, came = spied(line), []
    take = line.take

    def take_and_count(now: float) -> bytes:
        data = take(now)
        came.append(len(data))
        return data

    line.take = take_and_count  # type: ignore[method-assign]
    bus = cable(line)
    began = bus.clock.now  # type: ignore[attr-defined]
    for number in (1, 2, 3):
        assert bus.board(number).get_all()["soc"]["soc_percent"] == number  # type: ignore[typeddict-item]
    took = bus.clock.now - began  # type: ignore[attr-defined]
    wire = (sum(map(len, sent)) + sum(came)) * BYTE + len(sent) * (0.025 + 0.007)
    assert len(sent) == 3 * 9
    assert wire * 0.95 <= took <= 1.15 * wire


def test_boards_of_one_cable_are_asked_first_in_what_the_others_speak() -> None:
    line = paced(p81(1, 2, 3))
    sent = spied(line)
    bus = cable(line)
    for number in (1, 2, 3):
        assert bus.board(number).get_soc()["soc_percent"] == number
    assert {request[1] for request in sent if request[0] == 0xA5} <= {0x40, 0x80}
    assert [request[0] for request in sent[-2:]] == [0x82, 0x83]


def test_a_board_of_another_kind_is_found_all_the_same() -> None:
    bus = cable(paced([*p81(1), *a5(2), *p81(3)]))
    for number in (1, 2, 3, 2):
        assert bus.board(number).get_soc()["soc_percent"] == number


def test_one_call_at_a_time_has_the_wire() -> None:
    """Three threads, three boards: no question goes out before the one before it was answered."""
    line = paced(a5(1, 2, 3))
    bus = cable(line)
    wrong: list[Any] = []

    def read(number: int) -> None:
        for _ in range(10):
            found = bus.board(number).get_all()
            if found["soc"]["soc_percent"] != number:  # type: ignore[typeddict-item]
                wrong.append(found)

    threads = [threading.Thread(target=read, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
    assert line.lost == 0


# Opening and closing


def test_the_wire_is_opened_and_closed_once() -> None:
    clock, closed = Clock(), []

    class Wire(VirtualWire):
        def close(self) -> None:
            closed.append(1)
            super().close()

    with Cable(Wire(paced(a5(1, 2)), clock), clock=clock) as bus:
        with bus.board(1) as first:
            assert first.get_soc()["soc_percent"] == 1
        assert closed == []
        assert bus.board(2).get_soc()["soc_percent"] == 2
        with pytest.raises(TransportError, match="not connected"):
            first.get_soc()
    assert closed == [1]
    with pytest.raises(TransportError, match="not connected"):
        bus.board(2).get_soc()


def test_a_board_of_a_cable_opens_nothing() -> None:
    bus = cable(paced(a5(1)))
    with pytest.raises(ValueError, match="hangs on a cable"):
        bus.board(1).connect("demo:")
    assert bus.board(1).get_soc()


def test_closing_ends_a_reading_that_waits() -> None:
    with open_cable("demo:?fault=asleep", timeout=20) as bus:
        caught: list[BaseException] = []
        started = threading.Event()

        def read() -> None:
            started.set()
            try:
                bus.board(1).get_soc()
            except BaseException as error:  # noqa: BLE001 - handed to the test
                caught.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        started.wait(PATIENCE)
        bus.close()
        thread.join(PATIENCE)
    assert not thread.is_alive()
    assert isinstance(caught[0], TransportError)


@pytest.mark.parametrize(
    ("device", "options", "error"),
    [
        ("demo:", {"protocol": "d2"}, "no number"),
        ("demo:", {"protocol": "sinowealth"}, "no number"),
        ("demo:", {"protocol": "x"}, "no number"),
        ("demo:", {"address": 8}, "asks one board"),
        ("demo:", {"address": 0x41}, "asks one board"),
        ("demo:", {"request_retries": -1}, "request_retries"),
        ("AA:BB:CC:DD:EE:FF", {}, "Bluetooth"),
    ],
)
def test_options_that_cannot_be(device: str, options: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        open_cable(device, **options)


@pytest.mark.parametrize("number", [0, 17, -1])
def test_numbers_that_cannot_be(number: int) -> None:
    with pytest.raises(ValueError, match="board must be 1 to 16"):
        cable(paced(a5(1))).board(number)
    with pytest.raises(TypeError):
        cable(paced(a5(1))).board("all")  # type: ignore[arg-type]


def test_options_reach_each_board() -> None:
    with open_cable("demo:?boards=2&current=-3", invert_current=True) as bus:
        assert [bus.board(number).get_soc()["current"] for number in (1, 2)] == [3.0, 3.0]


def test_a_numbered_board_is_never_asked_as_d2() -> None:
    line = Script(lambda request, _: [])
    bus = cable(line)
    for number in (1, 2):
        with pytest.raises(NoReply):
            bus.board(number).get_soc()
    assert all(request[0] != 0xD2 for request in line.requests)


# Finding

LINES = [
    (a5(1, 2, 16), [1, 2, 16]),
    (p81(1, 9), [1, 9]),
    ([*a5(3), *p81(7)], [3, 7]),
    (a5(*range(1, 17)), list(range(1, 17))),
    (p81(*range(1, 17)), list(range(1, 17))),
    ([], []),
    ([A5Board(pack(1), 1, hosts=(0x80,))], [1]),
    ([A5Board(pack(2), 2, unsupported=(0x90,))], [2]),
]


@pytest.mark.parametrize("latency", [0.025, 0.1])
@pytest.mark.parametrize(("boards", "numbers"), LINES, ids=range(len(LINES)))
def test_the_numbers_that_answer_are_found_within_ten_seconds(
    boards: list[Any], numbers: list[int], latency: float
) -> None:
    line = paced(boards, latency)
    bus = cable(line)
    began = bus.clock.now  # type: ignore[attr-defined]
    assert bus.find() == numbers
    assert bus.clock.now - began <= 10  # type: ignore[attr-defined]
    for number in numbers:
        assert bus.board(number).get_cell_voltages()[1] == (3300 + number) / 1000


def test_all_16_numbers_are_asked_in_both_protocols_and_silent_ones_twice() -> None:
    line = Script(talk({0x90: reply(0x90, "0212000075300384")}, hosts=(0x40,))._answer)
    assert cable(line).find() == [1]
    asked: dict[tuple[int, int], int] = {}
    for request in line.requests:
        key = request[0], request[1] if request[0] == 0xA5 else 0
        asked[key] = asked.get(key, 0) + 1
    silent = {(0xA5, 0x3F + number): 2 for number in range(2, 17)}
    silent.update({(0x80 + number, 0): 2 for number in range(2, 17)})
    assert asked == {(0xA5, 0x40): 1, **silent}


@pytest.mark.parametrize(("protocol", "first"), [("a5", 0xA5), ("p81", 0x81)])
def test_only_the_protocol_that_was_named_is_asked(protocol: str, first: int) -> None:
    line = Script(lambda request, _: [])
    assert cable(line, protocol=protocol).find() == []
    assert {request[0] == 0xA5 for request in line.requests} == {first == 0xA5}


def test_an_answer_lost_once_is_no_loss() -> None:
    whole = talk({0x90: reply(0x90, "0212000075300384"), 0x94: reply(0x94, "10020000020003")}, hosts=(0x40,))
    seen: list[int] = []

    def answer(request: bytes, n: int) -> Iterable[tuple[float, bytes]]:
        if request[:2] != b"\xa5\x40":
            return []
        seen.append(n)
        return [] if len(seen) == 1 else whole._answer(request, n)

    assert cable(Script(answer)).find() == [1]


def test_an_echo_is_no_board_and_a_waking_one_is() -> None:
    assert cable(Script(lambda request, _: [(0.002, request)])).find() == []
    assert cable(talk({0x90: reply(0x90, "00")}, hosts=(0x40,))).find() == [1]


def test_noise_ends_the_search_within_ten_seconds() -> None:
    line = Script(lambda request, _: [(0.01 * step, b"\xa5\x5a\x00") for step in range(60)])
    bus = cable(line)
    began = bus.clock.now  # type: ignore[attr-defined]
    with pytest.raises(NoReply, match="noise left no time") as caught:
        bus.find()
    assert caught.value.seen == "noise"
    assert bus.clock.now - began <= 10.5  # type: ignore[attr-defined]


def test_what_is_asked_is_told() -> None:
    told: list[str] = []
    cable(paced(a5(2))).find(progress=told.append)
    assert told[0] == "asking board 1 of 16 (A5)"
    assert "asking board 16 of 16 (P81)" in told


# Two boards under one number

ONE, OTHER = reply(0x90, "0212000075300384"), reply(0x90, "0214000075300200")


def twins(answers: Any) -> Script:
    """Number 1 answers question n (from 0) of A5 with the frames answers(n)."""
    count = iter(range(1000))
    return Script(
        lambda request, _: (
            [(0.03 + 0.05 * at, frame) for at, frame in enumerate(answers(next(count)))]
            if request[:3] == b"\xa5\x40\x90"
            else []
        )
    )


def test_two_boards_under_one_number_are_named_on_proof() -> None:
    bus = cable(twins(lambda n: [ONE, OTHER]))
    assert bus.find() == [1]
    for use in (bus.board(1).get_soc, bus.board(1).get_all, lambda: bus.board(1).request(0x90)):
        with pytest.raises(BadReply, match="two boards answer under number 1"):
            use()


@pytest.mark.parametrize(
    "answers",
    [
        lambda n: [ONE, ONE],
        lambda n: [ONE, OTHER] if n == 0 else [ONE],
        lambda n: [ONE, OTHER[:-1] + b"\0"],
        lambda n: [ONE, reply(0x90, "0214000075300200", board=2)],
    ],
    ids=["equal", "once", "damaged", "another number"],
)
def test_less_than_that_is_no_proof(answers: Any) -> None:
    bus = cable(twins(answers))
    assert bus.find()[0] == 1
    assert bus.board(1).get_soc()["soc_percent"] == 90.0


def test_a_number_that_was_mended_reads_again() -> None:
    doubled = True
    bus = cable(twins(lambda n: [ONE, OTHER] if doubled else [ONE]))
    bus.find()
    doubled = False
    assert bus.find() == [1]
    assert bus.board(1).get_soc()["soc_percent"] == 90.0


def test_boards_of_two_kinds_that_swapped_their_numbers_read_again_after_a_search() -> None:
    first, second = a5(1)[0], p81(2)[0]
    bus = cable(paced([first, second]))
    assert [bus.board(number).get_soc()["soc_percent"] for number in (1, 2)] == [1, 2]
    bus._link._transport.line = paced([*p81(1), *a5(2)])
    assert bus.find() == [1, 2]
    assert [bus.board(number).spoken or "p81" for number in (1, 2)] == ["p81", "p81"]
    assert [bus.board(number).get_soc()["soc_percent"] for number in (1, 2)] == [1, 2]


def test_a_doubled_number_that_nobody_has_any_more_is_silent_and_not_doubled() -> None:
    answers = [ONE, OTHER]
    bus = cable(twins(lambda n: answers))
    bus.find()
    answers.clear()
    assert 1 not in bus.find()
    with pytest.raises(NoReply):
        bus.board(1).get_soc()
