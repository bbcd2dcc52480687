"""The arithmetic and the pages of the bench; the measuring itself is `make bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    import measure

    return measure


@pytest.mark.parametrize(
    ("cells", "sensors", "latency_ms", "frames"),
    [(14, 1, 0, 22), (16, 4, 0, 23), (48, 16, 0, 35), (3, 0, 0, 18), (14, 1, 25, 22)],
)
def test_the_wire_limit_counts_requests_replies_and_delays(
    bench: Any, cells: int, sensors: int, latency_ms: int, frames: int
) -> None:
    limit = bench.wire_limit(bench.Pack(cells, sensors), latency_ms)
    assert limit == pytest.approx(frames * 13 * 10 / 9600 + 9 * latency_ms / 1000)


def test_a_missed_goal_is_called_missed(bench: Any) -> None:
    assert bench.goal(1.02, 1.02, "ratio") == "ratio: met"
    assert bench.goal(1.0201, 1.02, "ratio") == "ratio: MISSED"


def test_the_page_keeps_its_own_words(bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import report

    page = tmp_path / "performance.md"
    page.write_text(f"before\n{report.BEGIN}old\n{report.END}after\n", encoding="utf-8")
    monkeypatch.setattr(report, "DOCUMENT", page)
    section = report.Section("Speed", ["what", "time"], [["a", "1 ms"]], {"a": 0.001})
    report.write([section], "make bench")
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{report.BEGIN}")
    assert text.endswith(f"{report.END}after\n")
    assert "| a | 1 ms |" in text
    assert "old" not in text
    assert json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))["results"]["Speed"] == {
        "a": 0.001
    }


def test_a_page_without_marks_is_left_alone(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import report

    page = tmp_path / "performance.md"
    page.write_text("words\n", encoding="utf-8")
    monkeypatch.setattr(report, "DOCUMENT", page)
    with pytest.raises(RuntimeError, match="put back"):
        report.write([], "make bench")
    assert page.read_text(encoding="utf-8") == "words\n"


def test_the_real_page_has_its_marks() -> None:
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert text.count("<!-- bench: written by make bench -->\n") == 1
    assert text.count("<!-- bench: end -->\n") == 1
