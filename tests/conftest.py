"""How the tests are run: what a skip means, how many run side by side, and what the last line says."""

from __future__ import annotations

import gc
import os
import signal
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any, Union

import hypothesis
import pytest

Report = Union[pytest.TestReport, pytest.CollectReport]
STRICT = os.environ.get("CI") == "true"
"""Under CI nothing may be skipped: a skip hides a missing tool, so it counts as a failure there."""
HELP = ": make system"
"""How the reason of a skip ends where that command helps, after "needs" and the program."""
MOST_WORKERS = 16

hypothesis.settings.register_profile("busy machine", parent=hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("busy machine")
skipped: Counter[str] = Counter()


def pytest_configure() -> None:
    """A shell starts what runs beside it deaf to Ctrl-C, and the programs that tests start would be too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Five on each core, because much of their time the tests wait; with more some wait too long."""
    return min(MOST_WORKERS, 5 * (os.cpu_count() or 1))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of the files that hold no test marked so, none is loaded for `-m alone`."""
    chosen = config.option.markexpr == "alone" and collection_path.suffix == ".py"
    return True if chosen and b"mark.alone" not in collection_path.read_bytes() else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Each worker collects all tests: a fifth of that would be a search for garbage that there is not."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Side by side each takes a share of every file and begins elsewhere: some wait while others work."""
    count = getattr(config, "workerinput", {}).get("workercount", 1)
    shares = [items[number::count] for number in range(count)]
    starts = [len(share) * number // count for number, share in enumerate(shares)]
    items[:] = [each for share, at in zip(shares, starts) for each in (*share[at:], *share[:at])]


def _refuse_skip(report: Report) -> Report:
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Report]:
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Report]:
    return _refuse_skip((yield))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple) and not hasattr(report, "wasxfail"):
        skipped[report.longrepr[2].removeprefix("Skipped: ")] += 1


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line: what was not tested, and the command that helps."""
    if skipped and not hasattr(config, "workerinput"):
        what = "; ".join(f"{count} {reason.removesuffix(HELP)}" for reason, count in skipped.most_common())
        help_ = "; `make system` installs what they need" if any(map(_is_helped, skipped)) else ""
        print(f"not tested: {sum(skipped.values())} tests ({what}){help_}")


def _is_helped(reason: str) -> bool:
    return reason.endswith(HELP)
