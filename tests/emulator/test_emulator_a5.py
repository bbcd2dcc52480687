"""The fake A5 board, byte by byte.

The expected frames are real ones. Sources: diysolarforum thread 21898 (14S, host 0x40, left-over bytes),
jblance/mpp-solar #83 (16S, host 0x80, 16 frames), jblance/powermon test data (one sensor frame),
dreadnought/python-daly-bms #3 (acknowledged switches) and PR #29 (damaged frames 12-14),
lekoook/haidi_bms_cpp (8S, undefined bytes zero), diysolarforum thread 65439 (settings).
"""

from __future__ import annotations

import pytest

from dalybms.emulator.a5.board import A5Board
from dalybms.emulator.pack import Pack

READS = (*range(0x90, 0x99), 0xD8, *range(0x50, 0x55), *range(0x57, 0x64))


def request(command: int, host: int = 0x40, data: bytes = bytes(8)) -> bytes:
    body = bytes((0xA5, host, command, 8)) + data
    return body + bytes((sum(body) & 0xFF,))


def ask(board: A5Board, command: int, host: int = 0x40, data: bytes = bytes(8)) -> list[str]:
    replies = board.feed(request(command, host, data))
    assert len(replies) == 1
    return [frame.hex() for frame in replies[0]]


def diysolar_board() -> A5Board:
    millivolts = [3776, 3778, 3783, 3784, 3784, 3782, 3778, 3778, 3740, 3780, 3780, 3780, 3779, 3776]
    pack = Pack.of(
        millivolts,
        [0x3D],
        voltage=528,
        current=30000,
        soc=500,
        cell_extremes=(3784, 5, 3740, 9),
        state=0,
        heartbeat=16,
        capacity=20000,
        cycles=0,
    )
    return A5Board(pack, leftover=True)


def test_a_whole_cycle_of_an_old_board_with_its_left_over_bytes() -> None:
    board = diysolar_board()
    cycle = [frame for command in range(0x90, 0x96) for frame in ask(board, command)]
    assert cycle == [
        "a501900802100000753001f4ea",
        "a50191080ec8050e9c0901f4c2",
        "a50192083d013d019c0901f456",
        "a50193080001011000004e20c1",
        "a50194080e0100000200002073",
        "a5019508010ec00ec20ec720d7",
        "a5019508020ec80ec80ec620e5",
        "a5019508030ec20ec20e9c20b0",
        "a5019508040ec40ec40ec420dd",
        "a5019508050ec30ec00ec420d9",
    ]
    assert ask(board, 0x98) == ["a5019808000000000000000046"]
    assert ask(board, 0x97) == ["a5019708000000000000000045"]
    assert ask(board, 0xD8) == ["a501d808000000000000000086"]


def mpp83_board(style: str) -> A5Board:
    millivolts = [3325] + [3326] * 9 + [3324, 3326, 3326, 3327, 3326, 3324]
    pack = Pack.of(
        millivolts,
        [0x37],
        voltage=532,
        current=30021,
        soc=888,
        cell_extremes=(3328, 15, 3326, 1),
        heartbeat=120,
        capacity=248640,
        cycles=3,
        dio=0,
    )
    return A5Board(pack, style=style, leftover=True)


def test_the_bluetooth_host_gets_sixteen_frames_of_a_fixed_board() -> None:
    board = mpp83_board("fixed")
    cycle = [frame for command in range(0x90, 0x97) for frame in ask(board, command, 0x80)]
    assert cycle == [
        "a5019008021400007545037889",
        "a50191080d000f0cfe010378e1",
        "a501920837013701fe0103782a",
        "a5019308020101780003cb40cb",
        "a5019408100100000000034096",
        "a5019508010cfd0cfe0cfe40a1",
        "a5019508020cfe0cfe0cfe40a3",
        "a5019508030cfe0cfe0cfe40a4",
        "a5019508040cfe0cfc0cfe40a3",
        "a5019508050cfe0cff0cfe40a7",
        "a5019508060cfc000000004091",
        "a501950807000000000000408a",
        "a501950808000000000000408b",
        "a501950809000000000000408c",
        "a50195080a000000000000408d",
        "a50195080b000000000000408e",
        "a50195080c000000000000408f",
        "a50195080d0000000000004090",
        "a50195080e0000000000004091",
        "a50195080f0000000000004092",
        "a5019508100000000000004093",
        "a501960801370000000000007c",
        "a5019608020000000000000046",
    ]
    assert len(ask(board, 0x95, 0x40)) == 6
    assert len(ask(board, 0x96, 0x40)) == 1


def test_fixed_all_gives_every_host_sixteen_frames() -> None:
    board = mpp83_board("fixed-all")
    assert len(ask(board, 0x95, 0x40)) == 16
    assert len(ask(board, 0x96, 0x40)) == 2


def test_the_damaged_style_overwrites_frames_12_to_14() -> None:
    pack = Pack.of([0x0D37] * 16, capacity=0x9B)
    board = A5Board(pack, style="damaged", leftover=True)
    ask(board, 0x93, 0x80)
    frames = ask(board, 0x95, 0x80)
    assert "".join(frames[11:14]) == (
        "a5a8004000702440000d3000007024400038a700006d320000702440005331000000000000a800"
    )
    assert frames[10] == "a50195080b0000000000009be9"
    assert frames[14] == "a50195080f0000000000009bed"
    assert frames[15][:10] == "a501950810"
    assert len(ask(board, 0x95, 0x40)) == 6
    assert len(ask(board, 0x96, 0x80)) == 2


def test_a_new_board_fills_with_zeros() -> None:
    board = A5Board(Pack.of([3000] * 9))
    ask(board, 0x93)
    assert ask(board, 0x95) == [
        "a5019508010bb80bb80bb8008d",
        "a5019508020bb80bb80bb8008e",
        "a5019508030bb80bb80bb8008f",
    ]
    assert ask(A5Board(Pack.of([3000] * 8)), 0x95)[2] == "a5019508030bb80bb8000000cc"
    assert ask(board, 0x91)[0][20:24] == "0000"


def test_one_sensor_frame_keeps_only_the_seventh_slot() -> None:
    pack = Pack.of(16, [0x37], state=2, heartbeat=0x1F, capacity=0x0001A630)
    board = A5Board(pack, leftover=True)
    assert ask(board, 0x93) == ["a50193080201011f0001a6303b"]
    assert ask(board, 0x96) == ["a50196080137000000000030ac"]


@pytest.mark.parametrize(("sensors", "frames"), [(0, 1), (1, 1), (7, 1), (8, 2), (14, 2), (15, 3), (16, 3)])
def test_frames_of_sensors(sensors: int, frames: int) -> None:
    pack = Pack.of(16, [50 + number for number in range(sensors)])
    exact = [bytes.fromhex(frame) for frame in ask(A5Board(pack), 0x96)]
    fixed = [bytes.fromhex(frame) for frame in ask(A5Board(pack, style="fixed"), 0x96, 0x80)]
    assert [frame[4] for frame in exact] == list(range(1, frames + 1))
    assert len(fixed) == max(2, frames)
    for reply in (exact, fixed):
        assert b"".join(frame[5:12] for frame in reply).rstrip(b"\0") == bytes(pack.sensors)


@pytest.mark.parametrize("cells", [1, 2, 3, 4, 16, 47, 48])
def test_frames_of_cells(cells: int) -> None:
    pack = Pack.of([1000 + number for number in range(cells)])
    for style, frames in (("exact", -(-cells // 3)), ("fixed-all", 16)):
        reply = [bytes.fromhex(frame) for frame in ask(A5Board(pack, style=style), 0x95)]
        assert [frame[4] for frame in reply] == list(range(1, frames + 1))
        sent = b"".join(frame[5:11] for frame in reply)
        assert sent[: 2 * cells] == b"".join(value.to_bytes(2, "big") for value in pack.cells)
        assert not any(sent[2 * cells :])


def test_legal_extremes_travel_unsigned() -> None:
    board = A5Board(Pack.of(16, [240, 0, 255, 39], soc=1000, voltage=2400, current=40000, cycles=40000))
    assert ask(board, 0x90) == ["a501900809600000" + "9c40" + "03e8" + "6e"]
    assert ask(board, 0x92)[0][8:16] == "f0012704"
    assert ask(board, 0x94)[0][18:22] == "9c40"


def test_no_fitted_sensor_has_a_range_of_zeros() -> None:
    assert ask(A5Board(Pack.of(16, [0, 255])), 0x92) == ["a5019208000000000000000040"]


def test_faults_balancing_and_digital_bits() -> None:
    board = A5Board(Pack.of(faults=bytes.fromhex("0102040810204003"), balancing=0x800000000101, dio=0x80))
    assert ask(board, 0x98)[0][8:24] == "0102040810204003"
    assert ask(board, 0x97)[0][8:24] == "0101000000800000"
    assert ask(board, 0x94)[0][16:18] == "80"


def test_heartbeat_advances_with_each_reading_and_rolls_over() -> None:
    board = A5Board(Pack.of(heartbeat=254))
    assert [ask(board, 0x93)[0][14:16] for _ in range(3)] == ["fe", "ff", "00"]


SETTINGS = {
    0x50: ["0000753000000e10"],
    0x51: ["010e000001000000"],
    0x52: ["0000007b000000ba"],
    0x53: ["010116080affff0a"],
    0x54: ["3230323230383130"],
    0x57: [
        "01" + b"DL-1234".hex(),
        "02" + b"5      ".hex(),
        *(f"0{n}" + b"       ".hex() for n in (3, 4, 5)),
    ],
    0x58: ["16080a0000000000"],
    0x59: ["0e100e420af009c4"],
    0x5A: ["0240024801c00190"],
    0x5B: ["6f546d607b0c7d00"],
    0x5C: ["5a5f2d2864691e19"],
    0x5D: ["03e803e800640032"],
    0x5E: ["012c01f40a0f0000"],
    0x5F: ["0ed8003200000000"],
    0x60: ["0258014d00000000"],
    0x61: ["160c0d151d27012c"],
    0x62: ["01" + b"20_2304".hex(), "02" + b"01_T01\0".hex()],
    0x63: ["01" + b"DL-BMS-".hex(), "02" + b"R32-01E".hex()],
}


@pytest.mark.parametrize("command", SETTINGS)
def test_settings(command: int) -> None:
    pack = Pack.of(
        14,
        1,
        rated=30000,
        nominal=3600,
        charged=123,
        discharged=186,
        chemistry=1,
        mode=1,
        production=bytes((0x16, 8, 10)),
        sleep=65535,
        zero_drift=10,
        firmware="20220810",
        battery_code="DL-12345",
        balance_start=3800,
        balance_difference=50,
        clock=bytes.fromhex("160c0d151d27"),
        soc=300,
    )
    assert [frame[8:24] for frame in ask(A5Board(pack), command)] == SETTINGS[command]


def test_every_read_command_has_a_sound_reply() -> None:
    board = A5Board(Pack(), leftover=True)
    for command in READS:
        frames = [bytes.fromhex(frame) for frame in ask(board, command)]
        assert frames
        for frame in frames:
            assert frame[:4] == bytes((0xA5, 1, command, 8))
            assert sum(frame[:12]) & 0xFF == frame[12]
            assert len(frame) == 13


@pytest.mark.parametrize("command", [0x01, 0x55, 0x64, 0x99, 0x9A, 0xFF])
def test_unknown_commands_are_not_answered(command: int) -> None:
    assert A5Board(Pack()).feed(request(command)) == [[]]


def test_unsupported_commands_are_not_answered() -> None:
    board = A5Board(Pack(), unsupported=(0x97, 0x57))
    assert board.feed(request(0x97) + request(0x57) + request(0xD9)) != [[], [], []]
    assert board.feed(request(0x97) + request(0x57)) == [[], []]


def test_switches_acknowledge_with_the_rest_of_the_status_reply() -> None:
    pack = Pack.of(16, 1, dio=2, cycles=0x6C)
    board = A5Board(pack, leftover=True)
    pack.heartbeat, pack.capacity = 0, 0x44
    ask(board, 0x93)
    ask(board, 0x94)
    assert ask(board, 0xD9, data=bytes((0,)) + bytes(7)) == ["a501d9080001000002006c443a"]
    assert (pack.discharge_mosfet, pack.charge_mosfet) == (0, 1)
    assert ask(board, 0xD9, data=bytes((1,)) + bytes(7))[0][8:10] == "01"
    assert pack.discharge_mosfet == 1
    ask(board, 0xDA)
    assert (pack.discharge_mosfet, pack.charge_mosfet) == (1, 0)


def test_setting_the_charge_sets_the_clock_too() -> None:
    pack = Pack()
    board = A5Board(pack)
    sent = bytes.fromhex("a5402108160c0d151d27012cc3")
    assert [frame.hex() for frame in board.feed(sent)[0]] == ["a50121080100000000000000d0"]
    assert (pack.soc, pack.clock.hex()) == (300, "160c0d151d27")


@pytest.mark.parametrize("command", [0x10, *range(0x19, 0x20)])
def test_a_written_setting_reads_back(command: int) -> None:
    board = A5Board(Pack())
    sent = bytes.fromhex("0d0e0f1011120000" if command in (0x1E,) else "0d0e0f1000000000")
    ask(board, command, data=sent)
    assert ask(board, command + 0x40)[0][8:24] == sent.hex()


def test_restart_is_counted_and_acknowledged() -> None:
    pack = Pack()
    assert ask(A5Board(pack), 0x00) == ["a50100080100000000000000af"]
    assert pack.restarts == 1


def test_hosts_of_boards() -> None:
    assert A5Board(Pack()).feed(request(0x90, 0x80)) != []
    assert A5Board(Pack()).feed(request(0x90, 0x41)) == []
    second = A5Board(Pack(), board=2)
    assert second.feed(request(0x90, 0x80) + request(0x90, 0x40)) == []
    assert ask(second, 0x90, 0x41)[0][:6] == "a50290"
    assert A5Board(Pack(), hosts={0x40}).feed(request(0x90, 0x80)) == []


def test_requests_survive_any_cut_and_leading_junk() -> None:
    sent = bytes.fromhex("ff00a5a540") + request(0x90) + b"\x0a" + request(0x91)
    sent += request(0x93)[:5] + request(0x94)
    for at in range(len(sent)):
        board = A5Board(Pack())
        replies = board.feed(sent[:at]) + board.feed(sent[at:])
        assert [reply[0][2] for reply in replies] == [0x90, 0x91, 0x94]


def test_a_wrong_checksum_is_no_request() -> None:
    broken = request(0x90)[:12] + b"\x7c"
    assert A5Board(Pack()).feed(broken) == []


def test_unknown_style() -> None:
    with pytest.raises(ValueError, match="exact, fixed, fixed-all, damaged"):
        A5Board(Pack(), style="sixteen")


def test_the_usual_pack_is_believable() -> None:
    pack = Pack.of()
    assert (len(pack.cells), len(pack.sensors)) == (16, 4)
    assert round(sum(pack.cells) / 100) == pack.voltage == 530
    assert pack.current != 30000
    assert pack.state == 2


def test_a_pack_knows_its_names() -> None:
    assert Pack.of([3000, 3010]).voltage == 60
    with pytest.raises(TypeError, match="'volts'"):
        Pack.of(volts=1)
