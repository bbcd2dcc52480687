"""The view for people: what stands on it, in every size, with few letters, in a real terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from samples import BANK, ENERGY, FAILED, PROTOCOLS, TIME, read
from support import PATIENCE, ROOT

from dalybms.outputs.table.cells import bar
from dalybms.outputs.table.view import TableView, show
from dalybms.outputs.table.words import ASCII, UNICODE, plain
from dalybms.outputs.times import nanoseconds

NOW = nanoseconds(TIME) / 1e9 + 7
APART = "&cell=3.31,3.32,3.29,3.34,3.31,3.30,3.28,3.35"


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def drawn(*samples: dict[str, Any], width: int = 100, encoding: str = "utf-8") -> str:
    """What a view without a terminal prints for the last sample."""
    os.environ["COLUMNS"] = str(width)
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    view = TableView(file=out, clock=lambda: NOW)
    for sample in samples:
        out.seek(0)
        out.truncate()
        view.take(sample)
    view.close()
    out.flush()
    out.seek(0)
    return out.read()


@pytest.fixture(autouse=True)
def width_is_put_back() -> Any:
    yield
    os.environ.pop("COLUMNS", None)


def test_everything_of_one_battery_is_there() -> None:
    sample = read(options=APART, faults=True, energy=ENERGY)
    sample["balancing_status"][4] = True
    lines = drawn(sample).splitlines()
    assert lines[0].startswith("Δ 70 mV  house · a5 · ok 01:02:03Z, 7 s old")
    text = "\n".join(lines)
    for words in ("76.5 %", "214.2 Ah remaining", "12.3 A", "W out discharging", "charge MOSFET on",
                  "42 cycles", "1: 21, 2: 22", "°C", "protection: cell voltage too low (level 2)",
                  "1.234 kWh in",
                  "17.4 h to empty", "▲ highest  ▼ lowest  ◆ balancing"):  # fmt: skip
        assert words in text, words
    cells = {int(line.split()[0]): line for line in lines if re.match(r" +\d+ .* V ", line)}
    assert len(cells) == 8
    assert re.search(r"8 ▲ +3\.350 V .* \+3[78]", cells[8])
    assert re.search(r"7 ▼ +3\.280 V .* -3[23]", cells[7])
    assert re.search(r"4 +◆ 3\.340 V", cells[4])


def test_the_extremes_since_the_start_are_shown() -> None:
    text = drawn(read(options="&cells=8"), read(options=APART))
    assert "Δ 70 mV (4–70)" in text
    assert "3.311–3.340" in text


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_can_be_drawn(protocol: str) -> None:
    assert "MOSFET" in drawn(read(protocol, faults=True))


def test_an_error_is_shown_with_its_age_and_no_old_value() -> None:
    text = drawn(read(), FAILED)
    assert "asleep 01:02:03Z, 7 s old, last good 01:02:03Z" in text
    assert FAILED["error"] in " ".join(text.split())
    assert "53.0" not in text
    assert "3.31" not in text
    assert "none was good yet" in drawn(FAILED)


def test_a_failed_section_and_an_unusable_value_are_told() -> None:
    sample = {
        **read(),
        "state": "partial",
        "soc": {"error": "no answer to command 90"},
        "errors": {"error": "e"},
    }
    del sample["faults"]
    text = drawn({**sample, "unusable": {"status.cycles": "raw value 65535"}})
    for words in (
        "soc: no answer to command 90",
        "status.cycles: raw value 65535",
        "faults: ? (not read)",
        "? A",
    ):
        assert words in text, words


def test_the_power_is_unknown_without_a_polarity() -> None:
    assert "W unknown" in drawn(read(polarity=None))


@pytest.mark.parametrize("sample", [read(options=APART, faults=True, energy=ENERGY), FAILED, BANK])
@pytest.mark.parametrize("width", [30, 79, 80, 200])
def test_a_terminal_of_few_letters_gets_no_other(sample: dict[str, Any], width: int) -> None:
    text = drawn({**sample, "name": "Küche", "error": "ä"}, width=width, encoding="ascii")
    assert text.isascii()
    assert "K?che" in text


def test_a_text_cannot_steer_the_terminal() -> None:
    text = drawn({**FAILED, "name": "a\x1b[2Jb", "error": "x\x1b]0;title\x07y\n[bold]z"})
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]z" in text
    assert plain("a\x1b[31m\r\nb\u202e") == "a [31m b"


@pytest.mark.parametrize("signs", [UNICODE, ASCII])
def test_bars(signs: Any) -> None:
    full, middle = signs.block, signs.middle
    assert bar(0, 5, signs) == f"      {middle}      "
    assert bar(5, 5, signs) == f"      {middle}{full * 6}"
    assert bar(-2.5, 5, signs) == f"   {full * 3}{middle}      "
    assert bar(99, 5, signs) == f"      {middle}{full * 6}"


def test_one_sample_is_printed_once() -> None:
    out = io.StringIO()
    show(read(), out)
    assert "214.2 Ah remaining" in out.getvalue()


PROGRAM = """
import json, sys
sys.path[:0] = [{tests!r}, {root!r}]
from dalybms.outputs.table.view import TableView
view = TableView()
for line in sys.stdin:
    if line.startswith("note "):
        view.note(line)
    else:
        view.take(json.loads(line))
view.close()
"""


def on_a_terminal(samples: list[Any], columns: int, rows: int, **environment: str) -> list[str]:
    """The pictures that a real pseudo terminal of that size gets: one a sample, the last one left behind."""
    import fcntl
    import json

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    program = PROGRAM.format(tests=str(ROOT / "tests"), root=str(ROOT))
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=theirs, stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm-256color", **environment}, text=True,
    )  # fmt: skip
    os.close(theirs)
    lines = "".join(sample if isinstance(sample, str) else json.dumps(sample) + "\n" for sample in samples)
    assert process.stdin
    process.stdin.write(lines)
    process.stdin.close()
    data, end = b"", time.monotonic() + 20
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                data += os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
    os.close(ours)
    assert process.stderr
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(PATIENCE) == 0
    text = data.decode("utf-8")
    screen, _, left = text.partition("\x1b[?1049l")
    return [*(picture for picture in screen.split("\x1b[H") if "\n" in picture), left]


def bare(picture: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", picture).replace("\r", "").splitlines()


MANY = [
    read(options=APART, faults=True, energy=ENERGY), {**read("p81"), "name": "garage", "board": 2},
    {**FAILED, "name": "boat"}, BANK,
]  # fmt: skip


@pytest.mark.parametrize(("columns", "rows"), [(20, 5), (40, 12), (79, 23), (80, 24), (200, 60)])
@pytest.mark.parametrize("samples", [[read(options="&cells=48&sensors=16")], MANY], ids=["48 cells", "many"])
def test_no_picture_is_larger_than_the_terminal(samples: list[Any], columns: int, rows: int) -> None:
    pictures = on_a_terminal(samples, columns, rows)[:-1]
    assert len(pictures) >= len(samples)
    for picture in pictures:
        lines = bare(picture)
        assert len(lines) <= rows
        assert all(len(line) <= columns for line in lines)


def test_all_cells_fit_where_they_can() -> None:
    for columns, rows, cells in ((80, 24, 48), (80, 24, 16), (60, 20, 16)):
        (picture, *_) = on_a_terminal([read(options=f"&cells={cells}")], columns, rows)
        assert len(re.findall(r" 3\.31\d V", "\n".join(bare(picture)))) >= cells
    assert not any("lines more" in line for line in bare(picture))


def test_it_is_drawn_when_a_sample_comes() -> None:
    pictures = on_a_terminal([read(), read(), FAILED], 80, 24)
    assert len([picture for picture in pictures[:-1] if "house" in picture]) == 3
    assert "last good" in pictures[-1], "the last picture stays behind"


def test_several_batteries_are_in_one_table_with_the_bank_last() -> None:
    lines = bare(on_a_terminal(MANY, 120, 60)[len(MANY) - 1])
    assert [line.split()[0] for line in lines[1:5]] == ["house", "garage", "boat", "bank"]
    assert "?" in lines[3]


def test_a_long_name_hides_neither_state_nor_age_nor_faults() -> None:
    name = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A1B2C3-if00-port0"
    sample = {**read(faults=True), "name": name}
    (head, *_) = drawn(sample, width=80).splitlines()
    assert head.endswith("port0 · a5 · ok 01:02:03Z, 7 s old")
    assert "…" in head
    assert len(head) <= 80
    assert drawn(sample, width=40).splitlines()[0].endswith("port0 · a5 · ok 7 s old")
    del os.environ["COLUMNS"]
    for columns in (80, 72, 60):
        (top, one, other, *_) = bare(on_a_terminal([sample, {**sample, "name": name + "b"}], columns, 30)[1])
        assert top.split()[-1] == "faults"
        assert one.split()[-1] == other.split()[-1] == "1"
        assert "ort0" in one
        assert "port0b" in other


WIDE = "電池バンク家の大きな名前の電池"


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_name_of_wide_letters_hides_neither_state_nor_age_nor_faults(columns: int) -> None:
    sample = {**read(faults=True), "name": WIDE}
    (head, *_) = drawn(sample, width=columns).splitlines()
    assert head.endswith(" s old")
    assert cell_len(head) <= columns
    del os.environ["COLUMNS"]
    (top, one, other, *_) = bare(on_a_terminal([sample, {**sample, "name": WIDE + "b"}], columns, 30)[1])
    assert top.split()[-1] == "faults"
    assert one.split()[-1] == other.split()[-1] == "1"


@pytest.mark.parametrize("columns", [30, 34, 40, 46, 50, 55, 63, 71, 72])
def test_no_number_of_several_batteries_is_cut_off(columns: int) -> None:
    """A part of a number is a wrong number: what does not fit as a whole is left out."""
    full = read(faults=True, soc={"total_voltage": 1053.25, "current": -1012.5, "soc_percent": 100.0})
    (top, one, other, *_) = bare(on_a_terminal([full, {**full, "name": "b"}], columns, 12)[1])
    assert top.split()[-1] == "faults"
    for row in (one, other):
        numbers = row.partition(" s ")[2].split()
        assert numbers[-1] == "1"
        assert set(numbers) <= {"?", "4", "1053.2", "-1012.5", "-1066416", "1066416", "100.0", "1"}
        assert len(numbers) == len(top.replace("Δ mV", "Δ").replace("W out", "W").partition("age")[2].split())


def test_batteries_stand_in_the_order_in_which_they_were_named() -> None:
    view = TableView(file=io.StringIO(), clock=lambda: NOW, names=["house", "boat"])
    for name, board in (("boat", None), ("house", 2), ("stranger", None), ("house", 1)):
        view.take({**read(), "name": name, "board": board})
    out = io.StringIO()
    Console(file=out, width=100).print(view.picture())
    rows = out.getvalue().splitlines()[1:5]
    assert [row.split()[0] for row in rows] == ["house", "house", "boat", "stranger"]
    assert [row.split()[2] for row in rows[:2]] == ["1", "2"]


def test_a_battery_that_never_answered_is_not_called_a_bank() -> None:
    assert drawn({**FAILED, "protocol": None}).startswith("Δ ? mV  house · asleep")


@pytest.mark.parametrize(
    ("section", "there"),
    [
        ("soc", "76.5 %"),
        ("mosfet_status", "discharge MOSFET on"),
        ("status", "temperature_sensors: 4"),
        ("temperature_range", "highest_temperature: 23"),
        ("cell_voltage_range", "lowest_cell: 1"),
        ("cell_voltages", "3.310 V"),
        ("balancing_status", "2: off"),
        ("temperatures", "1: 21, 2: 22"),
        ("errors", "no active faults"),
        ("faults", "no active faults"),
        ("info", "chemistry: LFP"),
    ],
)
def test_a_single_reading_shows_what_was_asked_and_no_question_marks(section: str, there: str) -> None:
    out = io.StringIO()
    whole = read(polarity=1)
    kept = ("time", "device", "name", "board", "protocol", "state", "polarity")
    show({**{key: whole[key] for key in kept}, section: whole[section]}, out)
    assert there in out.getvalue()
    assert "?" not in out.getvalue()


def test_what_is_printed_once_has_all_lines_in_a_narrow_window() -> None:
    os.environ["COLUMNS"] = "50"
    out = io.StringIO()
    show(read(), out)
    assert "discharge MOSFET on" in out.getvalue()
    assert "Ah remaining" in out.getvalue()
    assert "3.310–3.310" not in out.getvalue(), "one sample has no extremes"


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 10), (20, 5), (200, 60)])
@pytest.mark.parametrize("samples", [[read(options="&cells=48")], MANY], ids=["48 cells", "many"])
def test_notes_stay_below_in_every_window(samples: list[Any], columns: int, rows: int) -> None:
    note = "note MQTT broker localhost:1883: cannot connect: connection refused\n"
    picture = bare(on_a_terminal([*samples, note], columns, rows)[len(samples)])
    assert "refused" in [line for line in picture if line.strip()][-1]
    assert len(picture) <= rows


def test_a_note_does_not_make_a_window_small() -> None:
    before, after = on_a_terminal([read(), "note MQTT broker away\n"], 80, 24)[:2]
    assert "MOSFET on" in before
    assert "MOSFET on" in after


def test_a_message_is_told_where_there_is_no_live_view() -> None:
    told: list[str] = []
    view = TableView(file=io.StringIO(), complain=told.append)
    view.note("one")
    view.take(read())
    view.close()
    view.note("two")
    assert told == ["one", "two"]


def test_what_fails_at_the_start_leaves_the_terminal_as_it_was() -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    for arguments in (("--prometheus", str(taken.getsockname()[1])), ("--mqtt", "--mqtt-topic", "a/#")):
        ours, theirs = pty.openpty()
        program = [sys.executable, str(ROOT / "daly-bms-cli.py"), "watch", "-d", "demo:", "--format", "table"]
        done = subprocess.run(
            [*program, *arguments], stdout=theirs, stderr=subprocess.PIPE, timeout=PATIENCE,
            env={**os.environ, "TERM": "xterm-256color"},
        )  # fmt: skip
        assert done.returncode in (1, 2)
        assert done.stderr
        assert select.select([ours], [], [], 0)[0] == []
        os.close(ours)
        os.close(theirs)
    taken.close()


def test_no_color_is_obeyed_and_marks_remain() -> None:
    coloured, *_ = on_a_terminal([MANY[0]], 80, 24)
    grey, *_ = on_a_terminal([MANY[0]], 80, 24, NO_COLOR="1")
    assert re.search(r"\x1b\[[0-9;]*3[0-7]m", coloured)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", grey)
    assert "▲" in grey
    assert "▼" in grey


def test_a_thread_that_has_something_to_say_does_not_draw() -> None:
    """It would be held by a terminal that is held, with the lock of stdout."""
    out = io.StringIO()
    view = TableView(file=out)
    view._live = Live(console=Console(file=out, force_terminal=True), auto_refresh=False)
    view._live.start()
    view.take(read())
    before = out.getvalue()
    thread = threading.Thread(target=view.note, args=("hello",))
    thread.start()
    thread.join()
    assert out.getvalue() == before
    view.note("main")
    assert "hello" in out.getvalue()[len(before) :]
    view.close()


@pytest.mark.alone
def test_ages_stay_true_and_another_size_is_drawn_at_once_between_two_samples() -> None:
    import fcntl

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [
        sys.executable,
        str(ROOT / "daly-bms-cli.py"),
        "watch",
        "-d",
        "house=demo:",
        "--interval",
        "60",
    ]
    process = subprocess.Popen(
        [*command, "--format", "table"], stdout=theirs, stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    try:
        _read_until(ours, "0 s old")
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
        small = _read_until(ours, "a larger window")
        assert all(len(line) <= 40 for line in bare(small.split("\x1b[H")[-1]))
        _read_until(ours, r"[5-9] s old")
    finally:
        process.terminate()
        end = _read_until(ours, r"\x1b\[\?1049l")
        os.close(theirs)
        assert process.wait(PATIENCE) == 0
        assert process.communicate()[1] == b""
        os.close(ours)
    assert end


def _read_until(terminal: int, words: str) -> str:
    data, end = b"", time.monotonic() + 15
    while not re.search(words, data.decode("utf-8", "replace")):
        assert time.monotonic() < end, data
        if select.select([terminal], [], [], 0.1)[0]:
            data += os.read(terminal, 65536)
    return data.decode("utf-8", "replace")
