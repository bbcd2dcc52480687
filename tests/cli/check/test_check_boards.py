"""`--check --board 1,2,3`: each board named, the worst state wins."""

from __future__ import annotations

from typing import Any

import pytest
from check_grammar import take_apart
from monitoring import check as process

from dalybms import open_cable
from dalybms.cli.check.boards import Board, verdict_of
from dalybms.cli.check.findings import SECTIONS
from dalybms.cli.check.nagios import CRITICAL, OK, UNKNOWN, WARNING, Range
from dalybms.cli.check.policy import DEFAULT, Policy
from dalybms.cli.main import main
from dalybms.errors import DalyError, NoReply, TransportError


def boards(device: str = "demo:?boards=3", numbers: tuple[int, ...] = (1, 2, 3)) -> dict[int, Any]:
    with open_cable(device) as cable:
        return {number: Board(cable.board(number).read(SECTIONS)) for number in numbers}


@pytest.fixture(scope="module")
def healthy() -> dict[int, Any]:
    return boards()


def test_healthy_boards_are_ok_and_their_values_are_told_apart(healthy: dict[int, Any]) -> None:
    told = verdict_of(healthy, DEFAULT)
    assert told.code == OK
    assert told.first_line == (
        "DALY OK - board 1 SOC 76.5 %, 53 V, 12.3 A; board 2 SOC 76.4 %, 53.2 V, 12.3 A; "
        "board 3 SOC 76.3 %, 53.3 V, 12.3 A"
    )
    labels = [part.split("=")[0] for part in told.perfdata.split(" ")]
    assert len(labels) == len(set(labels)) == 33
    assert {"b1_soc", "b2_soc", "b3_soc"} <= set(labels)
    assert "b2_soc=76.4%;20:;10:;0;100" in told.perfdata
    take_apart(told.text())


def test_thresholds_hold_for_each_board(healthy: dict[int, Any]) -> None:
    policy = Policy(warning={"soc": Range.parse("76.4:")})
    told = verdict_of(healthy, policy)
    assert told.code == WARNING
    assert "board 3: soc 76.3 % below 76.4 %" in told.first_line
    assert "board 2: soc" not in told.first_line


def test_the_worst_board_wins_and_comes_first(healthy: dict[int, Any]) -> None:
    ill = boards("demo:?board=2&soc=5&charge_mosfet=0", (2,))
    told = verdict_of({**healthy, **ill}, DEFAULT)
    assert told.code == CRITICAL
    assert told.first_line.startswith(
        "DALY CRITICAL - board 2: soc 5 % below 10 %; board 2: charge MOSFET off; board 1 SOC"
    )


@pytest.mark.parametrize(
    ("error", "policy", "state"),
    [
        (NoReply("no answer"), DEFAULT, CRITICAL),
        (NoReply("no answer"), Policy(no_reply=UNKNOWN), UNKNOWN),
        (TransportError("unplugged"), DEFAULT, UNKNOWN),
        (DalyError("not finished within 10 s"), DEFAULT, UNKNOWN),
    ],
)
def test_a_board_that_failed_is_named_and_the_others_are_judged(
    healthy: dict[int, Any], error: DalyError, policy: Policy, state: int
) -> None:
    told = verdict_of({**healthy, 2: error}, policy)
    assert told.code == state
    assert f"board 2: {error}" in told.first_line
    assert "board 3 SOC 76.3 %" in told.first_line
    assert "b2_" not in told.perfdata
    take_apart(told.text(verbose=True))
    low = Policy(critical={"soc": Range.parse("90:")}, no_reply=UNKNOWN)
    assert verdict_of({**healthy, 2: error}, low).code == CRITICAL


def test_nothing_but_failures_has_no_values() -> None:
    told = verdict_of({1: NoReply("silence"), 2: TransportError("gone")}, DEFAULT)
    assert told.code == CRITICAL
    assert told.first_line == "DALY CRITICAL - board 1: silence; board 2: gone"
    assert told.perfdata == ""


def test_what_is_left_out_is_told_with_its_board(healthy: dict[int, Any]) -> None:
    odd = {2: healthy[2]._replace(left_out={"soc.current": "current of -3000 A cannot be"})}
    told = verdict_of({**healthy, **odd}, DEFAULT)
    assert told.code == UNKNOWN
    assert "board 2: current of -3000 A cannot be" in told.first_line


def test_verbose_has_every_section_of_every_board(healthy: dict[int, Any]) -> None:
    lines = verdict_of(healthy, DEFAULT).more_lines
    for number in healthy:
        assert [line for line in lines if line.startswith(f"board {number}: soc: total_voltage")]
    assert len(lines) == len(healthy) * len(SECTIONS)


def check(capsys: Any, *arguments: str) -> tuple[int, str]:
    code = main(["--check", *arguments])
    out, err = capsys.readouterr()
    assert err == ""
    take_apart(out)
    return code, out


def test_the_option_reaches_the_boards(capsys: Any) -> None:
    code, out = check(capsys, "-d", "demo:?boards=3", "--board", "1,3")
    assert code == OK
    assert "b1_soc=76.5%" in out
    assert "b3_soc=76.3%" in out
    assert "b2_" not in out
    code, out = check(capsys, "-d", "demo:?boards=3", "--board", "2")
    assert code == OK
    assert "| soc=76.4%" in out


def test_a_board_that_has_vanished_is_critical(capsys: Any) -> None:
    code, out = check(
        capsys, "-d", "demo:?boards=2", "--board", "1,2,3", "--reply-timeout", "0.02", "--retry", "1"
    )
    assert code == CRITICAL
    assert "board 3: no answer" in out
    assert "b1_soc" in out


def test_all_is_refused_because_a_vanished_pack_would_be_ok(capsys: Any) -> None:
    code, out = check(capsys, "-d", "demo:?boards=3", "--board", "all")
    assert code == UNKNOWN
    assert "name the numbers" in out


def test_the_time_limit_hides_nothing_of_the_boards_that_were_read(capsys: Any) -> None:
    code, out = check(capsys, "-d", "demo:?soc=5", "--board", "1,7", "-t", "2")
    assert code == CRITICAL
    assert "board 1: soc 5 % below 10 %" in out
    assert "board 7: not finished within 2 s" in out


@pytest.mark.parametrize("board", ["1,1", "1,17", "x"])
def test_wrong_numbers_are_unknown(capsys: Any, board: str) -> None:
    assert check(capsys, "-d", "demo:", "--board", board)[0] == UNKNOWN


@pytest.mark.alone
def test_a_fault_of_a_board_that_is_too_slow_is_told() -> None:
    device = "demo:?paced=1&latency=300&alarms=0200000000000000;board=2&latency=300"
    result = process(device, "--board", "1,2", "-t", "2")
    assert result.code == 2, result
    assert result.output.text.startswith("board 1: cell voltage too high (level 2)")
    assert "not finished within 2 s" in result.output.text
