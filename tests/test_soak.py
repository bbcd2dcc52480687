"""A short soak; `make soak` runs the whole of it, whose figures are in docs/performance.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bluez import needs_bus
from soak import BOARDS, virtual
from soak_boards import STATES, truth, wrong
from soak_real import bluetooth, sockets
from soak_result import Result

from dalybms.sampling import READ

if TYPE_CHECKING:
    from bluez.standin import BlueZ

pytest_plugins = ["bluez.fixtures"]


@pytest.mark.parametrize("name", BOARDS)
def test_a_soak_on_a_wire(name: str) -> None:
    result = virtual(name, 300, seed=7)
    assert (result.troubles(), result.wrong) == ([], [])
    assert sum(result.states.values()) == 300
    assert result.states["ok"] > 250
    assert result.injected > 25


def test_a_soak_on_sockets_that_are_cut() -> None:
    result = sockets(30)
    assert result.troubles() == []
    assert sum(result.states.values()) == 90
    assert result.states["ok"] > 30


@needs_bus
@pytest.mark.parametrize(("protocol", "samples"), [("d2", 100), ("p81", 60), ("a5", 30)])
def test_a_soak_over_bluetooth(bluez: BlueZ, protocol: str, samples: int) -> None:
    result = bluetooth(protocol, samples, bluez)
    assert result.troubles() == []
    assert result.states["ok"] > samples * 0.7
    assert result.opened >= 1


@pytest.mark.parametrize("name", ["a5", "d2", "p81"])
def test_a_wrong_value_would_be_seen(name: str) -> None:
    """Every section of a state differs from that of its neighbour, so that a stale one is a wrong one."""
    true = truth(BOARDS[name]["options"], READ)
    for number in range(STATES):
        before, now = true[number - 1], true[number]
        stale = {section for section in now if wrong({section: before[section]}, {section: now[section]})}
        assert {"soc", "cell_voltages", "cell_voltage_range", "temperatures", "mosfet_status"} <= stale
        assert wrong({**now, "soc": {}}, now), "a value that is missing without a word is seen as well"


def test_what_grows_would_be_seen() -> None:
    result = Result("leaking")
    held = result.before
    result.after = held._replace(
        memory=held.memory + 4_000_000, blocks=held.blocks + 5000, files=held.files + 1, tasks=held.tasks + 1
    )
    assert len(result.troubles()) == 4


@pytest.mark.parametrize("name", ["a5", "d2"])
def test_one_wrong_value_is_trouble(name: str) -> None:
    """Also in a run of any length, and where an 8-bit sum may let it pass: no wrong value is allowed for."""
    result = Result(name)
    result.states["ok"] = 100_000
    result.wrong.append("soc: 1180 for 143.9")
    assert result.troubles() == ["wrong: soc: 1180 for 143.9"]
