"""Verdicts on records made by hand."""

import numpy as np
import pytest

from entitybench.errors import RecordError, UnknownId
from entitybench.leaderboard.claims.judge import diagnostic_ratio, judge, ratio
from entitybench.leaderboard.claims.reproduce import claims
from entitybench.leaderboard.reference.claims import CLAIMS, Arm, Check, Claim
from entitybench.records import Record
from entitybench.registry import agent, tasks
from entitybench.schema1 import lifted


def record(share, *, agent="a", seeds=5, changed=None):
    """`share` of 20 episodes succeed in every training seed, one more in seed 1."""
    rows = []
    for seed in range(seeds):
        solved = round(20 * share) + (seed == 1 and 0 < share < 1)
        for episode in range(20):
            ok = episode < solved
            rows.append(
                {
                    "training_seed": seed,
                    "seed": episode,
                    "success": ok,
                    "success_any": ok,
                    "success_fraction": float(ok),
                    "steps_to_success": 9 if ok else None,
                    "return": -8.0 if ok else -50.0,
                    "length": 50,
                    "latency_ms": 1.0,
                    "state_digest": "x",
                }
            )
    diagnostics = {str(s): {"changed_objects": c} for s, c in enumerate(changed or [])}
    return Record.model_validate(
        lifted(
            {
                "schema_version": 1,
                "agent": {"id": agent},
                "task": {"id": "push-3blocks", "version": 1, "kind": "goal-control", "horizon": 50},
                "hashes": {"task": "t", "weights": {"0": "w"}},
                "versions": {},
                "device": "cpu",
                "block": 25,
                "threads": 1,
                "wall_time_s": 1.0,
                "created": "2026",
                "episodes": rows,
                "diagnostics": diagnostics,
            }
        )
    )


def verdict(*checks, a, b=None):
    arms = (Arm(agent="a"), Arm(agent="b")) if b else (Arm(agent="a"),)
    claim = Claim(
        name="c", method="m", statement="s", published="p", task="t", arms=arms, checks=checks
    )
    return judge(claim, {"a": a, "b": b} if b else {"a": a})


@pytest.mark.parametrize(
    ("check", "a", "b", "holds"),
    [
        (Check(kind="ratio", a="a", b="b", bound=1.6), 0.8, 0.4, True),
        (Check(kind="ratio", a="a", b="b", bound=2.1), 0.8, 0.4, False),
        (Check(kind="ratio", a="a", b="b", bound=1.6), 0.8, 0.0, True),
        (Check(kind="ratio", a="a", b="b", bound=1.6), 0.0, 0.0, False),
        (Check(kind="margin", a="a", b="b"), 0.5, 0.4, True),
        (Check(kind="margin", a="a", b="b"), 0.4, 0.4, False),
        (Check(kind="margin", a="a", b="b"), 0.4, 0.5, False),
        (Check(kind="within", a="a", b="b", bound=0.1), 0.5, 0.45, True),
        (Check(kind="within", a="a", b="b", bound=0.1), 0.45, 0.8, False),
        (Check(kind="at least", a="a", bound=0.8), 0.8, 0.5, True),
        (Check(kind="at least", a="a", bound=0.8), 0.7, 0.5, False),
        (Check(kind="between", a="b", bound=0.15, upper=0.6), 0.9, 0.5, True),
        (Check(kind="between", a="b", bound=0.15, upper=0.6), 0.9, 0.1, False),
    ],
)
def test_each_kind_of_check(check, a, b, holds):
    found = verdict(check, a=record(a), b=record(b, agent="b"))
    assert found.holds is holds
    assert found.findings[0].holds is holds


def test_all_required_checks_must_hold_and_others_are_no_part_of_it():
    yes, no = Check(kind="at least", a="a", bound=0.1), Check(kind="at least", a="a", bound=0.9)
    extra = Check(kind="at least", a="a", bound=0.9, required=False)
    assert verdict(yes, a=record(0.5)).word == "holds"
    assert verdict(yes, extra, a=record(0.5)).word == "holds"
    assert verdict(yes, no, a=record(0.5)).word == "does not hold"
    assert verdict(extra, a=record(0.5)).word == "reported"


def test_the_ratio_is_of_means_and_its_draws_are_paired():
    found = ratio(record(0.8), record(0.4, agent="b"), "success")
    assert found.mean == pytest.approx(0.81 / 0.41)
    assert found.low < found.mean < found.high
    same = ratio(record(0.5), record(0.5, agent="b"), "success")
    assert (same.low, same.mean, same.high) == (1.0, 1.0, 1.0)


def test_diagnostics_are_compared_within_training_seeds():
    # ratios 0.5, 0.25 and 1: geometric mean 0.5
    a, b = record(0.5, changed=[1.0, 0.5, 3.0]), record(0.5, agent="b", changed=[2.0, 2.0, 3.0])
    found = diagnostic_ratio(a, b, "changed_objects")
    assert found.mean == pytest.approx(0.5)
    error = np.std(np.log([0.5, 0.25, 1.0]), ddof=1) / np.sqrt(3)
    assert found.high == pytest.approx(0.5 * np.exp(4.302652730 * error))
    check = Check(kind="diagnostic", metric="changed_objects", a="a", b="b", bound=0.6)
    assert verdict(check, a=a, b=b).holds is True
    with pytest.raises(RecordError, match="has no diagnostic 'changed_objects'"):
        verdict(check, a=a, b=record(0.5, agent="b"))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_claims_name_what_is_registered(claim):
    names = {arm.agent for arm in claim.arms}
    for arm in claim.arms:
        assert agent(arm.agent).id == arm.agent
        assert arm.weights_from is None or arm.weights_from in tasks()
    assert claim.task in tasks()
    for check in claim.checks:
        assert check.a in names
        assert check.b is None or check.b in names


def test_methods_without_claims():
    assert {f"small-{k}" for k in (1, 2, 3, 4)} <= {claim.name for claim in claims("hecrl")}
    with pytest.raises(UnknownId, match=r"unknown method with claims 'hecr'.*'hecrl'"):
        claims("hecr")
