"""Values that cannot be, through the public methods: each loses itself alone, and is told."""

from __future__ import annotations

from typing import Any

import pytest
from register_replay import board, words
from support import HEALTHY, Script, attach, captures, reply, talk

from dalybms import BadReply, DalyBMS, DalyBMSBluetooth
from dalybms.emulator.options import build
from dalybms.protocols.modbus.frame import crc

SECOND = {record["id"]: record for record in captures("second")}
PLAIN = {  # section by command, of records whose `expected` is that section
    "a5h2-01-90": "soc",
    "a5h2-01-91": "cell_voltage_range",
    "a5h2-01-92": "temperature_range",
    "a5h2-01-93": "mosfet_status",
    "a5h2-01-94": "status",
    "a5h2-01-95": "cell_voltages",
    "a5h2-01-96": "temperatures",
    "a5h2-05-90": "soc",
    "a5h2-05-94": "status",
    "a5h2-06": "soc",
}


def recorded(*names: str) -> Script:
    """A board that gives the recorded answers, 40 ms after each question."""
    answers = {
        bytes.fromhex(SECOND[name]["request"])[1:3]: b"".join(
            bytes.fromhex(frame) for frame in SECOND[name]["responses"]
        )
        for name in names
    }
    return Script(lambda asked, _: [(0.04, answers[asked[1:3]])] if asked[1:3] in answers else [])


@pytest.mark.parametrize("name", PLAIN)
def test_recorded_a5_answers(name: str) -> None:
    pack = ["a5h2-01-94", "a5h2-01-93", "a5h2-01-90"] if name.startswith("a5h2-01") else []
    found = getattr(attach(recorded(name, *pack)), f"get_{PLAIN[name]}")()
    expected = {int(key) if key.isdigit() else key: value for key, value in SECOND[name]["expected"].items()}
    assert {key: found[key] for key in expected} == expected
    if PLAIN[name] in ("cell_voltages", "temperatures"):
        assert found == expected


@pytest.mark.parametrize(("name", "percent"), [("a5h2-10-32000", 3200), ("a5h2-10-42236", 4223.6)])
def test_a_state_of_charge_above_100_percent_is_left_out(name: str, percent: float) -> None:
    bms = attach(recorded(name))
    assert bms.get_soc() == {"total_voltage": 53.0, "current": 0.0}
    assert bms.unusable == {"soc.soc_percent": f"soc_percent of {percent:g} % cannot be"}


def test_noise_around_a_recorded_status() -> None:
    found = attach(recorded("a5h2-11-94")).get_status()
    assert (found["cells"], found["temperature_sensors"]) == (14, 1)
    assert [name for name, on in found["states"].items() if on] == ["DI2"]


def test_a_board_whose_measuring_failed() -> None:
    """Under charge, valid frames say 0 V pack and 0 V cells while 25 A flow."""
    failed = {
        **HEALTHY,
        0x90: bytes.fromhex(SECOND["b2-12-a5-measure"]["responses"][0]),
        0x93: reply(0x93, "0100019e0003eaf8"),
        0x95: b"".join(reply(0x95, bytes((number,))) for number in range(1, 7)),
        0x98: reply(0x98, "0000000000020000"),
    }
    bms = attach(talk(failed))
    found: Any = bms.get_all()
    assert found["soc"] == {"current": 25.0, "soc_percent": 98.4}
    assert bms.unusable == {"soc.total_voltage": "total_voltage of 0 V cannot be"}
    assert "of nothing but zeros" in found["cell_voltages"]["error"]
    assert found["mosfet_status"]["charging_mosfet"] is False
    assert found["status"]["cells"] == 16
    assert found["temperatures"] == {1: 21, 2: 20}
    assert len(found["errors"]) == 1


@pytest.mark.parametrize("first", ["90", "91", "92", "93", "94", "98"])
def test_a_right_frame_proves_the_board_whatever_its_values_are(first: str) -> None:
    """Found as host 0x80 although the first reading asked for is nothing but zeros."""
    code = int(first, 16)
    script = talk({**HEALTHY, code: reply(code, "")}, hosts=(0x80,))
    bms = attach(script)
    section = {"90": "soc", "91": "cell_voltage_range", "92": "temperature_range", "93": "mosfet_status",
               "94": "status", "98": "errors"}[first]  # fmt: skip
    outcome = bms.read([section])[section]
    assert isinstance(outcome, BadReply) or section in ("temperature_range", "errors")
    assert {request[0] for request in script.requests} == {0xA5}, "no other protocol was asked"
    assert bms.get_soc() if code != 0x90 else True


UNSET = {
    0x90: "soc",
    0x91: "cell_voltage_range",
    0x93: "mosfet_status",
    0x94: "status",
}


@pytest.mark.parametrize("code", UNSET, ids=hex)
def test_memory_that_was_never_written_is_no_reading(code: int) -> None:
    """All eight bytes FF: MOSFETs that are on, for instance."""
    bms = attach(talk({**HEALTHY, code: reply(code, "ff" * 8)}))
    outcomes = bms.read(tuple(UNSET.values()))
    assert [name for name, found in outcomes.items() if isinstance(found, BadReply)][:1] == [UNSET[code]]
    assert bms.unusable == {}


def test_what_is_told_of_a_section_that_became_an_error_is_the_error() -> None:
    """An impossible number in a range that contradicts the list: the range is given up."""
    bms = attach(talk({**HEALTHY, 0x91: reply(0x91, "0cf30000ec01")}))
    outcomes = bms.read(["cell_voltage_range", "cell_voltages"])
    assert all(isinstance(outcome, BadReply) for outcome in outcomes.values())
    assert bms.unusable == {}


@pytest.mark.parametrize(
    ("data", "key", "why"),
    [
        ("0b41000075300384", "total_voltage", "total_voltage of 288.1 V cannot be"),
        ("ffff000075300384", "total_voltage", "total_voltage of 6553.5 V cannot be"),
        ("021200000000" + "0384", "current", "current of -3000 A cannot be"),
        ("02120000ffff" + "0384", "current", "current of 3553.5 A cannot be"),
    ],
)
def test_values_beyond_what_a_board_can_measure(data: str, key: str, why: str) -> None:
    bms = attach(talk({0x90: reply(0x90, data)}))
    whole = {"total_voltage": 53.0, "current": 0.0, "soc_percent": 90.0}
    assert bms.get_soc() == {name: value for name, value in whole.items() if name != key}
    assert bms.unusable == {f"soc.{key}": why}


@pytest.mark.parametrize(
    ("data", "volts", "amperes"), [("0b400000fffe0384", 288, 3553.4), ("000100000001", 0.1, -2999.9)]
)
def test_the_last_values_that_can_be(data: str, volts: float, amperes: float) -> None:
    found = attach(talk({0x90: reply(0x90, data)})).get_soc()
    assert (found["total_voltage"], found["current"]) == (volts, amperes)


def test_one_damaged_answer_is_not_what_the_board_means() -> None:
    bad = reply(0x90, "02120000753003e9")
    script = Script(lambda asked, n: [(0.04, bad if n == 0 else HEALTHY[asked[2]])])
    bms = attach(script)
    assert bms.get_soc() == {"total_voltage": 53.0, "current": 0.0, "soc_percent": 90.0}
    assert bms.unusable == {}


def test_damage_that_differs_is_an_error() -> None:
    script = Script(lambda asked, n: [(0.04, reply(0x90, "021200007530" + f"{1001 + n:04x}"))])
    with pytest.raises(BadReply, match="soc_percent of 100"):
        attach(script).get_soc()


def test_the_first_answer_counts_as_the_first_of_two() -> None:
    script = talk({0x90: reply(0x90, "02120000753003e9")})
    assert attach(script).get_soc() == {"total_voltage": 53.0, "current": 0.0}
    assert len(script.requests) == 2


def test_one_cell_that_cannot_be_leaves_the_others_and_no_contradiction() -> None:
    first = reply(0x95, bytes((1,)) + bytes.fromhex("0cf1ffff0cf1"))
    bms = attach(talk({**HEALTHY, 0x95: first + HEALTHY[0x95][13:]}))
    found: Any = bms.get_all()
    assert sorted(found["cell_voltages"]) == [1, *range(3, 17)]
    assert found["soc"]["total_voltage"] == 53.0
    assert bms.unusable == {"cell_voltages.2": "cell 2 of 65.535 V cannot be"}


def test_what_is_left_out_is_forgotten_by_the_next_call() -> None:
    bms = attach(talk({**HEALTHY, 0x90: reply(0x90, "0000000075310384")}))
    assert bms.get_soc() == {"current": 0.1, "soc_percent": 90.0}
    assert bms.unusable
    bms.get_status()
    assert bms.unusable == {}


def test_an_unknown_mode_leaves_the_section() -> None:
    mode20 = SECOND["b2-04-mode20"]
    script = Script(
        lambda asked, _: (
            [(0.04, bytes.fromhex(mode20["responses"][0]))] if asked.hex() == mode20["request"] else []
        )
    )
    bms = attach(script, protocol="d2")
    found = bms.get_mosfet_status()
    assert "mode" not in found
    assert (found["charging_mosfet"], found["discharging_mosfet"], found["capacity_ah"]) == (True, True, 33.6)
    assert found["balancing"] is True
    assert bms.unusable == {"mosfet_status.mode": "mode 20 cannot be"}


def test_the_sign_is_logged_only_where_both_are_known(caplog: pytest.LogCaptureFixture) -> None:
    bms = attach(talk({**HEALTHY, 0x93: reply(0x93, "1401019e0003eaf8")}), invert_current=True)
    found: Any = bms.get_all()
    assert "mode" not in found["mosfet_status"]


FFFF = SECOND["b2-12-d2-ffff"]
P81_BASE = {
    **dict.fromkeys(range(0x80), 0),
    **dict.fromkeys(range(8), 3300),
    0x38: 264,
    0x39: 30000,
    0x3A: 500,
    0x3C: 8,
}


@pytest.mark.parametrize("kind", [DalyBMS, DalyBMSBluetooth])
@pytest.mark.parametrize("other", ["a5", "p81"])
@pytest.mark.parametrize("byte", ["ff", "00"])
def test_a_block_of_one_byte_is_no_d2_board(kind: type[DalyBMS], other: str, byte: str) -> None:
    """Its UART answers D2 in the settings alone; all else comes as FFFF with a good checksum."""
    real = build(f"protocol={other}&cells=8&sensors=2")
    body = bytes.fromhex("d2037c" + byte * 124)

    class Line:
        """A D2 that says nothing beside the real board."""

        def __init__(self) -> None:
            self.said: list[tuple[float, bytes]] = []

        def write(self, data: bytes, now: float) -> None:
            if data.hex() == FFFF["request"]:
                self.said.append((now + 0.05, body + crc(body)))
            else:
                real.write(data, now)

        def take(self, now: float) -> bytes:
            due = [data for at, data in self.said if at <= now]
            self.said = [(at, data) for at, data in self.said if at > now]
            return b"".join(due) + real.take(now)

        def next_time(self) -> float | None:
            times = [at for at, _ in self.said] + [at for at in [real.next_time()] if at is not None]
            return min(times, default=None)

        def alive(self, now: float) -> bool:
            return True

    bms = attach(Line(), kind())
    found: Any = bms.get_all()
    assert found["status"]["cells"] == 8
    assert bms.get_info()["protocol"] == other


@pytest.mark.parametrize("kind", [DalyBMS, DalyBMSBluetooth])
@pytest.mark.parametrize("answer", ["zeros", "ffff"])
def test_answers_that_cannot_be_hold_no_call_for_ever(kind: type[DalyBMS], answer: str) -> None:
    """With the most repeats there are: each answers late, and never what can be."""
    zeros, block = reply(0x90, ""), bytes.fromhex(FFFF["responses"][0])
    heads = {"zeros": (0xA5, zeros), "ffff": (0xD2, block)}
    first, data = heads[answer]
    bms = attach(
        Script(lambda asked, _: [(0.3, data)] if asked[0] == first else []), kind(request_retries=100)
    )
    with pytest.raises(BadReply, match="of nothing but"):
        bms.get_all()
    assert bms.clock.now - 100 < 1.5 * 16 * bms._timing.timeout  # type: ignore[attr-defined]


@pytest.mark.parametrize("after", [0.3, 0.35, 0.4, 0.45, 0.5, 0.6])
def test_a_late_block_of_ffff_does_not_end_the_turn_of_the_next(after: float) -> None:
    """Bluetooth answers came after up to 0.5 s, when P81 is asked already."""
    block = bytes.fromhex(FFFF["responses"][0])
    real = board(0x81, 0x51, P81_BASE)
    script = Script(lambda asked, n: [(after, block)] if asked[0] == 0xD2 else
                    [(at + 0.15, piece) for at, piece in real._answer(asked, n)])  # fmt: skip
    bms = attach(script, DalyBMSBluetooth())
    assert bms.get_soc()["total_voltage"] == 26.4
    assert [request[0] for request in script.requests].count(0x81) == 1
    assert bms.clock.now - 100 < 1.0  # type: ignore[attr-defined]


def test_a_late_block_of_ffff_is_what_is_told_when_nothing_else_answers() -> None:
    block = bytes.fromhex(FFFF["responses"][0])
    script = Script(lambda asked, _: [(1.0, block)] if asked[0] == 0xD2 else [])
    with pytest.raises(BadReply, match="of nothing but ff cannot be"):
        attach(script, DalyBMSBluetooth(request_retries=0)).get_soc()


def test_the_recorded_block_is_one_byte() -> None:
    assert set(bytes.fromhex(FFFF["responses"][0])[3:-2]) == {0xFF}


# Power: the board's own beside voltage * current. 20.0 V, so that amperes are easily watts.

D2_BASE = {
    **dict.fromkeys(range(62), 0),
    **dict.fromkeys(range(6), 3333),
    0x28: 200,
    0x29: 30000,
    0x2A: 500,
    0x2B: 3333,
    0x2C: 3333,
    0x30: 100,
    0x31: 6,
    0x35: 1,
}


def d2_soc(current: float, power: int) -> tuple[dict[str, Any], dict[str, str], int]:
    registers = {**D2_BASE, 0x29: 30000 + round(10 * current), 0x39: power}
    script = board(0xD2, 0xD2, registers)
    bms = attach(script, protocol="d2")
    return dict(bms.get_soc()), bms.unusable, len(script.requests)


@pytest.mark.parametrize(
    ("current", "power", "believed"),
    [
        (50.0, 1000, True),
        (-50.0, 1000, True),
        (65.0, 1000, True),  # 30 % more
        (65.1, 1000, False),
        (35.0, 1000, True),
        (34.9, 1000, False),
        (12.0, 42, True),  # 198 W apart
        (12.2, 42, False),
        (436.6, 557, False),
        (436.6, 0, True),  # 0: the board does not measure it
        (436.6, 0xFFFF, True),
        (-50.0, 0x10000 - 1000, True),  # -1000 W as a signed word
        (-65.1, 0x10000 - 1000, False),
        (2768.0, 0x10000 - 55360, False),  # 10176 W: no sign in that
    ],
)
def test_a_power_far_from_voltage_times_current(current: float, power: int, believed: bool) -> None:
    found, unusable, asked = d2_soc(current, power)
    if believed:
        assert (found["current"], asked, unusable) == (current, 1, {})
        return
    assert found == {"total_voltage": 20.0, "soc_percent": 50.0}
    assert asked == 2, "read once more"
    assert set(unusable) == {"soc.current", "soc.power"}


def test_a_power_that_fits_when_read_again() -> None:
    bad = board(0xD2, 0xD2, {**D2_BASE, 0x29: 34366, 0x39: 100})
    good = board(0xD2, 0xD2, {**D2_BASE, 0x29: 30050, 0x39: 100})
    script = Script(lambda asked, n: (good if n else bad)._answer(asked, n))
    bms = attach(script, protocol="d2")
    assert bms.get_soc()["current"] == 5.0
    assert bms.unusable == {}


@pytest.mark.parametrize(
    ("first", "stated", "second", "then", "believed"),
    [
        (10.0, 1000, 100.0, 5000, True),  # 200 W, 1000 W, 2000 W, 5000 W: a load that rises
        (100.0, 1000, 10.0, 1500, True),
        (-100.0, 60, 100.0, 5000, True),  # through 0
        (436.6, 557, 436.6, 557, False),
        (10.0, 5000, 100.0, 5000, False),
        (436.6, 557, 300.0, 557, False),
    ],
)
def test_a_power_stated_on_the_way_from_one_to_another_is_that_of_a_load_that_changes(
    first: float, stated: int, second: float, then: int, believed: bool
) -> None:
    """P81 states it in another answer than the current, which a ramp never lets agree."""
    boards = [
        board(0xD2, 0xD2, {**D2_BASE, 0x29: 30000 + round(10 * current), 0x39: power})
        for current, power in ((first, stated), (second, then))
    ]
    bms = attach(Script(lambda asked, n: boards[min(n, 1)]._answer(asked, n)), protocol="d2")
    found = bms.get_soc()
    assert found.get("current") == (second if believed else None)
    assert bool(bms.unusable) is not believed


def test_every_recorded_power_is_believed() -> None:
    """D2 says it in the first block, P81 beside the voltage and current of the block before."""
    seen = 0
    before: list[int] = []
    for record in [*captures("modbus_and_ble"), *captures("second")]:
        pieces = record.get("notifications") or record.get("responses") or []
        frame = bytes.fromhex("".join(pieces))
        if frame[1:2] != b"\3" or len(frame) != 5 + frame[2] or frame[-2:] != crc(frame[:-2]):
            continue
        block = words(frame[3:-2])
        if frame[0] == 0xD2 and record["request"][4:8] == "0000" and len(block) >= 62:
            volts, amperes, watts = block[0x28], block[0x29], block[0x39]
        elif record["request"][:8] == "81030041" and len(before) == 64:
            volts, amperes, watts = before[0x38], before[0x39], block[0x58 - 0x41]
        else:
            before = block
            continue
        if volts and watts not in (0, 0xFFFF):
            seen += 1
            apart = abs(abs(volts / 10 * (amperes - 30000) / 10) - watts)
            assert apart <= max(200, 0.3 * watts), record["id"]
    assert seen >= 5
