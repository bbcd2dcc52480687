"""Lines and boards that want patience: every second question heard, answers that come byte by byte.

What they say is right, so it has to be read, whole; a line that only makes noise gets none of that patience.
"""

from __future__ import annotations

import random
from typing import Any, Callable

import pytest
from support import HEALTHY, Clock, Script, attach, talk

from dalybms import DalyBMS, DalyBMSBluetooth, DalyError, NoReply
from dalybms.emulator.options import build
from dalybms.protocols.a5.frame import SIZE
from dalybms.protocols.modbus.frame import ModbusReader, crc, read_request

BYTE = 10 / 9600
BOARDS = (
    "protocol=a5&cells=16&sensors=4",
    "protocol=a5&cells=14&sensors=1&style=fixed&leftover=1",
    "protocol=d2&cells=16",
    "protocol=p81&cells=24&sensors=4",
    "protocol=sinowealth&cells=4",
)


class Slow:
    """A board of the emulator that answers 40 ms after a question, with `pauses()` before each byte.

    hears: which questions it hears, by their number from 0. While it sends it hears none.
    """

    def __init__(
        self, board: str, pauses: Callable[[], float], hears: Callable[[int], bool] = lambda _: True
    ) -> None:
        self._line, self._pauses, self._hears = build(board), pauses, hears
        self._pieces: list[tuple[float, bytes]] = []
        self.clock = Clock()
        self.asked = 0

    def write(self, data: bytes, now: float) -> None:
        self.asked += 1
        busy = self._pieces and self._pieces[-1][0] > now
        if busy or not self._hears(self.asked - 1):
            return
        self._line.write(data, now)
        at, answer = now + 0.04, b""
        while (ready := self._line.next_time()) is not None:
            answer += self._line.take(ready)
        for byte in answer:
            at += BYTE + self._pauses()
            self._pieces.append((at, bytes((byte,))))

    def take(self, now: float) -> bytes:
        due = b"".join(piece for at, piece in self._pieces if at <= now)
        self._pieces = [(at, piece) for at, piece in self._pieces if at > now]
        return due

    def next_time(self) -> float | None:
        return self._pieces[0][0] if self._pieces else None

    def alive(self, now: float) -> bool:
        return True


def battery(board: str, kind: type[DalyBMS] = DalyBMS) -> DalyBMS:
    return kind(protocol="sinowealth" if "sinowealth" in board else "auto")


def still(outcome: Any) -> dict[str, Any]:
    """Without the heartbeat, and without what D2 tells in an answer that is asked for once."""
    found = {name: dict(each) if isinstance(each, dict) else each for name, each in outcome.items()}
    for key in ("heartbeat", "balance_current", "balancing_cells"):
        found["mosfet_status"].pop(key, None)
    found["temperature_range"].pop("mosfet_temperature", None)
    return found


def whole(board: str) -> dict[str, Any]:
    return still(attach(build(board), battery(board)).get_all())


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("every", [2, 3])
def test_a_board_that_hears_every_second_or_third_question_is_read_whole(board: str, every: int) -> None:
    line = Slow(board, lambda: 0.0, lambda number: number % every == every - 1)
    bms = attach(line, battery(board))
    for _ in range(2):
        assert still(bms.get_all()) == whole(board)


@pytest.mark.parametrize("kind", [DalyBMS, DalyBMSBluetooth])
@pytest.mark.parametrize("most", [0.04, 0.12])
@pytest.mark.parametrize("board", BOARDS)
def test_an_answer_that_comes_byte_by_byte_is_waited_for(
    board: str, most: float, kind: type[DalyBMS]
) -> None:
    pauses = random.Random(board)
    bms = attach(Slow(board, lambda: pauses.uniform(most / 2, most)), battery(board, kind))
    for _ in range(2):
        assert still(bms.get_all()) == whole(board)


@pytest.mark.parametrize("board", BOARDS)
def test_an_answer_with_pauses_within_its_frames_is_waited_for(board: str) -> None:
    """Also the rest of a long one that is not needed: what is asked meanwhile is not heard."""
    pauses = random.Random(board)
    line = Slow(board, lambda: pauses.uniform(0.03, 0.3) if pauses.random() < 0.1 else 0.0)
    bms = attach(line, battery(board))
    for _ in range(3):
        assert still(bms.get_all()) == whole(board)


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_whose_first_answers_are_damaged_is_found(board: str) -> None:
    """Who was answered with something is asked again before the others: their turns are long."""
    line, begun = Slow(board, lambda: 0.0), []
    write = line.write

    def damaged(data: bytes, now: float) -> None:
        write(data, now)
        begun.extend(line._pieces[:1])
        if len(begun) <= 3:
            line._pieces = [(at, bytes((piece[0] & 0x7F,))) for at, piece in line._pieces]

    line.write = damaged  # type: ignore[method-assign]
    assert still(attach(line, battery(board)).get_all()) == whole(board)
    assert len(begun) > 3


@pytest.mark.parametrize("begins", [0.15, 0.3, 0.45])
@pytest.mark.parametrize("board", BOARDS)
def test_a_board_that_is_silent_in_the_middle_of_a_reading_is_read_whole(board: str, begins: float) -> None:
    """What was lost is asked for once more at the end, also by a battery that was not known before."""
    line = Slow(board, lambda: 0.0)
    line._hears = lambda _: not begins < bms.clock.now - 100 < begins + 2.4  # type: ignore[attr-defined]
    bms = attach(line, battery(board))
    assert still(bms.get_all()) == whole(board)


def test_a_single_reading_of_a_known_board_is_asked_for_once_more() -> None:
    line = Slow(BOARDS[2], lambda: 0.0)
    bms = attach(line, battery(BOARDS[2]))
    good = bms.get_soc()
    line._hears = lambda number: number > 5
    assert bms.get_soc() == good


def test_what_a_board_may_not_have_is_asked_for_once_more_only_once() -> None:
    bms = attach(talk({code: raw for code, raw in HEALTHY.items() if code != 0x92}), address=4)
    line = bms._link._transport.line
    asked = []
    for _ in range(3):
        line.sent.clear()
        assert "error" in bms.get_all()["temperature_range"]
        asked.append([request[2] for request in line.requests].count(0x92))
    assert asked == [8, 4, 4]


def test_without_repeats_nothing_is_asked_for_once_more() -> None:
    bms = attach(Script(lambda asked, n: [(0.04, HEALTHY[asked[2]])] if n != 3 else []), request_retries=0)
    failed = [name for name, each in bms.get_all().items() if isinstance(each, dict) and "error" in each]
    assert len(failed) == 1


@pytest.mark.parametrize("byte", [b"\xa5", b"\xa5\x40\x90\x08", b"\x00", b"\xd2", b"\x51", b"\x03"])
@pytest.mark.parametrize("board", ["a5", "d2", "p81", "sinowealth", "auto"])
def test_noise_that_comes_now_and_then_is_not_waited_for(board: str, byte: bytes) -> None:
    bms = attach(Script(lambda *_: [(0.3 * n, byte) for n in range(400)]), DalyBMS(protocol=board))
    with pytest.raises(DalyError):
        bms.get_all()
    assert bms.clock.now - 100 < 5


def test_an_answer_without_end_is_given_up() -> None:
    """Its frames never become a whole one: the first is missing."""
    last = HEALTHY[0x95][-SIZE:]
    script = Script(
        lambda asked, _: (
            [(0.4 * n, last) for n in range(1000)] if asked[2] == 0x95 else [(0.04, HEALTHY[asked[2]])]
        )
    )
    bms = attach(script)
    with pytest.raises(NoReply):
        bms.get_cell_voltages()
    assert bms.clock.now - 100 < 25


def test_pauses_that_were_seen_once_are_forgotten() -> None:
    """The rest of a reply is not waited for longer on a line that stopped once."""
    healthy, frame = talk(HEALTHY), HEALTHY[0x90]

    def answer(asked: bytes, n: int) -> list[tuple[float, bytes]]:
        return [(0.04, frame[:5]), (0.3, frame[5:])] if n == 0 else list(healthy._answer(asked, n))

    bms = attach(Script(answer), address=4)
    quiet = bms._link._quiet
    bms.get_soc()
    assert quiet.seconds > 0.3
    for _ in range(25):
        bms.get_soc()
    assert quiet.seconds <= bms._link.timing.quiet


def around(before: Callable[[], bytes], behind: Callable[[], bytes]) -> Slow:
    """A Sinowealth board on a line that adds bytes to every answer."""
    line = Slow("protocol=sinowealth&cells=4", lambda: 0.0)
    write = line.write

    def littered(data: bytes, now: float) -> None:
        write(data, now)
        answer = b"".join(piece for _, piece in line._pieces)
        spoilt = before() + answer + behind() if answer else b""
        line._pieces = [(now + 0.04 + n * BYTE, spoilt[n : n + 1]) for n in range(len(spoilt))]

    line.write = littered  # type: ignore[method-assign]
    return line


@pytest.mark.parametrize("where", ["before", "behind", "around", "zeros", "twice"])
def test_a_sinowealth_answer_with_stray_bytes_counts_when_it_comes_twice(where: str) -> None:
    """Nothing marks where it begins, so it has to be the only one that may be meant, in two attempts."""
    stray = random.Random(where)

    def some() -> bytes:
        return bytes(stray.randrange(256) for _ in range(stray.randint(1, 3)))

    sides = {
        "before": (some, bytes),
        "behind": (bytes, some),
        "around": (some, some),
        "zeros": (lambda: bytes(2), lambda: bytes(1)),
    }
    board = "protocol=sinowealth&cells=4"
    line = around(*sides.get(where, (bytes, bytes)))
    if where == "twice":
        line = around(bytes, lambda: b"".join(piece for _, piece in line._pieces))
    bms = attach(line, battery(board))
    for _ in range(3):
        assert still(bms.get_all()) == whole(board)


def cut(board: str, most: int) -> Slow:
    """A line that hands on no more than the first `most` bytes of an answer."""
    line = Slow(board, lambda: 0.0)
    write = line.write

    def short(data: bytes, now: float) -> None:
        write(data, now)
        line._pieces = line._pieces[:most]

    line.write = short  # type: ignore[method-assign]
    return line


@pytest.mark.parametrize("kind", [DalyBMS, DalyBMSBluetooth])
@pytest.mark.parametrize("most", [64, 128])
@pytest.mark.parametrize("board", BOARDS[2:4])
def test_registers_are_read_in_pieces_where_long_answers_are_cut_off(
    board: str, most: int, kind: type[DalyBMS]
) -> None:
    line = cut(board, most)
    bms = attach(line, battery(board, kind))
    for _ in range(3):
        line.asked = 0
        assert still(bms.get_all()) == whole(board)
    assert line.asked <= 10, "it is known by now"


@pytest.mark.parametrize("board", BOARDS[2:4])
def test_a_line_that_is_better_again_is_read_as_a_whole_again(board: str) -> None:
    line = cut(board, 64)
    bms = attach(line, battery(board))
    bms.get_all()
    line.write = Slow.write.__get__(line)  # type: ignore[method-assign]
    for _ in range(12):
        line.asked = 0
        assert still(bms.get_all()) == whole(board)
    assert line.asked <= 2


@pytest.mark.parametrize("registers", [62, 64])
def test_p81_cells_are_not_taken_for_its_status(registers: int) -> None:
    """An answer does not name its registers, and another program asks for as many from the first one on."""
    board = BOARDS[3]
    other, real = build(board), build(board)
    question = read_request(0x81, 0, registers)

    def answer(asked: bytes, n: int) -> list[tuple[float, bytes]]:
        pieces = []
        for line, data in ((other, question), (real, asked)):
            line.write(data, 0.0)
            pieces.append(line.take(1e9))
        return [(0.04, pieces[0]), (0.2, pieces[1])]

    bms = attach(Script(answer), DalyBMS(protocol="p81"))
    for _ in range(3):
        assert still(bms.get_all()) == whole(board)


@pytest.mark.parametrize(("meant", "written"), [(b"\xff", b"\xff\xff"), (b"\n", b"\r\n")])
@pytest.mark.parametrize(
    "sent", [b"\x0a\xff\xff\x0d", b"\x0d\x0a\x0a\xff", b"\xff\xff\xff\x0a", b"\x0a\x0a\xff\xff"]
)
def test_a_gateway_that_takes_the_line_for_a_terminal_is_seen_through(
    meant: bytes, written: bytes, sent: bytes
) -> None:
    """The check of 16 bits tells which of both the board has sent."""
    reader = ModbusReader((0x51,), 2 * 20)
    body = b"\x51\x03\x28" + 10 * sent
    answer = body + crc(body)
    heard = answer.replace(meant, written)
    assert [frame.data for frame in reader.feed(answer)] == [body[3:]]
    pieces = [heard[at : at + 7] for at in range(0, len(heard), 7)]
    found = [frame.data for piece in [*pieces, b"\0", *pieces] for frame in reader.feed(piece)]
    assert found == [body[3:]] * 2
    damaged = heard[:10] + b"\x99" + heard[11:]
    assert [frame.data for frame in reader.feed(damaged + answer)] == [body[3:]]
