"""The packs and boards that options describe."""

from __future__ import annotations

from typing import Any

from dalybms.emulator.a5.board import A5Board
from dalybms.emulator.board import Board
from dalybms.emulator.conduct import USUAL, Conduct
from dalybms.emulator.mixed import MixedBoard
from dalybms.emulator.modbus.d2 import D2Board
from dalybms.emulator.modbus.p81 import P81Board
from dalybms.emulator.pack import Pack
from dalybms.emulator.sinowealth import SinowealthBoard

Values = dict[str, Any]
"""The options of one part of the text, by name, as raw values."""
_USUAL_AMPERES = 12.3


def make_board(values: Values, number: int, others: int, before: int) -> Board:
    """The board `number`, with `others` of the same part before it and `before` on the line."""
    pack, conduct = _pack(values, others, before), _conduct(values)
    protocols = protocols_of(values)
    tongues = [_tongue(protocol, pack, number, values, conduct) for protocol in protocols]
    return tongues[0] if len(tongues) == 1 else MixedBoard(tongues, conduct)


def protocols_of(values: Values) -> list[str]:
    """What the board speaks."""
    protocols: list[str] = values.get("protocol", ["a5"])
    return protocols


def _tongue(protocol: str, pack: Pack, number: int, values: Values, conduct: Conduct) -> Board:
    unsupported, absent = values.get("unsupported", ()), values.get("absent", ())
    if protocol == "d2":
        return D2Board(pack, unsupported, absent, conduct)
    if protocol == "p81":
        lacks = () if "d2" in protocols_of(values) else absent
        return P81Board(pack, number, unsupported, lacks, conduct)
    if protocol == "sinowealth":
        return SinowealthBoard(pack, unsupported, conduct)
    return A5Board(
        pack,
        number,
        hosts=values.get("host"),
        style=values.get("style", "exact"),
        leftover=values.get("leftover", False),
        unsupported=unsupported,
        conduct=conduct,
    )


def _conduct(values: Values) -> Conduct:
    conduct: Conduct = values.get("write", USUAL)
    names = ("restart", "discharge_off", "awake", "own_latency", "deaf", "deaf_rate")
    given = {name.replace("own_", ""): values[name] for name in names if name in values}
    return conduct._replace(**given)


def _pack(values: Values, others: int, before: int) -> Pack:
    """Each pack has its own values, so that a mix-up shows: the usual ones count up along the line, given
    ones along their part."""
    protocols = protocols_of(values)
    cells, sensors = (4, 2) if protocols == ["sinowealth"] else (16, 4)
    pack = Pack(values.get("cells", cells), values.get("sensors", sensors))
    more = others if "cell" in values else before
    pack.cells = [millivolts + 10 * more for millivolts in _filled(values.get("cell"), pack.cells)]
    raws, more = (
        _filled(values.get("temperature"), pack.sensors),
        others if "temperature" in values else before,
    )
    pack.sensors = [raw if raw in (0, 255) else raw + more for raw in raws]
    pack.voltage = round(sum(pack.cells) / 100)
    pack.set_soc(values.get("soc", pack.soc - before))
    pack.charge_switch = int(values.get("charge_mosfet", True))
    pack.discharge_switch = int(values.get("discharge_mosfet", True))
    for mosfet, state in values.get("hold", {}).items():
        setattr(pack, f"{mosfet}_held", state)
    pack.cycles = values.get("cycles", pack.cycles + before)
    pack.heartbeat += 50 * before
    pack.balancing = sum({1 << cell - 1 for cell in values.get("balancing", ())})
    pack.balance_numbers = values.get("layout") == "number"
    pack.clock_set = values.get("clock")
    pack.hardware = values.get("hardware", pack.hardware)
    _set_alarms(pack, values.get("alarms", bytes(8)))
    discharge = 1 if protocols == ["a5"] else -1
    _set_current(pack, values.get("current", discharge * _USUAL_AMPERES), discharge)
    return pack


def _filled(given: list[int] | None, usual: list[int]) -> list[int]:
    """`given` repeated to the length of `usual`; a longer list counts as it is."""
    if not given:
        return usual
    return given if len(given) > 1 else given * len(usual)


def _set_alarms(pack: Pack, data: bytes) -> None:
    pack.faults = data
    pack.alarm_words = [int.from_bytes(data[at : at + 2], "big") for at in (0, 2, 4, 6)]
    pack.battery_status = pack.alarm_words[0]


def _set_current(pack: Pack, amperes: float, discharge: int) -> None:
    pack.current = 30000 + round(10 * amperes)
    pack.current_ma = round(1000 * amperes)
    pack.power = round(abs(amperes) * pack.voltage / 10)
    pack.state = 0 if pack.current == 30000 else 2 if amperes * discharge > 0 else 1
