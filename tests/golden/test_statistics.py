"""Statistics against published tables, closed forms and values worked out by hand."""

import numpy as np
import pytest

from entitybench.leaderboard.statistics import bootstrap, intervals
from entitybench.leaderboard.statistics.student import t_central, t_quantile

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
    assert intervals.interval(successes).method == "wilson over episodes"
    assert intervals.interval(successes).count == 4
    assert intervals.interval(successes * 0.5).method == "bootstrap over episodes"
    assert intervals.difference(successes, successes * 0).method == "bootstrap over paired episodes"
    assert intervals.interval(np.full((2, 3), np.nan)).method == "no data"


def test_training_seeds_that_are_all_alike_make_nothing_certain():
    nothing = np.zeros((3, 100))
    found = intervals.interval(nothing)
    assert (found.mean, found.low, found.method) == (0.0, 0.0, "wilson over episodes")
    assert found.high == pytest.approx(1.96**2 / (300 + 1.96**2), abs=1e-4)  # Wilson at 0 of 300
    assert intervals.interval(nothing - 1).half == 0  # no shares: Student's t


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


def test_hierarchical_bootstrap_skips_missing_rows():
    values = np.array([[1.0, np.nan], [3.0, 3.0], [np.nan, np.nan]])
    got = intervals.hierarchical(values)
    assert (got.mean, got.count) == (2.0, 2)
    assert (got.low, got.high) == (1.0, 3.0)


def test_iqm_cuts_a_quarter_at_each_end():
    assert bootstrap.iqm(np.array([[0.0, 1.0, 2.0, 100.0]])) == 1.5
    scores = np.arange(10.0)[:, None]  # int(10 / 4) = 2 cut at each end, as scipy's trim_mean
    assert bootstrap.iqm(scores) == np.mean([2, 3, 4, 5, 6, 7])
    assert bootstrap.iqm(np.stack([scores, scores + 1])).tolist() == [4.5, 5.5]


def test_stratified_bootstrap_keeps_tasks_apart():
    scores = np.array([[0.0, 10.0], [0.0, 10.0], [0.0, 10.0]])
    samples = bootstrap.stratified(bootstrap.iqm, scores, replicates=200)
    assert samples.shape == (200,)
    assert (samples == 5.0).all()  # unstratified draws would mix the two tasks


def test_probability_of_improvement_by_hand():
    a, b = np.array([[1.0], [3.0]]), np.array([[2.0], [1.0]])
    # pairs: 1<2, 1=1, 3>2, 3>1 -> (0 + 1/2 + 1 + 1) / 4
    assert bootstrap.probability_of_improvement(a, b) == 0.625
    assert bootstrap.probability_of_improvement(b, a) == 0.375
    samples = bootstrap.improvement_samples(a, b, replicates=2000)
    assert samples.mean() == pytest.approx(0.625, abs=0.03)


def test_profile_counts_scores_above():
    scores = np.array([[0.2, 0.8], [0.5, 0.9]])
    got = bootstrap.profile(scores, np.array([0.0, 0.5, 0.85]))
    assert got.tolist() == [1.0, 0.5, 0.25]


def test_percentiles():
    assert bootstrap.percentiles(np.arange(101.0), 0.9) == pytest.approx((5.0, 95.0))
