"""Statistics against published tables, closed forms and values worked out by hand."""

import numpy as np
import pytest

from entitybench.leaderboard.statistics import aggregate, bootstrap, intervals
from entitybench.leaderboard.statistics.proportions import superiority
from entitybench.leaderboard.statistics.student import hall, t_central, t_quantile

# NIST/SEMATECH e-Handbook, table of Student's t (upper tail), and R's qt for the digits.
T_TABLE = [
    (0.975, 1, 12.706204736),
    (0.975, 2, 4.302652730),
    (0.975, 4, 2.776445105),
    (0.975, 9, 2.262157163),
    (0.975, 30, 2.042272456),
    (0.95, 4, 2.131846786),
    (0.995, 7, 3.499483297),
]


@pytest.mark.parametrize(("probability", "freedom", "expected"), T_TABLE)
def test_t_quantile_is_the_tables(probability, freedom, expected):
    assert t_quantile(probability, freedom) == pytest.approx(expected, abs=2e-9)
    assert t_quantile(1 - probability, freedom) == pytest.approx(-expected, abs=2e-9)


def test_t_has_the_closed_forms_of_one_and_two_degrees():
    for t in (0.1, 1.0, 7.3):
        assert t_central(t, 1) == pytest.approx(2 / np.pi * np.arctan(t))
        assert t_central(t, 2) == pytest.approx(t / np.sqrt(2 + t * t))
    with pytest.raises(ValueError, match="freedom"):
        t_quantile(0.975, 0)


def test_student_interval_by_hand():
    # means 2, 4, 9: mean 5, variance (9 + 1 + 16) / 2 = 13, half width 4.302653 * sqrt(13 / 3)
    values = np.array([[1.0, 3.0], [4.0, 4.0], [8.0, 10.0]])
    got = intervals.interval(values)
    assert got.mean == 5.0
    assert got.half == pytest.approx(4.302652730 * np.sqrt(13 / 3), rel=1e-8)
    assert (got.method, got.count) == ("student-t over training seeds", 3)


def test_student_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    means = rng.normal(size=(4000, 5))
    hits = [abs((i := intervals.student(m)).mean) <= i.half for m in means]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.01)


def test_wilson_interval_is_the_textbook_one():
    # 81 of 100, R: prop.test(81, 100, correct = FALSE)
    got = intervals.wilson(81, 100)
    assert (got.low, got.high) == pytest.approx((0.7222, 0.8749), abs=1e-4)
    none, every = intervals.wilson(0, 20), intervals.wilson(20, 20)
    assert none.low == 0.0
    assert none.high == pytest.approx(0.1611, abs=1e-4)  # z² / (n + z²)
    assert every.high == 1.0
    assert every.low == pytest.approx(1 - 0.1611, abs=1e-4)


def test_one_training_seed_is_said():
    successes = np.array([[1.0, 0.0, 1.0, 1.0]])
    assert intervals.interval(successes).method == "clopper-pearson over episodes"
    assert intervals.interval(successes).count == 4
    assert intervals.interval(successes * 0.5).method == "student-t over episodes"
    found = intervals.difference(successes, successes * 0)
    assert found.method == "bonett-price over paired episodes"
    found = intervals.difference(successes * 0.5, successes * 0)
    assert found.method == "student-t over paired episodes"
    assert intervals.interval(np.full((2, 3), np.nan)).method == "no data"


def test_training_seeds_that_are_all_alike_make_nothing_certain():
    nothing = np.zeros((3, 100))
    found = intervals.interval(nothing)
    assert (found.mean, found.low, found.method) == (0.0, 0.0, "clopper-pearson over episodes")
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 300))  # exact at 0 of 300
    same = intervals.interval(nothing - 1)  # no shares: nothing says how much others would vary
    assert (same.mean, same.count, same.method) == (-1, 3, "no interval: all values are equal")
    assert np.isnan([same.low, same.high]).all()
    one = np.full((3, 100), np.nan)
    one[1, 7] = 438
    alone = intervals.interval(one)
    assert (alone.mean, alone.method) == (438, "no interval: there is one value")
    assert np.isnan([alone.low, alone.high]).all()


def test_training_seeds_that_agree_leave_what_their_episodes_do():
    # 50 and 50 % of four episodes: over seeds certain, over eight episodes [16, 84] %.
    agreeing = np.array([[1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
    got = intervals.interval(agreeing)
    assert (got.low, got.high) == pytest.approx((0.157013, 0.842987), abs=1e-6)  # R: binom.test
    # Returns: never narrower than t over the episodes, whatever the seeds do.
    returns = np.array([[1.0, 9.0, 5.0], [2.0, 8.0, 5.2]])
    got, seeds = intervals.interval(returns), intervals.student(returns.mean(1))
    assert seeds.half < 1
    values = returns.ravel()
    assert got.half == pytest.approx(2.570581836 * values.std(ddof=1) / np.sqrt(6))
    assert got.mean == seeds.mean


def test_paired_differences_of_seeds_that_gained_equally():
    a = np.array([[1.0, 1, 1, 0, 1], [1, 1, 0, 1, 1]])
    b = np.array([[1.0, 0, 1, 0, 1], [1, 1, 0, 0, 1]])
    got = intervals.difference(a, b)
    # Won alone 2, lost alone 0 of 10: 3/12 - 1/12, by hand with z = 1.959964
    half = 1.959963985 * np.sqrt((4 / 12 - (2 / 12) ** 2) / 12)
    assert got.mean == pytest.approx(0.2)
    assert (got.low, got.high) == pytest.approx((2 / 12 - half, 2 / 12 + half))
    same = intervals.difference(a + 5.5, b * 0 + a)
    assert (same.mean, same.method) == (5.5, "no interval: all values are equal")


def test_values_of_0_and_1_are_shares_only_where_they_are():
    ones = np.ones((1, 50))
    assert intervals.interval(ones).low == pytest.approx(0.025 ** (1 / 50))
    same = intervals.interval(ones, of_share=False)  # a return of 1, always
    assert (same.mean, same.method) == (1, "no interval: all values are equal")
    some = np.array([[0.0, 1.0, 1.0, 0.0]])
    assert intervals.interval(some, of_share=False) == intervals.interval(some)
    # Differences of values that are no yes or no: none of them is a share.
    fractions = np.array([[0.25, 0.5, 0.75]])
    nothing = intervals.difference(fractions, fractions)
    assert (nothing.mean, nothing.method) == (0, "no interval: all values are equal")
    away = intervals.difference(fractions + np.array([[0, 1, 0]]), fractions)
    assert away.low < 0 < away.mean
    alike = intervals.difference(ones, ones)  # of successes it has a width, on both sides
    assert alike.low == -alike.high < 0


def test_exact_interval_is_the_textbook_one():
    # R: binom.test(81, 100), binom.test(3, 10), binom.test(0, 20)
    for counts, ends in (
        ((81, 100), (0.7193020, 0.8815568)),
        ((3, 10), (0.06673951, 0.65245285)),
        ((0, 20), (0.0, 0.16843347)),
        ((20, 20), (0.83156653, 1.0)),
    ):
        got = intervals.share(*counts)
        assert (got.low, got.high) == pytest.approx(ends, abs=1e-7)


def test_halls_interval_moves_to_where_the_tail_is():
    values = np.array([0.0, 0.0, 1.0, 1.0, 2.0, 12.0])
    low, high = hall(values, 0.95)
    assert high - values.mean() > values.mean() - low > 0
    mirrored = hall(-values, 0.95)
    assert mirrored == pytest.approx((-high, -low))
    even = np.array([1.0, 2.0, 3.0])  # without skewness it is Student's
    t = 4.302652730 / np.sqrt(3)
    assert hall(even, 0.95) == pytest.approx((2 - t, 2 + t))


def test_an_interval_ends_where_the_possible_does_and_holds_its_estimate():
    found = intervals.Interval(225.0, -706.0, 1155.0, "student-t over training seeds", 2)
    assert (found.within(0, 450).low, found.within(0, 450).high) == (0, 450)
    assert found.within(300, 450).low == 225  # a value beyond the bounds is still shown
    nothing = intervals.without(1.0, "no interval: there is one value", 1)
    assert nothing.within(0, 2) is nothing


def test_missing_rows_enter_no_mean():
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan], [6.0, 6.0, np.nan]])
    np.testing.assert_array_equal(intervals.seed_means(values), [2.0, np.nan, 6.0])
    got = intervals.interval(values)
    assert (got.mean, got.count) == (4.0, 2)


def test_paired_difference_by_hand():
    # Starts differ much in difficulty, arms by one in each: paired, the interval is narrow.
    easy = np.array([[0.0, 10.0, 20.0], [0.0, 10.0, 20.0]])
    harder = easy - np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 4.0]])
    got = intervals.difference(easy, harder)
    # differences by seed 1 and 2: mean 1.5, error 0.5, t(0.975, 1) = 12.7062
    assert got.mean == 1.5
    assert got.half == pytest.approx(0.5 * 12.706204736)


def test_hierarchical_bootstrap_has_the_variance_of_theory():
    # Two levels: Var of the mean = between / S + within / (S E), each with its sample variance.
    rng = np.random.default_rng(1)
    values = rng.normal(size=(8, 1)) + rng.normal(size=(8, 50))
    samples = bootstrap.hierarchical(values)
    means = values.mean(1)
    expected = means.var() / 8 + values.var(1).mean() / (8 * 50)
    assert samples.mean() == pytest.approx(values.mean(), abs=0.02)
    assert samples.var() == pytest.approx(expected, rel=0.05)
    np.testing.assert_array_equal(samples, bootstrap.hierarchical(values))


def test_the_hierarchical_bootstrap_over_tasks_has_the_variance_of_theory():
    rng = np.random.default_rng(8)
    tasks = [rng.normal(size=(4, 30)), rng.normal(size=(6, 20)) + rng.normal(size=(6, 1))]

    def variance(x):  # of a mean over seeds drawn anew, and episodes of each
        return x.mean(1).var() / len(x) + x.var(1).mean() / x.size

    samples = bootstrap.over_tasks(tasks)
    assert samples.mean() == pytest.approx(np.mean([x.mean() for x in tasks]), abs=0.01)
    assert samples.var() == pytest.approx(sum(map(variance, tasks)) / 4, rel=0.05)
    found = intervals.over_tasks(tasks)
    assert found.low < found.mean < found.high
    assert intervals.over_tasks([tasks[0][:1]]).method == "no interval: there is one training seed"
    assert intervals.over_tasks([np.full((2, 3), np.nan)]).method == "no data"


def test_hierarchical_bootstrap_skips_missing_rows():
    values = np.array([[1.0, np.nan], [3.0, 3.0], [np.nan, np.nan]])
    got = intervals.hierarchical(values)
    assert (got.mean, got.count) == (2.0, 2)
    # percentiles 1 and 3, moved apart for two seeds: by the root of 2 and t(0.975, 1) / z
    away = 2**0.5 * 12.706204736 / 1.959963985
    assert (got.low, got.high) == pytest.approx((2 - away, 2 + away))


def test_iqm_cuts_a_quarter_at_each_end():
    assert aggregate.iqm(np.array([[0.0, 1.0, 2.0, 100.0]])) == 1.5
    scores = np.arange(10.0)[:, None]  # int(10 / 4) = 2 cut at each end, as scipy's trim_mean
    assert aggregate.iqm(scores) == np.mean([2, 3, 4, 5, 6, 7])
    assert aggregate.iqm(np.stack([scores, scores + 1])).tolist() == [4.5, 5.5]


def test_stratified_bootstrap_keeps_tasks_apart():
    scores = np.array([[0.0, 10.0], [0.0, 10.0], [0.0, 10.0]])
    samples = bootstrap.stratified(aggregate.iqm, scores, replicates=200)
    assert samples.shape == (200,)
    assert (samples == 5.0).all()  # unstratified draws would mix the two tasks


def test_probability_of_improvement_by_hand():
    a, b = np.array([[1.0], [3.0]]), np.array([[2.0], [1.0]])
    # pairs: 1<2, 1=1, 3>2, 3>1 -> (0 + 1/2 + 1 + 1) / 4
    assert bootstrap.probability_of_improvement(a, b) == 0.625
    assert bootstrap.probability_of_improvement(b, a) == 0.375


def test_two_seeds_that_are_both_better_do_not_make_it_certain():
    low, high = superiority(1.0, 2, 2, 0.95)
    assert high == 1
    assert 0.3 < low < 0.5
    # The end is one standard error times z away, by Hanley and McNeil's variance.
    spread = 1 + (1 - low) / (2 - low) + low / (1 + low)
    assert 1 - low == pytest.approx(1.959963985 * np.sqrt(low * (1 - low) * spread / 4))
    lower = superiority(0.0, 2, 2, 0.95)
    assert lower == pytest.approx((0, 1 - low))


def test_profile_counts_scores_above():
    scores = np.array([[0.2, 0.8], [0.5, 0.9]])
    got = bootstrap.profile(scores, np.array([0.0, 0.5, 0.85]))
    assert got.tolist() == [1.0, 0.5, 0.25]


def test_percentiles():
    assert bootstrap.percentiles(np.arange(101.0), 0.9) == pytest.approx((5.0, 95.0))
