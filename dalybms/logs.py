"""Log messages that cost nothing while nobody listens.

Loading logging takes about a tenth of the time in which a short command runs. A
program that has not loaded it has set up no handler, so nothing it could see is lost.
"""

from __future__ import annotations

import sys


class Log:
    """The logger of a name, once somebody has loaded logging; bytes are shown as hex."""

    def __init__(self, name: str) -> None:
        self._name = name

    def debug(self, message: str, *values: object) -> None:
        self._tell(10, message, values)

    def info(self, message: str, *values: object) -> None:
        self._tell(20, message, values)

    def warning(self, message: str, *values: object) -> None:
        self._tell(30, message, values)

    def _tell(self, level: int, message: str, values: tuple[object, ...]) -> None:
        logging = sys.modules.get("logging")
        if logging is None:
            return
        logger = logging.getLogger(self._name)
        if logger.isEnabledFor(level):
            logger.log(
                level, message, *(value.hex(" ") if isinstance(value, bytes) else value for value in values)
            )
