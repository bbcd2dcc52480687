"""The request loop: what it sends when, and how long it waits. All in virtual time."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from support import HEALTHY, PATIENCE, Clock, Script, VirtualWire, attach, reply, talk

from dalybms import BadReply, DalyBMS, NoReply, TransportError
from dalybms.link import WIRE
from dalybms.protocols.a5.board import A5

BYTE = 10 / 9600
FIXED = [HEALTHY[0x95][at : at + 13] for at in range(0, 78, 13)] + [
    reply(0x95, bytes((n,))) for n in range(7, 17)
]


def paced(frames: list[bytes], start: float = 0.04) -> list[tuple[float, bytes]]:
    """Frames back to back, each complete after its wire time."""
    return [(start + (n + 1) * 13 * BYTE, frame) for n, frame in enumerate(frames)]


def fixed_style(last: int = 16) -> Script:
    """Sends frames up to `last` for command 95; ignores what is asked while it sends."""
    busy = {"until": 0.0}

    def answer(request: bytes, _: int) -> list[tuple[float, bytes]]:
        now = script.sent[-1][0]
        if now < busy["until"] - 1e-9:
            return []
        pieces = paced(FIXED[:last]) if request[2] == 0x95 else paced([HEALTHY[request[2]]])
        busy["until"] = now + pieces[-1][0]
        return pieces

    script = Script(answer)
    return script


def test_a_long_reply_is_used_at_once_and_runs_in_before_the_next_request() -> None:
    script = fixed_style()
    bms = attach(script, address=8)
    began = bms.clock.now
    bms.get_status()
    bms.get_cell_voltages()
    used = bms.clock.now
    looks = 2 * WIRE.kept  # at the end of each call: do stray bytes follow at once?
    assert used - began < 0.04 * 2 + 7 * 13 * BYTE + 0.01 + looks
    bms.get_soc()
    assert len(script.sent) == 3
    assert script.sent[2][0] >= script.sent[1][0] + 0.04 + 16 * 13 * BYTE


def test_how_far_a_reply_runs_is_learnt() -> None:
    script = fixed_style()
    bms = attach(script, address=8, pause=0)
    for _ in range(3):
        bms.get_cell_voltages()
        bms.get_soc()
    ends = [at + 0.04 + 16 * 13 * BYTE for at, request in script.sent if request[2] == 0x95]
    follows = [script.sent[n + 1][0] for n, (_, request) in enumerate(script.sent) if request[2] == 0x95]
    waited = [follow - end for follow, end in zip(follows, ends)]
    assert waited[0] == pytest.approx(WIRE.quiet)
    assert waited[1:] == pytest.approx([0, 0], abs=1e-6)


def test_an_exact_reply_costs_a_quiet_time_once() -> None:
    script = fixed_style(last=6)
    bms = attach(script, address=8, pause=0)
    for _ in range(2):
        bms.get_cell_voltages()
        bms.get_soc()
    gaps = [
        script.sent[n + 1][0] - at - 0.04 - 6 * 13 * BYTE
        for n, (at, request) in enumerate(script.sent)
        if request[2] == 0x95
    ]
    assert gaps == pytest.approx([WIRE.quiet, 0], abs=1e-6)


def test_bytes_that_come_one_by_one_need_a_shorter_quiet_time() -> None:
    """Nothing buffers them, so the rest of a reply would follow at once."""

    def answer(request: bytes, _: int) -> list[tuple[float, bytes]]:
        raw = HEALTHY[request[2]]
        return [(0.04 + (n + 1) * BYTE, raw[n : n + 1]) for n in range(len(raw))]

    script = Script(answer)
    bms = attach(script, address=8, pause=0)
    bms.get_cell_voltages()
    bms.get_soc()
    (at, request), (follows, _) = script.sent[1:]
    assert request[2] == 0x95
    assert follows - at - 0.04 - 78 * BYTE == pytest.approx(WIRE.least_quiet)


def test_a_reply_that_runs_further_than_was_learnt_is_learnt_anew() -> None:
    script = fixed_style(6)
    bms = attach(script, address=8, pause=0, timeout=0.5)
    bms.get_cell_voltages()
    bms.get_soc()
    longer = fixed_style()
    longer.sent = script.sent
    script._answer = longer._answer
    for _ in range(3):
        bms.get_cell_voltages()
        bms.get_soc()
    asked = [request[2] for request in script.requests]
    assert asked == [0x94, 0x95, 0x90, 0x95, 0x90, 0x90, 0x95, 0x90, 0x95, 0x90]


def test_a_tail_that_comes_unexpectedly_is_healed() -> None:
    """First an exact reply, later sixteen frames: the request into them is lost and asked again."""
    lasts = [6, 16, 16]
    fixed, exact = fixed_style(), fixed_style(6)

    def answer(request: bytes, n: int) -> list[tuple[float, bytes]]:
        source = exact if n < 3 else fixed
        source.sent = script.sent
        return source._answer(request, n)

    script = Script(answer)
    bms = attach(script, address=8)
    for _ in lasts:
        assert len(bms.get_cell_voltages()) == 16
        assert bms.get_soc()["total_voltage"] == 53.0


def test_the_pause_is_kept_between_answer_and_request() -> None:
    script = talk(HEALTHY)
    bms = attach(script)
    bms.get_soc()
    bms.get_soc()
    assert script.sent[1][0] - script.sent[0][0] == pytest.approx(0.04 + WIRE.kept)


def test_no_pause_means_none() -> None:
    script = talk(HEALTHY)
    bms = attach(script, pause=0)
    bms.get_soc()
    bms.get_soc()
    assert script.sent[1][0] - script.sent[0][0] == pytest.approx(0.04)


def test_a_board_that_needs_a_longer_pause_gets_it_and_keeps_it() -> None:
    healthy = talk(HEALTHY)
    free = {"at": 0.0}

    def answer(request: bytes, n: int) -> list[tuple[float, bytes]]:
        now = script.sent[-1][0]
        if now < free["at"]:
            return []
        free["at"] = now + 0.04 + 0.025
        return list(healthy._answer(request, n))

    script = Script(answer)
    bms = attach(script, address=4)
    for _ in range(4):
        bms.get_soc()
    lost = len(script.sent)
    for _ in range(10):
        bms.get_soc()
    assert len(script.sent) == lost + 10
    assert script.sent[-1][0] - script.sent[-2][0] == pytest.approx(0.04 + 0.028)


def test_silence_does_not_widen_the_pause() -> None:
    script = talk({**HEALTHY})
    bms = attach(Script(lambda request, n: [] if n < 5 else script._answer(request, n)), address=4)
    with pytest.raises(NoReply):
        bms.get_soc()
    bms.get_soc()
    line = bms._link._transport.line
    bms.get_soc()
    assert line.sent[-1][0] - line.sent[-2][0] == pytest.approx(0.04 + WIRE.kept)


def test_an_attempt_ends_after_the_timeout_of_silence() -> None:
    script = Script(lambda *_: [])
    with pytest.raises(NoReply, match="in 4 attempts"):
        attach(script, address=4, timeout=0.2).get_soc()
    gaps = [later[0] - earlier[0] for earlier, later in zip(script.sent, script.sent[1:])]
    assert gaps == pytest.approx([0.2] * 3)


def test_an_attempt_ends_whatever_noise_comes() -> None:
    script = Script(lambda *_: [(n * 0.01, b"\xff") for n in range(1000)])
    bms = attach(script, address=4)
    began = bms.clock.now
    with pytest.raises(NoReply, match="only noise"):
        bms.get_all()
    assert bms.clock.now - began < 5
    assert script.sent[1][0] - script.sent[0][0] == pytest.approx(0.5 + 2 * 13 * BYTE, abs=0.011)


def test_memory_is_bounded_under_endless_noise() -> None:
    bms = attach(Script(lambda *_: [(n * 0.001, b"\xa5" * 500) for n in range(400)]), address=4)
    with pytest.raises(NoReply):
        bms.get_soc()
    assert len(bms._link._heard) <= 4096


def test_one_lost_reply_costs_one_timeout() -> None:
    healthy = talk(HEALTHY)
    script = Script(lambda request, n: [] if n == 4 else healthy._answer(request, n))
    bms = attach(script)
    bms.get_soc()
    began = bms.clock.now
    bms.get_all()
    lossy = bms.clock.now - began
    began = bms.clock.now
    bms.get_all()
    assert 0.4 < lossy - (bms.clock.now - began) < 0.7


def test_on_a_living_line_each_request_gets_one_attempt_when_the_silence_is_used_up() -> None:
    script = talk({0x90: HEALTHY[0x90], 0x98: HEALTHY[0x98]})
    bms = attach(script, address=4)
    for _ in range(2):  # what a call has lost says nothing about the next one
        script.sent.clear()
        assert bms.get_all()["errors"] == []
        asked = [request[2] for request in script.requests]
        assert {command: asked.count(command) for command in sorted(set(asked))} == {
            0x90: 1,
            0x91: 4,
            0x92: 4,
            0x93: 1,
            0x94: 1,
            0x98: 1,
        }


@pytest.mark.parametrize("optional", [False, True])
def test_only_what_a_board_must_have_is_worth_another_look(optional: bool) -> None:
    bms = attach(Script(lambda *_: []), address=4)
    question = A5([0x40]).probe(["soc"])._replace(optional=optional)
    with bms._link.call(), pytest.raises(NoReply) as failed:
        bms._link.exchange(question)
    assert failed.value.repeated is not optional


def test_requests_of_a_call_after_a_dead_start_are_not_asked() -> None:
    script = Script(lambda *_: [])
    with pytest.raises(NoReply):
        attach(script, address=4, request_retries=9).get_all()
    assert len(script.sent) == 8


def test_a_battery_that_falls_silent_between_two_calls() -> None:
    healthy = talk(HEALTHY)
    script = Script(lambda request, n: [] if n else healthy._answer(request, n))
    bms = attach(script)
    bms.get_soc()
    began = bms.clock.now
    outcome = bms.read(["soc", "cell_voltage_range", "temperature_range", "mosfet_status", "status"])
    assert bms.clock.now - began < 5
    assert len(script.sent) == 1 + 8
    assert "in 4 attempts" in str(outcome["soc"])
    assert "not asked any more" in str(outcome["status"])
    with pytest.raises(NoReply, match="in 4 attempts"):
        bms.get_all()


EVERYTHING = ["soc", "cell_voltage_range", "temperature_range", "mosfet_status", "status", "errors", "info"]


def test_a_battery_that_dies_after_its_first_answer_is_not_asked_for_everything() -> None:
    healthy = talk(HEALTHY)
    bms = attach(Script(lambda request, n: [] if n else healthy._answer(request, n)), address=4)
    began = bms.clock.now
    bms.read(EVERYTHING)
    assert bms.clock.now - began < 6


def test_damaged_answers_without_end_are_bounded_in_total() -> None:
    healthy = talk(HEALTHY)
    torn = [(0.01 * n, b"\xa5\x01\xff") for n in range(100)]
    script = Script(lambda request, n: torn if n else healthy._answer(request, n))
    bms = attach(script, address=4, request_retries=9)
    began = bms.clock.now
    bms.read(EVERYTHING)
    assert bms.clock.now - began < 8 + 3 + 1


def test_hosts_take_turns_and_later_rounds_ask_something_else() -> None:
    script = Script(lambda *_: [])
    with pytest.raises(NoReply):
        attach(script, protocol="a5").get_balancing_status()
    asked = [(request[1], request[2]) for request in script.requests]
    first, other = [(0x40, 0x94), (0x80, 0x94)], [(0x40, 0x90), (0x80, 0x90)]
    assert asked == [*first, *first, *other, *first[::-1], *other, *first]


def test_a_board_without_the_first_command_is_found_by_another() -> None:
    script = talk({command: raw for command, raw in HEALTHY.items() if command != 0x90}, hosts=(0x80,))
    bms = attach(script)
    assert set(bms.get_all()["soc"]) == {"error"}
    assert bms.get_status()["cells"] == 16


def test_counts_are_asked_once_and_renewed_by_every_status() -> None:
    replies = dict(HEALTHY)
    script = talk(replies)
    bms = attach(script)
    assert len(bms.get_cell_voltages()) == 16
    assert len(bms.get_cell_voltages()) == 16
    assert [request[2] for request in script.requests] == [0x94, 0x95, 0x95]
    replies[0x94] = reply(0x94, "0302")
    bms.get_status()
    assert len(bms.get_cell_voltages()) == 3
    assert len(bms.get_balancing_status()) == 3


def test_get_all_really_asks_all_nine_commands() -> None:
    script = talk(HEALTHY)
    bms = attach(script)
    for _ in range(2):
        del script.sent[:]
        bms.get_all()
        assert sorted(request[2] for request in script.requests) == list(range(0x90, 0x99))


def test_the_fill_byte_goes_into_every_question() -> None:
    script = talk(HEALTHY)
    attach(script, fill=0xAA).get_all()
    assert {request[4:12] for request in script.requests} == {b"\xaa" * 8}


def test_raw_request_gives_the_data_of_all_frames_in_order_of_arrival() -> None:
    frames = [reply(0x57, b"\x02SECOND"), reply(0x57, b"\x01FIRST  ")]
    script = Script(lambda request, _: paced(frames) if request[2] == 0x57 else paced([HEALTHY[0x90]]))
    assert attach(script).request(0x57) == [b"\x02SECOND\x00", b"\x01FIRST  "]


def test_a_raw_request_as_the_first_call_gives_bytes() -> None:
    assert attach(talk(HEALTHY)).request(0x90) == [HEALTHY[0x90][4:12]]


@pytest.mark.parametrize(
    ("command", "times"), [(0x57, 4), (0xD8, 4), (0x00, 1), (0xD9, 1), (0x21, 1), (0x9B, 1)]
)
def test_only_reads_are_repeated(command: int, times: int) -> None:
    script = talk({0x90: HEALTHY[0x90]})
    with pytest.raises(NoReply):
        attach(script).request(command, b"\x01" + bytes(7))
    asked = [request for request in script.requests if request[2] == command]
    assert len(asked) == times
    assert {request[1] for request in asked} == {0x40}
    assert asked[0][4] == 1


def test_a_bad_answer_carries_its_bytes_and_the_number_of_attempts() -> None:
    bad = reply(0x94, "00020000020003")
    with pytest.raises(BadReply, match=r"in 4 attempts: cells of 0 cannot be") as caught:
        attach(talk({0x94: bad}), address=4).get_status()
    assert caught.value.raw == bad


def test_disconnect_in_another_thread_ends_a_wait() -> None:
    waiting = threading.Event()

    class Wire(VirtualWire):
        def read(self, timeout: float) -> bytes:
            waiting.set()
            assert closed.wait(PATIENCE)
            return super().read(0)

        def close(self) -> None:
            super().close()
            closed.set()

    closed = threading.Event()
    bms = DalyBMS()
    clock = Clock()
    bms._clock = clock
    bms._use(Wire(Script(lambda *_: []), clock))
    failures: list[BaseException] = []

    def read() -> None:
        try:
            bms.get_soc()
        except TransportError as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert waiting.wait(PATIENCE)
    bms.disconnect()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert "not connected" in str(failures[0])
    with pytest.raises(TransportError, match="not connected"):
        bms.get_soc()


def test_calls_of_two_threads_take_turns() -> None:
    script = talk(HEALTHY)
    bms = attach(script)
    outcomes: list[object] = []
    threads = [threading.Thread(target=lambda: outcomes.append(bms.get_all())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(outcomes) == 4
    assert all(outcome == outcomes[0] for outcome in outcomes)
    asked = [request[2] for request in script.requests]
    assert [asked[at : at + 9] for at in range(0, 36, 9)] == [asked[:9]] * 4


def test_two_boards_share_a_link_without_mixing() -> None:
    """Frames of board 2 in between do not end up in the readings of board 1."""
    other = [reply(0x95, bytes((n,)) + bytes.fromhex("0b000b000b00"), board=2) for n in range(1, 7)]
    mixed = b"".join(FIXED[n] + other[n] for n in range(6))
    assert set(attach(talk({**HEALTHY, 0x95: mixed})).get_cell_voltages().values()) == {3.313}


class Drowsy(VirtualWire):
    """A wire whose first `failing` writes fail in a way that may pass."""

    failing = 1

    def write(self, data: bytes) -> None:
        if self.failing:
            self.failing -= 1
            error = TransportError("not yet")
            error.passing = True
            raise error
        super().write(data)


@pytest.mark.parametrize(
    ("command", "failing", "works"), [(0x90, 1, True), (0x90, 2, False), (0xD9, 1, False)]
)
def test_a_write_that_may_pass_is_tried_once_more_when_it_only_reads(
    command: int, failing: int, works: bool
) -> None:
    script = talk({**HEALTHY, 0xD9: reply(0xD9, "01")})
    bms = attach(script)
    bms.get_soc()
    link: Any = bms._link
    link._transport = Drowsy(script, bms.clock)  # type: ignore[attr-defined]
    link._transport.failing = failing
    asked = len(script.sent)
    if works:
        assert bms.request(command)
    else:
        with pytest.raises(TransportError, match="not yet"):
            bms.request(command)
    assert len(script.sent) == asked + works
