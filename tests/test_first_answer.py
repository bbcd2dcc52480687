"""How soon a healthy board is found, and what one lost reply costs: in virtual time, over a paced line."""

from __future__ import annotations

from typing import Any

import pytest
from support import HEALTHY, Script, attach, talk

from dalybms import BadReply, DalyBMS, DalyBMSBluetooth, NoReply
from dalybms.emulator.options import build
from dalybms.protocols.modbus.frame import crc

WIRE = {"a5": 0.8, "host=40": 0.8, "host=80": 0.8, "protocol=p81": 0.8, "protocol=d2": 0.8}
RADIO = {"protocol=d2": 0.8, "protocol=p81": 0.8, "host=80": 1.0, "host=40": 1.4}
DEAREST = {DalyBMS: 0.7, DalyBMSBluetooth: 1.5}
LATENCY = {DalyBMS: 25, DalyBMSBluetooth: 220}
CASES = [(DalyBMS, board) for board in WIRE] + [(DalyBMSBluetooth, board) for board in RADIO]


SINOWEALTH = "protocol=sinowealth"
LOSSES = [*CASES, (DalyBMS, SINOWEALTH)]


def battery(kind: type[DalyBMS], board: str) -> DalyBMS:
    """Sinowealth boards are only read where they are named."""
    return kind(protocol="sinowealth" if board == SINOWEALTH else "auto")


def line_of(kind: type[DalyBMS], board: str) -> Any:
    return build(f"{'' if board == 'a5' else board}&paced=1&latency={LATENCY[kind]}")


def seconds(bms: DalyBMS, section: str = "all") -> float:
    began = bms.clock.now  # type: ignore[attr-defined]
    getattr(bms, f"get_{section}")()
    return float(bms.clock.now - began)  # type: ignore[attr-defined]


def forget(line: Any, lost: int) -> list[bytes]:
    """From now on the reply to request number `lost` (from 0) is lost; gives the list of all requests."""
    write, take, sent = line.write, line.take, []

    def noted(data: bytes, now: float) -> None:
        sent.append(data)
        write(data, now)

    def answered() -> int:
        return int(line.requests)

    def forgetful(now: float) -> bytes:
        data: bytes = take(now)
        return b"" if answered() == lost + 1 else data

    line.write, line.take = noted, forgetful
    return sent


@pytest.mark.parametrize("section", ["soc", "all", "info", "cell_voltages", "errors"])
@pytest.mark.parametrize(("kind", "board"), CASES)
def test_a_healthy_board_is_found_at_once(kind: type[DalyBMS], board: str, section: str) -> None:
    """The time of the first answer, beside that of the same reading from a board that is known."""
    bms = attach(line_of(kind, board), kind())
    first = seconds(bms, "soc")
    assert first <= (WIRE if kind is DalyBMS else RADIO)[board]
    known = seconds(bms, section)
    fresh = seconds(attach(line_of(kind, board), kind()), section)
    assert fresh <= first + known + 0.1


@pytest.mark.parametrize("sections", ["soc", "status", "cell_voltages", "balancing_status", "all"])
@pytest.mark.parametrize(("kind", "board"), LOSSES)
def test_one_lost_reply_costs_little_wherever_it_falls(
    kind: type[DalyBMS], board: str, sections: str
) -> None:
    if board == SINOWEALTH and sections == "balancing_status":
        return  # it does not say
    line = line_of(kind, board)
    healthy = seconds(attach(line, battery(kind, board)), sections)
    for lost in range(line.requests):
        spoilt = line_of(kind, board)
        forget(spoilt, lost)
        assert seconds(attach(spoilt, battery(kind, board)), sections) - healthy <= DEAREST[kind], lost


@pytest.mark.parametrize(("kind", "board"), LOSSES)
def test_one_lost_reply_costs_little_later(kind: type[DalyBMS], board: str) -> None:
    bms = attach(line_of(kind, board), battery(kind, board))
    bms.get_all()
    healthy, line = seconds(bms), bms._link._transport.line  # type: ignore[union-attr]
    count = line.requests // 2
    for lost in range(count):
        again = attach(line_of(kind, board), battery(kind, board))
        again.get_all()
        spoilt = again._link._transport.line  # type: ignore[union-attr]
        forget(spoilt, spoilt.requests + lost)
        assert seconds(again) - healthy <= DEAREST[kind], lost


@pytest.mark.parametrize("options", [{}, {"timeout": 0.3}, {"timeout": 2}])
def test_no_a5_byte_comes_early_over_bluetooth(options: dict[str, Any]) -> None:
    script = Script(lambda *_: [])
    with pytest.raises(NoReply):
        attach(script, DalyBMSBluetooth(**options)).get_soc()
    first = next(at for at, request in script.sent if request[0] == 0xA5)
    assert first - script.sent[0][0] >= 0.7 - 1e-9


def test_no_a5_byte_comes_early_where_others_answer_at_once_with_nothing() -> None:
    """A register block of one repeated byte proves nothing: the next candidates follow at once, but A5."""
    nothing = {0xD2: bytes.fromhex("d2037c") + b"\xff" * 124, 0x81: bytes.fromhex("510380") + b"\xff" * 128}
    script = Script(
        lambda request, _: (
            [(0.05, nothing[request[0]] + crc(nothing[request[0]]))] if request[0] in nothing else []
        )
    )
    bms = attach(script, DalyBMSBluetooth())
    with pytest.raises(BadReply, match="nothing but ff"):
        bms.get_soc()
    first = next(at for at, request in script.sent if request[0] == 0xA5)
    assert first - script.sent[0][0] >= 0.7 - 1e-9


@pytest.mark.parametrize("timeout", [0.02, 0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("retries", [1, 3, 5])
@pytest.mark.parametrize("board", RADIO)
def test_every_protocol_is_asked_however_short_the_silence(board: str, retries: int, timeout: float) -> None:
    """A5 waits for its turn over Bluetooth, and what is left of the patience until then is enough for it."""
    line = build(f"{board}&paced=1&latency=15")
    bms = attach(line, DalyBMSBluetooth(timeout=timeout, request_retries=retries))
    assert seconds(bms, "soc") <= RADIO[board]
    silent = Script(lambda *_: [])
    with pytest.raises(NoReply):
        attach(silent, DalyBMSBluetooth(timeout=timeout, request_retries=retries)).get_soc()
    assert {request[:2] for request in silent.requests if request[0] == 0xA5} == {b"\xa5\x80", b"\xa5\x40"}
    assert silent.clock.now - 100 <= 6.4  # type: ignore[attr-defined]


@pytest.mark.parametrize(("kind", "limit"), [(DalyBMS, 5.0), (DalyBMSBluetooth, 6.4)])
@pytest.mark.parametrize("retries", [0, 1, 3, 5, 100])
def test_a_silent_line_ends_in_time(kind: type[DalyBMS], limit: float, retries: int) -> None:
    for protocol in ("auto", "a5", "d2", "p81", "sinowealth"):
        bms = attach(Script(lambda *_: []), kind(request_retries=retries, protocol=protocol))
        began = bms.clock.now  # type: ignore[attr-defined]
        with pytest.raises(NoReply):
            bms.get_all()
        assert bms.clock.now - began <= limit  # type: ignore[attr-defined]


def rounds(script: Script) -> list[tuple[int, float]]:
    """The first byte of each request, and how long it was waited for an answer."""
    times = [at for at, _ in script.sent]
    return [(request[0], later - at) for (at, request), later in zip(script.sent, times[1:])]


def test_two_rounds_are_brief_the_third_is_patient_and_a_brief_one_backwards_follows() -> None:
    """So each is asked once more before the patience with a silent line ends."""
    script = Script(lambda *_: [])
    with pytest.raises(NoReply):
        attach(script).get_soc()
    assert [first for first, _ in rounds(script)[:8]] == [0xA5, 0xA5, 0x81, 0xD2] * 2
    waits = [wait for _, wait in rounds(script)]
    assert waits[:8] == pytest.approx([0.15] * 8)
    assert waits[8:12] == pytest.approx([0.5] * 4)
    assert waits[12:15] == pytest.approx([0.15] * 3)
    assert [first for first, _ in rounds(script)[8:16]] == [0xA5, 0xA5, 0x81, 0xD2, 0xD2, 0x81, 0xA5]


def test_without_repeats_the_only_round_is_patient() -> None:
    script = Script(lambda *_: [])
    with pytest.raises(NoReply):
        attach(script, request_retries=0).get_soc()
    assert [wait for _, wait in rounds(script)] == pytest.approx([0.5] * 3)


def test_without_repeats_a_board_that_lacks_the_first_question_is_found_by_another() -> None:
    """Of several sections; no question goes out twice, and none but those is a question more."""
    lacking = talk({code: reply for code, reply in HEALTHY.items() if code != 0x90})
    everything = attach(lacking, request_retries=0).get_all()
    assert everything["status"]["cells"] == 16  # type: ignore[typeddict-item]
    assert "soc" in everything
    silent = Script(lambda *_: [])
    with pytest.raises(NoReply, match="nothing was repeated"):
        attach(silent, request_retries=0).get_all()
    requests = [request for _, request in silent.sent]
    assert len(requests) == len(set(requests)) == 6
    assert [first for first, *_ in requests] == [0xA5, 0xA5, 0x81, 0xD2, 0xA5, 0xA5]


def test_a_single_candidate_is_always_waited_for() -> None:
    script = Script(lambda *_: [])
    with pytest.raises(NoReply):
        attach(script, protocol="d2").get_soc()
    assert [wait for _, wait in rounds(script)] == pytest.approx([0.5] * 3)


@pytest.mark.parametrize("latency", [100, 200, 300, 400, 600])
@pytest.mark.parametrize("board", WIRE)
def test_a_late_answer_counts_for_the_one_who_gave_it(board: str, latency: int) -> None:
    """It comes while another candidate is asked, and is never taken for that one's."""
    options = "" if board == "a5" else board
    bms = attach(build(f"{options}&paced=1&latency={latency}"), request_retries=5)
    protocol = bms.get_info()["protocol"]
    assert protocol == (board.partition("protocol=")[2] or "a5")
    quick = attach(build(options), protocol=protocol).get_all()
    slow = dict(bms.get_all())
    for section, reading in slow.items():
        true: Any = quick[section]  # type: ignore[literal-required]
        if section != "mosfet_status":  # what a board may lack is not waited for
            assert reading == (true if isinstance(true, list) else {key: true[key] for key in reading})


def test_the_host_that_was_answered_late_is_found_out() -> None:
    """The answer to 0x40 comes while 0x80 is asked; no frame says whom it is for."""
    healthy = talk(HEALTHY, hosts=(0x40,))
    script = Script(
        lambda request, n: (
            [(0.2, piece) for _, piece in healthy._answer(request, n)] if request[0] == 0xA5 else []
        )
    )
    bms = attach(script)
    bms.get_all()
    bms.get_all()
    hosts = [request[1] for request in script.requests]
    assert hosts[-9:] == [0x40] * 9
    assert hosts[2:].count(0x80) <= 2
