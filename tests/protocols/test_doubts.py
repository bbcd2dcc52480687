"""When a value that cannot be is left out, and when it is noise: by repetition, without a wire."""

from __future__ import annotations

import pytest

from dalybms.errors import BadReply
from dalybms.protocols.doubts import NOT_BLANK, Doubt, Doubts, refuse_blank, refuse_unset, told

NO_VOLTS = Doubt(b"\0\0", "total_voltage of 0 V cannot be")
A, B = Doubt(b"\x01", "a of 1 cannot be"), Doubt(b"\x02", "a of 2 cannot be")


def test_one_frame_of_a_weak_checksum_is_noise() -> None:
    with pytest.raises(BadReply, match="a of 1 cannot be"):
        Doubts("soc", 2).settle({"x": 1}, {"a": A})


def test_the_same_twice_is_meant() -> None:
    doubts = Doubts("soc", 2)
    with pytest.raises(BadReply):
        doubts.settle({"x": 1}, {"a": A})
    assert doubts.settle({"x": 2}, {"a": A}) == {"x": 2}
    assert doubts.left_out == {"a": A.why}


def test_damage_that_differs_from_try_to_try_is_an_error() -> None:
    doubts = Doubts("soc", 2)
    for raw in range(6):
        with pytest.raises(BadReply):
            doubts.settle({"x": 1}, {"a": Doubt(bytes((raw,)), "cannot be")})


def test_the_same_value_in_another_field_is_no_second_time() -> None:
    doubts = Doubts("soc", 2)
    for key in ("a", "b"):
        with pytest.raises(BadReply):
            doubts.settle({"x": 1}, {key: A})


def test_two_looks_at_one_frame_are_one_frame() -> None:
    doubts = Doubts("soc", 2)
    for _ in range(3):
        with pytest.raises(BadReply):
            doubts.settle({"x": 1}, {"a": A}, attempt=0)
    assert doubts.settle({"x": 1}, {"a": A}, attempt=1) == {"x": 1}


def test_each_doubt_needs_its_own_proof() -> None:
    doubts = Doubts("soc", 2)
    with pytest.raises(BadReply):
        doubts.settle({"x": 1}, {"a": A})
    with pytest.raises(BadReply, match="b"):
        doubts.settle({"x": 1}, {"a": A, "b": Doubt(b"", "b cannot be")})
    assert doubts.settle({"x": 1}, {"a": A}) == {"x": 1}


def test_one_frame_of_a_strong_checksum_is_meant() -> None:
    assert Doubts("soc", 1).settle({"x": 1}, {"a": A}) == {"x": 1}


@pytest.mark.parametrize("count", ["cells", "temperature_sensors"])
def test_counts_are_never_left_out(count: str) -> None:
    doubts = Doubts("status", 1)
    for _ in range(3):
        with pytest.raises(BadReply):
            doubts.settle({"cycles": 1}, {count: A})


def test_a_section_that_has_lost_every_key_is_an_error() -> None:
    with pytest.raises(BadReply, match="nothing of soc can be: a of 1 cannot be"):
        Doubts("soc", 1).settle({}, {"a": A})


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"current": 0.0, "soc_percent": 50.0}, {"soc_percent": 50.0}),
        ({"current": 25.0, "soc_percent": 98.4}, {"current": 25.0, "soc_percent": 98.4}),
        ({"current": 25.0, "soc_percent": 0.0}, {"current": 25.0}),
    ],
)
def test_without_a_voltage_zeros_were_not_measured(values: dict[str, float], kept: dict[str, float]) -> None:
    doubts = Doubts("soc", 1)
    assert doubts.settle(values, {"total_voltage": NO_VOLTS}) == kept
    assert set(doubts.left_out) == {"total_voltage", *(set(values) - set(kept))}


def test_nothing_measured_at_all_is_an_error() -> None:
    with pytest.raises(BadReply, match="nothing of soc can be"):
        Doubts("soc", 1).settle({"current": 0.0, "soc_percent": 0.0}, {"total_voltage": NO_VOLTS})


def test_beside_a_voltage_that_is_too_high_zeros_may_be_true() -> None:
    values = {"current": 0.0, "soc_percent": 0.0}
    assert Doubts("soc", 1).settle(values, {"total_voltage": Doubt(b"\xff\xff", "cannot be")}) == values


def test_a_later_reading_forgets_what_an_earlier_one_went_without() -> None:
    doubts = Doubts("soc", 1)
    doubts.settle({"x": 1}, {"a": A})
    unusable = told({"status.cycles": "why"}, "soc", doubts)
    assert unusable == {"status.cycles": "why", "soc.a": A.why}
    assert told(unusable, "soc", Doubts("soc", 1)) == {"status.cycles": "why"}


@pytest.mark.parametrize("section", ["soc", "cell_voltage_range", "mosfet_status", "status", "cell_voltages"])
def test_blank_sections_are_refused(section: str) -> None:
    refuse_blank(section, [b"\0\0", b"\0\1"])
    with pytest.raises(BadReply, match=f"{section} of nothing but zeros cannot be"):
        refuse_blank(section, [b"\0\0", b"\0"])


@pytest.mark.parametrize("section", NOT_BLANK)
def test_sections_of_memory_that_was_never_written_are_refused(section: str) -> None:
    refuse_unset(section, b"\xff\xff\xff\xfe")
    with pytest.raises(BadReply, match=f"{section} of nothing but ff cannot be"):
        refuse_unset(section, b"\xff" * 8)


@pytest.mark.parametrize(
    "section", ["temperature_range", "temperatures", "faults", "balancing_status", "info"]
)
def test_where_ff_says_something_it_is_taken(section: str) -> None:
    refuse_unset(section, b"\xff" * 8)


@pytest.mark.parametrize(
    "section", ["temperature_range", "temperatures", "faults", "balancing_status", "info"]
)
def test_zeros_say_something_elsewhere(section: str) -> None:
    refuse_blank(section, [b"\0\0"])
