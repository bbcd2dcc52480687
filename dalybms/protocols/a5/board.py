"""The A5 board: which questions fill which sections, and what is learnt on the way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Union

from dalybms.errors import BadReply, DalyError, NoReply, TransportError
from dalybms.protocols.a5.balancing import balanced
from dalybms.protocols.a5.certainty import Roughness, settled
from dalybms.protocols.a5.commands import BY_SECTION, HARDWARE, INFO, Command, as_it_is
from dalybms.protocols.a5.frame import Frame
from dalybms.protocols.a5.numbering import Numbering
from dalybms.protocols.a5.questions import Questions
from dalybms.protocols.a5.replies import joined, listed, single
from dalybms.protocols.doubts import Doubts, gaps_of, told
from dalybms.protocols.faults import texts
from dalybms.protocols.plausible import WEAK_PAIRS, reconcile
from dalybms.protocols.reading import Lost, attempt
from dalybms.protocols.request import Answer, Ask, Request

if TYPE_CHECKING:
    from datetime import datetime

    from dalybms.protocols.parameters import Found

Outcome = Union[Any, DalyError]
COUNTED = tuple(row for row in BY_SECTION.values() if row.counted)
_COUNTS = ("cells", "temperature_sensors")
_INFO_NAMES = frozenset((*_COUNTS, *(field.name for row in INFO for field in row.fields)))
_FRAMES = 2
"""A sum of 8 bits: a value that cannot be is believed when it comes twice."""
_CLOCK = Command(0x61, "clock", special=as_it_is)
_LOOKS = 3
"""An answer with stray bytes behind it is asked for so often again; then so is this line."""


class A5(Questions):
    """One board that speaks A5, on one connection: what is asked of it for each reading.

    Source: Daly UART/RS485 protocol V1.2 (2020) and recorded traffic.
    """

    name = "a5"

    def __init__(self, hosts: Sequence[int], board: int = 1, fill: int = 0) -> None:
        super().__init__(hosts, board, fill)
        self._counts: dict[str, int] = {}
        self.unusable: dict[str, str] = {}
        self._numbering = Numbering()
        self._alone: dict[str, Callable[[], bool]] = {}
        self._rough, self._lost = Roughness(), Lost()
        self._hardware: str | None = None  # its text; "" where it was silent, None before it was asked

    def probe(self, sections: Sequence[str], round_: int = 0) -> Request:
        """A question of the plan for finding out whether such a board is there.

        Later rounds ask something else, for boards that answer only some commands.
        """
        plan = [row for row in self._plan(sections) if not row.counted]
        plan += [BY_SECTION["soc"], BY_SECTION["status"]]
        other = next(row for row in plan if row != plan[0])
        question = self._question(other if round_ % 2 else plan[0])
        return question._replace(parse=list)  # a right frame proves the board, whatever its values are

    def read(self, ask: Ask, sections: Sequence[str]) -> dict[str, Outcome]:
        """The reading of each section, or the error that it ended with."""
        outcomes: dict[str, Outcome] = {}
        self.unusable = {}
        plan = self._plan(sections)
        self._fill_in_all(outcomes, ask, plan)
        lost = self._lost.again(outcomes)
        self._fill_in_all(outcomes, ask, [row for row in plan if row.section in lost])
        if self._rough:
            self._confirm(outcomes, ask, plan)
        reconcile(
            outcomes,
            again=lambda section: self._fill_in_all(outcomes, ask, [BY_SECTION[section]]),
            gaps=lambda section: gaps_of(self.unusable, section),
            pairs=WEAK_PAIRS,
        )
        if any(isinstance(outcomes.get(row.section), DalyError) for row in COUNTED):
            self._counts = {}  # perhaps they have changed: the next call asks for them anew
        if "errors" in sections:
            faults = outcomes["faults"]
            outcomes["errors"] = faults if isinstance(faults, DalyError) else texts(faults)
        return {section: outcomes[section] for section in sections}

    def info(self, ask: Ask, only: Collection[str] = ()) -> dict[str, Any]:
        """What the board says of itself; what it does not answer is absent. NoReply when that is all.

        only: keys; nothing but the messages that hold these is asked for, and only twice.
        """
        found: dict[str, Any] = {}
        self.unusable = {}
        for row in (BY_SECTION["status"], *INFO):
            if only and not any(field.name in only for field in row.fields):
                continue
            doubts = Doubts("info", _FRAMES)
            question = self._question(row, doubts)
            try:
                answer = _sure(ask, question._replace(tries=2, optional=True) if only else question)
            except (NoReply, BadReply) as error:
                failure = error
                names = [field.name for field in row.fields if isinstance(error, BadReply)]
                self.unusable.update({f"info.{key}": str(error) for key in names if key in _INFO_NAMES})
                continue
            self.learn(answer)
            self._rough.answered(answer.spoilt)
            if self._rough:
                again = partial(attempt, partial(_value, ask, question))
                answer = answer._replace(value=settled(answer.value, again))
            self.unusable.update({f"info.{key}": why for key, why in doubts.left_out.items()})
            self._hardware = answer.value.get("hardware_version", self._hardware)
            found.update({name: value for name, value in answer.value.items() if name in _INFO_NAMES})
        if not found:
            raise failure
        return {"board": self.number, "host_address": self._hosts[0], **found}

    def parameters(self, ask: Ask) -> Found:
        """The settings that the board tells."""
        from dalybms.protocols.a5.parameters import read
        from dalybms.protocols.parameters import TRIES

        def data_of(code: int) -> bytes:
            question = self._question(Command(code, "parameters", special=as_it_is))
            answer = ask(question._replace(optional=True, tries=TRIES))
            self.learn(answer)
            return bytes(answer.value)

        return read(data_of)

    def clock(self, ask: Ask) -> datetime | None:
        """What its clock says, without a zone; None: it was never set."""
        from dalybms.protocols.clock import steady

        def data() -> bytes:
            answer = ask(self._question(_CLOCK)._replace(optional=True, tries=2))
            self.learn(answer)
            return bytes(answer.value)

        return steady(data)

    def _plan(self, sections: Sequence[str]) -> list[Command]:
        """Each message once; status before what needs its counts, long replies last.

        Nothing has to wait for the rest of a long reply when nothing follows it.
        """
        rows = [BY_SECTION["faults" if section == "errors" else section] for section in sections]
        if any(row.counted and row.counted not in self._counts for row in rows):
            rows.append(BY_SECTION["status"])
        return sorted(set(rows), key=_place)

    def _fill_in_all(self, outcomes: dict[str, Outcome], ask: Ask, rows: Sequence[Command]) -> None:
        """An answer counts when it came alone, or twice the same: what lost bytes may be a mixture."""
        for row in rows:
            self._fill_in(outcomes, ask, row)
        for _ in range(_LOOKS):
            rows = [row for row in rows if row.section in self._alone and not self._alone[row.section]()]
            counts = self._counts
            for row in rows:
                before = outcomes[row.section]
                self._fill_in(outcomes, ask, row)
                if outcomes[row.section] == before:
                    del self._alone[row.section]
            if self._counts != counts:
                others = [row for row in COUNTED if row.section in outcomes and row not in rows]
                self._fill_in_all(outcomes, ask, others)

    def _confirm(self, outcomes: dict[str, Outcome], ask: Ask, rows: Sequence[Command]) -> None:
        """Where the line spoils answers, one of them proves nothing."""
        for row in rows:
            first, counts, unusable = outcomes[row.section], self._counts, self.unusable
            if isinstance(first, DalyError):
                continue
            outcome = settled(first, partial(self._anew, outcomes, ask, row))
            self.unusable = unusable if outcome is first else self.unusable
            outcomes[row.section] = outcome
            if row.section == "status" and not isinstance(outcome, DalyError):
                self._counts = {name: outcome[name] for name in _COUNTS}
                if self._counts != counts:
                    others = [each for each in COUNTED if each.section in outcomes]
                    self._fill_in_all(outcomes, ask, others)

    def _anew(self, outcomes: dict[str, Outcome], ask: Ask, row: Command) -> Outcome:
        self._fill_in(outcomes, ask, row)
        return outcomes[row.section]

    def _fill_in(self, outcomes: dict[str, Outcome], ask: Ask, row: Command) -> None:
        self._alone.pop(row.section, None)
        try:
            outcomes[row.section] = self._reading(ask, row, outcomes)
        except TransportError:
            raise
        except DalyError as error:
            self._rough.failed(error)
            self.unusable = told(self.unusable, row.section, Doubts(row.section, _FRAMES))
            outcomes[row.section] = error

    def _reading(self, ask: Ask, row: Command, outcomes: dict[str, Outcome]) -> Any:
        if row.counted and row.counted not in self._counts:
            raise outcomes["status"]
        if row.counted and self._counts[row.counted] == 0:
            return {}
        doubts = Doubts(row.section, _FRAMES)
        if row.series:
            self._numbering.begin(row.series.frames(self._counts[row.counted]))
        answer = ask(self._question(row, doubts))
        self.learn(answer)
        self._rough.answered(answer.spoilt)
        self._alone[row.section] = answer.alone
        self.unusable = told(self.unusable, row.section, doubts)
        if row.section == "status":
            self._counts = {name: answer.value[name] for name in _COUNTS}
        if row.section == "balancing_status":
            return balanced(answer.value, self._counts["cells"], self._hardware, partial(self._told, ask))
        return answer.value

    def _told(self, ask: Ask) -> str:
        """The hardware text, asked for once a connection with two short attempts."""
        question = self._question(HARDWARE)._replace(tries=2, patience=0.5, optional=True)
        try:
            self._hardware = ask(question).value.get("hardware_version", "")
        except NoReply as error:
            if error.seen in ("damage", "noise"):
                raise
            self._hardware = ""
        return self._hardware

    def _question(self, row: Command, doubts: Doubts | None = None) -> Request:
        """doubts: keeps in mind what the attempts of this question said that cannot be."""
        doubts = doubts or Doubts(row.section, _FRAMES)
        needed = row.series.frames(self._counts[row.counted]) if row.series else row.frames
        return self.question(row, self._parser(row, doubts), needed)

    def _parser(self, row: Command, doubts: Doubts) -> Callable[[Sequence[Frame]], Any]:
        if row.series:
            return partial(listed, row, doubts, self._numbering, self._counts[row.counted])
        return partial(joined, row) if row.frames > 1 else partial(single, row, doubts)


def _sure(ask: Ask, question: Request) -> Answer:
    """An answer that came alone, else the second one."""
    answer = ask(question)
    return answer if answer.alone() else ask(question)


def _value(ask: Ask, question: Request) -> Any:
    return ask(question).value


def _place(row: Command) -> tuple[bool, bool, int]:
    return bool(row.counted), row.series is not None, -row.code if row.series else row.code
