"""Under CI nothing may be skipped: a skip hides a missing tool, so it counts as a failure there."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from typing import Any, Union

import pytest

Report = Union[pytest.TestReport, pytest.CollectReport]
STRICT = os.environ.get("CI") == "true"


def pytest_configure() -> None:
    """A shell starts what runs beside it deaf to Ctrl-C, and the programs that tests start would be too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
