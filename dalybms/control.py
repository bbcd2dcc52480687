"""A write: is it needed, may it be sent, sent once, read back. Sent once, ever.

What became of it is decided in outcomes.py.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from dalybms.errors import BadReply, DalyError, NoReply, TransportError
from dalybms.outcomes import (
    AT_ONCE,
    LIMIT,
    SILENCES,
    Evidence,
    Result,
    clock_bytes,
    failure,
    has_restarted,
    is_same,
    outcome,
    unproven,
)
from dalybms.protocols.writes import MOSFETS, RESTART, SOC, State, Value

if TYPE_CHECKING:
    from dalybms.device import Speaker, Writer
    from dalybms.link import Link
    from dalybms.protocols.request import Ask, Request

FIRST_LOOK, LOOK, LAST = 0.25, 0.5, 0.25
"""Seconds from sending to the first reading back, between two of them, and from the last one to the end."""
_STALE = 0.5
"""Seconds after which the state before is read anew: others of the line were asked meanwhile."""
_HELD = "a protection, or the current through its body diode"
Found = Callable[[Sequence[str]], "tuple[Speaker, Ask]"]


class Order(NamedTuple):
    """What is to be written, where, and how it stood before."""

    action: str
    value: Value
    writer: Writer
    speaker: Speaker
    ask: Ask
    before: State
    at: float
    """When that was read."""

    @property
    def is_needed(self) -> bool:
        """Without a switch to read, the transistor alone does not tell that nothing need be sent."""
        if self.action in MOSFETS and not self.writer.has_switch:
            return True
        return self.action == RESTART or not is_same(self.value, self.before.value)


class Control:
    """Writes to one board on an open link.

    found: as Detection.found. writer: what a protocol needs for it, or NotSupported. alone: raises
    WriteRefused where another board of the wire would obey too. clock: monotonic seconds. now: local time.
    """

    def __init__(
        self,
        link: Link,
        found: Found,
        writer: Callable[[Speaker], Writer],
        alone: Callable[[Speaker], None],
        clock: Callable[[], float],
        now: Callable[[], time.struct_time] = time.localtime,
    ) -> None:
        self._link, self._found, self._writer, self._alone = link, found, writer, alone
        self._clock, self._now = clock, now

    def prepare(self, action: str, value: Value, result: Result) -> tuple[Order, Request | None]:
        """What would be sent (None: nothing need be); `result` is filled in. Sends nothing but reads.

        Raises WriteRefused, NotSupported, or why the board cannot be read.
        """
        with self._link.call():
            speaker, ask = self._found(["soc"])
            writer = self._writer(speaker)
            order = Order(action, value, writer, speaker, ask, *self._before(writer, ask, action))
        _tell_before(order, result)
        if not order.is_needed:
            result.update(outcome="unchanged")
            return order, None
        self._alone(speaker)
        if self._clock() - order.at > _STALE:
            with self._link.call():
                before, at = self._before(writer, ask, action)
            order = order._replace(before=before, at=at)
            _tell_before(order, result)
        clock = clock_bytes(self._now()) if action == SOC and writer.sets_clock else b""
        return order, writer.request(action, value, clock)

    def _before(self, writer: Writer, ask: Ask, action: str) -> tuple[State, float]:
        at = self._clock()
        return writer.state(ask, action), at

    def carry_out(self, action: str, value: Value, result: Result, allowed: Callable[[], None]) -> Result:
        """Send once and read back. `result` is kept up to date all the time, for whoever is interrupted.

        allowed: raises WriteRefused where nothing may be sent; asked when this call has its turn, which may
        come long after it was begun, and again right before sending.
        """
        with self._link.call():
            allowed()
            order, request = self.prepare(action, value, result)
            if request is None:
                return result
            allowed()
            sent = self._clock()
            try:
                acknowledged = self._send(order.ask, request, result)
                verdict, why = self._settled(order, sent, acknowledged, result)
            except TransportError as error:
                if "frame" not in result:
                    raise
                raise unproven(action, f"the wire was lost after sending: {error}", result) from error
            result.update(outcome=verdict)
            if verdict != "done":
                raise failure(action, verdict, result, why)
            self._tell_what_holds_it(order, result)
            return result

    def _send(self, ask: Ask, request: Request, result: Result) -> bool | None:
        """What the board acknowledges. `result` names the frame from before it may have left until it is
        certain that it has not: whoever is interrupted at any moment must not hear that nothing was sent.

        Raises NoReply where it was not sent, as the line had been silent for too long.
        """
        before, as_it_was = self._link.counters["sent"], dict(result)
        result.update(outcome="unverified", after=None, frame=request.writes[0].hex())
        said: bool | None = None
        try:
            with self._link.call():
                said = ask(request).value
        except (NoReply, BadReply):
            if self._link.counters["sent"] == before:
                raise
        finally:
            if self._link.counters["sent"] == before:
                result.clear()
                result.update(as_it_was)
        return said

    def _settled(
        self, order: Order, sent: float, acknowledged: bool | None, result: Result
    ) -> tuple[str, str]:
        if order.action == RESTART:
            return self._restart(order, sent, acknowledged, result), ""
        return self._read_back(order, sent, acknowledged, result)

    def _read_back(
        self, order: Order, sent: float, acknowledged: bool | None, result: Result
    ) -> tuple[str, str]:
        """The outcome, and why the board could not be read where that is the reason."""
        look, end = sent + FIRST_LOOK, sent + LIMIT
        while True:
            self._link.idle(look - self._clock())
            began = self._clock()
            after, why = self._look(order, end)
            now = self._clock()
            look = min(now + LOOK, end - LAST)
            late = began >= end - LAST
            verdict = outcome(
                Evidence(
                    order.value,
                    order.before.value,
                    after,
                    acknowledged if late or acknowledged else None,
                    late or now >= end,
                    now - order.at,
                )
            )
            result.update(after=after and after.value)
            if after and after.mosfet is not None:
                result.update(mosfet=after.mosfet)
            if verdict:
                return verdict, why and f"it cannot be read back: {why}"

    def _look(self, order: Order, end: float) -> tuple[State | None, str]:
        """The state now, or None and why it cannot be read."""
        try:
            with self._link.call(within=max(0.0, end - self._clock())):
                return order.writer.state(order.ask, order.action), ""
        except TransportError:
            raise
        except DalyError as error:
            return None, str(error)

    def _restart(self, order: Order, sent: float, acknowledged: bool | None, result: Result) -> str:
        """Questions are asked once each: three in a row without an answer, then some that all have one."""
        silences, sound, end = 0, 0, sent + LIMIT
        powered: Value = None
        begun: Value = None

        def once(request: Request) -> Any:
            return order.ask(request._replace(tries=1, optional=True))

        while self._clock() < end - LAST:
            self._link.idle(0.0 if silences else FIRST_LOOK)
            asked, powered = self._clock(), None
            try:
                with self._link.call(within=max(0.0, end - asked)):
                    powered = order.writer.state(once, RESTART).value
            except NoReply:
                silences += silences > 0 or asked - sent < AT_ONCE
                silences, sound = (0, 0) if sound else (silences, 0)
                continue
            except BadReply:
                silences = sound = 0
                continue
            result.update(after=powered)
            sound += silences >= SILENCES
            silences = silences if sound else 0
            if has_restarted(powered, order.before.value, self._clock() - sent, sound):
                if powered is None or (begun is not None and powered > begun):
                    return "done"
                begun = (
                    powered if begun is None else begun
                )  # a counter runs; other registers may be small too
        stands = acknowledged is False and powered is not None and powered > LIMIT
        return "refused" if stands else "unverified"

    def _tell_what_holds_it(self, order: Order, result: Result) -> None:
        """The switch was taken; where the transistor stands otherwise, say what holds it."""
        if order.action not in MOSFETS or result.get("mosfet", order.value) == order.value:
            return
        try:
            with self._link.call():
                texts = order.speaker.read(order.ask, ["errors"])["errors"]
        except DalyError:
            texts = []
        known = "; ".join(texts) if isinstance(texts, list) else ""
        result.update(held_by=known or _HELD)


def _tell_before(order: Order, result: Result) -> None:
    before, number = order.before, order.writer.number
    result.update(before=before.value, after=before.value, outcome="not sent", protocol=order.speaker.name)
    result.update({} if number is None else {"board": number})
    result.update({} if before.mosfet is None else {"mosfet": before.mosfet})
