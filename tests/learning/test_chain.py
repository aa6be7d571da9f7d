"""Every offline learner solves the five-state chain, from data by which cloning does not."""

from __future__ import annotations

import chain
import numpy as np
import pytest
import torch


@pytest.fixture(scope="module")
def walks():
    return chain.dataset()


@pytest.fixture(scope="module")
def mixed():
    return chain.dataset(good=0.1)


def fast(rate):
    return {f"phases.0.{name}": rate for name in ("learning_rate", "final_learning_rate")}


def means(one):
    """The policy's actions in the four states where an episode goes on."""
    obs = {"observation": chain.observe(np.arange(chain.STATES - 1))}
    action, _ = one.policy().act(obs, None, None)
    return action[:, 0]


def test_cloning_random_walks_gives_their_mean_action(walks):
    one, metrics = chain.train("bc", walks)
    assert np.abs(means(one)).max() < 0.3
    assert metrics["bc_error"] == pytest.approx(1 / 3, abs=0.15)  # the variance of the actions


@pytest.mark.parametrize("policy", ["gaussian", "deterministic"])
def test_cloning_those_who_go_straight_solves_it(policy):
    one, metrics = chain.train("bc", chain.dataset(good=1.0), policy=policy, **fast(5e-3))
    assert chain.solved(one.policy())
    np.testing.assert_allclose(means(one), 0.6, atol=0.1)
    if policy == "gaussian":  # of actions uniform on [0.3, 0.9]
        deviation = float(one.params["actor"]["log_std"].detach().exp())
        assert deviation == pytest.approx(0.6 / 12**0.5, rel=0.2)
        assert metrics["actor_loss"] < 0.0


def test_cloning_the_best_tenth_solves_what_cloning_all_does_not(mixed):
    best, _ = chain.train("bc-10pct", mixed)
    assert chain.solved(best.policy())
    assert means(best).min() > 0.4
    every, _ = chain.train("bc", mixed)
    assert means(every).max() < 0.4


CHANGES = {
    "iql": {"beta": 10.0, "expectile": 0.9},
    "td3bc": {"alpha": 2.5},  # as published
    "sql": {"alpha": 0.3},
    "rebrac": {"actor_penalty": 0.4},
    "cql": {"conservatism": 1.0},
    "odice": {"reward_scale": 10.0, "balance": 0.5, "backward": 0.3},
}


@pytest.mark.parametrize("id", CHANGES)
def test_values_find_the_way_in_random_walks(id, walks):
    changes = CHANGES[id]
    one, _ = chain.train(
        id, walks, updates=800, discount=0.9, target_rate=0.02, **fast(3e-3), **changes
    )
    assert chain.solved(one.policy())
    assert means(one).min() > 0.1
    if id == "iql":  # V grows towards the reward, 1 / 0.9 each step, for who takes the right way
        state = torch.as_tensor(one.flat(chain.observe(np.arange(chain.STATES - 1))))
        value = one.value.value(one.params["value"], state)[0].detach().numpy()
        assert list(value) == sorted(value)
        assert 0.5 < value[0] < 0.8 < value[-1] < 1.05


@pytest.mark.parametrize("id", ["aw", "dw-aw", "dwbc-oracle"])
def test_weighted_cloning_solves_what_cloning_all_does_not(id, mixed):
    one, _ = chain.train(id, mixed)
    assert chain.solved(one.policy())
    assert means(one).min() > 0.1  # random walks that reach the end are as good as the straight


@pytest.mark.parametrize(
    ("id", "weight"), [("idrl", "paper"), ("idrl-m1", "adv"), ("idrl-action-ratio", "adv")]
)
def test_weights_of_two_ratios_find_the_way_in_random_walks(id, weight, walks):
    rates = {f"phases.{k}.{name.partition('.')[2].partition('.')[2]}": rate
             for k in range(3) for name, rate in fast(3e-3).items()}  # fmt: skip
    one, metrics = chain.train(
        id, walks, updates=600, discount=0.9, target_rate=0.02, weight=weight, reward_scale=3.0,
        least_transitions=1, policy_hidden=(32, 32), **rates,
        **{"phases.1.updates": 400, "phases.2.updates": 300},
    )  # fmt: skip
    assert chain.solved(one.policy())
    assert metrics["kept_1"] <= 1.0
    if id == "idrl-m1":  # the ratio of states is that of a flow
        assert 0.6 < metrics["flow_1"] < 1.6
        assert metrics["togo_gain_1"] > 0.0
