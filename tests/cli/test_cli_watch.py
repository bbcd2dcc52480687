"""`watch` as a process: lines that go on whatever happens, and an end in order."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from broker import until
from processes import board
from support import PATIENCE, ROOT

from dalybms.cli import watch
from dalybms.energy_file import EnergyFile
from dalybms.watching import Watch

PROGRAM = [sys.executable, str(ROOT / "daly-bms-cli.py"), "watch"]
FAST = ("--interval", "0.2")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DALY_BMS")}
    return {**kept, **more}


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE, env=environment(**more)
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_samples_are_json_lines() -> None:
    done = run("-d", "demo:", *FAST, "--count", "3")
    assert (done.returncode, done.stderr) == (0, "")
    samples = lines(done)
    assert [sample["state"] for sample in samples] == ["ok"] * 3
    assert {sample["soc"]["soc_percent"] for sample in samples} == {76.5}


def test_several_batteries_side_by_side_and_the_bank() -> None:
    done = run(
        "-d", "house=demo:?soc=50", "-d", "van=demo:?protocol=d2&soc=70", "-d", "gone=/dev/no-such-port",
        "--interval", "2", "--count", "2", "--bank",
    )  # fmt: skip
    assert done.returncode == 0
    samples = lines(done)
    by_name = {name: [s for s in samples if s["name"] == name] for name in ("house", "van", "gone", "bank")}
    assert [len(by_name[name]) for name in ("house", "van", "gone")] == [2, 2, 2]
    assert {sample["state"] for sample in by_name["gone"]} == {"unplugged"}
    assert by_name["bank"][-1]["bank"]["boards"] == {"answering": 2, "of": 3}


def test_boards_of_a_cable() -> None:
    done = run("-d", "demo:?boards=2", "--board", "1,2", "--interval", "3", "--count", "1")
    assert [sample["board"] for sample in lines(done)] == [1, 2]
    assert run("-d", "demo:", "--board", "all").returncode == 2


def test_a_count_of_nothing_but_failures_is_1() -> None:
    done = run("-d", "/dev/no-such-port", *FAST, "--count", "2")
    assert done.returncode == 1
    assert [sample["state"] for sample in lines(done)] == ["unplugged"] * 2


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("device", ["demo:", "demo:?fault=asleep"])
def test_a_signal_ends_it_in_order(number: int, device: str, tmp_path: Path) -> None:
    energy = tmp_path / "energy.json"
    process = subprocess.Popen(
        [*PROGRAM, "-d", device, *FAST, "--energy", str(energy)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())
    began = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")
    assert time.monotonic() - began < 2.5
    assert json.loads(energy.read_text())["format"] == 1


def test_the_reader_of_a_pipe_may_go() -> None:
    process = subprocess.Popen(
        [*PROGRAM, "-d", "demo:", *FAST],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(PATIENCE) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_a_board_that_is_unplugged_and_plugged_in_again(tmp_path: Path) -> None:
    """A pseudo terminal that vanishes, and comes back under the same name."""
    link = str(tmp_path / "battery")
    process = None
    try:
        with board("--pty", "--link", link):
            process = subprocess.Popen(
                [*PROGRAM, "-d", link, *FAST], stdout=subprocess.PIPE, text=True, env=environment()
            )
            wait_for_state(process, "ok")
        wait_for_state(process, "unplugged")
        with board("--pty", "--link", link):
            wait_for_state(process, "ok")
    finally:
        assert process is not None
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def wait_for_state(process: subprocess.Popen[str], state: str) -> None:
    assert process.stdout is not None
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if (
            select.select([process.stdout], [], [], 1)[0]
            and json.loads(process.stdout.readline())["state"] == state
        ):
            return
    raise AssertionError(f"never {state}")


# Files


@pytest.mark.parametrize("form", ["jsonl", "csv", "influx"])
def test_a_file_is_appended_to(tmp_path: Path, form: str) -> None:
    file = tmp_path / "log"
    for _ in range(2):
        done = run("-d", "demo:", *FAST, "--count", "2", "--format", form, "-o", str(file))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(file.read_text().splitlines()) == 4 + (form == "csv")


class Slow:
    """An output that is held up once, for longer than three intervals."""

    def __init__(self) -> None:
        self.taken = 0
        self.complain = pytest.fail

    def take(self, _: Any) -> None:
        self.taken += 1
        threading.Event().wait(1.5 if self.taken == 2 else 0)

    def over(self) -> None:
        """The end of the iteration."""


def test_energy_is_counted_by_when_a_sample_was_read_not_by_when_an_output_took_it(tmp_path: Path) -> None:
    """Else an output that is held up makes a gap of what was sampled all the time."""
    file, slow = EnergyFile(str(tmp_path / "energy.json"), 0.3), Slow()
    assert watch._run(Watch(["demo:"], 0.3, count=8), slow, file, slow) == 0  # type: ignore[arg-type]
    file.save()
    counted = file.shown({"name": "demo:"})
    assert (slow.taken, counted["gap_seconds"]) == (8, 0)


def test_energy_stands_in_each_sample_and_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "energy.json"
    done = run("-d", "demo:", *FAST, "--count", "2", "--energy", str(file))
    assert all("energy_out_wh" in sample["energy"] for sample in lines(done))
    assert "demo:" in json.loads(file.read_text())["batteries"]


def test_the_config_example_of_the_documents_is_loaded(tmp_path: Path) -> None:
    from dalybms.cli.watch_config import load

    page = (ROOT / "docs" / "watch.md").read_text(encoding="utf-8")
    file = tmp_path / "daly.toml"
    file.write_text(page.split("```toml\n")[1].split("```")[0])
    kept = load(str(file))
    assert {"interval", "energy", "battery", "output", "mqtt", "prometheus"} <= set(kept)
    assert len(kept["battery"]) > 1


BATTERY = "[[battery]]\ndevice = 'demo:'\n"


@pytest.mark.parametrize("text", [b"\xef\xbb\xbf%s", b"%s"])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_config_that_an_editor_of_windows_has_written(tmp_path: Path, text: bytes, end: bytes) -> None:
    file = tmp_path / "daly.toml"
    file.write_bytes(text % f"{BATTERY}name = 'Büro'\n".encode().replace(b"\n", end))
    (sample,) = lines(run("--config", str(file), "--count", "1"))
    assert sample["name"] == "Büro"


def test_a_config_in_another_encoding_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "daly.toml"
    file.write_bytes(f"{BATTERY}name = 'Büro'\n".encode("latin-1"))
    done = run("--config", str(file))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"{file} is no TOML file: 'utf-8' codec can't decode byte 0xfc" in done.stderr


@pytest.mark.parametrize("text", ["=demo:", "a=", "="])
def test_half_of_a_battery_is_none(text: str) -> None:
    done = run("-d", text, "--count", "1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "is half of a battery: write NAME=DEVICE, or DEVICE alone" in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("intervall = 3", "intervall is unknown: do you mean interval?"),
        ("interval = 'three'", "interval must be a whole number or a number, not 'three'"),
        ("[[battery]]\nname = 'a'", "battery 1, device is missing"),
        ("[[battery]]\ndevice = 3", "battery 1, device must be a text, not 3"),
        ("[mqtt]\npassword = 'x'", "mqtt.password is unknown"),
        ("[mqtt]\nport = true", "mqtt.port must be a whole number, not True"),
        ("battery = 3", "battery must be a list"),
        ("[battery]\ndevice = 'demo:'", "[[battery]]"),
        ("= 3", "is no TOML file"),
        ("interval = nan", "interval must be 0.1 to 86400 s, not nan"),
        ("interval = 0", "interval must be 0.1 to 86400 s, not 0"),
        ("interval = 1e400", "interval must be 0.1 to 86400 s, not inf"),
        ("energy = ''", "energy is empty"),
        (BATTERY + "name = ' '", "battery 1, name is empty"),
        (BATTERY + "retry = 101", "battery 1, retry must be 0 to 100, not 101"),
        (BATTERY + "retry = true", "battery 1, retry must be a whole number"),
        (BATTERY + "reply_timeout = 61", "battery 1, reply_timeout must be 0.001 to 60 s, not 61"),
        (BATTERY + "pause = -1", "battery 1, pause must be 0 to 10 s, not -1"),
        (BATTERY + "baudrate = 1", "battery 1, baudrate must be 1200 to 921600, not 1"),
        (BATTERY + "protocol = 'A5'", "battery 1, protocol 'A5' is unknown: auto, a5"),
        (BATTERY + "board = 17", "battery 1, board must be 1 to 16, not 17"),
        (BATTERY + "board = [1, '2']", "battery 1, board must be a whole number, not '2'"),
        (BATTERY + "board = [1, 1]", "battery 1, board must be a number, or several as [1, 2]"),
        (BATTERY + "board = []", "battery 1, board must be a number, or several as [1, 2]"),
        (BATTERY + "address = 5", "address 5 is no host address"),
        (BATTERY + "address = 8\nboard = 2", "address 8 does not ask board 2"),
        (BATTERY + "board = [1, 2]\nprotocol = 'd2'", "d2 boards have no number"),
        (BATTERY + "adapter = 'hci0'", "--adapter is for Bluetooth, and demo: is none"),
        (BATTERY + "name = 'bank'", "no battery may be called bank"),
        (BATTERY + BATTERY, "two batteries are called demo:"),
        (BATTERY + "[output]\nformat = 'xml'", "output.format 'xml' is unknown: jsonl, csv, table, influx"),
        (BATTERY + "[output]\nformat = 'table'\nfile = 'x'", "a table is for a terminal"),
        (BATTERY + "[output]\nfile = ''", "output.file is empty"),
        (BATTERY + "[prometheus]\nat = 99999", "'99999' is no place for Prometheus"),
        (BATTERY + "[prometheus]\nat = 'x'", "'x' is no place for Prometheus"),
        (BATTERY + "[mqtt]\nport = 0", "an MQTT port is 1 to 65535, not 0"),
        (BATTERY + "[mqtt]\ntopic = 'a/#'", "'a/#' is no MQTT topic"),
        ("#" * 1_000_001, "it is larger than 1 MB"),
        (BATTERY + "board = " + "[" * 5000, "is no TOML file"),
        ("interval = 3\0", "is no TOML file"),
    ],
    ids=lambda text: text[:40],
)
def test_a_config_that_cannot_be(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "daly.toml"
    file.write_text(text)
    done = run("--config", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
    assert str(file) in done.stderr


def test_flags_overrule_the_file(tmp_path: Path) -> None:
    file = tmp_path / "daly.toml"
    file.write_text(
        "interval = 9\n[[battery]]\nname = 'a'\ndevice = 'demo:?soc=11'\n[output]\nformat = 'csv'\n"
    )
    done = run("--config", str(file), *FAST, "--count", "2", "--format", "jsonl", "-d", "b=demo:?soc=22")
    assert [(sample["name"], sample["soc"]["soc_percent"]) for sample in lines(done)] == [("b", 22.0)] * 2


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_variable_is_no_setting(empty: str | None) -> None:
    done = run(*FAST, "--count", "1", **({} if empty is None else {"DALY_BMS_DEVICE": empty}))
    assert (done.returncode, done.stdout) == (2, "")
    assert lines(run(*FAST, "--count", "1", DALY_BMS_DEVICE="demo:"))[0]["state"] == "ok"


@pytest.mark.parametrize(
    "arguments",
    [
        ["-d", "demo:", "-d", "demo:"],
        ["-d", "bank=demo:"],
        ["-d", "demo:", "--interval", "0"],
        ["-d", "demo:", "--count", "0"],
        ["-d", "demo:", "--format", "xml"],
        ["-d", "demo:", "--mqtt-hass"],
        ["-d", "demo:", "--prometheus", "nowhere"],
        ["-d", "demo:", "--format", "table", "-o", "x"],
        ["-d", "demo:", "--all"],
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_systemd_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(10)
        run("-d", "demo:", *FAST, "--count", "2", NOTIFY_SOCKET=path)
        told = [manager.recv(4096).decode() for _ in range(3)]
    assert told[0].startswith("READY=1\n")
    assert "WATCHDOG=1" in told[1]
    assert "STATUS=" in told[1]
    assert told[2] == "STOPPING=1"


def test_the_watchdog_is_fed_when_every_battery_has_told(tmp_path: Path) -> None:
    """One wire that hangs for ever must not hide behind the others."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(10)
        run("-d", "a=demo:", "-d", "b=demo:", *FAST, "--count", "2", NOTIFY_SOCKET=path)
        told = [manager.recv(4096).decode() for _ in range(5)]
    assert sum("WATCHDOG=1" in each for each in told) == 2
    assert "WATCHDOG" not in told[0]
    assert told[4] == "STOPPING=1"


def test_a_bank_of_nobody_is_no_success() -> None:
    done = run("-d", "a=/dev/no-such-port", "-d", "b=/dev/no-such", *FAST, "--count", "2", "--bank")
    assert done.returncode == 1
    (bank, *_) = [sample for sample in lines(done) if sample["name"] == "bank"]
    assert (bank["state"], bank["error"]) == ("error", "no pack answers: their own samples say why")
    assert "bank" not in bank


# Single reads


def single(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM[:-1], *arguments], capture_output=True, text=True, timeout=PATIENCE, env=environment()
    )


@pytest.mark.parametrize(
    ("path", "value"), [("soc.soc_percent", "76.5"), ("mosfet_status.mode", "discharging"), ("errors", "[]")]
)
def test_one_bare_value(path: str, value: str) -> None:
    done = single("-d", "demo:", "--get", path)
    assert (done.returncode, done.stdout.strip()) == (0, value)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--get", "soc.nothing"], 1),
        (["--get", "nothing"], 2),
        (["--get", "soc", "--all"], 2),
        (["--all", "--mqtt-hass"], 2),
        (["--all", "--mqtt", "--mqtt-hass"], 2),
        (["--all", "--mqtt", "--mqtt-port", "1"], 1),
        (["--all", "--mqtt", "--format", "table"], 2),
    ],
)
def test_what_single_reads_refuse(arguments: list[str], code: int) -> None:
    done = single("-d", "demo:", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert len(done.stderr.splitlines()) == 1


def test_a_single_read_as_a_table() -> None:
    done = single("-d", "demo:", "--all", "--format", "table")
    assert done.returncode == 0
    assert "76.5 %" in done.stdout
    assert "652 W out" in done.stdout


def test_a_plain_read_loads_no_output() -> None:
    program = (
        "import sys; sys.argv = ['x', '-d', 'demo:', '--soc']\n"
        "from dalybms.cli.main import main\nmain()\n"
        "print([name for name in sys.modules if name.startswith(('dalybms.outputs', 'dalybms.watching', "
        "'dalybms.sampling', 'paho', 'rich', 'prometheus', 'queue', 'ssl', 'logging'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=ROOT,
        env=environment(),
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGHUP")
@pytest.mark.parametrize("ignored", [False, True])
def test_a_terminal_that_is_closed_ends_it_in_order_but_not_under_nohup(
    ignored: bool, tmp_path: Path
) -> None:
    """Else the last values would stand in the file for ever, as if somebody renewed them."""
    metrics = tmp_path / "daly.prom"
    process = subprocess.Popen(
        [*(["nohup"] if ignored else []), *PROGRAM, "-d", "demo:", *FAST, "--prometheus", str(metrics)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())
    process.send_signal(signal.SIGHUP)
    if ignored:
        assert all(json.loads(process.stdout.readline()) for _ in range(5))
        process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "daly_bms_voltage_volts" not in metrics.read_text()


@pytest.mark.parametrize("form", ["csv", "influx", "jsonl"])
def test_a_name_that_stdout_cannot_write_ends_nothing(form: str) -> None:
    done = run("-d", "Küche=demo:", "--count", "1", "--format", form, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "K\\" in done.stdout


def test_an_interval_that_cannot_be_kept_is_told_once() -> None:
    """Energy and the bank would go without samples, and nobody would know why."""
    done = run("-d", "van=demo:?boards=3", "--board", "1,2,3", "--interval", "0.1", "--count", "6")
    assert done.returncode == 0
    assert done.stderr.count("from sample to sample, not 0.1 s") == 1
    assert run("-d", "demo:", "--interval", "1.5", "--count", "4").stderr == ""


def test_an_output_that_cannot_end_in_order_keeps_no_other_from_it(tmp_path: Path) -> None:
    """CSV waits for the number of cells, and nobody reads it when it writes what has waited."""
    metrics = tmp_path / "daly.prom"
    process = subprocess.Popen(
        [*PROGRAM, "-d", "demo:?unsupported=94", *FAST, "--format", "csv", "--prometheus", str(metrics)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    until(lambda: metrics.exists() and "daly_bms_voltage_volts" in metrics.read_text())
    process.stdout.close()
    process.terminate()
    assert process.wait(PATIENCE) == 0
    assert "daly_bms_voltage_volts" not in metrics.read_text()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("where", ["/dev/full", "pipe", "closed"])
def test_a_stderr_that_takes_nothing_ends_nothing(where: str) -> None:
    arguments = [*PROGRAM, "-d", "demo:", *FAST, "--count", "5", "--mqtt", "--mqtt-port", "1"]
    ends = os.pipe()
    os.close(ends[0])
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            ["/bin/sh", "-c", '"$@" 2>&-', "sh", *arguments] if where == "closed" else arguments,
            stdout=subprocess.PIPE, stderr=full if where == "/dev/full" else ends[1],
            timeout=PATIENCE, env=environment(),
        )  # fmt: skip
    os.close(ends[1])
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 5


@pytest.mark.parametrize("form", ["csv", "jsonl", "influx"])
def test_a_pipe_as_output_file_is_not_waited_for(form: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = run("-d", "demo:", "--count", "1", "--format", form, "-o", str(tmp_path / "pipe"))
    assert done.returncode == 1
    assert "no plain file" in done.stderr


def test_messages_of_other_outputs_are_not_lost_beside_a_table(tmp_path: Path) -> None:
    """Which is printed where stdout is no terminal."""
    energy = tmp_path / "energy"
    energy.mkdir()
    process = subprocess.Popen(
        [*PROGRAM, "-d", "demo:", *FAST, "--format", "table", "--energy", str(energy / "e.json"),
         "--mqtt", "--mqtt-port", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    assert "demo:" in process.stdout.readline()
    (energy / "e.json").unlink()
    energy.rmdir()
    process.terminate()
    errors = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0
    assert "cannot connect" in errors
    assert "were not delivered" in errors
    assert "e.json: No such file or directory" in errors
