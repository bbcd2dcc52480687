"""The fake D2 and P81 boards against real frames.

Sources: syssi/esphome-daly-bms, its tests (8 cells; settings of a 4S board) and its docs/pdus:
btsnoop_daly_balancer.log (password, block 0x3E, texts, balancer switch), ess-dl-bms-41_260321_0323.txt (P81);
the Daly Modbus sheet (register 0x0C). The switch of the PC tool: syssi/esphome-daly-bms#22.
"""

from __future__ import annotations

import pytest

from dalybms.emulator.a5.board import A5Board
from dalybms.emulator.line import Line
from dalybms.emulator.modbus.board import ModbusBoard, crc16
from dalybms.emulator.modbus.d2 import D2Board
from dalybms.emulator.modbus.p81 import P81Board
from dalybms.emulator.pack import Pack


def sealed(text: str) -> bytes:
    body = bytes.fromhex(text)
    return body + crc16(body)


def ask(board: ModbusBoard, text: str) -> str:
    """The reply to a request with its checksum."""
    replies = board.feed(bytes.fromhex(text))
    assert [len(reply) for reply in replies] == [1]
    return replies[0][0].hex()


def d2_pack() -> Pack:
    return Pack.of(
        [3438, 3433, 3417, 3543, 3339, 3339, 3340, 3339],
        [0x3D],
        voltage=271,
        current=30000,
        soc=1000,
        state=0,
        capacity=25000,
        cycles=0,
        power=0,
    )


D2_STATUS = (
    "d2037c0d6e0d690d590dd70d0b0d0b0d0c0d0b"
    + 24 * "0000"
    + "003d00280028"
    + 5 * "0000"
    + "010f753003e80dd70d0b003d003d000000fa0008000100000000000100010d4600cc0000"
)


@pytest.mark.parametrize(
    ("alarm_words", "end"),
    [
        ([0, 0, 0, 0], "00000000000000000ee1"),
        ([0x100, 0, 0, 0], "0100000000000000cf2d"),
        ([1, 0, 0, 0], "00010000000000001e21"),
        ([0, 0x100, 0, 0], "00000100000000000f30"),
        ([0, 1, 0, 0], "00000001000000003321"),
        ([0, 0, 0x100, 0], "00000000010000000f1d"),
        ([0, 0, 1, 0], "00000000000100005f21"),
        ([0, 0xC00, 0, 0], "00000c00000000000e2d"),
    ],
)
def test_d2_status(alarm_words: list[int], end: str) -> None:
    pack = d2_pack()
    pack.alarm_words = alarm_words
    pack.registers = {0x21: 0x28, 0x22: 0x28}
    assert ask(D2Board(pack), "d2030000003ed7b9") == D2_STATUS + end


def test_d2_more_status() -> None:
    pack = Pack.of(balance_current=30000, mosfet_temperature=0xFFFF)
    assert ask(D2Board(pack), "d203003e0009f7a3") == "d203120000000075300000ffff0000000000000000476e"


def test_d2_settings() -> None:
    pack = Pack.of(
        4,
        1,
        rated=105000,
        sleep=7200,
        cell_limits=[3500, 3500, 2600, 2600],
        pack_limits=[140, 140, 104, 104],
        current_limits=[0x74CC, 0x74CC, 0x7490, 0x75D0],
        temperature_limits=[0x55, 0x55, 0x28, 0x28, 0x6E, 0x6E, 0x27, 0x27],
        difference_limits=[255, 255, 255, 255],
        balance_start=3200,
        soc=680,
        mosfet_limit=0x57,
    )
    assert ask(D2Board(pack), "d20300800029965f") == (
        "d20352041a0c80000100040000000000010000000000001c200dac0dac0a280a28008c008c0068006874cc74cc749075d0"
        "00550055002800" + "28006e006e0027002700ff00ff00ff00ff0c8000140001000102a800577f8b"
    )


def test_d2_texts_are_reversed() -> None:
    pack = Pack.of(software="30_231111_200B", hardware="BMS-GD230-303E", battery_code="")
    assert ask(D2Board(pack), "d20300a900208791") == (
        "d20340423030325f3131313133325f30330000453330332d30333244472d534d420000" + 64 * "0" + "fe8d"
    )


def test_d2_password_is_there_to_be_ignored() -> None:
    assert ask(D2Board(Pack.of(password="123456")), "d20300c90003c656") == "d203063132333435364c69"


@pytest.mark.parametrize(("switch", "reply"), [(1, "d203020001fc56"), (0, "d2030200003d96")])
def test_d2_balancer_switch(switch: int, reply: str) -> None:
    assert ask(D2Board(Pack.of(balancer=switch)), "d20300cf0001a796") == reply


def test_d2_writes() -> None:
    pack = Pack()
    board = D2Board(pack)
    assert ask(board, "d20600cf0000aa56") == "d20600cf0000aa56"
    assert pack.balancer == 0
    ask(board, sealed("d20600a50000").hex())
    ask(board, sealed("d20600a60000").hex())
    ask(board, sealed("d20600a7012c").hex())
    assert (pack.charge_mosfet, pack.discharge_mosfet, pack.soc) == (0, 0, 300)
    assert ask(board, sealed("d20300a50003").hex())[6:18] == "00000000012c"
    ask(board, sealed("d206008b0e10").hex())
    assert ask(board, sealed("d203008b0001").hex())[6:10] == "0e10"
    ask(board, sealed("d21000d40003180c1f173b3a").hex())
    assert pack.clock.hex() == "180c1f173b3a"
    assert board.feed(sealed("d20600f00001")) == [[]]
    assert pack.restarts == 1


def test_d2_write_of_registers_that_only_echo() -> None:
    pack = Pack()
    board = D2Board(pack)
    assert ask(board, "d206000c00019baa") == "d206000c00019baa"
    assert ask(board, "d210000c0002000100027d65") == "d210000c00029268"
    assert pack.cells[12] > 3000


def test_unknown_registers_read_as_ffff() -> None:
    assert ask(D2Board(Pack()), "d20300df0011a79f") == "d20322" + 17 * "ffff" + "dce0"


@pytest.mark.parametrize("count", ["0000", "007e", "ffff"])
def test_a_wrong_count_is_not_answered(count: str) -> None:
    assert D2Board(Pack()).feed(sealed("d2030000" + count)) == [[]]


def test_unsupported_start_registers() -> None:
    board = D2Board(Pack(), unsupported=(0x3E,))
    assert board.feed(bytes.fromhex("d203003e0009f7a3")) == [[]]
    assert board.feed(bytes.fromhex("d2030000003ed7b9"))[0]


def test_d2_block_of_cells_above_32() -> None:
    pack = Pack.of([3000 + number for number in range(48)])
    board = D2Board(pack)
    first = ask(board, sealed("d20300000020").hex())
    rest = ask(board, sealed("d20300470010").hex())
    assert bytes.fromhex(first[6:-4] + rest[6:-4]) == b"".join(each.to_bytes(2, "big") for each in pack.cells)


def test_d2_balancing_as_recorded() -> None:
    """From the notes of johnlepikhin/daly-bms-exporter, a pack of 12 cells that all balance with 0.8 A."""
    pack = Pack.of(12, balancing=0xFFF, balance_current=30800, mosfet_temperature=0x3B)
    pack.registers = {0x43: 0xFFFF, 0x44: 0xFFFF}
    assert ask(D2Board(pack), "d203003e0009f7a3") == "d20312000000017538000c003bffffffff00000000b150"


def test_balancing_as_r24tk_boards_say_it() -> None:
    pack = Pack.of(8, balancing=0x80, balance_numbers=True)
    assert ask(P81Board(pack), sealed("8103004d0005").hex())[6:26] == "00010000800000000000"
    frame = A5Board(pack).feed(bytes.fromhex("a5409708000000000000000084"))[0][0]
    assert frame.hex() == "a501970800080000000000004d"


def test_p81_says_that_no_sensor_can_be_read() -> None:
    for sensors, word in (([255, 255], "8000"), ([255, 60], "0000"), ([], "0000")):
        assert ask(P81Board(Pack.of(8, sensors)), sealed("810300720001").hex())[6:10] == word


def test_d2_serial_number() -> None:
    answer = ask(D2Board(Pack.of(serial="DL240100230000")), sealed("d20300570007").hex())
    assert bytes.fromhex(answer)[3:-2] == b"DL240100230000"


def p81_pack() -> Pack:
    millivolts = "0cf40cf00cf30cf20cf30cf10cf30cf30cf00cf30cf30cf40cf30cf30cf30cf5"
    return Pack.of(
        [int(millivolts[at : at + 4], 16) for at in range(0, 64, 4)],
        [0x3E] * 4,
        current=0x74D7,
        soc=864,
        heartbeat=182,
        cell_extremes=(3317, 16, 3312, 9),
        sensor_extremes=(0x3E, 4, 0x3E, 1),
        state=2,
        capacity=271200,
        cycles=7,
        mosfet_temperature=0x40,
        board_temperature=0x46,
        power=471,
        alarm_words=[0, 0, 0x80, 0],
        level_words=[0, 0, 0, 0x80, 0, 0, 0],
        rated=314000,
        nominal=3200,
        sleep=65535,
        balance_start=3400,
        password="123456",
        software="41_260321_0323",
        hardware="ESS-DL-BMS",
        platform="ESS41_0323",
        production=bytes((0x1A, 3, 0x1A)),
        clock=bytes.fromhex("1a0602140221"),
    )


def test_p81_first_block() -> None:
    pack = p81_pack()
    assert ask(P81Board(pack), "8103000000405bfa") == (
        "5103800cf40cf00cf30cf20cf30cf10cf30cf30cf00cf30cf30cf40cf30cf30cf30cf5"
        + 32 * "0000"
        + "003e003e003e003e0000000000000000021274d7036000b6001000040cf5001099ef"
    )
    assert pack.heartbeat == 183


def test_p81_second_block() -> None:
    pack = p81_pack()
    # What these registers mean is not known.
    pack.registers = {0x4D: 7, 0x5D: 0, 0x5F: 0, 0x64: 0x0B4B, 0x65: 0x0402}
    pack.registers.update({0x6A: 0x74BE, 0x6B: 0x11, 0x6C: 0x35F, 0x7C: 0xFF, 0x7E: 2})
    assert ask(P81Board(pack), "81030041003e8bce") == (
        "51037c00090005003e0004003e000100000002000000000a98000700070000000000000000000100010000000000000cf2"
        "01d700000040004600000000ffff000075301a06021402210b4b0402000000000080000074be0011035f00000000000000"
        "80000000000000ffffffffffffffffffffffffffffffff00ffffff0002b8ac"
    )


def test_p81_settings() -> None:
    pack = p81_pack()
    reply = ask(P81Board(pack), "8103010000519a0a")
    assert reply[:6] == "5103a2"
    assert reply[6 : 6 + 4 * 13] == "0001001000010010000000000004000000000004ca900004ca90"
    words = [reply[6 + 4 * at : 10 + 4 * at] for at in range(81)]
    assert words[0x14:0x18] == ["0c80", "ffff", "0360", "03e8"]
    assert words[0x1A:0x1C] == ["0d48", "0014"]
    assert words[0x21:0x23] == ["0001", "0001"]
    assert "".join(words[0x23:0x2B]) == "1a0602140221" + b"123456".hex() + "1a031a00"


def test_p81_limits_as_recorded() -> None:
    pack = Pack.of(
        cell_limits=[3450, 3550, 2800, 2700],
        pack_limits=[552, 562, 456, 440],
        current_limits=[28400, 28000, 31600, 32000],
        temperature_limits=[90, 95, 45, 40, 90, 95, 25, 40],
        difference_limits=[450, 500, 10, 15],
        soc_limits=[1000, 1000, 0, 0],
        mosfet_warning=135,
        mosfet_limit=140,
        releases=[3400, 2900, 542, 450, 90, 45, 90, 25, 450, 12, 20, 105],
        delays=[5000, 5000] + 10 * [1000],
        overcurrent_delays=4 * [1000],
        short_circuit=2000,
    )
    board = P81Board(pack)
    reply = ask(board, sealed("810301300021").hex())[6:-4] + ask(board, "8103015100274a3d")[6:-4]
    assert reply[: 4 * 0x3F] == (
        "0d7a0dde0d4813880af00a8c0b54138802280232021e03e801c801b801c203e86ef06d6003e8697803e87b707d0003e880e803e8"
        "005a005f005a03e8002d0028002d03e8005a005f005a03e800190028001903e801c201f401c203e8000a000f000c03e8"
        "00000000001403e80087008c006903e80069006e006903e807d0"
    )


def test_p81_usual_limits_differ_from_each_other() -> None:
    pack = Pack()
    pairs = [pack.cell_limits, pack.pack_limits, pack.current_limits, pack.difference_limits]
    assert all(len(set(levels)) == len(levels) for levels in pairs)
    assert len(set(pack.releases)) == len(pack.releases)


def test_p81_key_logic_is_no_limit_of_the_mosfet() -> None:
    assert ask(P81Board(Pack()), sealed("810301200001").hex())[6:10] == "0055"


def test_p81_versions() -> None:
    reply = ask(P81Board(p81_pack()), "81030178004a5a18")
    assert reply[:90] == (
        "51039434315f3236303332315f303332334553532d444c2d424d530000000045535334315f3033323300000000"
    )


def test_p81_boards_have_addresses() -> None:
    first, last = P81Board(Pack(), 1), P81Board(Pack(), 16)
    assert last.feed(bytes.fromhex("8103000000405bfa")) == []
    assert ask(last, sealed("900301000001").hex())[:10] == "6003020010"
    assert first.feed(sealed("900301000001")) == []


def test_p81_writes() -> None:
    pack = Pack()
    board = P81Board(pack)
    assert ask(board, sealed("810601210000").hex()) == sealed("510601210000").hex()
    for register, value in (("0122", 0), ("0116", 300), ("00f6", 0), ("01f7", 1), ("01f8", 1)):
        ask(board, sealed(f"8106{register}{value:04x}").hex())
    assert (pack.charge_mosfet, pack.discharge_mosfet, pack.soc) == (0, 0, 300)
    assert (pack.balancer, pack.heating_mosfet, pack.fan_mosfet) == (0, 1, 1)
    ask(board, sealed("81060114" + "0ce4").hex())
    assert ask(board, sealed("810301140001").hex())[6:10] == "0ce4"


def test_the_known_write_of_the_pc_tool() -> None:
    assert ask(P81Board(Pack()), "810601210001063c")[:12] == "510601210001"


@pytest.mark.parametrize("board", [D2Board(Pack()), P81Board(Pack())])
def test_requests_survive_any_cut_and_leading_junk(board: ModbusBoard) -> None:
    address = f"{board.address:02x}"
    read = sealed(address + "0300000001")
    sent = b"\xff\x00" + bytes((board.address,)) + read + read[:5] + sealed(address + "0600020001") + read
    for at in range(len(sent)):
        replies = board.feed(sent[:at]) + board.feed(sent[at:])
        assert [reply[0][1] for reply in replies] == [3, 6, 3]


def test_a_wrong_checksum_is_no_request() -> None:
    assert D2Board(Pack()).feed(bytes.fromhex("d2030000003ed7b8")) == []


@pytest.mark.parametrize(("board", "other"), [(D2Board(Pack()), 0x52), (P81Board(Pack(), 16), 0x51)])
def test_foreign_and_zero_replies_are_sound(board: ModbusBoard, other: int) -> None:
    own = board.feed(sealed(f"{board.address:02x}0300280003"))[0]
    foreign, zero = board.foreign(own)[0], board.zeroed(own)[0]
    assert foreign[0] == other
    assert foreign[3:] != own[0][3:]
    assert zero[:3] == own[0][:3]
    assert zero[3:-2] == bytes(6)
    for frame in (foreign, zero):
        assert crc16(frame[:-2]) == frame[-2:]


@pytest.mark.parametrize("fault", ["cut", "flip", "flip2", "garbage", "slow", "late", "drop"])
def test_faults_act_on_long_replies(fault: str) -> None:
    line = Line([D2Board(Pack())], faults=[f"{fault}:1"], seed=1)
    good = D2Board(Pack()).feed(bytes.fromhex("d2030000003ed7b9"))[0][0]
    line.write(bytes.fromhex("d2030000003ed7b9"), 0.0)
    reply = line.take(0.0)
    assert reply != good
    assert line.injected[fault] > 0
    assert (reply + line.take(2.0) == good) is (fault in ("slow", "late"))


def test_stale_sends_a_reply_of_another_length_first() -> None:
    line = Line([P81Board(Pack())], faults=["stale:1"])
    line.write(sealed("810300000040"), 0.0)
    first = line.take(0.0)
    line.write(sealed("81030041003e"), 1.0)
    assert line.take(1.0).startswith(first)
