"""IDRL's own losses, with tables, find the ratio of visitations of a Markov chain."""

from __future__ import annotations

import numpy as np
import pytest

from entitybench.agents.idrl import tabular


@pytest.mark.parametrize("seed", [0, 1])
def test_the_ratio_of_visitations_is_found_and_no_iteration_is_worse(seed):
    before, every = tabular.rounds(seed)
    first = every[0]
    assert first.seen.sum() == tabular.STATES
    assert np.ptp(first.truth) > 1.0  # there is something to find
    assert np.abs(first.found - first.truth).max() < 0.1
    assert np.abs(first.mean - (1 - tabular.BALANCE) / tabular.BALANCE).max() < 0.02
    values = [before, *(found.value for found in every)]
    assert (np.diff(values) >= 0).all()
    assert values[1] > before + 0.1
