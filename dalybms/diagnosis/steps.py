"""What a diagnosis does, step by step, and what each step found. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Union

if TYPE_CHECKING:
    from dalybms.errors import TransportError

OK, FAILED, NOTED, SKIPPED = "ok", "failed", "noted", "skipped"

NAMES = {
    "service": "Bluetooth: does the system's service run",
    "adapter": "Bluetooth: is there an adapter, and is it on",
    "advertising": "Bluetooth: is the device heard",
    "signal": "Bluetooth: how strong",
    "connects": "Bluetooth: does it take a connection",
    "services": "Bluetooth: has it the services of a Daly dongle",
    "there": "does the system know the device",
    "permission": "may this user open it",
    "busy": "does another program hold it",
    "opens": "does it open",
    "listens": "what is on the line before anything is asked",
    "a5-named": "A5 as the host address of --address",
    "a5-pc": "A5 as host 0x40, or 0x3F + number",
    "a5-app": "A5 as host 0x80",
    "d2": "D2",
    "p81": "P81",
    "sinowealth": "Sinowealth, only where --protocol names it",
    "a5-9600": "A5 at 9600 baud, where --baudrate names another rate",
    "d2-9600": "D2 at 9600 baud",
    "p81-9600": "P81 at 9600 baud",
    "p81-115200": "P81 at 115200 baud, on a serial port",
    "d2-115200": "D2 at 115200 baud",
    "a5-115200": "A5 at 115200 baud",
    "patiently": "how long answers take that came too late",
    "again": "is it answered now, as by a board that was asleep",
    "gateway": "does a network gateway speak Modbus TCP",
    "echo": "do our own questions come back",
    "numbers": "which board numbers answer, 1 to 16",
    "deaf": "how long after an answer a question is lost",
    "rate": "how many of twenty questions are answered",
    "damage": "how many answers come damaged",
    "twins": "do two boards answer one question",
    "commands": "which commands the board does not have",
    "others": "who else was heard meanwhile",
}
"""The steps in their order, and what each finds out."""


class Step(NamedTuple):
    """name: a key of NAMES. outcome: "ok", "failed", "noted" or "skipped". detail: one line.

    facts: plain values, from which the causes follow.
    """

    name: str
    outcome: str
    detail: str
    facts: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        return {**self._asdict(), "facts": dict(self.facts)}


Tell = Callable[[Union[str, Step]], None]
"""Is handed the name of a step when it begins, and the step when it is done."""


class Notebook:
    """The steps that were done so far."""

    def __init__(self, tell: Tell) -> None:
        self.steps: list[Step] = []
        self._tell = tell
        self._now = "there"

    def begin(self, name: str) -> None:
        self._now = name
        self._tell(name)

    def note(self, name: str, outcome: str, detail: str, **facts: Any) -> Step:
        step = Step(name, outcome, detail, facts)
        self.steps.append(step)
        self._tell(step)
        return step

    def over(self) -> None:
        """The time was over within the step that runs."""
        self.note(self._now, SKIPPED, "no time was left for it")

    def lost(self, error: TransportError, **facts: Any) -> None:
        """The wire went away within the step that runs."""
        self.note(self._now, FAILED, str(error), error=error.cause or "other", **facts)
