"""Ratings of games: Bradley and Terry's model, against closed forms, published values and scipy."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from entitybench.errors import BenchError
from entitybench.leaderboard.crossplay.summary import advantage, summary
from entitybench.leaderboard.statistics.crossed import redrawn, sums
from entitybench.leaderboard.statistics.ratings import ELO, bradley_terry

# Agresti, "Categorical Data Analysis", 1990, table 10.10: games that the row won, American League
# 1987; the strengths are those of R's package BradleyTerry2 (`baseball`), Baltimore being 0.
WON = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],  # Milwaukee
        [6, 0, 7, 5, 11, 9, 9],  # Detroit
        [4, 6, 0, 7, 7, 8, 12],  # Toronto
        [6, 8, 6, 0, 6, 7, 10],  # New York
        [6, 2, 6, 7, 0, 7, 12],  # Boston
        [4, 4, 5, 6, 6, 0, 6],  # Cleveland
        [2, 4, 1, 3, 1, 7, 0],  # Baltimore
    ],
    float,
)
STRENGTHS = [1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0.0]


def test_strengths_of_baseball_are_the_published_ones():
    found = bradley_terry(WON, prior=1e-9)
    assert found - found[-1] == pytest.approx(STRENGTHS, abs=1e-4)


def test_two_players_worked_out_by_hand():
    """Of 3 games to 1: odds of three to one, which are 191 points."""
    one, other = ELO * bradley_terry(np.array([[0, 3.0], [1.0, 0]]), prior=1e-9)
    assert one - other == pytest.approx(400 * math.log10(3), abs=1e-4)
    assert one == pytest.approx(-other)


def test_who_won_all_games_has_a_finite_strength():
    """By symmetry ±θ with 2 (1 − p(2θ)) = p(θ) − ½, p being the logistic function."""
    strength = bradley_terry(np.array([[0, 2.0], [0, 0]]))[0]
    beats, above = 1 / (1 + math.exp(-2 * strength)), 1 / (1 + math.exp(-strength))
    assert 2 * (1 - beats) == pytest.approx(above - 0.5, abs=1e-9)
    assert 0 < strength < 3


@pytest.mark.parametrize("case", range(12))
def test_no_other_strengths_are_likelier(case):
    rng = np.random.default_rng(case)
    n = int(rng.integers(2, 9))
    points = rng.integers(0, 3, (n, n)) / 2 * rng.choice([1, 10, 1000])
    points = np.triu(points, 1) if case % 3 == 0 else points - np.diag(np.diag(points))

    def loss(x):
        gap = x[:, None] - x
        own = 0.5 * (np.logaddexp(0, x) + np.logaddexp(0, -x))
        return (points * np.logaddexp(0, -gap)).sum() + own.sum()

    best = minimize(loss, np.zeros(n), tol=1e-10).fun
    assert loss(bradley_terry(points)) <= best + 1e-9 * abs(best)


def test_many_fits_at_once_are_the_fits_one_by_one():
    many = np.random.default_rng(0).random((5, 4, 4)) * 10
    np.testing.assert_allclose(bradley_terry(many), [bradley_terry(each) for each in many])


def test_numbers_that_are_none_are_an_error():
    with pytest.raises(BenchError, match="do not converge"):
        bradley_terry(np.array([[0, np.nan], [1, 0]]))


def games(strengths, count, seed=0):
    """Goals of everybody at home against everybody, Poisson."""
    rng = np.random.default_rng(seed)
    shape = len(strengths), len(strengths), count
    scored = rng.poisson(np.array(strengths)[:, None, None], shape).astype(float)
    conceded = rng.poisson(np.array(strengths)[None, :, None], shape).astype(float)
    own = np.arange(len(strengths))
    scored[own, own] = conceded[own, own] = np.nan
    return scored, conceded


def test_a_matrix_by_method_is_what_its_games_say():
    scored, conceded = games([2.0, 2.0, 0.5], 7)
    found = summary(scored, conceded, ["a", "a", "b"])
    ahead = [*(scored - conceded)[:2, 2].ravel(), *(conceded - scored)[2, :2].ravel()]
    assert found.names == ("a", "b")
    assert found.games.tolist() == [[28, 28], [28, 0]]  # two teams of a, both sides, each twice
    assert found.difference[0][1].mean == pytest.approx(np.mean(ahead))
    assert found.difference[1][0].mean == pytest.approx(-np.mean(ahead))
    assert found.wins[0, 1] == np.mean(np.array(ahead) > 0)
    assert found.draws[0, 1] == pytest.approx(np.mean(np.array(ahead) == 0))
    assert found.wins[0, 0] == pytest.approx((1 - found.draws[0, 0]) / 2)
    assert found.difference[0][0].mean == 0
    assert math.isnan(found.difference[1][1].mean)
    points = np.sum((np.sign(ahead) + 1) / 2)
    fitted = ELO * bradley_terry(np.array([[0, points], [28 - points, 0]]))
    assert [each.mean for each in found.ratings] == pytest.approx(fitted.tolist())
    assert found.ratings[0].low < found.ratings[0].mean < found.ratings[0].high


def test_a_game_that_went_wrong_counts_for_nothing():
    scored, conceded = games([2.0, 0.5], 3)
    scored[0, 1, 2] = conceded[0, 1, 2] = np.nan
    found = summary(scored, conceded, ["a", "b"])
    assert found.games.tolist() == [[0, 5], [5, 0]]
    kept = [*(scored - conceded)[0, 1, :2], *(conceded - scored)[1, 0]]
    assert found.difference[0][1].mean == pytest.approx(np.mean(kept))


def test_training_seeds_that_differ_widen_the_interval():
    """Twelve teams that differ as whole teams, and twelve that do not."""
    equal = summary(*games([1.0] * 6 + [1.0], 60), [*"aaaaaa", "b"]).ratings[0]
    apart = summary(*games([0.2, 0.2, 0.2, 1.8, 1.8, 1.8, 1.0], 60), [*"aaaaaa", "b"]).ratings[0]
    assert apart.half > 2 * equal.half


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """95 % of 60 at least: true difference 0, six training seeds that differ among themselves."""
    held = 0
    for case in range(60):
        seeds = np.random.default_rng(1000 + case).normal(2.0, 0.5, 12)
        found = summary(*games(np.maximum(seeds, 0.1), 10, case), [*"aaaaaabbbbbb"])
        held += found.difference[0][1].low <= 0 <= found.difference[0][1].high
    assert held >= 53


def test_sums_count_members_and_starts_as_often_as_drawn():
    values = np.arange(18.0).reshape(3, 3, 2)
    members, starts = np.array([[2.0, 0, 1]]), np.array([[0.0, 3]])
    found = sums(values, np.array([0, 0, 1]), members, starts)
    assert found[0].tolist() == [[4 * 3 * 1, 2 * 3 * 5], [2 * 3 * 13, 3 * 17]]


def test_members_are_drawn_within_their_groups():
    for members, starts in redrawn(np.array([0, 0, 0, 1, 2, 2]), 5, replicates=150):
        assert set(members[:, :3].sum(1)) == {3}
        assert set(members[:, 3]) == {1}
        assert set(members[:, 4:].sum(1)) == {2}
        assert set(starts.sum(1)) == {5}


def test_an_advantage_of_one_side_is_found():
    scored, conceded = games([1.0, 2.0, 3.0], 20)
    assert advantage(scored, conceded).low <= 0 <= advantage(scored, conceded).high
    assert advantage(scored + 1, conceded).low > 0
