"""Registers that a D2 or P81 board has not (FFFF), and lists that lack a value: what is told and derived."""

from __future__ import annotations

from typing import Any

import pytest
from register_replay import KINDS, Kind, board
from support import attach

from dalybms import BadReply, DalyBMS, DalyError, NotSupported
from dalybms.protocols.modbus import d2

STATED = [(kind, key) for kind in KINDS for key in kind.stated]


def battery(kind: Kind, *changes: tuple[int, int]) -> DalyBMS:
    script = board(kind.asked, kind.answers, {**kind.known, **dict(changes)})
    return attach(script, protocol=kind.name)


@pytest.mark.parametrize(("kind", "key"), STATED, ids=[f"{kind.name}-{key}" for kind, key in STATED])
def test_what_is_stated_beside_the_cells_is_absent_or_taken_from_the_list(kind: Kind, key: str) -> None:
    whole: Any = battery(kind).get_cell_voltage_range()
    bms = battery(kind, (kind.stated[key], 0xFFFF))
    found: Any = bms.get_cell_voltage_range()
    assert bms.unusable == {}, "the board has no such register: nothing is wrong"
    if key in ("average_voltage", "delta_voltage"):
        assert found == {name: value for name, value in whole.items() if name != key}
    else:
        assert found.keys() == whole.keys()
        assert found[key] == pytest.approx(whole[key], abs=0.001)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_count_of_sensors_that_cannot_be_leaves_the_cells(kind: Kind) -> None:
    healthy = battery(kind).read(["cell_voltages", "cell_voltage_range", "balancing_status"])
    found = battery(kind, (kind.sensors, 0xFFFF)).read([*healthy, "temperatures", "status"])
    assert {section: found[section] for section in healthy} == healthy
    assert isinstance(found["temperatures"], BadReply)
    assert isinstance(found["status"], BadReply)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_ends_of_a_list_that_lacks_a_value_are_told(kind: Kind) -> None:
    """Alone: no list is read beside it that could tell."""
    whole = battery(kind).get_cell_voltage_range()
    bms = battery(kind, (0x01, 0xFFFF))
    found = bms.get_cell_voltage_range()
    assert found == {key: value for key, value in whole.items() if key in found}
    missing = set(whole) - set(found)
    assert missing
    assert bms.unusable == {f"cell_voltage_range.{key}": "cell 2 of 65.535 V cannot be" for key in missing}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_range_of_which_nothing_is_stated_is_that_of_the_list(kind: Kind) -> None:
    whole: Any = battery(kind).get_cell_voltage_range()
    lacking = [(register, 0xFFFF) for register in kind.stated.values()]
    found: Any = battery(kind, *lacking).get_cell_voltage_range()
    assert found.keys() == whole.keys() - {"average_voltage", "delta_voltage"}
    bms = battery(kind, (0x01, 0xFFFF), *lacking)
    with pytest.raises(DalyError, match="no ends of a list without cell 2 of"):
        bms.get_cell_voltage_range()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_unknown_state_leaves_the_balancing(kind: Kind) -> None:
    """A whole section was lost for a word in another one."""
    mode = 0x2F if kind.name == "d2" else 0x48
    healthy = battery(kind).get_balancing_status()
    assert battery(kind, (mode, 20)).get_balancing_status() == healthy


def test_a_section_without_a_register_is_one_that_the_board_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    poor = d2.MAP._replace(rows=tuple(row for row in d2.MAP.rows if row.section != "mosfet_status"))
    monkeypatch.setattr(d2.D2, "map", poor)
    with pytest.raises(NotSupported, match="D2 boards have no mosfet_status"):
        battery(KINDS[0]).get_mosfet_status()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("cells", [9, 16])
def test_a_count_that_is_too_high_is_no_list_of_dead_cells(kind: Kind, cells: int) -> None:
    """Eight cells, and a board that says it has more: the others would read 0 V."""
    count = {"d2": 0x31, "p81": 0x3C}[kind.name]
    for asked in (["cell_voltages"], ["cell_voltages", "cell_voltage_range", "soc"]):
        found = battery(kind, (count, cells)).read(asked)
        for section in {"cell_voltages", "cell_voltage_range"} & set(asked):
            assert f"{cells - 8} of {cells} cells without voltage contradict" in str(found[section])
        assert not isinstance(found.get("soc"), DalyError)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_cell_without_its_sense_wire_has_0_v(kind: Kind) -> None:
    """So the board says everywhere: its lowest cell and its mean."""
    mean = round(sum(kind.known[cell] for cell in range(7)) / 8)
    stated = {kind.stated["average_voltage"]: mean, 0x2C: 0} if kind.name == "d2" else {0x57: mean}
    found = battery(kind, (7, 0), *stated.items()).get_cell_voltages()
    assert found[8] == 0.0
    assert len(found) == 8
    assert battery(kind, (2, 0)).get_cell_voltages()[3] == 0.0, "not at the end"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_board_that_states_no_ends_is_believed_its_count(kind: Kind) -> None:
    nothing = [(register, 0xFFFF) for register in kind.stated.values()]
    assert battery(kind, (7, 0), *nothing).get_cell_voltages()[8] == 0.0
