"""The emulator's option text."""

from __future__ import annotations

import pytest

from dalybms.emulator import conduct, faults, options
from dalybms.emulator.a5.board import A5Board
from dalybms.emulator.line import Line
from dalybms.emulator.modbus.board import crc16


def request(command: int, host: int = 0x40) -> bytes:
    body = bytes((0xA5, host, command, 8)) + bytes(8)
    return body + bytes((sum(body) & 0xFF,))


def ask(line: Line, command: int, host: int = 0x40) -> str:
    line.write(request(command, host), 0.0)
    return line.take(0.0).hex()


def a5_board(text: str) -> A5Board:
    board = options.build(text).boards[0]
    assert isinstance(board, A5Board)
    return board


def test_nothing_given_is_a_healthy_pack() -> None:
    assert ask(options.build(""), 0x94) == "a50194081004000002002a0082"


def test_values_of_the_pack() -> None:
    line = options.build("cells=4&sensors=2&cell=3.3&temperature=-8&soc=50.0&current=-12.3&cycles=7")
    assert ask(line, 0x90)[8:24] == "00840000" + "74b5" + "01f4"
    assert ask(line, 0x93)[8:10] == "01"
    assert ask(line, 0x93)[16:24] == f"{140000:08x}"
    assert ask(line, 0x95)[10:22] == "0ce40ce40ce4"
    assert ask(line, 0x96)[10:16] == "202000"
    assert ask(line, 0x94)[8:24] == "0402000002000700"


@pytest.mark.parametrize(("amperes", "state"), [("0", "00"), ("3", "02"), ("-3", "01")])
def test_the_state_follows_the_current(amperes: str, state: str) -> None:
    assert ask(options.build(f"current={amperes}"), 0x93)[8:10] == state


def test_every_protocol_has_its_board_and_its_sign_of_discharge() -> None:
    names = []
    for protocol in options.PROTOCOLS:
        board = options.build(f"protocol={protocol}").boards[0]
        pack = board.pack  # type: ignore[attr-defined]
        assert pack.state == 2
        assert pack.current == (30123 if protocol == "a5" else 29877)
        names.append(type(board).__name__)
    assert names == ["A5Board", "D2Board", "P81Board", "SinowealthBoard"]


def test_boards_of_p81_have_numbers() -> None:
    line = options.build("protocol=p81&board=3&boards=2&cells=3&alarms=0001000200030004")
    assert [board.address for board in line.boards] == [0x83, 0x84]  # type: ignore[attr-defined]
    read = bytes.fromhex("830300660004")
    line.write(read + crc16(read), 0.0)
    assert line.take(0.0).hex().startswith("5303080001000200030004")


def test_lists_count_as_they_are() -> None:
    pack = a5_board("cell=3.3,3.301,3.302&temperature=20,21").pack
    assert (pack.cells, pack.sensors, pack.voltage) == ([3300, 3301, 3302], [60, 61], 99)


def test_no_cells_and_no_sensors() -> None:
    pack = a5_board("cells=0&sensors=0").pack
    assert (pack.cells, pack.sensors, pack.voltage) == ([], [], 0)


def test_alarms() -> None:
    assert ask(options.build("alarms=0200000000000000"), 0x98)[8:24] == "0200000000000000"


def test_several_boards_differ() -> None:
    line = options.build("board=2&boards=3")
    replies = [ask(line, 0x90, 0x3F + board) for board in (2, 3, 4)]
    assert [reply[2:4] for reply in replies] == ["02", "03", "04"]
    assert len({reply[8:24] for reply in replies}) == 3
    assert ask(line, 0x90) == ""


def test_hosts_style_and_left_over_bytes() -> None:
    line = options.build("host=41,80&style=fixed&leftover=1")
    assert ask(line, 0x90) == ""
    assert len(ask(line, 0x95, 0x80)) == 16 * 26
    assert len(ask(line, 0x95, 0x41)) == 6 * 26
    assert ask(line, 0x91, 0x41)[20:24] != "0000"


def test_unsupported() -> None:
    line = options.build("unsupported=97,57")
    assert ask(line, 0x97) == ask(line, 0x57) == ""
    assert ask(line, 0x98) != ""


def test_options_of_the_line() -> None:
    line = options.build("latency=25&paced=1&seed=7&busy=0&scale=0.1")
    line.write(request(0x90), 0.0)
    assert line.take(26 * 10 / 9600 + 0.0245) != line.take(26 * 10 / 9600 + 0.0251)
    assert not line.busy


def test_pace_unless_the_text_says() -> None:
    paced, unpaced = options.build("", paced=True), options.build("paced=0", paced=True)
    assert ask(paced, 0x90) == ""
    assert ask(unpaced, 0x90) != ""


def test_faults_and_their_seed() -> None:
    def run(seed: int) -> list[str]:
        line = options.build(f"fault=drop:0.5,double&seed={seed}")
        return [ask(line, 0x95) for _ in range(20)]

    assert run(7) == run(7) != run(8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cell=x", "cell=x of the emulator: write cell=V"),
        ("cells=300", "cells=300 of the emulator: write cells=0 to 255"),
        ("soc=-1", "write soc=percent"),
        ("current=", "write current=A"),
        ("current=4000", "write current=A"),
        ("current=nan", "write current=A"),
        ("soc=inf", "write soc=percent"),
        ("alarms=02", "write alarms=16 hex digits"),
        ("board=17", "write board=1 to 16"),
        ("board=15&boards=3", "boards 15 to 17: the last possible board is 16"),
        ("host=4", "write host=hex"),
        ("style=odd", "write style=exact|fixed|fixed-all|damaged"),
        ("leftover=yes", "write leftover=0|1"),
        ("latency=-1", "write latency=ms"),
        ("scale=0", "write scale=factor"),
        ("fault=melt", "unknown fault 'melt': take one of drop"),
        ("fault=drop:2", "rate is a number from 0 to 1"),
        ("protocol=can", "write protocol=a5|d2|p81|sinowealth"),
        ("protocol=d2&style=fixed", "'style' of the emulator is for protocol=a5 only"),
        ("unsupported=9", "write unsupported=hex"),
        ("seed=1&seed=2", "'seed' of the emulator is given twice"),
    ],
)
def test_a_wrong_value_names_the_right_form(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011
        options.build(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_name_lists_the_right_ones() -> None:
    with pytest.raises(ValueError, match="unknown option 'cels'") as error:
        options.build("cels=16")
    assert all(each.name in str(error.value) for each in options.OPTIONS)


def test_the_help_names_every_option_word_and_fault() -> None:
    text = options.describe()
    for name in [each.name for each in options.OPTIONS] + list(faults.KINDS) + list(conduct.WORDS):
        assert f"\n  {name}" in text
