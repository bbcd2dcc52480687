"""What is said when the package of an output is not installed."""

from __future__ import annotations

from dalybms.errors import DalyError


def missing(output: str, package: str, extra: str) -> DalyError:
    return DalyError(f"{output} needs the package {package}; install it with: pip install 'dalybms[{extra}]'")
