"""The wire of the emulator in virtual time: pace, latency, a busy board, and every fault."""

from __future__ import annotations

import random

import pytest

from dalybms.emulator import faults, options
from dalybms.emulator.a5.board import A5Board
from dalybms.emulator.line import Line
from dalybms.emulator.modbus.board import crc16
from dalybms.emulator.pack import Pack

BYTE = 10 / 9600


def request(command: int, host: int = 0x40) -> bytes:
    body = bytes((0xA5, host, command, 8)) + bytes(8)
    return body + bytes((sum(body) & 0xFF,))


SOC = A5Board(Pack()).feed(request(0x90))[0][0]
CELLS = b"".join(A5Board(Pack()).feed(request(0x95))[0])


def line_of(*fault: str, **options: object) -> Line:
    return Line([A5Board(Pack())], faults=fault, **options)  # type: ignore[arg-type]


def arrivals(line: Line, limit: float) -> list[tuple[float, bytes]]:
    """Everything that comes before `limit`, with its times, as a reader sees it that waits for each byte."""
    seen = []
    while True:
        due = line.next_time()
        if due is None or due > limit:
            return seen
        data = line.take(due)
        if data:
            seen.append((due, data))


def heard(line: Line, command: int, now: float = 0.0, limit: float = 5.0) -> bytes:
    line.write(request(command), now)
    return b"".join(data for _, data in arrivals(line, now + limit))


def poll(line: Line, command: int, times: int) -> list[bytes]:
    return [heard(line, command, 5.0 * turn) for turn in range(times)]


def test_an_unpaced_reply_comes_at_once_and_then_nothing_is_under_way() -> None:
    line = line_of()
    line.write(request(0x90), 1.0)
    assert line.next_time() == 1.0
    assert line.take(1.0) == SOC
    assert line.take(1.0) == b""
    assert line.next_time() is None


def test_an_unpaced_reply_waits_for_the_latency() -> None:
    line = line_of(latency=0.025)
    line.write(request(0x90), 1.0)
    assert line.take(1.024) == b""
    assert line.next_time() == pytest.approx(1.025)
    assert line.take(1.0251) == SOC


@pytest.mark.parametrize("latency", [0.0, 0.025])
@pytest.mark.parametrize("start", [0.0, 1e6 / 3])
def test_paced_bytes_come_one_by_one_on_an_absolute_clock(latency: float, start: float) -> None:
    line = line_of(paced=True, latency=latency)
    line.write(request(0x95), start)
    seen = arrivals(line, start + 1)
    assert b"".join(data for _, data in seen) == CELLS
    assert all(len(data) == 1 for _, data in seen)
    for number, (at, _) in enumerate(seen, 1):
        assert at - start == pytest.approx((13 + number) * BYTE + latency, abs=1e-6)
    assert seen[-1][0] - start - latency == pytest.approx(0.0948, abs=0.0001)


def test_a_late_look_finds_everything_that_has_arrived() -> None:
    line = line_of(paced=True)
    line.write(request(0x95), 0.0)
    assert line.take(13 * BYTE) == b""
    assert line.take(23.5 * BYTE) == CELLS[:10]
    assert line.take(91.1 * BYTE) == CELLS[10:]


def test_a_request_into_a_sending_board_is_lost() -> None:
    line = line_of(paced=True)
    line.write(request(0x95), 0.0)
    line.write(request(0x90), 0.04)
    assert b"".join(data for _, data in arrivals(line, 1)) == CELLS
    assert (line.requests, line.lost) == (1, 13)


def test_a_request_after_the_last_byte_is_answered() -> None:
    line = line_of(paced=True)
    line.write(request(0x95), 0.0)
    line.write(request(0x90), 91 * BYTE + 1e-9)
    assert b"".join(data for _, data in arrivals(line, 1)) == CELLS + SOC
    assert line.lost == 0


def test_a_patient_board_hears_while_it_sends() -> None:
    line = line_of(paced=True, busy=False)
    line.write(request(0x95), 0.0)
    line.write(request(0x90), 0.04)
    assert b"".join(data for _, data in arrivals(line, 1)) == CELLS + SOC


def test_boards_share_the_wire() -> None:
    line = Line([A5Board(Pack(), board=1), A5Board(Pack(), board=2)], paced=True)
    line.write(request(0x90, 0x41), 0.0)
    reply = b"".join(data for _, data in arrivals(line, 1))
    assert (reply[1], len(reply)) == (2, 13)


def test_everything_follows_from_the_seed() -> None:
    some = [name for name in faults.KINDS if name not in ("asleep", "echo-only", "noise", "unplug")]

    def run(seed: int) -> list[bytes]:
        return poll(line_of(*some, seed=seed), 0x95, 20)

    assert run(3) == run(3)
    assert run(3) != run(4)


# Faults. Each test asserts the count too: a fault that never happened proves nothing.


def test_drop_loses_single_frames() -> None:
    line = line_of("drop", seed=1)
    replies = poll(line, 0x95, 20)
    assert sum(len(CELLS) - len(reply) for reply in replies) == 13 * line.injected["drop"] > 0
    assert CELLS in replies


def test_drop_reply_loses_all_of_it() -> None:
    line = line_of("drop-reply", seed=1)
    replies = poll(line, 0x95, 40)
    assert set(replies) == {b"", CELLS}
    assert replies.count(b"") == line.injected["drop-reply"]


def test_double_repeats_frames() -> None:
    line = line_of("double:1")
    assert heard(line, 0x90) == SOC * 2
    assert heard(line, 0x95, 5.0)[:39] == CELLS[:13] * 2 + CELLS[13:26]


def test_reorder_changes_the_order_only() -> None:
    line = line_of("reorder:1", seed=1)
    reply = heard(line, 0x95)
    frames = [reply[at : at + 13] for at in range(0, len(reply), 13)]
    assert b"".join(frames) != CELLS
    assert b"".join(sorted(frames)) == CELLS
    assert heard(line, 0x90, 5.0) == SOC
    assert line.injected["reorder"] == 1


def test_cut_loses_bytes_of_a_frame_and_later_frames_follow() -> None:
    line = line_of("cut", seed=2)
    replies = [reply for reply in poll(line, 0x95, 30) if reply != CELLS]
    assert replies
    for reply in replies:
        assert len(CELLS) - 6 * 12 <= len(reply) < len(CELLS)
    assert any(reply.endswith(CELLS[-13:]) for reply in replies)


@pytest.mark.parametrize(("name", "bits"), [("flip", {1}), ("flip2", {2, 3, 4})])
def test_flip_changes_bits(name: str, bits: set[int]) -> None:
    line = line_of(f"{name}:1", seed=1)
    seen = set()
    for reply in poll(line, 0x90, 40):
        seen.add(bin(int.from_bytes(reply, "big") ^ int.from_bytes(SOC, "big")).count("1"))
    assert seen == bits


def test_late_comes_during_a_later_request() -> None:
    line = line_of("late:1", seed=1)
    line.write(request(0x90), 0.0)
    assert line.take(0.59) == b""
    line.write(request(0x91), 0.5)
    assert line.take(1.05)[:13] == SOC
    assert line.injected["late"] == 2


def test_waits_can_be_scaled() -> None:
    line = line_of("late:1", scale=0.1)
    line.write(request(0x90), 0.0)
    assert line.take(0.059) == b""
    assert line.take(0.1) == SOC


def test_stale_sends_something_old_first() -> None:
    line = line_of("stale:1", seed=1)
    assert heard(line, 0x90) == SOC
    reply = heard(line, 0x95, 5.0)
    assert reply == SOC + CELLS
    again = heard(line, 0x95, 10.0)
    assert again.endswith(CELLS)
    assert len(again) == len(CELLS) + 13
    assert line.injected["stale"] == 2


def test_echo_comes_before_the_reply() -> None:
    line = line_of("echo", latency=0.025)
    line.write(request(0x90), 0.0)
    assert line.take(0.0009) == b""
    assert line.take(0.006) == request(0x90)
    assert line.take(0.1) == SOC


def test_echo_partial_gives_back_the_end() -> None:
    line = line_of("echo-partial", latency=0.025)
    for reply in poll(line, 0x90, 20):
        assert reply.endswith(SOC)
        echo = reply[:-13]
        assert 5 <= len(echo) <= 12
        assert request(0x90).endswith(echo)


def test_echo_only_never_answers() -> None:
    assert set(poll(line_of("echo-only"), 0x90, 5)) == {request(0x90)}


def test_foreign_puts_another_boards_reply_first() -> None:
    line = line_of("foreign:1")
    reply = heard(line, 0x90)
    assert reply[13:] == SOC
    assert reply[:4] == bytes.fromhex("a5029008")
    assert reply[4:12] != SOC[4:12]
    assert sum(reply[:12]) & 0xFF == reply[12]


def test_other_program_speaks_in_between() -> None:
    line = line_of("other-program:1")
    reply = heard(line, 0x90)
    assert SOC in reply
    assert len(reply) > len(SOC)
    assert any(bytes.fromhex(text) in reply for text in ("fefffffdfd", "01460753a2", "47e242"))


def test_asleep_is_silent() -> None:
    line = line_of("asleep")
    assert poll(line, 0x90, 5) == [b""] * 5
    assert line.injected["asleep"] == line.requests == 5


@pytest.mark.parametrize(("text", "silent"), [("waking", 2), ("waking:1:4", 4)])
def test_waking_misses_the_first_requests(text: str, silent: int) -> None:
    assert poll(line_of(text), 0x90, 6) == [b""] * silent + [SOC] * (6 - silent)


def test_garbage_is_one_of_three_bytes_around_the_frames() -> None:
    line = line_of("garbage:1", seed=1)
    reply = heard(line, 0x90)
    before, after = reply.split(SOC)
    assert 1 <= len(before) <= 20
    assert 1 <= len(after) <= 20
    assert set(before + after) <= {0xFF, 0x00, 0xA5}


def test_slow_splits_a_reply_by_a_pause() -> None:
    line = line_of("slow:1", seed=1)
    line.write(request(0x90), 0.0)
    seen = arrivals(line, 5.0)
    assert b"".join(data for _, data in seen) == SOC
    assert len(seen) == 2
    assert 0.3 <= seen[1][0] - seen[0][0] <= 0.7


def test_zero_answers_with_zeros_first() -> None:
    replies = poll(line_of("zero"), 0x90, 3)
    assert replies == [bytes.fromhex("a501900800000000000000003e")] * 2 + [SOC]


def test_noise_never_ends_and_holds_no_reply() -> None:
    line = line_of("noise", seed=1, paced=True)
    assert line.next_time() is None
    line.write(request(0x90), 0.0)
    seen = arrivals(line, 3.0)
    assert len(seen) > 100
    assert seen[-1][0] > 2.9
    assert SOC not in b"".join(data for _, data in seen)
    assert len(line.take(1e6)) < 10_000


def test_unplug_in_the_middle_of_a_reply() -> None:
    line = line_of("unplug", paced=True)
    assert poll(line, 0x90, 3) == [SOC] * 3
    line.write(request(0x90), 20.0)
    assert line.alive(20.0 + 19 * BYTE - 1e-6)
    seen = arrivals(line, 25.0)
    assert b"".join(data for _, data in seen) == SOC[:6]
    assert not line.alive(20.0 + 19 * BYTE)
    line.write(request(0x90), 25.0)
    assert line.take(30.0) == b""
    assert line.next_time() is None


def test_unplug_count_is_the_replies_before_it() -> None:
    line = line_of("unplug:1:0")
    line.write(request(0x90), 0.0)
    assert not line.alive(0.1)


@pytest.mark.parametrize("name", [name for name, kind in faults.KINDS.items() if kind.rate < 1])
def test_an_uncertain_fault_spares_one_reply_of_three(name: str) -> None:
    line = line_of(f"{name}:0.99", seed=5)
    replies = poll(line, 0x95, 30)
    assert line.injected[name] > 0
    whole = [reply == CELLS for reply in replies]
    assert all(any(whole[at : at + 3]) for at in range(28))


@pytest.mark.parametrize("name", faults.KINDS)
def test_every_fault_happens(name: str) -> None:
    line = line_of(name, seed=1)
    for turn in range(20):
        heard(line, 0x90 + turn % 9, 5.0 * turn)
    assert line.injected[name] > 0
    assert {key for key, count in line.injected.items() if count} == {name}


@pytest.mark.parametrize(
    "text", ["drop:2", "drop:-1", "drop:x", "drop:nan", "drop:0.5:1", "zero:1:x", "zero:1:-1"]
)
def test_a_wrong_fault(text: str) -> None:
    with pytest.raises(ValueError, match="fault "):
        faults.parse(text)


def test_an_unknown_fault_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'melt': take one of drop, drop-reply, .*, unplug"):
        faults.parse("melt")


@pytest.mark.parametrize("protocol", ["a5", "d2", "p81", "sinowealth"])
def test_no_input_makes_a_board_raise_or_keep_more_than_a_request(protocol: str) -> None:
    dice = random.Random(1)
    line = options.build(f"protocol={protocol}&fault=flip,garbage,stale,foreign&seed=1")
    starts = (b"\xa5\x40", b"\xd2\x03", b"\xd2\x10", b"\x81\x06", b"\x0a", b"")
    for turn in range(500):
        data = dice.choice(starts) + bytes(dice.choices(range(256), k=dice.randint(0, 60)))
        line.write(data, float(turn))
        line.take(float(turn))
        assert len(line.boards[0]._heard) <= 8 + 2 * 125


@pytest.mark.parametrize("protocol", ["a5", "d2", "p81", "sinowealth"])
@pytest.mark.parametrize("value", [-1, 0, 0xFFFF, 1 << 40])
def test_a_pack_may_hold_any_number(protocol: str, value: int) -> None:
    board = options.build(f"protocol={protocol}").boards[0]
    pack = board.pack  # type: ignore[attr-defined]
    for name, usual in list(vars(pack).items()):
        if isinstance(usual, int):
            setattr(pack, name, value)
    pack.cells, pack.sensors = [value] * 16, [value] * 4
    for command in range(256):
        for text in (f"a540{command:02x}08" + 16 * "0", f"d203{command:04x}0040", f"8103{command:04x}0040"):
            body = bytes.fromhex(text)
            board.feed(body + bytes((sum(body) & 0xFF,)))
            board.feed(body + crc16(body))
        board.feed(bytes((0x0A, command, 4)))


@pytest.mark.parametrize("paced", [0, 1])
def test_a_board_hears_nothing_for_a_while_after_its_answer(paced: int) -> None:
    line = options.build(f"deaf=100&latency=25&paced={paced}")
    line.write(request(0x90), 10.0)
    ends = 10.025 + 26 * BYTE * paced
    assert len(line.take(ends + 0.001)) == 13
    line.write(request(0x91), ends + 0.099)
    assert line.take(ends + 5) == b""
    line.write(request(0x91), ends + 5)
    assert len(line.take(ends + 10)) == 13
    line.write(request(0x91), ends + 10.2)
    assert len(line.take(ends + 15)) == 13


def test_only_the_board_that_answered_is_deaf() -> None:
    line = options.build("board=1&deaf=100;board=2")
    line.write(request(0x90, host=0x40), 10.0)
    assert len(line.take(10.0)) == 13
    line.write(request(0x90, host=0x41), 10.01)
    assert len(line.take(10.01)) == 13
    line.write(request(0x90, host=0x40), 10.02)
    assert line.take(10.5) == b""


def test_a_board_may_be_deaf_by_chance() -> None:
    line = options.build("deaf=100&deaf_rate=0.35&seed=3")
    answered = 0
    for n in range(400):
        line.write(request(0x90), 10.0 + n)
        line.take(10.0 + n)
        line.write(request(0x90), 10.05 + n)
        answered += bool(line.take(10.5 + n))
    assert 0.55 < answered / 400 < 0.75
