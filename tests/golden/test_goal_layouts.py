"""What goal agents read of every goal task: which features are what, and where goals are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from entitybench.agents.common.goal.layout import Layout, columns
from entitybench.envs.api import make_worlds, world_of
from entitybench.registry import agent, resolve_agent, tasks
from entitybench.seeding import BatchGenerator, generator

GOAL = [t.id for t in tasks() if t.kind == "goal-control" and "pixels" not in t.tags]
# One of each family and layout.
FAMILIES = (
    "push-2blocks", "push-1block-obstacles", "push-2blocks-zones", "tetris-2pieces", "pick-2cubes",
    "stack-2cubes", "pick-2cubes-bins", "scene", "hockey-goal", "kitchen-goal",
    "kitchen-gripper-goal", "sprites", "robosuite-push-1block",
)  # fmt: skip
EPISODES, LENGTH = 6, 8


class Store:
    """Episodes of uniform actions."""

    id, content_hash = "uniform", "none"

    def __init__(self, id):
        worlds = make_worlds(tasks()[id], EPISODES)
        rng = generator(0, "uniform")
        try:
            seen = [worlds.reset(range(EPISODES))["observation"].copy()]
            actions = []
            for _ in range(LENGTH):
                actions.append(rng.uniform(-1, 1, (EPISODES, *worlds.world.action_shape)))
                seen.append(worlds.step(actions[-1])[0]["observation"].copy())
        finally:
            worlds.close()
        actions.append(np.zeros_like(actions[0]))  # padding
        self.observations = np.stack(seen, 1).reshape(-1, *seen[0].shape[1:])
        self.actions = np.stack(actions, 1).reshape(len(self.observations), -1).astype(np.float32)
        self.offsets = np.arange(EPISODES + 1) * (LENGTH + 1)
        self.lengths = np.full(EPISODES, LENGTH)


@pytest.fixture(scope="module")
def store_of():
    made = {}
    return lambda id: made.setdefault(id, Store(id))


@pytest.mark.parametrize("id", GOAL)
def test_every_feature_is_one_thing(id):
    layout, world = Layout.of(tasks()[id]), world_of(tasks()[id])
    found = sorted((*layout.place, *layout.other, *layout.identity))
    assert found == list(range(len(world.feature_names)))
    assert [world.feature_names[k] for k in layout.place] in (["x", "y"], ["x", "y", "z"])
    assert set(layout.identity) <= set(layout.fixed)
    assert not set(layout.place) & set(layout.fixed)
    assert not layout.asked[0].any()  # nothing is asked of the actor


def test_what_goals_speak_of():
    def names(id):
        layout, world = Layout.of(tasks()[id]), world_of(tasks()[id])
        wanted = np.arange(layout.features)[layout.wanted]
        return [world.feature_names[k] for k in wanted]

    assert names("push-3blocks") == names("pick-2cubes") == names("sprites") == []
    assert names("tetris-2pieces") == ["cosyaw", "sinyaw"]
    assert names("hockey-goal") == ["hit"]
    assert names("kitchen-goal") == ["turn0", "turn1", "value0", "value1", "asked"]


@pytest.mark.parametrize("id", FAMILIES)
def test_a_goal_is_what_the_world_says(id, store_of):
    layout, world = Layout.of(tasks()[id]), world_of(tasks()[id])
    rows = np.asarray(store_of(id).observations)[::5]
    achieved = layout.achieved(torch.as_tensor(rows))
    np.testing.assert_array_equal(achieved.numpy(), world.achieved(rows))


@pytest.mark.parametrize("id", FAMILIES)
def test_what_is_fixed_stays_through_an_episode(id, store_of):
    store, layout = store_of(id), Layout.of(tasks()[id])
    rows = store.observations.reshape(EPISODES, LENGTH + 1, *store.observations.shape[1:])
    fixed = rows[..., list(layout.fixed)]
    np.testing.assert_array_equal(fixed, np.broadcast_to(fixed[:, :1], fixed.shape))
    assert (rows[..., [*layout.place]] != rows[:, :1, :, [*layout.place]]).any()


@pytest.mark.parametrize("id", FAMILIES)
def test_an_offset_leads_to_the_place_that_is_asked(id, store_of):
    """Zero where a state is its own goal, for the actor, and where nothing is asked."""
    layout, world = Layout.of(tasks()[id]), world_of(tasks()[id])
    rows = torch.as_tensor(store_of(id).observations)
    own = layout.goal_offset(rows, torch.as_tensor(world.achieved(rows.numpy())))
    assert own.abs().max() == 0 or id.startswith("hockey")  # there a note says where it was
    assert layout.goal_offset(rows, torch.zeros_like(rows)).abs().max() == 0
    task = torch.as_tensor(world.start(0).goal)[None].expand_as(rows)
    offset = layout.goal_offset(rows, task)
    assert offset[:, 0].abs().max() == 0
    if id not in ("kitchen-goal", "kitchen-gripper-goal"):
        assert offset.abs().max() > 0


def test_a_place_in_the_middle_of_the_table_is_a_place():
    layout = Layout.of(tasks()["tetris-1piece"])
    state = torch.zeros(1, 2, layout.features)
    state[0, 1, :2] = 0.3
    goal = torch.zeros_like(state)
    goal[0, 1, 2] = 1.0  # upright, at x = y = 0
    assert layout.goal_offset(state, goal)[0, 1].tolist() == pytest.approx([-0.3, -0.3])


@pytest.mark.parametrize("id", FAMILIES)
@pytest.mark.parametrize("method", ["gcbc", "ec-iql", "hecrl"])
def test_goal_agents_learn_and_act_in_every_family(id, method, store_of):
    spec, task, store = agent(method), tasks()[id], store_of(id)
    target = resolve_agent(spec)
    one = target.create(target.configure(spec, "tiny", task), task, seed=0, data=store)
    for _ in range(3):
        metrics = one.advance(store)
    assert all(np.isfinite(value) for value in metrics.values())
    one.ready(store)
    worlds = make_worlds(task, 2)
    obs = worlds.reset(range(2))
    policy = one.policy()
    rng = BatchGenerator([generator(0, "episode", k) for k in range(2)])
    actions, _ = policy.act(obs, policy.initial_state(2), rng)
    worlds.close()
    assert actions.shape == (2, *world_of(task).action_shape)
    assert np.isfinite(actions).all()


def test_goals_of_other_episodes_are_of_the_shapes_at_hand(store_of):
    from entitybench.datasets.sampling.goals import GoalMix, GoalSampler

    world = world_of(tasks()["tetris-2pieces"])
    sampler = GoalSampler(store_of("tetris-2pieces"), world)
    batch = sampler.sample(64, np.random.default_rng(0), policy=GoalMix(random=1.0))
    shapes = slice(4, None)
    np.testing.assert_array_equal(
        batch["policy_goals"][:, 1:, shapes], batch["observations"][:, 1:, shapes]
    )


def test_columns_side_by_side_are_a_slice():
    assert columns([2, 3, 4]) == slice(2, 5)
    assert columns([2, 4]) == [2, 4]
    assert columns([]) == slice(0, 0)
