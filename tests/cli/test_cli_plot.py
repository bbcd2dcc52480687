"""`daly-bms-cli plot` as a process: one line for each thing that can go wrong, and the right exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from resource import RLIMIT_FSIZE, setrlimit
from typing import Any

import pytest
from outputs.plot.logs import sample, slim, write_csv, write_json
from support import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options.pop("python", ()), str(ROOT / "daly-bms-cli.py"), "plot", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, **options)


@pytest.fixture
def log(tmp_path: Path) -> str:
    return write_json(tmp_path / "log.jsonl", [slim(at * 10) for at in range(100)])


def test_the_name_of_the_picture_is_printed(log: str, tmp_path: Path) -> None:
    done = run(log)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/log.png\n", "")
    assert (tmp_path / "log.png").read_bytes().startswith(b"\x89PNG")


def test_a_table_a_vector_picture_and_some_cells(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "log.csv", [sample(at * 10) for at in range(100)])
    done = run(table, "-o", str(tmp_path / "x.svg"), "--cells", "1,3-4")
    assert (done.returncode, done.stderr) == (0, "")
    picture = (tmp_path / "x.svg").read_text(encoding="utf-8")
    assert "cell 4" in picture
    assert "cell 2" not in picture


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["LOG", "-o", "x.gif"], "a picture ends in .png, .svg, .pdf"),
        (["LOG", "-o", "FOLDER/none/x.png"], "there is no folder FOLDER/none for the picture"),
        (["LOG", "--since", "yesterday"], "give 12h, 3d or a time"),
        (["LOG", "--since", "2026-13-01"], "give 12h, 3d or a time"),
        (["LOG", "--cells", "0"], "give numbers from 1 to 48"),
        (["LOG", "--cells", "4-2"], "give numbers from 1 to 48"),
        (["LOG", "--cells", "1,,2"], "give numbers from 1 to 48"),
        (["LOG", "--cells", ""], "--cells is empty"),
        ([], "the following arguments are required: LOG"),
        (["FOLDER/same.png"], "is the log itself"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], says: str, log: str, tmp_path: Path) -> None:
    (tmp_path / "same.png").write_bytes(Path(log).read_bytes())
    names = {"LOG": log, "FOLDER": str(tmp_path)}
    given = [each.replace("FOLDER", names["FOLDER"]).replace("LOG", names["LOG"]) for each in arguments]
    done = run(*given)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says.replace("FOLDER", str(tmp_path)) in done.stderr
    assert (tmp_path / "same.png").read_bytes() == Path(log).read_bytes()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot read"),
        ("", "it is empty"),
        ("# another program's\n1;2;3\n", "none of its 2 lines is a sample"),
    ],
)
def test_a_log_that_is_none_is_one_line(content: str | None, says: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "log").write_text(content)
    done = run(str(tmp_path / "log"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert says in done.stderr
    assert not (tmp_path / "log.png").exists()


def test_a_picture_that_cannot_be_written_is_one_line(log: str, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    done = run(log, "-o", str(tmp_path / "folder.png"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "is no file" in done.stderr


def test_a_full_disk_is_one_line_and_leaves_the_old_picture(log: str, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"the old one")
    done = run(log, "-o", str(tmp_path / "x.png"), preexec_fn=lambda: setrlimit(RLIMIT_FSIZE, (5000, 5000)))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "free space" in done.stderr
    assert [(each.name, each.read_bytes()) for each in tmp_path.glob("x.png*")] == [("x.png", b"the old one")]


def test_what_was_left_out_is_counted(tmp_path: Path) -> None:
    huge = {"total_voltage": 13.2, "current": 1e30, "soc_percent": 50.0}
    log = write_json(tmp_path / "log", [sample(0), sample(10, soc=huge), sample(5), sample(15)])
    with open(log, "a") as file:
        file.write('{"time":"2026-11-26T00:00:00.000Z","sta')
    done = run(log, "-o", str(tmp_path / "x.png"))
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        f"daly-bms-cli: lines of {log} left out because they are no samples: 1",
        f"daly-bms-cli: numbers in {log} left out because they cannot be: 2",
        f"daly-bms-cli: times that the clock went back in {log}, where lines break and overlap: 1",
    ]


def test_cells_that_there_never_were_are_told(tmp_path: Path) -> None:
    log = write_json(tmp_path / "log", [sample(0), sample(10)])
    done = run(log, "--cells", "1-2,47-48")
    assert (done.returncode, done.stderr) == (0, f"daly-bms-cli: cells that {log} never has: 47, 48\n")


def test_cells_that_are_no_pack_s_and_cells_without_a_mean(tmp_path: Path) -> None:
    """49 cells there are none; a cell that only a torn reading has must not speak to the user of slices."""
    cells = {str(n): 3.3 for n in range(1, 17)}
    odd = [sample(at, cell_voltages=cells) for at in range(0, 600, 10)]
    odd[30]["cell_voltages"] = {"1": 3.3, "49": 3.4, "48": 3.5}
    done = run(write_json(tmp_path / "log", odd))
    assert (done.returncode, done.stderr) == (0, "")


def test_since_counts_back_from_now_or_names_a_local_time(tmp_path: Path) -> None:
    def at(ago: float) -> str:
        return datetime.fromtimestamp(time.time() - ago, timezone.utc).isoformat()

    log = write_json(tmp_path / "log", [slim(0, time=at(ago)) for ago in (7200, 5400, 60)])
    assert run(log, "--since", "1h").returncode == 0
    done = run(log, "--since", "0m")
    assert (done.returncode, "all 3 samples are older than --since" in done.stderr) == (1, True)
    zone = {**os.environ, "TZ": "EST5"}
    days = write_json(tmp_path / "days", [slim(0, time="2026-11-26T04:30:00Z")])
    assert run(days, "--since", "2026-11-26", env=zone).returncode == 1
    assert run(days, "--since", "2026-11-25T23:29", env=zone).returncode == 0
    assert run(days, "--since", "2026-11-26T04:31Z", env=zone).returncode == 1


def test_without_matplotlib_one_line_says_how_to_get_it(log: str, tmp_path: Path) -> None:
    done = run(log, python=("-S", "-E"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "daly-bms-cli: plot needs the package matplotlib; install it with: pip install 'dalybms[plot]'\n"
    )


def test_settings_of_the_user_change_nothing(log: str, tmp_path: Path) -> None:
    plain, own = tmp_path / "a.png", tmp_path / "b.png"
    assert run(log, "-o", str(plain)).returncode == 0
    (tmp_path / "matplotlibrc").write_text("axes.facecolor: black\ndate.epoch: 2000-01-01T00:00:00\n")
    done = run(log, "-o", str(own), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert own.read_bytes() == plain.read_bytes()


@pytest.mark.parametrize(
    "setting",
    [{"MPLBACKEND": "nonsense"}, {"MPLBACKEND": "TkAgg"}, {"HOME": "/proc/1"}, {"MATPLOTLIBRC": "rc"}],
)
def test_an_environment_for_other_programs_is_nothing_to_us(
    setting: dict[str, str], log: str, tmp_path: Path
) -> None:
    """A notebook, a window, a service without a home."""
    (tmp_path / "rc").write_text("backend: nonsense\n")
    done = run(log, "-o", str(tmp_path / "a.png"), cwd=tmp_path, env={**os.environ, **setting})
    assert (done.returncode, done.stderr) == (0, "")


def test_settings_that_are_no_text_are_one_line(log: str, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe\0")
    done = run(log, cwd=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(
        r"daly-bms-cli: matplotlib cannot read its settings: .*; look at your .*\n", done.stderr
    )


def test_help_names_the_options() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert all(option in done.stdout for option in ("--since", "--cells", "-o", "LOG"))
