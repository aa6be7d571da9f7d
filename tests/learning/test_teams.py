"""Every learner of teams solves a game of one step, and fails at what it cannot do."""

from __future__ import annotations

import games
import pytest

FLOW = {"flow_hidden": (32, 32), "flow_steps": 5}
VALUED = {**FLOW, "discount": 0.0, "alpha": 0.1, "target_rate": 0.05}


@pytest.mark.parametrize("choices", [False, True])
def test_a_joint_flow_keeps_choices_apart_that_its_students_cannot(choices):
    """Data of xor: the team draws which of two pairs, and nobody can see which."""
    joint, _ = games.train("joint-flow", "xor", choices=choices, flow_steps=5)
    assert games.paid(joint, "xor") > 0.9
    alone, _ = games.train("flow-bc", "xor", choices=choices, **FLOW)
    assert 0.3 < games.paid(alone, "xor") < 0.7
    shared, _ = games.train("flow-bc", "xor", choices=choices, noise="shared", **FLOW)
    assert games.paid(shared, "xor") > 0.85


def test_a_flow_of_each_agent_knows_nothing_of_the_other():
    one, _ = games.train("joint-flow", "xor", flow_steps=5, teacher="individual")
    assert 0.3 < games.paid(one, "xor") < 0.7


@pytest.mark.parametrize("id", ["macflow", "macflow-shared", "macflow-individual", "ma-fql"])
def test_values_find_the_rare_best_pair(id):
    one, _ = games.train(id, "rare", **VALUED)
    assert games.paid(one, "rare") > 1.9


@pytest.mark.parametrize("id", ["macflow", "ma-fql"])
def test_values_find_the_rare_best_pair_of_choices(id):
    one, _ = games.train(id, "rare", choices=True, **{**VALUED, "alpha": 0.03})
    assert games.paid(one, "rare") > 1.9


def test_cloning_does_not():
    one, _ = games.train("flow-bc", "rare", **FLOW)
    assert games.paid(one, "rare") < 1.3


BASELINES = {
    "matd3bc": {"alpha": 10.0},
    "macql": {"conservatism": 0.1},
    "omar": {"conservatism": 0.1},
    "maicq": {},
    "mabcq": {},
    "omiga": {"alpha": 0.1},
    "dof": {"diffusion_steps": 5, "climb": 20.0},
}


@pytest.mark.parametrize("choices", [False, True])
@pytest.mark.parametrize("id", BASELINES)
def test_baselines_find_the_rare_best_pair(id, choices):
    rest = {"discount": 0.0, "target_rate": 0.05, **BASELINES[id]}
    one, _ = games.train(id, "rare", choices=choices, **rest)
    assert games.paid(one, "rare") > 1.9


@pytest.mark.parametrize("choices", [False, True])
def test_a_joint_diffusion_keeps_choices_apart(choices):
    one, _ = games.train("diffusion-bc", "xor", choices=choices, diffusion_steps=10)
    assert games.paid(one, "xor") > 0.8


@pytest.mark.parametrize("choices", [False, True])
def test_a_decision_transformer_does_what_the_best_did(choices):
    one, _ = games.train("madt", "rare", choices=choices)
    assert games.paid(one, "rare") > 1.9


@pytest.mark.parametrize("choices", [False, True])
def test_imagined_returns_find_the_rare_best_pair_that_each_imagines_alone(choices):
    """With games whose outcome is seen: what agents imagine apart fits where it is the best."""
    settings = {"ahead": 1, "diffusion_steps": 10, "updates": 600, "guidance": 2.0}
    paid = {}
    for game in ("xor", "rare"):
        data = games.seen(game)
        one, _ = games.train("madiff", game, choices=choices, data=data, **settings)
        alone = games.paid(one, game)
        paid[game] = alone, games.paid(games.variant(one, "madiff-central"), game)
    assert 0.3 < paid["xor"][0] < 0.7 < 0.85 < paid["xor"][1]
    assert min(paid["rare"]) > 1.8


RECIPES = {
    "svn": {"alpha": 0.1},
    "svn-frozen": {"alpha": 0.1},
    "mixer-raw": {"alpha": 1.0},
    "mixer-simple": {"alpha": 0.1},
    "vdn-brac": {"alpha": 0.1},
    "central-brac": {"alpha": 0.1},
    "individual-brac": {"alpha": 0.1},
    "svn-sarsa": {"alpha": 0.1},
    "svn-awr": {"alpha": 3.0},
    "svn-iql": {"alpha": 3.0},
    "vdn-sarsa": {"alpha": 0.1},
    "vdn-awr": {"alpha": 3.0},
    "vdn-iql": {"alpha": 3.0},
}


@pytest.mark.parametrize("id", RECIPES)
def test_recipes_find_the_rare_best_pair(id):
    one, _ = games.train(id, "rare", discount=0.0, target_rate=0.05, **RECIPES[id])
    assert games.paid(one, "rare") > 1.9
