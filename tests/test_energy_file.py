"""The counters in their file: they survive crashes, and nothing shows more than it holds."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import PATIENCE

from dalybms.energy_file import EnergyFile, battery
from dalybms.errors import DalyError

ROOT = Path(__file__).resolve().parents[1]


def sample(watts: float = 360.0, name: str = "shed", board: int | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "board": board,
        "protocol": "p81",
        "state": "ok",
        "soc": {"total_voltage": 50.0, "current": -watts / 50, "soc_percent": 50.0},
        "mosfet_status": {"mode": "discharging", "capacity_ah": 100.0},
    }


def held(path: Path, key: str = "shed") -> dict[str, Any]:
    batteries = json.loads(path.read_text())["batteries"]
    return dict(batteries[key])


def test_only_what_the_file_holds_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "energy.json"
    file = EnergyFile(str(path), interval=1)
    for now in range(10):
        assert file.add(sample(), now)["energy_out_wh"] == 0
    assert file.add(sample(), 10)["energy_out_wh"] == pytest.approx(1.0)
    assert file.add(sample(), 11)["energy_out_wh"] == held(path)["energy_out_wh"] == pytest.approx(1.0)
    file.save()
    assert file.shown(sample())["energy_out_wh"] == held(path)["energy_out_wh"] == pytest.approx(1.1)


def test_it_is_written_at_most_every_ten_seconds(tmp_path: Path) -> None:
    path = tmp_path / "energy.json"
    file = EnergyFile(str(path), interval=1)
    texts = {path.read_text()}
    for quarters in range(241):
        file.add(sample(), quarters / 4)
        texts.add(path.read_text())
    assert len(texts) == 1 + 6


def test_counting_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "energy.json"
    for _ in range(3):
        file = EnergyFile(str(path), interval=10)
        for now in (0, 10):
            file.add(sample(), now)
        file.save()
    assert held(path)["energy_out_wh"] == pytest.approx(3.0)


def test_batteries_and_boards_are_kept_apart_and_others_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "energy.json"
    file = EnergyFile(str(path), interval=10)
    for now in (0, 10):
        file.add(sample(360), now)
        file.add(sample(720, board=2), now)
    file.save()
    later = EnergyFile(str(path), interval=10)
    later.add(sample(name="garage"), 0)
    later.save()
    assert held(path)["energy_out_wh"] == pytest.approx(1.0)
    assert held(path, "shed/2")["energy_out_wh"] == pytest.approx(2.0)
    assert battery(sample(board=2)) == "shed/2"
    assert later.shown(sample(board=2))["energy_out_wh"] == pytest.approx(2.0)


def test_what_was_learnt_of_an_a5_board_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "energy.json"
    file = EnergyFile(str(path), interval=10)
    a5 = {**sample(), "protocol": "a5"}
    for now in (0, 10, 20):
        file.add(a5, now)
    file.save()
    assert held(path)["polarity"] == {"discharge_positive": 0, "discharge_negative": 3}
    later = EnergyFile(str(path), interval=10)
    quiet = {**a5, "soc": {**a5["soc"], "current": -0.5}, "mosfet_status": {}}
    for now in (0, 10):
        later.add(quiet, now)
    later.save()
    assert held(path)["energy_out_wh"] == pytest.approx(2 + 250 / 3600, abs=1e-5)
    assert held(path)["unassigned_seconds"] == 0


BROKEN = [
    b"",
    b"{",
    b"[]",
    b"\xff\xfe",
    b"null",
    b"{}",
    b'{"format": 1}',
    b'{"format": 0, "batteries": {}}',
    b'{"format": "1", "batteries": {}}',
    b'{"format": 1, "batteries": []}',
    b'{"format": 1, "batteries": {"shed": {}}}',
    b'{"format": 1, "batteries": {"shed": 7}}',
    b"[" * 100_000,
]


def refused(path: Path, text: str) -> str:
    """The one line of the refusal; the file must be as it was."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(DalyError, match=text) as caught:
        EnergyFile(str(path), interval=10)
    assert (path.read_bytes() if path.is_file() else None) == before
    line = str(caught.value)
    assert "\n" not in line
    assert str(path) in line
    return line


@pytest.mark.parametrize("raw", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_file_is_refused_and_left_alone(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "energy.json"
    path.write_bytes(raw)
    refused(path, "move it away")


@pytest.mark.parametrize("value", [-1, "5", None, True, float("nan"), float("inf"), [1]])
@pytest.mark.parametrize("key", ["energy_in_wh", "gap_seconds"])
def test_counters_that_cannot_be_are_refused(tmp_path: Path, key: str, value: Any) -> None:
    path = tmp_path / "energy.json"
    file = EnergyFile(str(path), interval=10)
    file.add(sample(), 0)
    file.save()
    document = json.loads(path.read_text())
    document["batteries"]["shed"][key] = value
    path.write_text(json.dumps(document))
    refused(path, "no energy file")


@pytest.mark.parametrize("voices", [None, {"discharge_positive": -1, "discharge_negative": 0}, {"x": 1}, []])
def test_a_polarity_that_cannot_be_is_refused(tmp_path: Path, voices: Any) -> None:
    path = tmp_path / "energy.json"
    file = EnergyFile(str(path), interval=10)
    file.add(sample(), 0)
    file.save()
    document = json.loads(path.read_text())
    document["batteries"]["shed"]["polarity"] = voices
    path.write_text(json.dumps(document))
    refused(path, "no energy file")


def test_a_newer_format_is_named(tmp_path: Path) -> None:
    path = tmp_path / "energy.json"
    path.write_text('{"format": 2, "something": "else"}')
    assert "format 2" in refused(path, "newer version")


def test_a_folder_and_a_missing_folder_are_one_line(tmp_path: Path) -> None:
    refused(tmp_path, "no plain file")
    refused(tmp_path / "none" / "energy.json", "cannot write")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_stops_no_counting(tmp_path: Path) -> None:
    path = tmp_path / "energy.json"
    file = EnergyFile(str(path), interval=10)
    file.add(sample(), 0)
    (tmp_path / "energy.json.new").mkdir()  # nothing can be written there
    with pytest.raises(DalyError, match="cannot write"):
        file.add(sample(), 10)
    assert file.add(sample(), 15)["energy_out_wh"] == 0
    (tmp_path / "energy.json.new").rmdir()
    assert file.add(sample(), 20)["energy_out_wh"] == held(path)["energy_out_wh"] == pytest.approx(2.0)


@pytest.mark.skipif(os.name == "nt", reason="has no such files")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "no plain file")


def test_a_file_that_was_removed_is_written_anew_with_all_that_was_counted(tmp_path: Path) -> None:
    path = tmp_path / "energy.json"
    file = EnergyFile(str(path), interval=10)
    file.add(sample(), 0)
    file.add(sample(), 10)
    before = held(path)
    path.unlink()
    file.add(sample(), 20)
    assert held(path)["energy_out_wh"] == pytest.approx(2 * before["energy_out_wh"])


def test_two_programs_do_not_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "energy.json"
    one, other = EnergyFile(str(path), interval=10), EnergyFile(str(path), interval=10)
    other.add(sample(), 0)
    other.save()
    one.add(sample(), 0)
    before = path.read_bytes()
    with pytest.raises(DalyError, match="another program"):
        one.save()
    assert path.read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="has no such rights")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_rights_of_a_file_are_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "energy.json"
    file = EnergyFile(str(path), interval=10)
    path.chmod(mode)
    file.add(sample(), 0)
    file.save()
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    link, target = tmp_path / "energy.json", tmp_path / "data" / "real.json"
    link.symlink_to(target)
    EnergyFile(str(link), interval=10).save()
    assert link.is_symlink()
    assert json.loads(target.read_text())["format"] == 1
    assert [each.name for each in target.parent.iterdir()] == ["real.json"]


# kill -9

INTERVAL = 1.0
WRITER = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
from dalybms.energy_file import EnergyFile
file, now = EnergyFile(sys.argv[1], {INTERVAL}), 0.0
reading = {sample()!r}
while True:
    shown = file.add(reading, now)
    print(now, shown["energy_out_wh"], flush=True)
    now += {INTERVAL}
"""


def run_and_kill(path: Path, lines: int) -> list[tuple[float, float]]:
    """(seconds counted, Wh shown) of each sample that a writer told before it was killed."""
    writer = subprocess.Popen([sys.executable, "-SEc", WRITER, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout
    with writer.stdout as told:
        raw = [told.readline() for _ in range(lines)]
        writer.kill()
        raw += told.read().splitlines(keepends=True)
    assert writer.wait(PATIENCE) == -9
    whole = [line.split() for line in raw if line.endswith(b"\n")]
    return [(float(seconds), float(watt_hours)) for seconds, watt_hours in whole]


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is a thing of POSIX")
def test_100_kills_never_turn_a_counter_back(tmp_path: Path) -> None:
    path, chance = tmp_path / "energy.json", random.Random(9)
    per_second = 360 / 3600
    EnergyFile(str(path), INTERVAL)
    before = 0.0
    for _ in range(100):
        told = run_and_kill(path, chance.randrange(1, 60))
        shown = [watt_hours for _, watt_hours in told]
        assert shown == sorted(shown)
        assert shown[0] >= before, "what a run shows first is not less than what the last one showed"
        after = held(path)["energy_out_wh"] if "shed" in path.read_text() else 0.0
        assert after >= shown[-1]
        started, counted = shown[0], told[-1][0] * per_second
        assert started + counted - after <= (10 + INTERVAL) * per_second + 1e-6
        before = max(shown[-1], before)
    assert before > 0


def test_what_hinders_the_writing_is_told_once_and_again_after_it_was_well(tmp_path: Path) -> None:
    """A disk that is full for a week is one line, not 60,000."""
    file = EnergyFile(str(tmp_path / "energy.json"), interval=10)
    blocked, told = tmp_path / "energy.json.new", []

    def minutes(first: int) -> None:
        for at in range(first, first + 100, 10):
            try:
                file.add(sample(), at)
            except DalyError as error:
                told.append(str(error))

    for first in (0, 200):
        blocked.mkdir()
        minutes(first)
        blocked.rmdir()
        minutes(first + 100)
    assert len(told) == 2
    blocked.mkdir()
    with pytest.raises(DalyError):
        file.save()
