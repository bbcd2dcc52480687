"""A board that answers what it does not know with the bytes of its last reply."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from support import HEALTHY, Script, attach, reply

from dalybms import BadReply, DalyBMS

SINGLE = (0x90, 0x91, 0x92, 0x93, 0x94, 0x98)
"""Before 0x97 come the faults of a healthy pack: nothing but zeros, which 0x97 may have by right."""
SECTIONS = {
    0x90: "soc", 0x91: "cell_voltage_range", 0x92: "temperature_range", 0x93: "mosfet_status", 0x94: "status",
    0x97: "balancing_status", 0x98: "faults",
}  # fmt: skip
TEXT = b"".join(reply(0x62, bytes((n,)) + text) for n, text in ((1, b"11_2408"), (2, b"       ")))


def battery(unknown: int) -> DalyBMS:
    buffer = [b""]

    def answer(request: bytes, _: int) -> Iterable[tuple[float, bytes]]:
        if request[2] == unknown:
            return [(0.04, reply(unknown, buffer[0]))]
        frames = HEALTHY.get(request[2], b"")
        buffer[0] = frames[-9:-1] or buffer[0]
        return [(0.04, frames)]

    return attach(Script(answer), address=4)


@pytest.mark.parametrize("unknown", SINGLE)
def test_they_are_no_reading(unknown: int) -> None:
    """Nor later, when the reply before has but one or two bytes that are not 0."""
    healthy: Any = battery(0).read([*SECTIONS.values()])
    bms = battery(unknown)
    bms.get_all()
    for _ in range(2):
        found = bms.read([*SECTIONS.values()])
        assert isinstance(found.pop(SECTIONS[unknown]), BadReply)
        lost = {name for name, each in found.items() if isinstance(each, BadReply)}
        assert lost == ({"balancing_status"} if unknown == 0x94 else set())
        for name in found.keys() - lost:
            assert found[name] == healthy[name]


def test_it_is_said_why() -> None:
    bms = battery(0x98)
    bms.get_status()
    with pytest.raises(
        BadReply, match="faults that repeats the answer before cannot be: this board may lack"
    ):
        bms.get_faults()


def test_a_cell_that_is_too_high_and_balanced_is_none_of_that() -> None:
    """Faults and the mask of cells are the same eight bytes by right."""
    replies = {**HEALTHY, 0x98: reply(0x98, "01"), 0x97: reply(0x97, "01")}
    found: Any = attach(Script(lambda request, _: [(0.04, replies[request[2]])]), address=4).get_all()
    assert found["balancing_status"][1]
    assert found["errors"] == ["cell voltage too high (level 1)"]


def test_texts_may_end_in_the_same_blanks() -> None:
    other = b"".join(reply(0x63, bytes((n,)) + text) for n, text in ((1, b"BMS-ST1"), (2, b"       ")))
    replies = {**HEALTHY, 0x62: TEXT, 0x63: other}
    bms = attach(Script(lambda request, _: [(0.04, replies.get(request[2], b""))]), address=4)
    found = bms.read(["info"], ["software_version", "hardware_version"])["info"]
    assert found["hardware_version"] == "BMS-ST1"
