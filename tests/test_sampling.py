"""One wire and the states of what hangs on it, in virtual time."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from support import HEALTHY, Clock, Script, VirtualWire, attach, reply, talk

from dalybms import DalyBMS
from dalybms.cable import Cable
from dalybms.emulator.options import build
from dalybms.errors import BadReply, NoReply, TransportError
from dalybms.memory import Memory
from dalybms.sampling import Sampler, Watched, rfc3339


class Wire:
    """Opens batteries on scripted lines, one after the other; `clock` is that of the last one."""

    def __init__(self, *lines: Any, **options: Any) -> None:
        self.lines, self.options, self.opened, self.closed = list(lines), options, 0, 0
        self.now = 100.0

    def open(self, _: Watched) -> tuple[dict[int | None, Any], Callable[[], None]]:
        self.opened += 1
        line = self.lines.pop(0) if len(self.lines) > 1 else self.lines[0]
        if isinstance(line, Exception):
            raise line
        self.bms = attach(line, DalyBMS(**self.options))
        self.bms.clock.now = self.now  # type: ignore[attr-defined]
        return {None: self.bms}, self.close

    def close(self) -> None:
        self.closed += 1

    def clock(self) -> float:
        return self.now


def sampler(wire: Wire, **options: Any) -> Sampler:
    return Sampler(Watched("house", "/dev/x", (), options), wire.open, lambda: 1_800_000_000.25)


def take(wire: Wire, source: Sampler, seconds: float = 10.0) -> dict[str, Any]:
    """One sample, `seconds` after the last one."""
    wire.now += seconds
    (sample,) = source.samples(wire.clock)
    return sample


def test_a_good_sample_holds_what_was_read() -> None:
    wire = Wire(talk(HEALTHY))
    sample = take(wire, sampler(wire))
    assert list(sample)[:6] == ["time", "device", "name", "board", "protocol", "state"]
    assert (sample["time"], sample["state"], sample["protocol"]) == ("2027-01-15T08:00:00.250Z", "ok", "a5")
    assert sample["soc"]["total_voltage"] == 53.0
    assert sample["faults"] == []
    assert sample["info"]["board"] == 1
    assert "error" not in sample


def test_info_is_asked_once_per_connection() -> None:
    script = talk({**HEALTHY, 0x50: reply(0x50, "000445c000000c80")})
    wire = Wire(script)
    source = sampler(wire)
    first = [take(wire, source)["info"]["rated_capacity_ah"] for _ in range(3)]
    assert first == [280.0] * 3
    assert sum(request[2] == 0x50 for request in script.requests) == 1


def test_a_section_that_failed_makes_it_partial() -> None:
    wire = Wire(talk({code: data for code, data in HEALTHY.items() if code != 0x97}))
    sample = take(wire, sampler(wire))
    assert sample["state"] == "partial"
    assert "error" in sample["balancing_status"]


def test_a_value_that_cannot_be_is_told_and_not_there() -> None:
    wire = Wire(talk({**HEALTHY, 0x90: reply(0x90, "0000000075310384")}))
    sample = take(wire, sampler(wire))
    assert sample["unusable"] == {"soc.total_voltage": "total_voltage of 0 V cannot be"}
    assert "total_voltage" not in sample["soc"]


def test_never_answered_and_fallen_asleep_are_two_things() -> None:
    awake = [False]
    healthy = talk(HEALTHY)
    wire = Wire(Script(lambda asked, n: healthy._answer(asked, n) if awake[0] else []))
    source = sampler(wire)
    assert take(wire, source)["state"] == "no_reply"
    awake[0] = True
    assert take(wire, source)["state"] == "ok"
    awake[0] = False
    asleep = take(wire, source)
    assert asleep["state"] == "asleep"
    assert asleep["error"]
    assert "soc" not in asleep


def test_an_echo_alone_is_a_sleeping_board() -> None:
    awake = [True]
    healthy = talk(HEALTHY)
    wire = Wire(Script(lambda asked, n: healthy._answer(asked, n) if awake[0] else [(0.01, asked)]))
    source = sampler(wire)
    take(wire, source)
    awake[0] = False
    assert take(wire, source)["state"] == "asleep"


def test_a_lost_wire_is_opened_again_with_growing_waits() -> None:
    gone = TransportError("/dev/x does not exist")
    wire = Wire(build("fault=unplug:1:20"), gone, gone, gone, talk(HEALTHY))
    source = sampler(wire)
    assert take(wire, source)["state"] == "ok"
    assert take(wire, source)["state"] == "unplugged"
    states = [take(wire, source, 1.0)["state"] for _ in range(18)]
    assert states[-1] == "ok"
    assert set(states[:-1]) <= {"unplugged", "ok"}
    assert wire.opened == 5, "after 1, 2, 4 and 8 seconds, not at each sample"
    assert wire.closed == 1


def test_a_port_that_was_never_there() -> None:
    missing = TransportError("/dev/x does not exist")
    missing.__cause__ = FileNotFoundError(2, "No such file")
    wire = Wire(missing)
    assert take(wire, sampler(wire))["state"] == "unplugged"
    busy = TransportError("/dev/x is in use")
    wire = Wire(busy)
    sample = take(wire, sampler(wire))
    assert (sample["state"], sample["error"]) == ("error", "/dev/x is in use")


def beats(still: list[bool], current: str) -> Script:
    """A board whose heartbeat stands still when it is told to."""
    count = [0]

    def answer(asked: bytes, n: int) -> Any:
        if asked[2] == 0x93 and not still[0]:
            count[0] += 1
        fixed = {
            0x90: reply(0x90, f"02120000{current}0384"),
            0x93: reply(0x93, f"010101{count[0] % 256:02x}0003eaf8"),
        }
        return [(0.04, {**HEALTHY, **fixed}[asked[2]])] if asked[2] in HEALTHY else []

    return Script(answer)


@pytest.mark.parametrize(
    ("before", "current", "frozen"), [(True, "7530", True), (False, "7594", True), (False, "7530", False)]
)
def test_equal_readings_for_five_minutes_are_frozen(before: bool, current: str, frozen: bool) -> None:
    """Where a heartbeat used to move, or a current flows; a pack at rest may stand still."""
    still = [not before]
    wire = Wire(beats(still, current))
    source = sampler(wire)
    take(wire, source)
    take(wire, source)
    still[0] = True
    states = [take(wire, source, 30.0)["state"] for _ in range(12)]
    assert (states[-1] == "frozen") is frozen
    assert "frozen" not in states[:9]
    if frozen:
        assert "soc" not in take(wire, source, 30.0)
    still[0] = False
    assert frozen is False or current == "7594" or take(wire, source)["state"] == "ok"


def test_damaged_answers_of_a_known_board_are_an_error_not_sleep() -> None:
    broken = [False]
    healthy = talk(HEALTHY)

    def answer(asked: bytes, n: int) -> Any:
        return [(at, data[:-1] + b"\0" if broken[0] else data) for at, data in healthy._answer(asked, n)]

    wire = Wire(Script(answer))
    source = sampler(wire)
    assert take(wire, source)["state"] == "ok"
    broken[0] = True
    failed = take(wire, source)
    assert failed["state"] == "error"
    assert "soc" not in failed
    broken[0] = False
    assert take(wire, source)["state"] == "ok"


def test_two_boards_under_one_number_are_an_error_and_no_end() -> None:
    """The whole reading raises there; the watch goes on."""

    class Doubled:
        connected, spoken, unusable = True, "a5", {}

        def read(self, _: Any) -> Any:
            raise BadReply("two boards answer as board 1")

    source = Sampler(Watched("a", "/dev/x"), lambda _: ({None: Doubled()}, lambda: None), lambda: 0.0)
    states = [(sample["state"], sample["error"]) for _ in range(3) for sample in source.samples(lambda: 0.0)]
    assert states == [("error", "two boards answer as board 1")] * 3


def test_info_is_renewed_once_an_hour() -> None:
    """Boards count in it what they have charged since they were made."""
    charged = [100]
    healthy = talk(HEALTHY)

    def answer(asked: bytes, n: int) -> Any:
        lifetime = {0x52: reply(0x52, (charged[0].to_bytes(4, "big") + bytes(4)))}
        return [(0.04, lifetime[asked[2]])] if asked[2] in lifetime else healthy._answer(asked, n)

    wire = Wire(Script(answer))
    source = sampler(wire)
    first = take(wire, source)["info"]["charged_ah"]
    charged[0] = 200
    told = [take(wire, source, 60.0)["info"]["charged_ah"] for _ in range(61)]
    assert set(told[:59]) == {first}
    assert told[-1] != first


def test_the_protocol_is_told_also_where_the_board_gives_no_info() -> None:
    wire = Wire(build("protocol=sinowealth&unsupported=17"), protocol="sinowealth")
    sample = take(wire, sampler(wire))
    assert "info" not in sample
    assert sample["protocol"] == "sinowealth"


def test_a_wire_that_was_being_opened_when_the_watch_ended_is_closed() -> None:
    wire = Wire(talk(HEALTHY))
    source = sampler(wire)
    opening = wire.open

    def slowly(watched: Watched) -> Any:
        source.end()
        return opening(watched)

    source._open = slowly
    list(source.samples(wire.clock))
    assert (wire.opened, wire.closed) == (1, 1)


def test_released_wires_are_closed_after_each_sample() -> None:
    wire = Wire(talk(HEALTHY))
    source = Sampler(Watched("house", "/dev/x"), wire.open, lambda: 0.0, release=True)
    samples = [take(wire, source) for _ in range(3)]
    assert [sample["state"] for sample in samples] == ["ok"] * 3
    assert all(sample["info"] for sample in samples)
    assert (wire.opened, wire.closed) == (3, 3)


def test_a_board_that_was_away_is_not_called_frozen_when_it_comes_back() -> None:
    """Nobody knows what it did meanwhile, and its heartbeat may begin anew."""
    awake, still = [True], [False]
    moving = beats(still, "7594")
    wire = Wire(Script(lambda asked, n: moving._answer(asked, n) if awake[0] else []))
    source = sampler(wire)
    take(wire, source)
    still[0] = True
    assert [take(wire, source, 60.0)["state"] for _ in range(4)] == ["ok"] * 4
    awake[0] = False
    assert take(wire, source, 600.0)["state"] == "asleep"
    awake[0] = True
    states = [take(wire, source, 60.0)["state"] for _ in range(8)]
    assert states == [*["ok"] * 5, *["frozen"] * 3], "and remains so, sample after sample"


def test_the_polarity_is_learnt_and_kept_for_a_pack_at_rest() -> None:
    flowing = [True]
    charging = {**HEALTHY, 0x90: reply(0x90, "0212000074cc0384"), 0x93: reply(0x93, "0101019e0003eaf8")}
    resting = {**HEALTHY, 0x93: reply(0x93, "0001019e0003eaf8")}
    boards = {True: talk(charging), False: talk(resting)}
    wire = Wire(Script(lambda asked, n: boards[flowing[0]]._answer(asked, n)))
    source = sampler(wire)
    assert [take(wire, source)["polarity"] for _ in range(3)] == [1, 1, 1]
    flowing[0] = False
    assert take(wire, source)["polarity"] == 1


def test_times_are_utc_with_milliseconds() -> None:
    assert rfc3339(0.0005) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(1_795_656_000.999) == "2026-11-26T01:20:00.999Z"


def test_a_board_of_another_protocol_under_the_same_number_is_found() -> None:
    """On a wire that stays open: its word for the current is its own, and so is what it says of itself."""
    wire = Wire(talk({**HEALTHY, 0x90: reply(0x90, "0212000074cc0384")}))
    source = sampler(wire)
    assert take(wire, source)["protocol"] == "a5"
    assert source.voices()[None]["discharge_positive"] == 1
    line = build("protocol=d2&soc=42")
    wire.bms._link._transport.line = line  # type: ignore[union-attr]
    samples = [take(wire, source) for _ in range(5)]
    assert [sample["state"] for sample in samples[:3]] == ["asleep"] * 3
    assert (samples[3]["state"], samples[3]["protocol"], samples[3]["soc"]["soc_percent"]) == (
        "ok",
        "d2",
        42.0,
    )
    assert samples[4]["info"]["protocol"] == "d2"
    assert source.voices()[None]["discharge_positive"] == 0


def test_what_a_board_said_of_itself_does_not_outlive_its_silence() -> None:
    """Another pack may hang there when it answers again, and this one says nothing of itself."""
    silent, mute = [False], [False]
    known = talk(HEALTHY)
    about = {0x50: reply(0x50, "00030d4000000ce4")}

    def answer(asked: bytes, n: int) -> Any:
        if silent[0] or (mute[0] and asked[2] >= 0x50 and asked[2] < 0x90):
            return []
        return [(0.04, about[asked[2]])] if asked[2] in about else known._answer(asked, n)

    wire = Wire(Script(answer))
    source = sampler(wire)
    assert take(wire, source)["info"]["rated_capacity_ah"] == 200.0
    silent[0] = True
    assert take(wire, source)["state"] == "asleep"
    silent[0], mute[0] = False, True
    assert [take(wire, source).get("info", {}).get("rated_capacity_ah") for _ in range(2)] == [None, None]


def test_what_a_board_says_of_itself_no_more_is_not_shown_for_ever() -> None:
    told: list[Any] = [{"charged_ah": 100}]

    class Board:
        connected, spoken, unusable = True, "d2", {}  # type: ignore[var-annotated]

        def read(self, sections: Any) -> dict[str, Any]:
            return {name: told[0] if name == "info" else {} for name in sections}

    now = [0.0]
    source = Sampler(Watched("a", "/dev/x"), lambda _: ({None: Board()}, lambda: None), lambda: 0.0)

    def take_one(seconds: float) -> Any:
        now[0] += seconds
        (sample,) = source.samples(lambda: now[0])
        return sample.get("info", {}).get("charged_ah")

    assert take_one(10) == 100
    told[0] = NoReply("no answer to info")
    assert [take_one(1800) for _ in range(6)][-1] is None
    told[0] = {"charged_ah": 300}
    assert [take_one(1800) for _ in range(3)][-1] == 300


def test_a_silent_board_does_not_keep_the_others_of_its_cable_waiting() -> None:
    """Else a few sleeping packs take the interval of all, and nothing of them is counted."""
    silent = [True]
    healthy, clock = talk(HEALTHY), Clock()

    def answer(asked: bytes, n: int) -> Any:
        return [] if silent[0] or asked[1] != 0x40 else healthy._answer(asked, n)

    cable = Cable(VirtualWire(Script(answer), clock), clock=clock)
    boards = {number: cable.board(number) for number in (1, 2)}
    source = Sampler(Watched("a", "/dev/x", (1, 2)), lambda _: (boards, cable.close), lambda: 0.0)

    def round_() -> tuple[list[str], float]:
        began = clock.now
        return [sample["state"] for sample in source.samples(clock)], clock.now - began

    silent[0] = False
    assert round_()[0] == ["ok", "no_reply"]
    silent[0] = True
    seconds = [round_()[1] for _ in range(6)]
    assert sum(seconds) < 6 * 5
    assert min(seconds) <= 2.5
    silent[0] = False
    assert round_()[0] == ["ok", "no_reply"]
    assert boards[1].request_retries == 3


def test_a_silent_board_is_not_asked_what_it_is() -> None:
    memory = Memory()
    assert memory.wants_info(0.0)
    memory.silent = 1
    assert not memory.wants_info(0.0)
    memory.heard("a5")
    assert memory.wants_info(0.0)
