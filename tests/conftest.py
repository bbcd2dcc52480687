"""Under CI nothing may be skipped: a skip hides a missing tool, so it counts as a failure there."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any, Union

import pytest

Report = Union[pytest.TestReport, pytest.CollectReport]
STRICT = os.environ.get("CI") == "true"


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
