"""The analysis of variance by hand, and of one factor as SciPy has it."""

import numpy as np
import pytest
from scipy.stats import f_oneway

from entitybench.leaderboard.statistics.variance import effects


def test_two_factors_by_hand():
    # Means of cells 2, 6, 3, 11 and of all 5.5: squares 18 of a, 72 of b, 98 between the cells.
    found = effects([[[1, 3], [5, 7]], [[2, 4], [10, 12]]], ("a", "b"))
    assert {name: (e.share * 106, e.freedom) for name, e in found.items()} == {
        "a": (pytest.approx(18), 1),
        "b": (pytest.approx(72), 1),
        "interactions": (pytest.approx(8), 1),
        "within cells": (pytest.approx(8), 4),
    }
    assert [found[name].f for name in ("a", "b", "interactions")] == pytest.approx([9, 36, 4])


def test_one_factor_is_as_scipy_has_it():
    scores = np.random.default_rng(0).normal([[0.0], [1.0], [3.0]], 1.0, (3, 5))
    assert effects(scores, ("a",))["a"].f == pytest.approx(f_oneway(*scores).statistic)


def test_main_effects_of_a_sum_leave_no_interactions():
    a, b, c = np.arange(3.0), np.array([0.0, 5.0]), np.array([1.0, 2.0, 7.0])
    grid = a[:, None, None, None] + b[:, None, None] + c[:, None] + np.array([-1.0, 1.0])
    found = effects(grid, ("a", "b", "c"))
    assert found["interactions"].share == pytest.approx(0, abs=1e-12)
    assert sum(each.share for each in found.values()) == pytest.approx(1)


@pytest.mark.parametrize("shape", [(3, 1), (1, 4), (2, 2, 2)])
def test_what_is_no_grid_is_said(shape):
    with pytest.raises(ValueError, match="no grid of 1 factors"):
        effects(np.zeros(shape), ("a",))
