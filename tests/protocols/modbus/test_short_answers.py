"""Boards that answer only so many registers at once: they refuse, stay silent or answer fewer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable

import pytest
from register_replay import KINDS, Kind, answer_to
from support import Script, attach

from dalybms import BadReply, DalyBMS
from dalybms.cli.check.policy import DEFAULT
from dalybms.cli.check.verdict import verdict
from dalybms.cli.check.verdict import wanted as sections_of
from dalybms.protocols.modbus.frame import crc

Answer = Callable[[Kind, bytes, int], bytes]


def whole(kind: Kind, request: bytes) -> bytes:
    return answer_to(kind.answers, kind.known, request)


def refused(kind: Kind, code: int) -> bytes:
    body = bytes((kind.answers, 0x83, code))
    return body + crc(body)


def silence(kind: Kind, request: bytes, most: int) -> bytes:
    return b""


def exception(kind: Kind, request: bytes, most: int) -> bytes:
    return refused(kind, 3)


def fewer(kind: Kind, request: bytes, most: int) -> bytes:
    return whole(kind, request[:4] + most.to_bytes(2, "big"))


def battery(kind: Kind, most: int, instead: Answer) -> DalyBMS:
    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        if request[:2] != bytes((kind.asked, 3)):
            return []
        count = int.from_bytes(request[4:6], "big")
        return [(0.04, whole(kind, request) if count <= most else instead(kind, request, most))]

    return attach(Script(answer))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("most", [20, 40, 61])
@pytest.mark.parametrize("instead", [silence, exception, fewer])
def test_they_are_read_in_pieces(kind: Kind, most: int, instead: Answer) -> None:
    expected = battery(kind, 80, silence).get_all()
    bms = battery(kind, most, instead)
    assert bms.get_all() == expected
    began = bms.clock()  # type: ignore[attr-defined]
    assert began < 107, "as long as it takes to see that whole answers do not come"
    for _ in range(200):
        assert bms.get_all() == expected
    assert (bms.clock() - began) / 200 < 1.1  # type: ignore[attr-defined]


@pytest.mark.parametrize("code", [1, 2, 3])
def test_a_pack_without_faults_to_read_is_never_ok(code: int) -> None:
    """A P81 board that refuses the second half of its poll: faults, MOSFETs and counts."""
    kind = KINDS[1]
    line = Script(
        lambda request, _: [(0.04, refused(kind, code) if request[3] >= 0x41 else whole(kind, request))]
    )
    bms = attach(line, protocol="p81")
    found: Any = bms.read(sections_of(DEFAULT))
    assert found["cell_voltages"][1] == 3.3
    for section in ("faults", "mosfet_status", "status"):
        assert isinstance(found[section], BadReply), section
    said = verdict(found, DEFAULT, bms.unusable)
    assert said.code == 3
    assert "faults" in said.first_line
    assert "this board has no status and faults" in bms.get_all()["errors"]["error"]  # type: ignore[call-overload]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_average_of_0_is_none(kind: Kind) -> None:
    """A register that the board does not fill, beside cells of which none has 0 V."""
    known = {**kind.known, kind.stated["average_voltage"]: 0}
    bms = battery(kind._replace(known=known), 80, silence)
    range_ = bms.get_cell_voltage_range()
    assert "average_voltage" not in range_
    assert "delta_voltage" in range_
    assert bms.unusable == {}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("blank", [b"\0", b"\xff"])
@pytest.mark.parametrize("piece", range(8))
def test_a_blank_piece_is_asked_for_again(kind: Kind, blank: bytes, piece: int) -> None:
    """A board that wakes up: a piece of nothing but zeros would be MOSFETs that are off."""
    lively = {0x3B: 7, 0x41: 1} if kind.name == "p81" else {}
    kind = kind._replace(known={**kind.known, **lively})
    left = []

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        count = request[5]
        if count > 20:
            return [(0.04, refused(kind, 3))]
        left[:1], now = [], left[:1]
        body = bytes((kind.answers, 3, 2 * count)) + blank * 2 * count
        return [(0.04, body + crc(body) if now == [True] else whole(kind, request))]

    bms = attach(Script(answer), protocol=kind.name)
    expected: Any = bms.get_all()
    left += [False] * piece + [True]
    found: Any = bms.get_all()
    for name in ("soc", "mosfet_status"):
        assert found[name].items() <= expected[name].items()
        assert found[name].keys() & {"total_voltage", "charging_mosfet"}
