"""Aggregates over tasks, against scipy, closed forms and cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from entitybench.leaderboard.statistics import aggregate, bootstrap
from entitybench.leaderboard.statistics.intervals import NO_DATA, Interval, apart, gap, wilson
from entitybench.leaderboard.statistics.resolution import smallest_difference

NAN = math.nan


def test_aggregates_by_hand() -> None:
    scores = np.array([[0.0, 0.4, 1.5, 0.8], [0.2, 0.6, 1.5, 0.6]])  # means 0.1, 0.5, 1.5, 0.7
    found = dict(zip(aggregate.AGGREGATES, aggregate.aggregates(scores), strict=True))
    assert found["mean"] == pytest.approx(0.7)
    assert found["median"] == pytest.approx(0.6)
    assert found["iqm"] == pytest.approx((0.4 + 0.6 + 0.6 + 0.8) / 4)
    assert found["optimality_gap"] == pytest.approx(1 - (0.1 + 0.5 + 1.0 + 0.7) / 4)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 4), (3, 7)])
def test_the_interquartile_mean_is_scipys_trimmed_mean(shape: tuple[int, int]) -> None:
    scores = np.random.default_rng(shape).normal(size=(6, *shape))
    expected = [stats.trim_mean(x.ravel(), 0.25) for x in scores]
    np.testing.assert_allclose(aggregate.iqm(scores), expected)


def test_tasks_of_unequal_runs_weigh_the_same() -> None:
    # One run of 0 against four of 1 weigh a half each: the quartiles cut half of either.
    scores = np.array([[0.0, 1], [NAN, 1], [NAN, 1], [NAN, 1]])
    assert aggregate.aggregates(scores) == pytest.approx([0.5, 0.5, 0.5, 0.5])
    # As if each task had its runs as often as makes their numbers equal.
    uneven = np.array([[0.1, 0.9], [0.3, 0.5], [NAN, 0.4], [NAN, 0.2]])
    even = np.stack([np.repeat(uneven[:2, 0], 2), uneven[:, 1]], axis=1)
    np.testing.assert_allclose(aggregate.aggregates(uneven), aggregate.aggregates(even))


def test_the_stratified_bootstrap_is_scipys() -> None:
    scores = np.random.default_rng(3).random((6, 5))

    def iqm(*tasks: np.ndarray, axis: int) -> np.ndarray:
        return stats.trim_mean(np.concatenate(tasks, axis=-1), 0.25, axis=-1)

    theirs = stats.bootstrap(
        list(scores.T), iqm, n_resamples=4000, method="percentile", vectorized=True, rng=1
    )
    ours = bootstrap.percentiles(bootstrap.stratified(aggregate.iqm, scores))
    np.testing.assert_allclose(ours, theirs.confidence_interval, atol=0.01)


def test_the_bootstrap_of_a_mean_has_the_variance_of_theory() -> None:
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(4, 3))
    expected = (scores.var(0) / 4).sum() / 9  # of the mean of three means of four
    samples = bootstrap.stratified(aggregate.mean, scores)
    assert samples.var() == pytest.approx(expected, rel=0.05)
    # With runs that are missing: each task by its own number.
    scores[2:, 0] = NAN
    expected = (scores[:2, 0].var() / 2 + (scores[:, 1:].var(0) / 4).sum()) / 9
    samples = bootstrap.stratified(aggregate.mean, scores)
    assert not np.isnan(samples).any()
    assert samples.var() == pytest.approx(expected, rel=0.05)


def test_an_interval_of_seeds_by_hand() -> None:
    # Means drawn from {0.2, 0.8} twice: a quarter at either end, so the percentiles are these. Two
    # runs have half of the variance, and one degree of freedom.
    found = aggregate.summary([np.array([[0.2], [0.8]])])["mean"]
    away = 0.3 * 2**0.5 * stats.t.ppf(0.975, 1) / stats.norm.ppf(0.975)
    assert (found.low, found.high) == pytest.approx((0.5 - away, 0.5 + away))
    assert found.method == aggregate.SEEDS
    inside = aggregate.summary([np.array([[0.2], [0.8]])], bounds=(0, 1))
    assert [(x.low, x.high) for x in inside.values()] == [(0.0, 1.0)] * 4


def test_one_seed_leaves_its_episodes_or_nothing() -> None:
    rng = np.random.default_rng(2)
    values = [(rng.random((1, 50)) < share).astype(float) for share in (0.2, 0.5, 0.9)]
    found = aggregate.summary(values, bounds=(0, 1), replicates=2000)
    assert {x.method for x in found.values()} == {aggregate.EPISODES}
    error = math.sqrt(sum(x.var(ddof=1) / 50 for x in values)) / 3
    assert found["mean"].half == pytest.approx(1.96 * error, rel=0.1)
    # Three seeds of each that agree leave what their episodes do, and not nothing.
    agreeing = aggregate.summary([np.repeat(x, 3, axis=0) for x in values], replicates=2000)
    assert agreeing["mean"].method == aggregate.EPISODES
    assert agreeing["mean"].half == pytest.approx(1.96 * error / 3**0.5, rel=0.1)
    alone = aggregate.summary([x.mean(1, keepdims=True) for x in values])
    assert {x.method for x in alone.values()} == {"no interval: there is one training seed"}
    with pytest.raises(ValueError, match="a score"):
        aggregate.summary([np.full((2, 3), NAN)])


@pytest.mark.parametrize(("runs", "tasks"), [(3, 4), (5, 10)])
def test_intervals_hold_the_truth_as_often_as_they_say(runs: int, tasks: int) -> None:
    rng, held = np.random.default_rng([runs, tasks, 1]), []
    middle = np.linspace(0.2, 0.8, tasks)
    for _ in range(300):
        scores = np.clip(middle + 0.15 * rng.normal(size=(runs, tasks)), 0, 1)
        found = aggregate.summary(list(scores.T[:, :, None]), bounds=(0, 1), replicates=400)
        held.append([found[name].low <= 0.5 <= found[name].high for name in ("iqm", "mean")])
    assert np.mean(held, axis=0).min() >= 0.92  # nominal is 95 %; of so few trials


def test_the_smallest_difference_by_closed_forms() -> None:
    # 16 p (1 − p) / d² episodes of each, by 2 (1.96 + 0.84)² ≈ 16 (Lehr, 1992), in full digits.
    for difference, episodes in ((0.1, 392), (0.05, 1570), (0.02, 9811)):
        assert smallest_difference(1, episodes) == pytest.approx(difference, rel=1e-3)
    # Cohen (1988), table 2.3.5: 64 of each group find half a standard deviation with power 0.8.
    of_seeds = smallest_difference(64, 1, share=0.0, spread=1.0)
    assert of_seeds == pytest.approx(0.5, abs=2e-3)
    assert smallest_difference(1, 100, spread=0.1) == math.inf
    one, four = (smallest_difference(3, 100, tasks=tasks) for tasks in (1, 4))
    assert four == pytest.approx(one / 2)
    assert smallest_difference(3, 100, correlation=0.75) == pytest.approx(one / 2)


def test_independent_shares_are_newcombes() -> None:
    # Newcombe (1998), table II: 56/70 − 48/80 by method 10.
    found = apart(wilson(56, 70), wilson(48, 80))
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    sure = apart(wilson(0, 10), wilson(10, 10))  # 0/10 − 10/10, of the same table's 10/10 − 0/10
    assert (sure.low, sure.high) == pytest.approx((-1, -0.6075), abs=5e-5)


def test_the_gap_between_banks_is_over_seeds_and_never_surer_than_episodes() -> None:
    public = np.array([[1.0, 1, 1, 0], [1, 1, 0, 1], [1, 1, 1, 1]])
    hidden = np.array([[0.0, 1, 1], [0, 1, 0], [1, 1, 0]])
    found = gap(public, hidden)
    assert found.mean == pytest.approx(public.mean() - hidden.mean())
    one = gap(public[:1], hidden[:1])
    assert one.method.endswith("over episodes")
    assert one.low < 0 < one.high
    assert found.low < found.mean < found.high
    same = gap(public * 0 - 3, hidden * 0 - 3, of_share=False)
    assert (same.mean, same.method) == (0, "no interval: all values are equal")
    assert gap(public * NAN, hidden).method == "no data"


def test_estimates_together_have_the_variance_of_their_mean() -> None:
    parts = [Interval(0.2, 0.1, 0.4, "a", 5), Interval(0.6, 0.3, 0.7, "b", 5)]
    found = aggregate.together([*parts, NO_DATA])
    assert found.mean == pytest.approx(0.4)
    assert found.low == pytest.approx(0.4 - math.hypot(0.1, 0.3) / 2)
    assert found.high == pytest.approx(0.4 + math.hypot(0.2, 0.1) / 2)
    assert aggregate.together([NO_DATA]).count == 0


# What rliable 1.2.0 (Agarwal et al., 2021) gives of the same scores, with arch 7.2 and numpy 2.3:
# aggregates in the order of AGGREGATES, percentiles of 20 000 stratified resamples (of 2000 for the
# probability of improvement, 5000 for the profile).
RLIABLE: dict[str, list[float]] = {
    "large": [0.5833890364393901, 0.5886913929430243, 0.5649927866132014, 0.4213758596667475],
    "other": [0.5421323086024026, 0.5361975903972518, 0.5251428641342661, 0.4648229328490445],
    "small": [0.6819437642171856, 0.6801128400046151, 0.6962229506264168, 0.34404809891912436],
}
RLIABLE_LOW = {
    "large": [0.5379897840034044, 0.5539768184959465, 0.5186687001959692, 0.3890042577991228],
    "small": [0.5211660721109607, 0.5599047291713772, 0.527396782861375, 0.2361050959482229],
}
RLIABLE_HIGH = {
    "large": [0.6265223405463367, 0.6234390756367276, 0.6366812946516481, 0.4542309380796377],
    "small": [0.8349729078990927, 0.8009309909696956, 0.8505467691354012, 0.4523827809765635],
}


def of_rliable(name: str) -> np.ndarray:
    """Scores (R, T), drawn as they were for rliable."""
    seed, runs, tasks, factor = {
        "large": (1, 10, 20, 1.0),
        "other": (2, 10, 20, 0.9),
        "small": (3, 3, 6, 1.0),
        "smaller": (4, 4, 6, 1.0),
    }[name]
    shape = 1.5 + 0.1 * np.arange(tasks)
    return np.random.default_rng(seed).beta(2, shape, (runs, tasks)) * 1.3 * factor


@pytest.mark.parametrize("name", RLIABLE)
def test_aggregates_are_rliables(name: str) -> None:
    found = aggregate.aggregates(of_rliable(name))
    np.testing.assert_allclose(found, RLIABLE[name], rtol=1e-12)


@pytest.mark.parametrize("name", RLIABLE_LOW)
def test_the_stratified_bootstrap_is_rliables(name: str) -> None:
    samples = bootstrap.stratified(aggregate.aggregates, of_rliable(name))
    ends = np.quantile(samples, [0.025, 0.975], axis=0)
    # Ends of 10 000 and of 20 000 resamples of a width of 0.1 to 0.3 move by some thousandths.
    np.testing.assert_allclose(ends[0], RLIABLE_LOW[name], atol=6e-3)
    np.testing.assert_allclose(ends[1], RLIABLE_HIGH[name], atol=6e-3)


def test_the_probability_of_improvement_is_rliables() -> None:
    better = bootstrap.probability_of_improvement
    assert better(of_rliable("large"), of_rliable("other")) == pytest.approx(0.549, abs=1e-12)
    small = better(of_rliable("small"), of_rliable("smaller"))
    assert small == pytest.approx(0.5833333333333334, abs=1e-12)


def test_performance_profiles_are_rliables() -> None:
    thresholds, scores = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.2]), of_rliable("large")
    found = bootstrap.profile(scores, thresholds)
    np.testing.assert_allclose(found, [1.0, 0.86, 0.61, 0.31, 0.08, 0.02], atol=1e-12)
    samples = bootstrap.stratified(lambda x: bootstrap.profile(x, thresholds), scores)
    low, high = np.quantile(samples, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(low, [1.0, 0.815, 0.55, 0.25, 0.045, 0.005], atol=0.011)
    np.testing.assert_allclose(high, [1.0, 0.9, 0.67, 0.365, 0.115, 0.04], atol=0.011)
