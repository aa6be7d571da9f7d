"""Claims on records made by hand: what they refuse, how they read, when they hold."""

import math

import pytest

from entitybench.claims import (
    Arm,
    Average,
    Best,
    Check,
    Claim,
    Correlation,
    Diagnostic,
    Difference,
    Fisher,
    Mean,
    Measured,
    Ratio,
    Share,
    SignTest,
    Some,
    Spread,
    StepsTo,
    Training,
)
from entitybench.errors import BadValue, UnknownId
from entitybench.leaderboard.claims.quantities import Results
from entitybench.leaderboard.claims.verdicts import judge
from tests.support.claim_cases import record

A, B = Mean("a", "success"), Mean("b", "success")


def shares(share, *, agent="a", seeds=5):
    """`share` of 20 episodes succeed in every training seed, one more in seed 1."""
    solved = [round(20 * share) + (seed == 1 and 0 < share < 1) for seed in range(seeds)]
    return record({"success": [[e < n for e in range(20)] for n in solved]}, agent=agent)


def claim(*checks, names="ab", **changes):
    arms = tuple(Arm(name, name, "here") for name in names)
    settings = {"name": "c", "method": "m", "statement": "s", "published": "p", "arms": arms}
    return Claim(**{**settings, "checks": checks, **changes})


def verdict(*checks, names="ab", **records):
    return judge(claim(*checks, names=names), Results(records))


@pytest.mark.parametrize(
    ("check", "a", "b", "holds"),
    [
        (Check(Ratio(A, B), at_least=1.6), 0.8, 0.4, True),
        (Check(Ratio(A, B), at_least=2.1), 0.8, 0.4, False),
        (Check(Ratio(A, B), at_least=1.6), 0.8, 0.0, True),
        (Check(Ratio(A, B), at_least=1.6), 0.0, 0.0, False),
        (Check(Ratio(A, B), at_most=1.6), 0.0, 0.0, False),
        (Check(Difference(A, B), at_least=0, by="interval"), 0.5, 0.4, True),
        (Check(Difference(A, B), at_least=0, by="interval"), 0.4, 0.4, False),
        (Check(Difference(A, B), at_least=0, by="interval"), 0.4, 0.5, False),
        (Check(Difference(A, B), at_most=0, by="interval"), 0.4, 0.5, True),
        (Check(Difference(A, B), at_least=-0.1, at_most=0.1), 0.5, 0.45, True),
        (Check(Difference(A, B), at_least=-0.1, at_most=0.1), 0.45, 0.8, False),
        (Check(A, at_least=0.8), 0.8, 0.5, True),
        (Check(A, at_least=0.8), 0.7, 0.5, False),
        (Check(B, at_least=0.15, at_most=0.6), 0.9, 0.5, True),
        (Check(B, at_least=0.15, at_most=0.6), 0.9, 0.1, False),
        (Check(A, at_least=0.5, by="every seed"), 0.5, 0.1, True),
        (Check(A, at_least=0.51, by="every seed"), 0.5, 0.1, False),  # the mean is 0.51
        (Check(A, at_least=0.51), 0.5, 0.1, True),
        (Check(A, at_least=0.4, at_most=0.62, by="interval"), 0.5, 0.1, True),
        (Check(A, at_least=0.4, at_most=0.6, by="interval"), 0.5, 0.1, False),
        (Check(A, at_least=0.5, at_most=0.62, by="interval"), 0.5, 0.1, False),
    ],
)
def test_when_a_check_holds(check, a, b, holds):
    found = verdict(check, a=shares(a), b=shares(b, agent="b"))
    assert found.holds is holds
    assert found.findings[0].holds is holds


def test_all_required_checks_must_hold_and_others_are_no_part_of_it():
    yes, no = Check(A, at_least=0.1), Check(A, at_least=0.9)
    extra = Check(A, at_least=0.9, required=False)
    one = {"names": "a", "a": shares(0.5)}
    assert verdict(yes, **one).word == "holds"
    assert verdict(yes, extra, **one).word == "holds"
    assert verdict(yes, no, **one).word == "does not hold"
    assert verdict(extra, **one).word == "reported"


def test_some_of_several():
    checks = tuple(Check(A, at_least=bound) for bound in (0.1, 0.3, 0.9))
    found = verdict(Some(2, of=checks), names="a", a=shares(0.5)).findings[0]
    assert found.holds is True
    assert found.says == "at least 2 of 3: success(a) ≥ 10; success(a) ≥ 30; success(a) ≥ 90"
    assert found.shown.startswith("2 of 3: yes, 51.0 [")
    assert found.value == 2
    assert verdict(Some(3, of=checks), names="a", a=shares(0.5)).holds is False
    aside = Some(3, of=checks, required=False, why="reported")
    assert verdict(aside, names="a", a=shares(0.5)).word == "reported"


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (Check(Ratio(A, B), at_least=1.3), "success(a) / success(b) ≥ 1.3"),
        (Check(Difference(A, B), at_least=-0.1, at_most=0.1), "|success(a) − success(b)| ≤ 10"),
        (
            Check(Difference(A, B), at_least=0, by="interval"),
            "95 % interval of success(a) − success(b) above 0",
        ),
        (
            Check(Difference(A, B), at_most=0.05, by="interval"),
            "95 % interval of success(a) − success(b) below 5",
        ),
        (
            Check(A, at_least=0.1, at_most=0.2, by="interval"),
            "95 % interval of success(a) between 10 and 20",
        ),
        (Check(A, at_least=0.4, by="every seed"), "in every training seed success(a) ≥ 40"),
        (
            Check(Ratio(Difference(A, B), B), at_most=2),
            "(success(a) − success(b)) / success(b) ≤ 2",
        ),
        (
            Check(Difference(Average((A, B)), Best((A, B))), at_least=0.05),
            "average(success(a), success(b)) − highest(success(a), success(b)) ≥ 5",
        ),
        (Check(Best((A, B), lower=True), at_most=0.5), "lowest(success(a), success(b)) ≤ 50"),
        (Check(Ratio(Spread(A), Spread(B)), at_most=1), "sd(success(a)) / sd(success(b)) ≤ 1"),
        (Check(Share(A, 0.5), at_least=0.9), "share of training seeds with success(a) > 0.5 ≥ 90"),
        (
            Check(Correlation(A, B, rank=True), at_most=0),
            "rank correlation(success(a), success(b)) ≤ 0",
        ),
        (Check(SignTest(((A, B),)), at_most=0.05), "p(sign test, success(a) > success(b)) ≤ 0.05"),
        (
            Check(Fisher(A, B, above=0.5), at_most=0.05),
            "p(Fisher, success(a) > 0.5 more often than success(b)) ≤ 0.05",
        ),
    ],
)
def test_the_inequality_is_said_from_what_is_judged(check, says):
    found = verdict(check, a=shares(0.5), b=shares(0.4, agent="b"))
    assert found.findings[0].says == says


def test_other_quantities_read_as_what_they_are():
    assert str(Training("a", "max_q", "max")) == "max(max_q, a)"
    assert str(Training("a", "success", StepsTo(0.5))) == "steps_to_0.5(success, a)"
    assert str(Diagnostic("a", "changed")) == "changed(a)"
    assert str(Measured("method.units:residual", ("a",))) == "residual(a)"


def test_every_seed_shows_every_seed():
    found = verdict(Check(A, at_least=0.4, by="every seed"), names="a", a=shares(0.5, seeds=2))
    assert found.findings[0].shown.endswith("(by training seed 50.0, 55.0)")


def test_a_seed_without_a_value_does_not_hold_in_every_seed():
    a = record({"success": [[1.0], [math.nan]]})
    found = verdict(Check(A, at_least=0.1, by="every seed"), names="a", a=a).findings[0]
    assert found.holds is False
    assert "no value in training seed 1" in found.shown


def test_no_interval_is_within_no_bounds():
    check = Check(Diagnostic("a", "changed"), at_least=0, by="interval")
    found = verdict(check, names="a", a=record(diagnostics=[{"changed": 3.0}])).findings[0]
    assert (found.holds, found.low) == (False, None)
    assert found.shown == "3.00 [–] (no interval: there is one value)"


def test_what_the_results_do_not_hold_is_said_in_the_finding():
    check = Check(Ratio(Diagnostic("a", "changed"), Diagnostic("b", "changed")), at_most=0.6)
    found = verdict(check, a=record(diagnostics=[{"changed": 1.0}]), b=record(agent="b"))
    assert found.holds is False
    assert found.findings[0].shown == "undefined: the record of b has no diagnostic 'changed'"
    assert found.ours == "changed: a 1.00"


def test_what_is_shown_of_every_arm():
    records = {"a": shares(0.5), "b": shares(0.4, agent="b")}
    assert verdict(Check(A, at_least=0.1), **records).ours == (
        "a 51.0 [40.8, 61.1] %, b 41.0 [31.3, 51.3] %"
    )
    both = {
        name: record({"success": [[1.0, 1.0]], "score": [[2.0, 4.0]]}, agent=name) for name in "ab"
    }
    found = verdict(Check(Mean("a", "score"), at_least=0), **both)
    assert found.ours == "score: a 3.0 [-9.7, 15.7], b 3.0 [-9.7, 15.7]"


def test_a_claim_on_several_tasks_names_them():
    arms = (Arm("a", "x", "one"), Arm("b", "x", "two"))
    found = judge(
        claim(Check(A, at_least=0.1), arms=arms),
        Results({"a": shares(0.5), "b": shares(0.4)}),
    )
    assert (found.task, found.training_seeds, found.episodes) == ("one, two", 5, 20)


def test_a_claim_without_arms():
    unit = Measured("method.units:residual")
    found = judge(
        claim(Check(unit, at_most=0.1, by="every seed"), names=""),
        Results({}, {}, {unit: {0: 0.01, 1: 0.03}}),
    )
    assert (found.holds, found.training_seeds, found.task) == (True, 5, "")
    assert found.ours == "residual() 0.02 [-0.11, 0.15]"
    assert found.findings[0].shown == "0.02 [-0.11, 0.15] (by training seed 0.01, 0.03)"
    found = judge(
        claim(Check(unit, at_most=0.1, by="every seed"), names=""),
        Results({}, {}, {unit: {0: 3.41e-4, 1: 3.6e-4}}),
    )
    assert found.ours == "residual() 0.000351 [0.00023, 0.000471]"
    assert found.findings[0].shown.endswith("(by training seed 0.000341, 0.00036)")
    found = judge(
        claim(Check(unit, at_most=0.1, by="every seed"), names=""),
        Results({}, {}, {unit: {0: 0.0, 1: 0.0041}}),
    )
    assert found.ours == "residual() 0.00205 [-0.02, 0.03]"
    assert found.findings[0].shown.endswith("(by training seed 0.00, 0.0041)")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Check(A), "has no bound: give at_least or at_most"),
        (lambda: Check("success", at_least=1), "a check is of a quantity.*'success'"),
        (lambda: Check(A, at_least=2, at_most=1), r"no success\(a\) is at least 2, at most 1"),
        (lambda: Check(A, at_least=math.nan), "finite number: got nan"),
        (lambda: Check(A, at_least=True), "finite number: got True"),
        (lambda: Check(A, at_least=1, by="seeds"), "unknown way to judge by 'seeds'"),
        (lambda: Check(Spread(A), at_most=1, by="interval"), "cannot be by 'interval'"),
        (lambda: Check(Ratio(SignTest(((A, B),)), A), at_most=1, by="every seed"), "one number"),
        (lambda: Ratio("a", "b"), "Ratio is of quantities: got 'a'"),
        (lambda: Best(()), "Best needs at least one quantity"),
        (lambda: Average([A, B]), "Average is of quantities"),
        (lambda: SignTest(((A,),)), "SignTest is of pairs"),
        (lambda: Mean(A, "success"), "arm of Mean is a name"),
        (lambda: Training("a", "loss", "first"), "Training takes 'last', 'max'.*got 'first'"),
        (lambda: Measured("residual"), "Measured names 'module:function': got 'residual'"),
        (lambda: Some(3, of=(Check(A, at_least=1),)), "3 of 1 checks cannot hold"),
        (lambda: Some(1, of=(A,)), "Some is of checks"),
        (lambda: claim(), "has no check"),
        (lambda: claim(Check(A, at_least=1), presets=()), "has no preset"),
        (lambda: claim(Check(A, at_least=1), training_seeds=0), "training_seeds of claim 'c'"),
        (lambda: claim(Check(A, at_least=1), names="aa"), "has two arms 'a'"),
        (lambda: claim(Check(A, at_least=1), names="bc"), "unknown arm in claim 'c' of 'm' 'a'"),
        (
            lambda: claim(Some(1, of=(Check(Difference(B, A), at_least=1),)), names="b"),
            "unknown arm in claim 'c' of 'm' 'a'",
        ),
        (
            lambda: claim(Check(Measured("m:f", ("d",)), at_least=1)),
            "unknown arm in claim 'c' of 'm' 'd'",
        ),
    ],
)
def test_claims_that_cannot_be(make, says):
    with pytest.raises((BadValue, UnknownId), match=says) as caught:
        make()
    assert "\n" not in str(caught.value)
