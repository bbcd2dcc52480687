"""Ranges and numbers of the plugin guidelines; nagiosplugin, written by others, is the oracle."""

from __future__ import annotations

import math
import random

import nagiosplugin
import pytest
from check_grammar import NUMBER, RANGE, re
from hypothesis import given
from hypothesis import strategies as st

from dalybms.cli.check.nagios import (
    CRITICAL,
    OK,
    UNKNOWN,
    WARNING,
    Perf,
    Range,
    Verdict,
    number,
    plain,
    worst,
)

MEANINGLESS = {"", "@", ":", "@:"}
"""nagiosplugin takes these for 0 to infinity; the guidelines know no range without a number."""


def _random_text(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return "".join(rng.choice("0123456789.-:@~") for _ in range(rng.randint(0, 6)))
    ends = [f"{rng.uniform(-50, 50):.{rng.randint(0, 2)}f}" for _ in range(2)]
    start = rng.choice(["", "~:", ":", f"{ends[0]}:"])
    return rng.choice(["", "@"]) + start + rng.choice(["", ends[1]])


def _oracle(text: str) -> nagiosplugin.Range | None:
    try:
        return nagiosplugin.Range(text)
    except ValueError:
        return None


def _ours(text: str) -> Range | None:
    try:
        return Range.parse(text)
    except ValueError:
        return None


@pytest.mark.parametrize("seed", range(4))
def test_ranges_agree_with_nagiosplugin_on_generated_texts_and_values(seed):
    rng = random.Random(seed)
    accepted = 0
    for _ in range(20_000):
        text = _random_text(rng)
        theirs, ours = _oracle(text), _ours(text)
        assert (theirs is None) == (ours is None) or text in MEANINGLESS, text
        if theirs is None or ours is None:
            continue
        accepted += 1
        for value in (rng.uniform(-60, 60), ours.start, ours.end, 0, -0.0):
            assert ours.alerts(value) != theirs.match(value), (text, value)
        assert Range.parse(str(ours)) == ours, text
        assert re.fullmatch(RANGE, str(ours)), text
    assert accepted > 5_000


@pytest.mark.parametrize(
    ("text", "quiet", "alerting"),
    [
        ("10", [0, 5, 10], [-1, 10.1]),
        ("10:", [10, 1e9], [9.9, -1]),
        (":10", [0, 10], [-0.1, 11]),
        ("~:10", [-1e9, 10], [10.1]),
        ("10:20", [10, 15, 20], [9.9, 20.1]),
        ("@10:20", [9.9, 20.1], [10, 15, 20]),
        ("-5:45", [-5, 0, 45], [-5.1, 45.1]),
        ("@~:0", [0.1], [0, -7]),
        ("~:", [-1e9, 0, 1e9], []),
        ("0:", [0, 7], [-0.1]),
    ],
)
def test_ranges_of_the_guidelines(text, quiet, alerting):
    parsed = Range.parse(text)
    assert [value for value in quiet if parsed.alerts(value)] == []
    assert [value for value in alerting if not parsed.alerts(value)] == []


@pytest.mark.parametrize(
    "text",
    [
        *sorted(MEANINGLESS),
        *("~", "@~", "5:1", "abc", "1e3", "10,5", "1_0", "+5", "--5", "1:2:3", "@@1", "nan", "inf"),
        *("-", ".", "-:5", "٣", "10:~", "1:@5"),
        *(" 5", "5 ", "5\n", "9" * 400, f"{'9' * 400}:", f"0:{'9' * 31}"),
    ],
)
def test_what_is_no_range_is_refused_in_one_line(text):
    with pytest.raises(ValueError, match="is no range") as caught:
        Range.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value", "words"),
    [
        ("10:", 8, "below 10 %"),
        ("-5:45", 50, "above 45 %"),
        ("@10:20", 12, "within 10 to 20 %"),
        ("@~:20", 12, "not above 20 %"),
        ("@20:", 22, "not below 20 %"),
        ("@~:", 22, "never wanted"),
    ],
)
def test_an_alert_is_explained_in_words(text, value, words):
    parsed = Range.parse(text)
    assert parsed.alerts(value)
    assert parsed.describe(value, " %") == words


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (53.0, 3, "53"),
        (-12.3, 3, "-12.3"),
        (-0.0001, 3, "0"),
        (0.1 + 0.2, 3, "0.3"),
        (1e22, 3, "10000000000000000000000"),
        (1e-5, 3, "0"),
        (100, 0, "100"),
        (3.3119999999, 3, "3.312"),
    ],
)
def test_numbers_have_no_exponent_and_no_tail(value, digits, text):
    assert number(value, digits) == text


@given(st.floats(-1e6, 1e6), st.integers(0, 3))
def test_any_number_is_plain_text_and_means_itself(value, digits):
    text = number(value, digits)
    assert re.fullmatch(NUMBER, text)
    assert text != "-0"
    assert float(text) == pytest.approx(value, abs=0.51 * 10**-digits)


def test_worst_state_is_critical_then_warning_then_unknown():
    assert worst([OK, UNKNOWN, WARNING, CRITICAL]) == CRITICAL
    assert worst([OK, UNKNOWN, WARNING]) == WARNING
    assert worst([OK, UNKNOWN]) == UNKNOWN
    assert worst([OK]) == OK
    assert worst([]) == OK


def test_performance_data_has_thresholds_and_ends_and_no_empty_tail():
    ranges = Range.parse("20:"), Range.parse("10:")
    assert str(Perf("soc", 8.4, "%", *ranges, 0, 100)) == "soc=8.4%;20:;10:;0;100"
    assert str(Perf("voltage", 53.0, "V")) == "voltage=53V"
    assert str(Perf("temp_min", -4, "C", None, Range.parse("-10:60"))) == "temp_min=-4C;;-10:60"
    assert (
        str(Perf("cell_delta", 0.012, "V", Range.parse("@~:-.5"), minimum=0))
        == "cell_delta=0.012V;@~:-0.5;;0"
    )


@given(st.text())
def test_any_text_becomes_one_plain_line(text):
    line = plain(text)
    assert line.isascii()
    assert line.isprintable()
    assert "|" not in line


def test_more_lines_are_printed_only_when_asked_for():
    verdict = Verdict(0, "DALY OK - fine", ("one", "two"), "soc=1%")
    assert verdict.text() == "DALY OK - fine | soc=1%"
    assert verdict.text(verbose=True) == "DALY OK - fine | soc=1%\none\ntwo"
    assert Verdict(3, "DALY UNKNOWN - why").text() == "DALY UNKNOWN - why"


def test_infinity_never_reaches_a_printed_range():
    for text in ("~:", "5:", "@~:", "~:5"):
        assert str(Range.parse(text)) == text
    assert Range.parse("~:").start == -math.inf
