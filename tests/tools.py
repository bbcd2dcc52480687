"""Programs of the system that some tests need; .ci/packages lists what brings them."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str) -> str | None:
    """Where a program is, also one of those that only root has on PATH."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def needs(name: str) -> pytest.MarkDecorator:
    """Skips a test while the program is missing."""
    return pytest.mark.skipif(program(name) is None, reason=_reason(name))


def demand(name: str) -> str:
    """Where the program is; skips the test that asks while it is missing."""
    return program(name) or pytest.skip(_reason(name))


def _reason(name: str) -> str:
    return f"needs {name}: make system"
