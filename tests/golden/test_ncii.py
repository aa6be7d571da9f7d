"""NCII's equations against numpy, and null data against the worlds they come from."""

import math

import numpy as np
import pytest
import torch
from stores import generated

from entitybench.agents.common.graph.nulls import _nulls, _some, nulls
from entitybench.agents.ncii.losses import (
    head_loss,
    null_ratio,
    null_test,
    refined_mask,
    simulated_mask,
)
from entitybench.datasets.api import load_dataset
from entitybench.envs.api import world_of
from entitybench.registry import tasks

GRAPH = torch.ones(1, 2, 3)  # two entities and the action, all there


def test_the_null_test_is_a_ratio_of_likelihoods_above_a_threshold():
    """Of Gaussians: sum of log(sigma_m / sigma_f) + (s - mu_m)^2 / 2 sigma_m^2 - the same of f."""
    rng = np.random.default_rng(0)
    outcome, means = rng.normal(size=2), rng.normal(size=(2, 2))  # mean with all, mean without
    scales = np.array([[0.5, 0.3], [1.5, 2.0]])
    logs = [
        -0.5 * ((outcome - m) / s) ** 2 - np.log(s) - 0.5 * math.log(2 * math.pi)
        for m, s in zip(means, scales, strict=True)
    ]
    whole = torch.tensor([[logs[0].sum()], [0.0]])  # (N, B)
    without = torch.zeros(2, 3, 1)
    without[0, 1, 0] = logs[1].sum()
    found = null_ratio(whole, without)
    expected = (
        np.log(scales[1] / scales[0])
        + (outcome - means[1]) ** 2 / (2 * scales[1] ** 2)
        - (outcome - means[0]) ** 2 / (2 * scales[0] ** 2)
    ).sum()
    assert found.shape == (1, 2, 3)
    assert found[0, 0, 1].item() == pytest.approx(expected, rel=1e-5)


def test_the_null_test_is_one_sided_and_asks_nobody_about_himself_or_the_absent():
    ratio = torch.tensor([[[-9.0, 2.9, 3.1], [5.0, 0.0, -5.0]]])
    assert null_test(ratio, 3.0, GRAPH)[0].tolist() == [[1, 0, 1], [1, 1, 0]]
    alone = torch.tensor([[[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]])
    assert null_test(ratio, 3.0, alone)[0].tolist() == [[1, 0, 1], [0, 0, 0]]


def test_the_head_learns_the_test_by_cross_entropy_off_the_diagonal():
    logits = torch.tensor([[[9.0, 0.5, -1.0], [2.0, 9.0, 0.0]]])
    target = torch.tensor([[[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]])
    graph = torch.tensor([[[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]])  # no action on the second
    terms = [math.log1p(math.exp(-0.5)), math.log1p(math.exp(-1.0)), math.log1p(math.exp(2.0))]
    assert head_loss(logits, target, graph).item() == pytest.approx(np.mean(terms), rel=1e-5)


def test_masks_that_the_head_has_changed():
    h = torch.tensor([[[0.0, 0.9, 0.05], [0.4, 0.0, 0.01]]])
    coins = torch.zeros(1, 2, 4)
    share = torch.tensor(0.5)
    # Under 0.3 only what the head names is left, and the diagonal.
    assert refined_mask(GRAPH, h, coins, share)[0].tolist() == [[1, 1, 0], [0, 1, 0]]
    # Under 0.5 one cause goes that it thinks unlikely; the diagonal never does.
    coins[..., 0] = 0.4
    assert refined_mask(GRAPH, h, coins, share)[0].tolist() == [[1, 1, 0], [1, 1, 0]]
    coins[..., 0] = 0.6
    assert refined_mask(GRAPH, h, coins, share)[0].tolist() == GRAPH[0].tolist()
    # Of two that are unlikely the one with the larger coin.
    both = torch.tensor([[[0.0, 0.01, 0.05], [0.4, 0.0, 0.4]]])
    coins[0, 0] = torch.tensor([0.4, 0.0, 0.9, 0.2])
    coins[0, 1, 0] = 0.4
    assert refined_mask(GRAPH, both, coins, share)[0].tolist() == [[1, 0, 1], [1, 1, 1]]


def test_masks_of_simulated_nulling():
    distance = torch.tensor([[[0.0, 0.5], [0.5, 0.0]]])
    surprise, calm = torch.tensor([[2.0, 0.1]]), torch.tensor([1.0, 1.0])
    near = simulated_mask(GRAPH, distance, torch.tensor(0.6), surprise, calm)
    assert near[0].tolist() == [[1, 1, 1], [0, 1, 0]]  # the second is calm: nothing acts on it
    far = simulated_mask(GRAPH, distance, torch.tensor(0.4), surprise, calm)
    assert far[0].tolist() == [[1, 0, 1], [0, 1, 0]]


def test_subsets_leave_somebody_out_and_somebody_in():
    rng = np.random.default_rng(0)
    present = rng.random((2_000, 4)) < 0.6
    present[~present.any(1), 0] = True
    kept = _some(present, rng)
    assert not (kept & ~present).any()
    assert kept.any(1).all()
    many = present.sum(1) > 1
    assert ((kept != present).any(1) == many)[many].all()
    assert (kept[~many] == present[~many]).all()


# Null data --------------------------------------------------------------------


@pytest.fixture(scope="module")
def dag(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nulls") / "dag"
    generated("dag-4", folder, episodes=6)
    return load_dataset(folder).split("train")


def test_null_data_are_one_step_of_the_same_state_and_action_without_some(dag):
    world, made = world_of(tasks()["dag-4"]), nulls(dag, 100)
    assert len(made["mask"]) >= 100
    there = np.asarray(dag.observations)
    for k in range(0, len(made["mask"]), 7):
        kept, before = made["mask"][k], made["observations"][k]
        assert not before[~kept].any()
        # Those that are kept are as they are in some state of the data, with its action.
        rows = np.flatnonzero((there[:, kept] == before[kept]).all((1, 2)))
        assert len(rows) >= 1
        if made["driven"][k]:
            assert any((dag.actions[row] == made["actions"][k]).all() for row in rows)
        else:
            assert not made["actions"][k].any()
        state = np.concatenate([np.where(kept[:, None], before, 0.5).ravel(), kept]).astype(float)
        action = made["actions"][k] if made["driven"][k] else world.no_action
        after = world.nodes(world.transition(state, action)).astype(np.float32)
        np.testing.assert_allclose(made["next_observations"][k][kept], after[kept], atol=2e-6)


def test_an_action_that_is_not_there_acts_on_nobody():
    world = world_of(tasks()["dag-10"])
    state = world.start(3).memory
    for action in (np.full(4, -1.0), np.full(4, 1.0), np.zeros(4)):
        fired = world.fired(state, action) & (world.parents == world.entities)
        if fired.any():
            break
    assert fired.any()
    none = world.fired(state, world.no_action)
    assert not none[world.parents == world.entities].any()
    kept = world.parents < world.entities
    np.testing.assert_array_equal(none[kept], world.fired(state, np.zeros(4))[kept])
    assert np.isfinite(world.transition(state, world.no_action)).all()


def test_null_data_depend_on_the_data_alone(dag):
    first = nulls(dag, 60)
    _nulls.cache_clear()
    again = nulls(dag, 60)
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name])
    assert 0.05 < 1 - first["driven"].mean() < 0.5
