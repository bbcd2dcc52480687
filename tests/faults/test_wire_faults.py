"""The faults a reader must survive, by their number in the list of field reports.

Each board follows a script in virtual time, so nothing waits. Sources of the bytes:
public issue threads, named beside each test where the bytes are theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Callable

import pytest
from support import HEALTHY, Script, attach, captures, read_without, reply, talk

from dalybms import BadReply, DalyBMS, NoReply, TransportError
from dalybms.protocols.a5.frame import Frame

STREAMS = {stream["id"]: bytes.fromhex(stream["raw"]) for stream in captures("a5_streams")}
GOOD = {"total_voltage": 53.0, "current": 0.0, "soc_percent": 90.0}
CELLS = dict.fromkeys(range(1, 17), 3.313)
Pieces = Iterable[tuple[float, bytes]]


def frames_of(command: int) -> list[bytes]:
    raw = HEALTHY[command]
    return [raw[at : at + 13] for at in range(0, len(raw), 13)]


def board(special: int, pieces: Callable[[bytes, int], Pieces], **options: object) -> tuple[DalyBMS, Script]:
    """Healthy, but command `special` is answered by pieces(request, how often it was asked before)."""
    count = {"asked": 0}

    def answer(request: bytes, _: int) -> Pieces:
        if request[2] != special:
            return [(0.04, HEALTHY[request[2]])] if request[2] in HEALTHY else []
        count["asked"] += 1
        return pieces(request, count["asked"] - 1)

    script = Script(answer)
    return attach(script, **options), script


def once(bad: bytes, command: int) -> Callable[[bytes, int], Pieces]:
    """First `bad`, later the healthy reply."""
    return lambda request, asked: [(0.04, HEALTHY[command] if asked else bad)]


def test_f01_pure_echo_is_no_reading() -> None:
    bms, script = board(0x90, lambda request, _: [(0.003, request)], protocol="a5")
    with pytest.raises(NoReply, match="only our own request came back: the board is asleep") as caught:
        bms.get_soc()
    assert caught.value.seen == "echo"
    assert {request[1] for request in script.requests} == {0x40, 0x80}


def test_f02_echo_then_reply() -> None:
    bms, script = board(0x90, lambda request, _: [(0.003, request), (0.05, HEALTHY[0x90])])
    assert bms.get_soc() == GOOD
    assert len(script.sent) == 1


@pytest.mark.parametrize("size", range(5, 13))
def test_f03_partial_echo_then_reply(size: int) -> None:
    bms, script = board(0x90, lambda request, _: [(0.003, request[-size:]), (0.05, HEALTHY[0x90])])
    assert bms.get_soc() == GOOD
    assert len(script.sent) == 1


def test_f04_all_zero_payload_is_asked_again() -> None:
    bms, script = board(0x90, once(reply(0x90, ""), 0x90))
    assert bms.get_soc() == GOOD
    assert len(script.sent) == 2


def test_f04_all_zero_payload_for_ever_is_an_error() -> None:
    bms, _ = board(0x90, lambda *_: [(0.04, reply(0x90, ""))])
    with pytest.raises(BadReply, match="soc of nothing but zeros cannot be") as caught:
        bms.get_soc()
    assert caught.value.raw.hex() == "a501900800000000000000003e"


def test_f04_minus_3000_ampere_is_never_told() -> None:
    bms, script = board(0x90, lambda *_: [(0.04, reply(0x90, "0212000000000384"))])
    assert bms.get_soc() == {"total_voltage": 53.0, "soc_percent": 90.0}
    assert bms.unusable == {"soc.current": "current of -3000 A cannot be"}
    assert [request[2] for request in script.requests].count(0x90) == 2, "an 8-bit sum needs it twice"


def test_f04_blank_mosfet_status_would_switch_off_the_house() -> None:
    bms, _ = board(0x93, once(reply(0x93, ""), 0x93))
    assert bms.get_mosfet_status()["discharging_mosfet"] is True


def test_f05_silence_is_bounded_and_explained() -> None:
    script = Script(lambda *_: [])
    bms = attach(script)
    began = bms.clock.now
    with pytest.raises(NoReply, match="nothing was heard: the board may be asleep") as caught:
        bms.get_all()
    assert caught.value.seen == "silence"
    assert bms.clock.now - began < 5


def test_f05_silence_is_bounded_with_many_retries() -> None:
    bms = attach(Script(lambda *_: []), address=8, request_retries=50)
    began = bms.clock.now
    with pytest.raises(NoReply):
        bms.get_all()
    assert bms.clock.now - began < 5


@pytest.mark.parametrize("junk", ["ff", "ffff", "00ffff", "000000", "a5", "a501", "a5019008", "a5a5a5"])
def test_f06_junk_before_the_reply(junk: str) -> None:
    bms, script = board(0x90, lambda *_: [(0.04, bytes.fromhex(junk) + HEALTHY[0x90])])
    assert bms.get_soc() == GOOD
    assert len(script.sent) == 1


def test_f06_frame_cut_by_noise_is_read_on() -> None:
    """maland16/daly-bms-uart#31: 0xFF bytes before the frame, the end comes later."""
    begin = STREAMS["maland31-2"]
    frame = Frame(1, 0x91, bytes.fromhex("0cf3010ce9020000")).encode()
    bms, script = board(0x91, lambda *_: [(0.04, begin), (0.08, frame[9:])])
    assert bms.get_cell_voltage_range()["lowest_voltage"] == 3.305
    assert len(script.sent) == 1


def test_f07_stale_last_frame_first() -> None:
    """jblance/mpp-solar#516: the tail of an older reply, then frames 1..6."""
    stale = bytes.fromhex("7ba5019508060cce0cd00cd0a07b")
    bms, script = board(0x95, lambda *_: [(0.04, stale + HEALTHY[0x95])])
    assert bms.get_cell_voltages() == CELLS
    assert [request[2] for request in script.requests] == [0x94, 0x95]


def test_f08_frame_cut_by_four_bytes() -> None:
    """Louisvdw/dbus-serialbattery#165: frame 5 is torn, frame 6 and another command's frame follow."""
    frames = frames_of(0x95)
    torn = b"".join(frames[:4]) + frames[4][:9] + frames[5] + HEALTHY[0x90]
    bms, script = board(0x95, once(torn, 0x95))
    assert bms.get_cell_voltages() == CELLS
    assert len(script.sent) == 3


@pytest.mark.parametrize("lost", range(6))
def test_f09_lost_frame_is_asked_again_never_renumbered(lost: int) -> None:
    frames = frames_of(0x95)
    bms, script = board(0x95, once(b"".join(frames[:lost] + frames[lost + 1 :]), 0x95))
    assert bms.get_cell_voltages() == CELLS
    assert len(script.sent) == 3


def test_f09_frame_lost_for_ever_is_an_error() -> None:
    bms, _ = board(0x95, lambda *_: [(0.04, b"".join(frames_of(0x95)[:5]))])
    with pytest.raises(NoReply, match="no answer to cell_voltages"):
        bms.get_cell_voltages()


def test_f10_frames_out_of_order_behind_the_first() -> None:
    frames = frames_of(0x95)
    bms, script = board(0x95, lambda *_: [(0.04, frames[0] + b"".join(reversed(frames[1:])))])
    assert bms.get_cell_voltages() == CELLS
    assert len(script.sent) == 2


def test_f10_every_frame_twice() -> None:
    bms, script = board(0x95, lambda *_: [(0.04, b"".join(frame * 2 for frame in frames_of(0x95)))])
    assert bms.get_cell_voltages() == CELLS
    assert len(script.sent) == 2


def test_f10_two_different_frames_of_one_number_are_asked_again() -> None:
    frames = frames_of(0x95)
    other = reply(0x95, "030c000c000c00")
    mixed = b"".join([*frames[:3], other, *frames[3:]])
    bms, script = board(0x95, once(mixed, 0x95))
    assert bms.get_cell_voltages() == CELLS
    assert len(script.sent) == 3


def test_f10_two_different_frames_for_ever_are_an_error() -> None:
    mixed = frames_of(0x95)[0] + frames_of(0x95)[1] + reply(0x95, "020c000c000c00")
    bms, _ = board(0x95, lambda *_: [(0.04, mixed)])
    with pytest.raises(BadReply, match="two different frames 2"):
        bms.get_cell_voltages()


def test_f10_sets_of_two_attempts_are_never_mixed() -> None:
    frames = frames_of(0x95)
    newer = [reply(0x95, bytes((n,)) + bytes.fromhex("0cff0cff0cff")) for n in range(1, 7)]
    halves = [b"".join(frames[:3]), b"".join(newer[3:]), b"".join(newer)]
    bms, _ = board(0x95, lambda request, asked: [(0.04, halves[min(asked, 2)])])
    assert set(bms.get_cell_voltages().values()) == {3.327}


def test_f10_a_late_part_is_not_completed_by_a_part_of_the_next_reply() -> None:
    """Frames 1-3 of the first reply come late, of the second only frames 4-6 come at all."""
    older = b"".join(frames_of(0x95)[:3])
    newer = [reply(0x95, bytes((n,)) + bytes.fromhex("0cff0cff0cff")) for n in range(1, 7)]
    replies = [(0.56, older)], [(0.12, b"".join(newer[3:]))], [(0.04, b"".join(newer))]
    bms, _ = board(0x95, lambda request, asked: replies[min(asked, 2)])
    assert set(bms.get_cell_voltages().values()) == {3.327}


@pytest.mark.parametrize("at", range(13))
def test_f11_wrong_checksum_is_discarded(at: int) -> None:
    bad = bytearray(HEALTHY[0x90])
    bad[at] ^= 0x10
    bms, script = board(0x90, once(bytes(bad), 0x90))
    assert bms.get_soc() == GOOD
    assert len(script.sent) == 2


def test_f12_checksum_zero_is_accepted() -> None:
    frame = next(
        frame
        for value in range(1001)
        if (frame := reply(0x90, bytes.fromhex("021200007530") + value.to_bytes(2, "big")))[12] == 0
    )
    bms, script = board(0x90, lambda *_: [(0.04, frame)])
    assert bms.get_soc()["total_voltage"] == 53.0
    assert len(script.sent) == 1


def test_f13_a5_inside_the_data_is_no_start() -> None:
    cells = b"".join(reply(0x95, bytes((n,)) + bytes.fromhex("0ca50ca50ca5a5")) for n in range(1, 7))
    truncated = cells[:7] + cells
    bms, script = board(0x95, lambda *_: [(0.04, truncated)])
    assert set(bms.get_cell_voltages().values()) == {3.237}
    assert len(script.sent) == 2


def test_f14_line_ends_inside_the_data() -> None:
    cells = b"".join(reply(0x95, bytes((n,)) + bytes.fromhex("0d0a0d0a0d0a0a")) for n in range(1, 7))
    bms, _ = board(0x95, lambda *_: [(0.04, cells)])
    assert set(bms.get_cell_voltages().values()) == {3.338}


def test_f15_short_frame_is_a_timeout() -> None:
    bms, _ = board(0x90, lambda *_: [(0.04, HEALTHY[0x90][:9])], address=4, request_retries=0)
    with pytest.raises(NoReply, match="its answer came damaged or incomplete") as caught:
        bms.get_soc()
    assert caught.value.seen == "damage"


def test_f16_slow_halves_are_accepted() -> None:
    bms, _ = board(
        0x90, lambda request, asked: [] if asked else [(0.04, HEALTHY[0x90][:6]), (0.74, HEALTHY[0x90][6:])]
    )
    assert bms.get_soc() == GOOD


def lucky_torn(command: int, junk: bytes) -> tuple[bytes, bytes]:
    """A reply and the same without one byte, which `junk` completes to a good sum."""
    for value in range(256):
        frame = reply(command, bytes((2, 0x12, 0, 0, 0x75, value, 3, 0x20)))
        torn = frame[:9] + frame[10:]
        mixture = torn + junk[:1]
        if sum(mixture[:12]) & 0xFF == mixture[12]:
            return frame, torn
    raise AssertionError("no such value")


@pytest.mark.parametrize("junk", [b"\xff", b"\x00", b"\xa5"])
def test_f15_a_torn_reply_is_not_completed_by_the_noise_of_the_next_attempt(junk: bytes) -> None:
    frame, torn = lucky_torn(0x90, junk)
    bms, _ = board(
        0x90, lambda _, asked: [(0.04, junk + frame if asked else torn)], address=4, request_retries=5
    )
    reading = bms.get_soc()
    assert reading["soc_percent"] == 80.0


def test_f17_late_reply_to_another_command_is_ignored() -> None:
    """jblance/mpp-solar#125: the 0x94 reply arrives with the 0x91 reply."""
    late = STREAMS["mpp125-late"]
    bms, script = board(0x91, lambda *_: [(0.04, late)])
    assert bms.get_cell_voltage_range()["highest_cell"] == 12
    assert len(script.sent) == 1


def test_f17_late_reply_to_the_same_command_counts() -> None:
    bms, script = board(0x90, lambda request, asked: [(0.7, HEALTHY[0x90])])
    assert bms.get_soc() == GOOD
    assert [at - script.sent[0][0] for at, _ in script.sent] == pytest.approx([0, 0.15, 0.3, 0.45, 0.6])


def test_f18_only_another_command_answers() -> None:
    bms, _ = board(0x97, lambda *_: [(0.04, HEALTHY[0x91])])
    with pytest.raises(NoReply, match="the board answered other commands, but not this one") as caught:
        bms.get_balancing_status()
    assert caught.value.seen == "another command"


def test_f19_sixteen_frames_padded_with_zeros() -> None:
    padded = HEALTHY[0x95] + b"".join(reply(0x95, bytes((n,))) for n in range(7, 17))
    bms, _ = board(0x95, lambda *_: [(0.04, padded)])
    assert bms.get_cell_voltages() == CELLS


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_f19_one_two_and_three_temperature_frames(frames: int) -> None:
    padded = HEALTHY[0x96] + b"".join(reply(0x96, bytes((n,))) for n in range(2, frames + 1))
    bms, script = board(0x96, lambda *_: [(0.04, padded)])
    assert bms.get_temperatures() == {1: 21, 2: 20}
    assert bms.get_temperatures() == {1: 21, 2: 20}
    assert [request[2] for request in script.requests] == [0x94, 0x96, 0x96]


@pytest.mark.parametrize("stream", ["pr29-95", "powermon-95a"])
def test_f19_damaged_stretch_of_the_sixteen_frames(stream: str) -> None:
    """dreadnought/python-daly-bms PR #29 and jblance/powermon: frames 12-14 overwritten."""
    bms, script = board(0x95, lambda *_: [(0.04, STREAMS[stream])])
    assert len(bms.get_cell_voltages()) == 16
    assert bms.get_soc() == GOOD
    assert len(script.sent) == 3


def test_f20_undefined_bytes_are_ignored() -> None:
    left_over = {
        command: b"".join(
            Frame(1, command, frame[4 : 4 + used] + b"\xa5" * (8 - used)).encode()
            for frame in frames_of(command)
        )
        for command, used in {0x91: 6, 0x92: 4, 0x94: 7, 0x95: 7, 0x97: 6}.items()
    }
    left_over[0x96] = reply(0x96, "013d3cffa50d0a10")
    assert attach(talk({**HEALTHY, **left_over})).get_all() == attach(talk(HEALTHY)).get_all()


def test_f21_another_board_is_ignored() -> None:
    bms, script = board(
        0x90, lambda *_: [(0.02, reply(0x90, "00640000753001f4", board=2)), (0.05, HEALTHY[0x90])]
    )
    assert bms.get_soc() == GOOD
    assert len(script.sent) == 1


def test_f21_only_another_board_is_named() -> None:
    bms, _ = board(0x90, lambda *_: [(0.02, reply(0x90, "00640000753001f4", board=3))])
    with pytest.raises(NoReply, match=r"only another board answered: check the board number \(heard: 3\)"):
        bms.get_soc()


@pytest.mark.parametrize("number", range(2, 17))
def test_f21_board_n_is_asked_as_host_3f_plus_n(number: int) -> None:
    def answer(request: bytes, _: int) -> Pieces:
        return (
            [(0.04, reply(request[2], "0212000075300384", board=number))]
            if request[1] == 0x3F + number
            else []
        )

    assert attach(Script(answer), board=number).get_soc() == GOOD


@pytest.mark.parametrize("host", [0x40, 0x80])
def test_f22_the_host_address_is_found_out(host: int) -> None:
    script = talk(HEALTHY, hosts=(host,))
    bms = attach(script)
    assert bms.get_soc() == GOOD
    asked = len(script.sent)
    assert bms.get_all()["status"]["cells"] == 16
    assert {request[1] for request in script.requests[asked:]} == {host}


@pytest.mark.parametrize(
    ("address", "host"), [(4, 0x40), (8, 0x80), (0x40, 0x40), (0x80, 0x80), (0x20, 0x20)]
)
def test_f22_a_forced_host_is_the_only_one_asked(address: int, host: int) -> None:
    script = Script(lambda *_: [])
    with pytest.raises(NoReply):
        attach(script, address=address).get_soc()
    assert {request[1] for request in script.requests} == {host}


def test_f22_a_late_reply_that_names_the_wrong_host_is_healed() -> None:
    """The 0x40 reply comes while 0x80 is asked, which this board never answers."""
    healthy = talk(HEALTHY, hosts=(0x40,))
    first = HEALTHY[0x90]

    def answer(request: bytes, n: int) -> Pieces:
        return [(0.7, first)] if n == 0 else healthy._answer(request, n)

    outcome = attach(Script(answer)).get_all()
    assert not [section for section in outcome.values() if isinstance(section, dict) and "error" in section]


@pytest.mark.parametrize("silent", range(0x90, 0x99))
def test_f26_a_command_without_answer_fails_alone(silent: int) -> None:
    bms = attach(talk({command: raw for command, raw in HEALTHY.items() if command != silent}))
    outcome = bms.get_all()
    failed = {name for name, reading in outcome.items() if isinstance(reading, dict) and "error" in reading}
    sections = dict(zip(range(0x90, 0x99), outcome))
    dependent = {"cell_voltages", "temperatures", "balancing_status"} if silent == 0x94 else set()
    assert failed == {sections[silent]} | dependent


@pytest.mark.parametrize("data", ["00 02", "31 02", "ff 02", "10 11", "10 ff"])
def test_f27_impossible_counts_are_an_error(data: str) -> None:
    bms, _ = board(0x94, lambda *_: [(0.04, reply(0x94, data))])
    with pytest.raises(BadReply, match="cannot be"):
        bms.get_status()


def test_f27_no_sensor_is_an_empty_list() -> None:
    bms, script = board(0x94, lambda *_: [(0.04, reply(0x94, "1000"))])
    assert bms.get_temperatures() == {}
    assert [request[2] for request in script.requests] == [0x94]


@pytest.mark.parametrize(
    ("raw", "ampere"), [(40000, 1000.0), (27000, -300.0), (32768, 276.8), (1, -2999.9), (65534, 3553.4)]
)
def test_f28_big_currents(raw: int, ampere: float) -> None:
    frame = reply(0x90, b"\x02\x12\x00\x00" + raw.to_bytes(2, "big") + b"\x03\x84")
    assert attach(talk({0x90: frame})).get_soc()["current"] == ampere
    inverted = attach(talk({0x90: frame}), invert_current=True)
    assert inverted.get_soc()["current"] == -ampere


def test_f28_heat() -> None:
    hot = {**HEALTHY, 0x92: reply(0x92, "f0018c02"), 0x96: reply(0x96, "01f08c")}
    bms = attach(talk(hot))
    assert bms.get_temperatures() == {1: 200, 2: 100}
    assert bms.get_temperature_range()["highest_temperature"] == 200


@pytest.mark.parametrize("raw", ["00", "ff"])
def test_f29_a_missing_sensor_is_left_out_and_the_others_keep_their_number(raw: str) -> None:
    bms = attach(talk({**HEALTHY, 0x96: reply(0x96, f"01{raw}20"), 0x92: reply(0x92, f"{raw}01{raw}01")}))
    assert bms.get_temperatures() == {2: -8}
    assert bms.get_temperature_range() == {}


def test_f30_all_alarm_bits() -> None:
    faults = attach(talk({0x98: reply(0x98, "ff" * 8)})).get_faults()
    codes = [fault["code"] for fault in faults]
    assert len(codes) == len(set(codes)) == 57
    assert [code for code in codes if code.startswith("byte")] == [
        f"byte{at}_bit{bit}" for at, first in ((3, 4), (6, 5)) for bit in range(first, 8)
    ]
    assert faults[-1] == {"code": "fault_code_255", "level": 0, "text": "fault code 255"}


def test_f31_sum_of_cells_against_the_pack() -> None:
    outcome = attach(talk({**HEALTHY, 0x90: reply(0x90, "0258000075300384")})).get_all()
    for section in ("soc", "cell_voltages"):
        assert "pack voltage 60 V and sum of the 16 cells 53.008 V contradict" in outcome[section]["error"]
    assert outcome["status"]["cells"] == 16


def test_f31_extremes_against_the_list() -> None:
    outcome = attach(talk({**HEALTHY, 0x91: reply(0x91, "0dc00a0cec01")})).get_all()
    for section in ("cell_voltage_range", "cell_voltages"):
        assert "highest cell 3.520 V and highest of the list 3.313 V contradict" in outcome[section]["error"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("0cf3110cec01", "highest cell 17 of a list of 16 cannot be, twice"),
        ("0cf30a0cec30", "lowest cell 48 of a list of 16 cannot be, twice"),
        (
            "0cf30a0c2402",
            "lowest cell 2 of 3.108 V has 3.313 V in the list: a contradiction, twice",
        ),
    ],
)
def test_f31_a_cell_that_is_named_is_one_of_the_list(data: str, message: str) -> None:
    """The list stands for itself."""
    odd = bytearray(HEALTHY[0x95][:13])
    odd[5:7] = (3108).to_bytes(2, "big")  # cell 1, which the last of them does not name
    first = Frame(1, 0x95, bytes(odd[4:12])).encode()
    low = message.startswith("lowest cell 2")
    cells = first + HEALTHY[0x95][13:] if low else HEALTHY[0x95]
    outcome = attach(talk({**HEALTHY, 0x91: reply(0x91, data), 0x95: cells})).get_all()
    assert message in outcome["cell_voltage_range"]["error"]
    assert len(outcome["cell_voltages"]) == 16


@pytest.mark.parametrize("data", ["0cf3110cec01", "0cf30a0cec30"])
def test_f31_a_cell_number_that_was_damaged_is_read_once_more(data: str) -> None:
    bms, _ = board(0x91, once(reply(0x91, data), 0x91))
    assert bms.get_all() == attach(talk(HEALTHY)).get_all()


@pytest.mark.parametrize(
    ("command", "data"), [(0x92, "a4013c02"), (0x92, "3d011402"), (0x96, "013da4"), (0x96, "01143c")]
)
def test_f31_a_range_of_temperatures_that_is_not_that_of_the_list_is_read_once_more(
    command: int, data: str
) -> None:
    bms, _ = board(command, once(reply(command, data), command))
    assert bms.get_all() == attach(talk(HEALTHY)).get_all()


def test_f31_a_range_of_temperatures_that_a_board_states_twice_is_what_it_means() -> None:
    """It may know a sensor that is in no list."""
    hot = {**HEALTHY, 0x92: reply(0x92, "5a033c02")}
    outcome = attach(talk(hot)).get_all()
    assert outcome["temperature_range"]["highest_temperature"] == 50
    assert outcome["temperatures"] == {1: 21, 2: 20}


def test_f31_temperatures_that_differ_from_try_to_try_are_errors() -> None:
    answers = iter(["a4", "b4", "c4", "d4"])

    def answer(asked: bytes, _: int) -> list[tuple[float, bytes]]:
        odd = reply(0x92, next(answers) + "013c02") if asked[2] == 0x92 else HEALTHY[asked[2]]
        return [(0.04, odd)]

    outcome = attach(Script(answer)).get_all()
    for section in ("temperature_range", "temperatures"):
        assert (
            "highest temperature 140 C and highest of the list 21 C contradict" in outcome[section]["error"]
        )


@pytest.mark.parametrize("command", [0x90, 0x95])
def test_f31_a_contradiction_is_read_once_more(command: int) -> None:
    odd = {0x90: reply(0x90, "0258000075300384"), 0x95: HEALTHY[0x95].replace(b"\x0c\xf1", b"\x0b\x00")}
    odd[0x95] = b"".join(
        Frame(1, 0x95, odd[0x95][at + 4 : at + 12]).encode() for at in range(0, len(odd[0x95]), 13)
    )
    bms, _ = board(command, once(odd[command], command))
    assert bms.get_all() == attach(talk(HEALTHY)).get_all()


def test_f31_margins_are_wide_enough_for_a_load_that_switches() -> None:
    sagged = attach(talk({**HEALTHY, 0x90: reply(0x90, "01e2000075300384")})).get_all()
    assert sagged["soc"] == {**GOOD, "total_voltage": 48.2}


@pytest.mark.parametrize(
    ("section", "command", "data"),
    [
        ("cell_voltages", 0x95, "011771000000"),
        ("cell_voltage_range", 0x91, "0cec0a0cf301"),
        ("temperature_range", 0x92, "3c013d02"),
    ],
)
def test_readings_that_cannot_be_are_errors(section: str, command: int, data: str) -> None:
    bms = attach(talk({**HEALTHY, 0x94: reply(0x94, "0101"), command: reply(command, data)}))
    with pytest.raises(BadReply, match="cannot be"):
        getattr(bms, f"get_{section}")()


@pytest.mark.parametrize(
    ("section", "command", "data", "lost"),
    [
        ("cell_voltage_range", 0x91, "17710a0cec01", {"highest_voltage"}),
        ("cell_voltage_range", 0x91, "0cf3000cec01", {"highest_cell"}),
        ("cell_voltage_range", 0x91, "0cf3310cec01", {"highest_cell"}),
        ("cell_voltage_range", 0x91, "0cf30a0cec00", {"lowest_cell"}),
        ("cell_voltage_range", 0x91, "0cf30a0cec31", {"lowest_cell"}),
        ("cell_voltage_range", 0x91, "0cf30a177101", {"lowest_voltage"}),
        ("cell_voltage_range", 0x91, "ffff0affff01", {"highest_voltage", "lowest_voltage"}),
        ("temperature_range", 0x92, "3d113c02", {"highest_sensor"}),
        ("temperature_range", 0x92, "3d013c11", {"lowest_sensor"}),
        ("mosfet_status", 0x93, "0301019e0003eaf8", {"mode"}),
        ("mosfet_status", 0x93, "0101019e00989681", {"capacity_ah"}),
        ("soc", 0x90, "0000000075300384", {"total_voltage", "current"}),
        ("soc", 0x90, "02120000753003e9", {"soc_percent"}),
        ("soc", 0x90, "0b41000075300384", {"total_voltage"}),
    ],
)
def test_values_that_cannot_be_lose_themselves(section: str, command: int, data: str, lost: set[str]) -> None:
    whole = getattr(attach(talk(HEALTHY)), f"get_{section}")()
    bms = attach(talk({**HEALTHY, command: reply(command, data)}))
    assert read_without(bms, section, whole) == lost


def test_f32_unplugged_in_the_middle() -> None:
    script = talk(HEALTHY)
    bms = attach(script)
    bms.get_soc()
    script.alive = lambda now: len(script.sent) < 4  # type: ignore[method-assign]
    with pytest.raises(TransportError, match="unplugged"):
        bms.get_all()


@pytest.mark.parametrize("foreign", ["feffff fdfd", "01460753a2", "47e242", "aa5590eb"])
def test_f34_other_programs_bytes_are_ignored(foreign: str) -> None:
    junk = bytes.fromhex(foreign)
    bms, script = board(0x90, lambda *_: [(0.01, junk), (0.05, HEALTHY[0x90] + junk)])
    for _ in range(5):
        assert bms.get_soc() == GOOD
    assert len(script.sent) == 5 + 2, "bytes behind an answer: asked again until that is how the line is"


@pytest.mark.parametrize("foreign", ["feffff fdfd", "01460753a2"])
def test_f34_only_noise_is_said(foreign: str) -> None:
    bms, _ = board(0x90, lambda *_: [(0.01, bytes.fromhex(foreign))])
    with pytest.raises(NoReply, match="only noise was heard") as caught:
        bms.get_soc()
    assert caught.value.seen == "noise"


@pytest.mark.parametrize(("protocol", "name"), [("d2", "D2"), ("p81", "P81")])
def test_f35_another_protocol_is_named(protocol: str, name: str) -> None:
    record = next(
        record
        for record in captures("modbus_and_ble")
        if record["protocol"] == protocol
        and record["origin"] == "real"
        and record["crc_ok"]
        and bytes.fromhex(record["notifications"][0])[1] == 3
    )
    spoken = bytes.fromhex("".join(record["notifications"]))
    bms = attach(Script(lambda *_: [(0.04, spoken)]), protocol="a5")
    with pytest.raises(NoReply, match=f"this board speaks {name}") as caught:
        bms.get_soc()
    assert caught.value.seen == "another protocol"


def test_f41_waking_board_answers_the_third_request() -> None:
    healthy = talk(HEALTHY)
    script = Script(lambda request, n: [] if n < 2 else healthy._answer(request, n))
    assert attach(script).get_soc() == GOOD


@pytest.mark.parametrize("host", [0x40, 0x80])
def test_f41_a_board_with_one_host_address_wakes_at_the_third_request_to_it(host: int) -> None:
    healthy = talk(HEALTHY)
    heard = []

    def answer(request: bytes, n: int) -> Pieces:
        heard.extend([request] if request[1] == host else [])
        return healthy._answer(request, n) if len(heard) > 2 and request[1] == host else []

    assert attach(Script(answer)).get_soc() == GOOD


@pytest.mark.parametrize("host", [0x40, 0x80])
def test_one_lost_first_reply_costs_little_whatever_the_host(host: int) -> None:
    healthy = talk(HEALTHY)
    lost: list[bytes] = []

    def answer(request: bytes, n: int) -> Pieces:
        if request[1] != host:
            return []
        lost.append(request)
        return healthy._answer(request, n) if len(lost) > 1 else []

    bms = attach(Script(answer))
    began = bms.clock.now
    assert bms.get_soc() == GOOD
    assert bms.clock.now - began < 0.9


def test_f42_the_heartbeat_is_reported() -> None:
    assert attach(talk(HEALTHY)).get_mosfet_status()["heartbeat"] == 0x9E


def test_f43_a_good_sum_alone_is_not_enough() -> None:
    wrong = [
        Frame(0x40, 0x90, bytes.fromhex("0212000075300384")).encode(),
        Frame(2, 0x90, bytes.fromhex("0212000075300384")).encode(),
        Frame(1, 0x91, bytes.fromhex("0212000075300384")).encode(),
    ]
    body = b"\xa5\x01\x90\x07" + bytes.fromhex("0212000075300384")
    wrong.append(body + bytes((sum(body) & 0xFF,)))
    for bad in wrong:
        bms, _ = board(0x90, once(bad, 0x90))
        assert bms.get_soc() == GOOD
        bms, _ = board(0x90, lambda *_, bad=bad: [(0.04, bad)])
        with pytest.raises(NoReply):
            bms.get_soc()


def test_the_end_of_an_earlier_reply_is_no_end_of_a_later_one() -> None:
    """A line stops within the last frame of a reply; the next reply lost its own last frame."""

    def cells(volts: int) -> list[bytes]:
        slots = [(volts + n).to_bytes(2, "big") for n in range(16)]
        rows = (b"".join(slots[3 * n : 3 * n + 3]).ljust(6, b"\0") for n in range(6))
        return [reply(0x95, bytes((n,)) + row) for n, row in enumerate(rows, 1)]

    earlier, later, last = cells(3200), cells(3300), cells(3400)

    def pieces(_: bytes, n: int) -> Pieces:
        if n == 0:
            return [(0.1, earlier[5][:6])]
        if n == 1:
            return [(0.01, earlier[5][6:]), (0.04, b"".join(later[:5]))]
        return [(0.04, b"".join(last))]

    bms, _ = board(0x95, pieces)
    assert bms.get_cell_voltages()[16] == 3.415


def test_the_beginning_of_a_reply_in_an_earlier_attempt_is_its_beginning() -> None:
    frames = [HEALTHY[0x95][13 * n : 13 * n + 13] for n in range(6)]

    def pieces(_: bytes, n: int) -> Pieces:
        return [[(0.1, frames[0][:6])], [(0.01, frames[0][6:] + b"".join(frames[1:]))]][min(n, 1)]

    bms, script = board(0x95, pieces)
    assert len(bms.get_cell_voltages()) == 16
    assert sum(request[2] == 0x95 for request in script.requests) == 2


def test_a_board_that_is_one_question_late_is_no_line_that_spoils_answers() -> None:
    """Each question is answered with the reply to the one before: whole frames, of which none is damaged."""
    held: list[bytes] = []

    def answer(request: bytes, _: int) -> Pieces:
        held.append(HEALTHY.get(request[2], b""))
        return [(0.04, held[-2])] if len(held) > 1 else []

    script = Script(answer)
    bms = attach(script, address=4)
    expected = attach(Script(lambda request, _: [(0.04, HEALTHY[request[2]])])).get_all()
    for _ in range(3):
        asked, began = len(script.sent), bms.clock()  # type: ignore[attr-defined]
        assert bms.get_all() == expected
        assert len(script.sent) - asked <= 2 * len(HEALTHY) + 1
        assert bms.clock() - began < 7  # type: ignore[attr-defined]
