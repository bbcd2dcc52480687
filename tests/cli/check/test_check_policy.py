"""The options of `--check`: what they accept, refuse and amount to."""

from __future__ import annotations

import argparse

import pytest

from dalybms.cli import without
from dalybms.cli.check.metrics import LABELS
from dalybms.cli.check.nagios import CRITICAL, UNKNOWN, Range
from dalybms.cli.check.verdict import Policy, add_options, policy_of, without_check


def parse(*argv):
    parser = argparse.ArgumentParser()
    add_options(parser.add_argument_group("monitoring"))
    without.add_option(parser)
    return parser.parse_args(argv)


def refused(capsys, *argv):
    with pytest.raises(SystemExit):
        parse(*argv)
    return capsys.readouterr().err


def test_without_options_the_policy_is_the_default():
    policy = policy_of(parse("--check"))
    assert policy == Policy()
    assert policy.warning == {"soc": Range(20, float("inf"))}
    assert policy.critical == {"soc": Range(10, float("inf"))}
    assert policy.no_reply == CRITICAL


def test_every_option_reaches_the_policy():
    args = parse(
        *("--check", "-w", "soc=30:", "--warning", "temp_min=-5:45", "-c", "cell_12=2.8:3.6", "--all-cells"),
        *("--expect-charge", "any", "--expect-discharge", "off", "--cells", "16", "--sensors", "0"),
        *("--no-reply-state", "unknown"),
    )
    assert policy_of(args) == Policy(
        warning={"soc": Range.parse("30:"), "temp_min": Range(-5, 45)},
        critical={"soc": Range.parse("10:"), "cell_12": Range(2.8, 3.6)},
        all_cells=True,
        expect_charge="any",
        expect_discharge="off",
        cells=16,
        sensors=0,
        no_reply=UNKNOWN,
    )


@pytest.mark.parametrize(
    "argv", [["-w", "temp_min=-5:45"], ["-wtemp_min=-5:45"], ["--warning=temp_min=-5:45"]]
)
def test_negative_ranges_need_no_special_spelling(argv):
    assert policy_of(parse("--check", *argv)).warning["temp_min"] == Range(-5, 45)


@pytest.mark.parametrize("label", LABELS)
def test_every_metric_can_have_thresholds(label):
    policy = policy_of(parse("--check", "-w", f"{label}=1:2", "-c", f"{label}=~:3"))
    assert policy.warning[label] == Range(1, 2)
    assert policy.critical[label] == Range(-float("inf"), 3)


def test_a_wrong_metric_lists_the_right_ones(capsys):
    text = refused(capsys, "--check", "-w", "sok=20:")
    assert "no metric is named 'sok'" in text
    assert all(label in text for label in LABELS)
    assert "cell_1" in text


@pytest.mark.parametrize("label", ["cell_0", "cell_49", "cell_01", "cell_", "cell_1x", "SOC", ""])
def test_names_that_are_nearly_right_are_refused(capsys, label):
    assert "no metric is named" in refused(capsys, "--check", "-c", f"{label}=1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("soc", "write METRIC=RANGE"),
        ("soc=", "is no range"),
        ("soc=5:1", "above its end"),
        ("soc=a", "is no range"),
    ],
)
def test_bad_thresholds_say_what_is_wrong(capsys, text, reason):
    assert reason in refused(capsys, "--check", "-w", text)


@pytest.mark.parametrize(
    "argv",
    [
        ["--cells", "0"],
        ["--cells", "49"],
        ["--cells", "-1"],
        ["--cells", "x"],
        ["--cells", "²"],
        ["--sensors", "17"],
        ["--expect-charge", "maybe"],
        ["--no-reply-state", "ok"],
    ],
)
def test_bad_values_are_refused(capsys, argv):
    assert argv[0] in refused(capsys, "--check", *argv)


def test_a_single_cell_needs_all_cells():
    with pytest.raises(ValueError, match="--warning cell_3 needs --all-cells"):
        policy_of(parse("--check", "-w", "cell_3=3:"))


def test_two_ranges_for_one_metric_are_refused_instead_of_dropping_one():
    with pytest.raises(ValueError, match="--critical is given twice for voltage"):
        policy_of(parse("--check", "-c", "voltage=44:", "-c", "voltage=~:58"))


def test_check_options_without_check_are_named():
    given = without_check(parse("-w", "soc=1", "--all-cells", "--cells", "4", "--sensors", "0"))
    assert given == ["--warning", "--all-cells", "--cells", "--sensors"]
    assert without_check(parse("--check", "--all-cells")) == []
    assert without_check(parse()) == []


def test_what_is_left_out_reaches_the_policy_once_and_in_order():
    args = parse(
        "--check", *("--without", "balancing", "--without", "cell-voltage-range", "--without", "balancing")
    )
    assert policy_of(args).without == ("cell_voltage_range", "balancing_status")


@pytest.mark.parametrize("word", ["soc", "mosfet", "status", "cell-voltages", "errors"])
def test_a_verdict_cannot_do_without_what_it_rests_on(word):
    can = "only without cell-voltage-range, temperature-range, temperatures, balancing"
    with pytest.raises(ValueError, match=f"cannot do without {word}, {can}"):
        policy_of(parse("--check", "--without", word))


@pytest.mark.parametrize(
    ("word", "options", "named"),
    [
        ("cell-voltage-range", ["-w", "cell_min=2.8:"], "--warning cell_min"),
        ("cell-voltage-range", ["-c", "cell_max=~:3.6"], "--critical cell_max"),
        ("cell-voltage-range", ["-c", "soc=5:", "-c", "cell_delta=0.3"], "--critical cell_delta"),
        ("temperature-range", ["-w", "temp_min=0:"], "--warning temp_min"),
        ("temperature-range", ["-w", "temp_max=~:50"], "--warning temp_max"),
        ("temperatures", ["--sensors", "0"], "--sensors"),
    ],
)
def test_nothing_that_is_left_out_can_be_judged(word, options, named):
    with pytest.raises(ValueError, match=f"{named} and --without {word} contradict each other"):
        policy_of(parse("--check", "--without", word, *options))
    policy_of(parse("--check", *options))
    policy_of(parse("--check", "--without", "balancing", *options))
