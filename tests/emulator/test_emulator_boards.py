"""Several boards on one line: different packs and protocols, boards of two protocols, collisions."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from emulator.requests import a5, ask, sealed
from support import attach

from dalybms.emulator.collision import collide
from dalybms.emulator.injector import Piece
from dalybms.emulator.modbus.board import crc16
from dalybms.emulator.options import build

STATUS = sealed("d2030000003e")
VOLTAGE = sealed("d20300280001")
K_SERIES = "protocol=d2+p81"


def sound(reply: bytes) -> bool:
    return len(reply) > 4 and crc16(reply[:-2]) == reply[-2:]


def test_each_part_of_the_text_is_a_board() -> None:
    line = build("board=1&cells=16;board=2&cells=8&protocol=p81;board=5&cells=4&boards=2")
    assert [(type(board).__name__, len(board.pack.cells)) for board in line.boards] == [
        ("A5Board", 16),
        ("P81Board", 8),
        ("A5Board", 4),
        ("A5Board", 4),
    ]
    assert ask(line, a5(0x94), 0.0)[1:5] == bytes((1, 0x94, 8, 16))
    assert ask(line, sealed("8203003c0001"), 1.0) == sealed("5203020008")
    assert ask(line, a5(0x94, host=0x44), 2.0)[1:5] == bytes((5, 0x94, 8, 4))
    assert ask(line, a5(0x94, host=0x45), 3.0)[1:5] == bytes((6, 0x94, 8, 4))
    assert ask(line, sealed("8103003c0001"), 4.0) == b""


def test_numbers_count_up_where_none_is_given() -> None:
    line = build("board=3;;protocol=p81")
    assert [board.board for board in line.boards] == [3, 4, 5]
    assert [board.board for board in build("boards=2;").boards] == [1, 2, 3]


def test_usual_packs_differ_and_given_values_stand() -> None:
    line = build("soc=50;soc=25&cell=3.2;boards=2")
    packs = [board.pack for board in line.boards]
    assert [pack.soc for pack in packs] == [500, 250, 763, 762]
    assert packs[1].cells[0] == 3200
    assert len({pack.cells[0] for pack in packs}) == 4
    assert len({pack.sensors[0] for pack in packs}) == 4


def test_a_write_reaches_the_board_that_was_asked_alone() -> None:
    line = build("protocol=p81;protocol=p81;")
    ask(line, sealed("820601220000"), 0.0)
    ask(line, a5(0xDA, "00", host=0x42), 1.0)
    assert [board.pack.discharge_switch for board in line.boards] == [1, 0, 1]
    assert [board.pack.charge_switch for board in line.boards] == [1, 1, 0]
    assert [len(board.log.writes) for board in line.boards] == [0, 1, 1]


def test_a_k_series_board_speaks_d2_and_p81_with_one_pack_and_one_log() -> None:
    line = build(f"{K_SERIES}&board=2")
    assert ask(line, VOLTAGE, 0.0)[3:5] == ask(line, sealed("820300380001"), 1.0)[3:5]
    ask(line, sealed("820601220000"), 2.0)
    assert ask(line, sealed("d20300a60001"), 3.0)[3:5] == b"\0\0"
    (board,) = line.boards
    assert [heard.protocol for heard in board.log.heard] == ["d2", "p81", "p81", "d2"]
    assert ask(line, sealed("81030038001"[:10] + "0001"), 4.0) == b""


def test_the_write_of_one_tongue_lags_in_the_other() -> None:
    line = build(f"{K_SERIES}&write=lag:10")
    ask(line, sealed("d20600a60000"), 0.0)
    assert ask(line, sealed("810301220001"), 5.0)[3:5] == b"\0\1"
    assert ask(line, sealed("810301220001"), 11.0)[3:5] == b"\0\0"


def test_a_late_write_of_one_tongue_is_done_while_the_other_is_asked() -> None:
    line = build(f"{K_SERIES}&write=late:10")
    ask(line, sealed("d20600a60000"), 0.0)
    ask(line, sealed("810300380001"), 9.0)
    assert ask(line, sealed("810301220001"), 11.0)[3:5] == b"\0\0"


def test_each_tongue_takes_a_restart_in_its_way() -> None:
    line = build("protocol=a5+p81&restart=1")
    assert ask(line, a5(0x00), 0.0)
    assert ask(line, sealed("810600f00001"), 5.0) == b""
    assert line.boards[0].pack.restarts == 2


def test_every_awake_k_series_board_obeys_d2() -> None:
    line = build(f"{K_SERIES};{K_SERIES};{K_SERIES}&awake=0")
    ask(line, sealed("d20600a60000"), 0.0)
    assert [board.pack.discharge_switch for board in line.boards] == [0, 0, 1]
    assert [len(board.log.writes) for board in line.boards] == [1, 1, 0]


def test_a_sleeping_board_is_silent_and_the_others_answer() -> None:
    line = build(f"{K_SERIES}&awake=0;{K_SERIES}&soc=20")
    assert sound(ask(line, STATUS, 0.0))
    assert ask(line, sealed("8103003a0001"), 1.0) == b""
    assert ask(line, sealed("8203003a0001"), 2.0) == sealed("52030200c8")
    assert not line.boards[0].log.heard


@pytest.mark.parametrize("paced", [0, 1])
def test_answers_at_once_are_mixed(paced: int) -> None:
    kept = 0
    for seed in range(50):
        line = build(f"{K_SERIES}&paced={paced}&seed={seed}&latency=25;{K_SERIES}&soc=20")
        reply = ask(line, STATUS, 0.0)
        assert 129 <= len(reply) <= 129 + 5
        kept += sound(reply)
        assert line.boards[0].log.frames() == line.boards[1].log.frames() == [STATUS.hex()]
    assert kept == 0


def test_equal_answers_at_once_are_often_one_sound_answer() -> None:
    replies = []
    for seed in range(50):
        text = f"{K_SERIES}&soc=50&paced=1&seed={seed}"
        replies.append(ask(build(f"{text};{K_SERIES}&soc=50"), sealed("d203002a0001"), 0.0))
    assert sealed("d2030201f4") in replies
    assert any(not sound(reply) for reply in replies)


def test_two_boards_with_one_number_are_both_heard_when_one_is_slow() -> None:
    line = build("board=1&latency=25&paced=1&soc=80;board=1&latency=200&soc=40")
    reply = ask(line, a5(0x90), 0.0)
    assert [reply[10:12], reply[23:25]] == [bytes.fromhex("0320"), bytes.fromhex("0190")]
    assert len(reply) == 26


def test_two_boards_with_one_number_collide() -> None:
    line = build("board=1&paced=1&soc=80;board=1&soc=40&cells=8")
    reply = ask(line, a5(0x90), 0.0)
    assert 13 <= len(reply) <= 17
    assert len(line.boards[0].log.heard) == len(line.boards[1].log.heard) == 1


def test_bits_that_both_send_stand_and_others_are_of_one_of_them() -> None:
    dice, won = random.Random(1), set()
    for _ in range(100):
        one, other = dice.randbytes(20), dice.randbytes(20)
        begin, pieces = collide([(1.0, [Piece(0.0, one)]), (1.0, [Piece(0.0, other)])], 0.001, dice)
        (piece,) = pieces
        assert (begin, piece.pause, len(piece.data)) == (1.0, 0.0, 20)
        for left, right, mixed in zip(one, other, piece.data):
            assert mixed & left & right == left & right
            assert mixed | left | right == left | right
            won.add((bool(mixed & left & ~right), bool(mixed & right & ~left)))
    assert (True, True) in won


def test_what_does_not_overlap_arrives_whole() -> None:
    dice = random.Random(1)
    begin, pieces = collide([(1.0, [Piece(0.0, b"abc")]), (1.0015, [Piece(0.0, b"defg")])], 0.001, dice)
    assert begin == 1.0
    assert b"".join(piece.data for piece in pieces)[:1] == b"a"
    assert b"".join(piece.data for piece in pieces)[-2:] == b"fg"
    begin, pieces = collide(
        [(1.0, [Piece(0.0, b"ab"), Piece(0.5, b"cd")]), (1.1, [Piece(0.0, b"x")])], 0.001, dice
    )
    assert [(round(piece.pause, 6), piece.data) for piece in pieces] == [
        (0.0, b"ab"),
        (0.098, b"x"),
        (0.401, b"cd"),
    ]
    assert collide([(1.0, []), (2.0, [])], 0.001, dice)[1] == []


def test_a_board_that_lacks_registers_reads_ffff_there() -> None:
    line = build("protocol=a5+d2+p81&absent=00-8a,a3-ff")
    assert ask(line, STATUS, 0.0)[3:-2] == b"\xff" * 124
    assert ask(line, sealed("d203008b0002"), 1.0)[3:-2] == bytes.fromhex("0e100e42")
    assert ask(line, sealed("81030038000200"[:12]), 2.0)[3:5] != b"\xff\xff"
    assert ask(line, a5(0x90), 3.0)[:3] == bytes.fromhex("a50190")


def test_the_sign_of_a_board_of_several_protocols_is_that_of_its_registers() -> None:
    (board,) = build("protocol=a5+p81").boards
    assert (board.pack.current, board.pack.state) == (29877, 2)


def test_faults_act_on_boards_of_several_protocols() -> None:
    for fault in ("foreign:1", "zero:1", "stale:1"):
        line = build(f"{K_SERIES}&fault={fault}")
        assert ask(line, sealed("810300380001"), 0.0)
        assert ask(line, VOLTAGE, 1.0)[:2] in (b"\xd2\x03", b"\x52\x03", b"\x51\x03")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "board=1;fault=drop",
            "option 'fault' of the emulator is for the whole line: give it before the first ;",
        ),
        ("board=1;paced=1", "'paced' of the emulator is for the whole line"),
        ("board=16;", "boards 17 to 17: the last possible board is 16"),
        ("protocol=a5;protocol=p81&style=fixed", "'style' of the emulator is for protocol=a5 only"),
        ("protocol=a5+sinowealth", "write protocol=a5|d2|p81|sinowealth"),
        ("protocol=a5+a5", "write protocol="),
        ("hold=charge", "write hold=charge:on|off"),
        ("hold=charge:on,charge:off", "write hold="),
        ("write=melt", "unknown word 'melt'"),
        ("restart=-1", "write restart=seconds"),
        ("discharge_off=boom", "write discharge_off=stays|silent|gone"),
        ("absent=0-zz", "write absent=hex[-hex],..."),
    ],
)
def test_a_wrong_text_names_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011
        build(text)
    assert message in str(error.value)


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name a file that can be written"):
        build(f"log={tmp_path}/no/such")


@pytest.mark.parametrize("protocol", ["d2", "p81"])
def test_the_library_reads_both_tongues_and_asks_for_no_password(protocol: str) -> None:
    line = build(f"{K_SERIES}&soc=33&paced=1&latency=25")
    bms = attach(line, protocol=protocol)
    assert bms.get_all()["soc"]["soc_percent"] == 33.0  # type: ignore[typeddict-item]
    bms.get_info()
    assert not line.log.secrets
    assert not line.log.writes
