"""Numbers of inferred graphs against cases worked out by hand."""

import numpy as np
import pytest

from entitybench.agents.baselines.graph.counting import even_odds
from entitybench.agents.common.graph.thresholds import balanced_gain, best_cut, share
from entitybench.envs.core.interactions import asked
from entitybench.leaderboard.statistics import edges
from entitybench.leaderboard.statistics.detection import balanced, counts, raw
from entitybench.ranks import auroc
from entitybench.registry import kinds, resolve

TRUE, FALSE = True, False


def test_counts():
    scores = np.array([0.9, 0.6, 0.5, 0.2, 0.7])
    truth = np.array([TRUE, FALSE, TRUE, FALSE, TRUE])
    assert counts(scores, truth) == {"tp": 2, "fp": 1, "fn": 1, "tn": 1}


def test_balanced_misprediction_weighs_both_kinds_alike():
    assert balanced(tp=1, fp=10, fn=1, tn=90) == pytest.approx((1 / 2 + 10 / 100) / 2)
    assert balanced(tp=0, fp=0, fn=3, tn=500) == 0.5  # naming nothing is chance
    assert balanced(tp=3, fp=500, fn=0, tn=0) == 0.5  # and so is naming all
    assert np.isnan(balanced(tp=0, fp=1, fn=0, tn=1))
    assert raw(tp=1, fp=10, fn=1, tn=90) == pytest.approx(11 / 102)
    assert np.isnan(raw(0, 0, 0, 0))


def test_auroc_counts_pairs_in_order_and_ties_half():
    truth = np.array([TRUE, TRUE, FALSE, FALSE, FALSE])
    # 0.8 is above all three; 0.3 is above 0.1, ties with 0.3 and is below 0.5.
    assert auroc(np.array([0.8, 0.3, 0.1, 0.3, 0.5]), truth) == pytest.approx(4.5 / 6)
    assert auroc(np.ones(5), truth) == 0.5
    assert auroc(-np.arange(5.0), truth) == 1.0
    assert np.isnan(auroc(np.ones(2), np.array([TRUE, TRUE])))


def test_neither_the_diagonal_nor_what_is_absent_is_asked_about():
    found = asked(np.array([TRUE, FALSE, TRUE]))
    expected = [[0, 0, 1, 1], [0, 0, 0, 0], [1, 0, 0, 1]]
    np.testing.assert_array_equal(found, np.array(expected, bool))


def graphs():
    """One step of two entities: 0 -> 1 is active and missed, action -> 0 is active and named."""
    truth = np.array([[[1, 0, 1], [1, 1, 0]]], bool)
    scores = np.array([[[1.0, 0.2, 0.9], [0.4, 1.0, 0.8]]])
    return scores, truth, asked(np.ones((1, 2), bool))


def test_the_whole_and_its_parts():
    found = edges.measured(*graphs(), certain=False)
    assert [found[f"entities_{name}"] for name in ("tp", "fp", "fn", "tn")] == [0, 0, 1, 1]
    assert [found[f"action_{name}"] for name in ("tp", "fp", "fn", "tn")] == [1, 1, 0, 0]
    assert [found[name] for name in ("tp", "fp", "fn", "tn")] == [1, 1, 1, 1]
    assert found["misprediction"] == found["misprediction_raw"] == 0.5
    assert found["misprediction_entities"] == found["misprediction_action"] == 0.5
    # 0.4 and 0.9 are active, 0.2 and 0.8 are not: three of four pairs are in order.
    assert found["auroc"] == 0.75


def test_edges_of_the_action_that_are_certain_are_not_in_the_whole():
    found = edges.measured(*graphs(), certain=True)
    assert [found[name] for name in ("tp", "fp", "fn", "tn")] == [0, 0, 1, 1]
    assert found["misprediction_action"] == 0.5
    assert found["auroc"] == 1.0


def test_edges_that_can_never_be_active_are_not_in_the_structural_numbers():
    structure = np.array([[1, 0, 1], [1, 1, 0]], bool)  # not 1 -> 0, not action -> 1
    found = edges.measured(*graphs(), certain=False, structure=structure)
    assert [found[f"structural_{name}"] for name in ("tp", "fp", "fn", "tn")] == [1, 0, 1, 0]
    assert found["misprediction_structural"] is None  # no inactive one is left
    quiet = np.array([[[1, 0, 0], [1, 1, 0]]], bool)
    scores, _, open_ = graphs()
    found = edges.measured(scores, quiet, open_, certain=False, structure=structure)
    assert found["misprediction_structural"] == 1.0  # 0 -> 1 is missed, action -> 0 named
    unknown = edges.measured(*graphs(), certain=False)
    assert unknown["misprediction_structural"] is None


def test_an_episode_of_nothing_has_no_numbers():
    nothing = np.zeros((0, 2, 3))
    found = edges.measured(nothing, nothing.astype(bool), nothing.astype(bool), certain=False)
    assert all(found[name] is None for name in ("misprediction", "misprediction_raw", "auroc"))
    assert found["tp"] == 0


def test_numbers_of_a_training_seed_are_pooled_not_averaged():
    rows = {
        "tp": np.array([1.0, 0.0, np.nan]),
        "fp": np.array([0.0, 5.0, np.nan]),
        "fn": np.array([0.0, 3.0, np.nan]),
        "tn": np.array([10.0, 85.0, np.nan]),
        "auroc": np.array([1.0, 0.5, np.nan]),
    }
    assert edges.misprediction(rows) == pytest.approx((3 / 4 + 5 / 100) / 2)
    assert edges.misprediction_raw(rows) == pytest.approx(8 / 104)
    assert edges.auroc(rows) == pytest.approx((10 * 1.0 + 270 * 0.5) / 280)
    assert np.isnan(edges.auroc({name: x[2:] for name, x in rows.items()}))


def test_every_metric_of_the_kind_is_pooled_and_has_a_value_in_each_row():
    found = edges.measured(*graphs(), certain=False, structure=np.ones((2, 3), bool))
    row = {name: np.array([value]) for name, value in found.items()}
    for metric in kinds()["graph"].metrics:
        assert resolve(metric.reduce)(row) == found[metric.name]


# What the baselines fit --------------------------------------------------------


def test_the_best_cut_has_the_best_balanced_accuracy():
    active, inactive = np.array([3, 1, 0, 0, 0, 0]), np.array([0, 0, 0, 0, 1, 9])
    gain = balanced_gain(active, inactive)
    assert gain.tolist() == pytest.approx([0.75, 0.25, 0, 0, -0.1, -0.9])
    assert best_cut(gain) == 3  # in the middle of 2, 3 and 4, which are equally good
    assert best_cut(-gain) == 0
    assert best_cut(np.array([1.0, 1.0])) == 2
    assert best_cut(balanced_gain(np.zeros(4), np.ones(4))) == 0


def test_shares():
    found = share(np.array([0.0, 1.0, 2.0, np.inf]), np.array([0.0, 3.0, 1.0, 5.0]))
    assert found.tolist() == pytest.approx([0.0, 0.25, 2 / 3, 1.0])


def test_even_odds_are_above_a_half_where_an_edge_is_more_active_than_most():
    active, times = np.array([8.0, 1.0, 0.0, 1.0]), np.array([10.0, 10.0, 10.0, 10.0])
    # One in four edges is active: 0.8 of 10 and so on against 0.25.
    expected = [0.8 / (0.8 + 0.2 / 3), (1 / 10) / (1 / 10 + 9 / 30), 0.0, 0.25]
    assert even_odds(active, times).tolist() == pytest.approx(expected)
    assert even_odds(np.zeros(3), np.ones(3)).tolist() == [0, 0, 0]
