"""Worlds whose true interactions are known: edges fire when they should, discs bounce as discs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from entitybench.envs.api import make_worlds, world_of
from entitybench.envs.causal.dag import DRIFT, DagWorld
from entitybench.envs.causal.oracle import SpritesOracle
from entitybench.envs.causal.sprites import (
    DAMPING,
    GOAL_AWAY,
    SPACING,
    TOLERANCE,
    WALL,
    SpritesWorld,
)
from entitybench.errors import BadValue
from entitybench.seeding import BatchGenerator, generator

DAGS = ["dag-4", "dag-10", "dag-30"]


def dag(id: str) -> DagWorld:
    world = world_of(id)
    assert isinstance(world, DagWorld)
    return world


# Random graphs.


@pytest.mark.parametrize("id", DAGS)
def test_a_graph_has_no_cycles_and_the_action_is_a_root(id: str) -> None:
    world = dag(id)
    nodes = world.entities
    structure = world.structure
    assert structure[:, :nodes].diagonal().all()
    assert not np.triu(structure[:, :nodes], 1).any()  # causes come before effects
    assert structure[0, nodes]  # something depends on the action
    parents = structure.sum(axis=1) - 1
    assert parents.max() <= 3
    assert np.array_equal(parents, (world.parents >= 0).sum(axis=1))
    assert np.array_equal(structure, DagWorld(nodes).structure)
    if nodes > 4:
        assert not np.array_equal(structure, DagWorld(nodes, graph_seed=1).structure)


@pytest.mark.parametrize("id", [*DAGS, "dag-10-rare"])
def test_a_step_is_what_the_sheet_says_node_by_node(id: str) -> None:
    """The same rules written once more, plainly."""
    world, rng = dag(id), np.random.default_rng(0)
    nodes = world.entities
    for seed in range(4):
        state = world.without(world.start(seed), rng.random(nodes) < 0.3).memory
        assert state is not None
        action = rng.uniform(-1, 1, 4)
        x, present = world.nodes(state), world.present(state)
        causes = [*x, action]
        expected, edges = x.copy(), np.zeros((nodes, nodes + 1), bool)
        for j in np.flatnonzero(present):
            parents = [p for p in world.parents[j] if p >= 0]
            change = np.clip(world._A[j] @ x[j] + world._b[j], -DRIFT, DRIFT)
            push = world._C[j] @ x[j]
            for slot, i in enumerate(parents):
                there = i == nodes or present[i]
                if there and world._u[j] @ np.concatenate([x[j], causes[i]]) > world.threshold:
                    push = push + world._B[j, slot] @ causes[i]
                    edges[j, i] = True
            expected[j] = np.clip(x[j] + (push if edges[j].any() else change), -1, 1)
        after = world.transition(state, action)
        assert np.allclose(world.nodes(after), expected, atol=1e-12)
        assert np.array_equal(world.touching(state, action, after), edges[:, :-1])
        assert np.array_equal(world.acting(state, action, after), edges[:, -1])


def test_scales_are_the_sheets() -> None:
    world = dag("dag-30")
    assert np.abs(world._A).max() <= 0.01
    assert (world._u >= 0).all()
    assert world._u.sum(axis=1) == pytest.approx(1)
    count = np.maximum((world.parents >= 0).sum(axis=1), 1)
    assert (np.abs(world._B).max(axis=(1, 2, 3)) <= 0.03 / count).all()


@pytest.mark.parametrize(("threshold", "low", "high"), [(0.0, 0.4, 0.6), (0.23, 0.12, 0.25)])
def test_edges_fire_as_often_as_is_said(threshold: float, low: float, high: float) -> None:
    worlds = make_worlds("dag-10", 32, interactions=True, threshold=threshold)
    worlds.reset(range(32))
    edges = dag("dag-10").structure.sum() - 10
    rng, fired = np.random.default_rng(0), 0.0
    for _ in range(50):
        _, info = worlds.step(rng.uniform(-1, 1, (32, 4)))
        fired += (info["interactions"].sum(axis=(1, 2)) - 10).mean() / edges / 50
    assert low < fired < high


def test_who_is_absent_neither_moves_nor_acts() -> None:
    worlds = make_worlds("dag-10", 16, interactions=True, absent=0.3)
    obs = worlds.reset(range(16))
    absent = ~obs["mask"]
    assert 0.2 < absent.mean() < 0.4
    first, rng = worlds.state.copy(), np.random.default_rng(0)
    for _ in range(20):
        obs, info = worlds.step(rng.uniform(-1, 1, (16, 4)))
        others = info["interactions"][..., :-1] & ~np.eye(10, dtype=bool)
        assert not others[absent].any()
        assert not np.swapaxes(others, 1, 2)[absent].any()
        assert not info["interactions"][..., -1][absent].any()
        assert not obs["observation"][absent].any()
    world = dag("dag-10")
    assert np.array_equal(world.nodes(worlds.state)[absent], world.nodes(first)[absent])
    assert not np.array_equal(worlds.state, first)
    # The mask is in the state, so a restart knows it.
    assert np.array_equal(world.present(worlds.state), ~absent)


def test_an_absent_parent_leaves_its_child_to_its_own_dynamics() -> None:
    world = dag("dag-4")
    child = int(np.flatnonzero((world.parents >= 0).any(axis=1) & (world.parents[:, 0] < 4))[-1])
    gone = np.zeros(4, bool)
    gone[[p for p in world.parents[child] if 0 <= p < 4]] = True
    start = world.start(0)
    whole = world.transition(start.memory, -np.ones(4))
    lacking = world.transition(world.without(start, gone).memory, -np.ones(4))
    x = world.nodes(start.memory)[child]
    drift = np.clip(world._A[child] @ x + world._b[child], -DRIFT, DRIFT)
    if world.parents[child].max() < 4:
        assert world.nodes(lacking)[child] == pytest.approx(np.clip(x + drift, -1, 1))
    assert whole.shape == lacking.shape


# Sprites.


def sprites() -> SpritesWorld:
    world = world_of("sprites")
    assert isinstance(world, SpritesWorld)
    return world


def apart(world: SpritesWorld) -> np.ndarray:
    return np.array([[-0.2, 0], [-0.09, 0], [0.3, 0.3], [0.3, -0.3]])


def test_sprites_start_apart_and_at_rest_with_a_goal_in_reach() -> None:
    world = sprites()
    for seed in range(100):
        start = world.start(seed)
        places = world.places(start.memory)
        gaps = np.linalg.norm(places[:, None] - places[None], axis=-1) + 9 * np.eye(4)
        assert gaps.min() >= SPACING
        assert np.abs(places).max() <= WALL
        assert not world.velocities(start.memory).any()
        away = np.hypot(*(start.goal[1, :2] - places[1]))
        assert GOAL_AWAY[0] - 1e-6 <= away <= GOAL_AWAY[1] + 1e-6
        assert not start.goal[[0, 2, 3]].any()
        assert not start.goal[1, 2:].any()


def test_a_head_on_bump_hands_the_velocity_over() -> None:
    world = sprites()
    velocities = np.zeros((4, 2))
    velocities[0, 0] = 0.5
    before = world.compose(apart(world), velocities)
    after, touched = world._move(before, np.zeros(2))
    assert touched[0, 1]
    assert touched[1, 0]
    assert touched.sum() == 2
    slower = 0.5 * (1 - DAMPING * 0.02) ** 5
    assert world.velocities(after)[0] == pytest.approx([0, 0], abs=1e-12)
    assert world.velocities(after)[1] == pytest.approx([slower, 0])


def test_a_glancing_bump_keeps_momentum_and_energy() -> None:
    world = sprites()
    places, velocities = apart(world), np.zeros((4, 2))
    places[0] += [0.0, 0.05]
    velocities[0, 0] = 0.6
    after, touched = world._move(world.compose(places, velocities), np.zeros(2))
    assert touched[0, 1]
    speed = world.velocities(after)
    slower = 0.6 * (1 - DAMPING * 0.02) ** 5
    assert speed.sum(axis=0) == pytest.approx([slower, 0])
    assert (speed**2).sum() == pytest.approx(slower**2)
    assert abs(speed[1, 1]) > 0.05


def test_walls_send_discs_back() -> None:
    world = sprites()
    places, velocities = apart(world), np.zeros((4, 2))
    places[1], velocities[1] = [0.44, 0], [0.5, 0.1]
    after = world.transition(world.compose(places, velocities), np.zeros(2))
    assert world.velocities(after)[1, 0] < 0 < world.velocities(after)[1, 1]
    assert world.places(after)[1, 0] <= WALL


def test_success_is_the_targets_place_within_six_centimetres() -> None:
    world, goal = sprites(), sprites().start(0).goal
    achieved = goal.copy()
    achieved[1, 0] += 0.0599
    assert world.success(achieved, goal)
    achieved[1, 1] += 0.01
    assert not world.success(achieved, goal)
    assert TOLERANCE == 0.06


def test_an_absent_disc_is_passed_through() -> None:
    worlds = make_worlds("sprites", 1, absent=("target",), interactions=True)
    world = sprites()
    worlds.reset([0])
    velocities = np.zeros((4, 2))
    velocities[0, 0] = 0.5
    there = worlds.state[0, -4:]
    assert there.tolist() == [1, 0, 1, 1]
    worlds.state[0] = world.compose(apart(world), velocities, there)
    for _ in range(4):
        obs, info = worlds.step(np.zeros((1, 2)))
        assert not (info["interactions"][0, :, :-1] & ~np.eye(4, dtype=bool)).any()
    assert world.velocities(worlds.state[0])[0, 0] > 0.3
    assert not obs["observation"][0, 1].any()
    assert obs["mask"].tolist() == [[True, False, True, True]]


def test_nothing_is_reached_where_the_target_is_absent() -> None:
    for absent, possible in (("target",), False), (("distractor0",), True):
        worlds = make_worlds("sprites", 1, absent=absent)
        obs = worlds.reset([0])
        assert obs["desired_goal"].any() == possible
        worlds.state[0, 2:4] = worlds.goals[0, 1, :2]  # the target's place
        obs, info = worlds.step(np.zeros((1, 2)))
        assert info["is_success"][0] == possible
        assert info["reward"][0] == (0 if possible else -1)
        again = worlds.world.reward(obs["achieved_goal"], obs["desired_goal"])
        assert np.array_equal(again, info["reward"])


def test_sprites_stay_in_bounds_whatever_is_done() -> None:
    worlds, rng = make_worlds("sprites", 8, distractors=6), np.random.default_rng(0)
    worlds.reset(range(8))
    for step in range(500):
        action = np.sign(rng.uniform(-1, 1, (8, 2)))
        action[:3] = 1 if step % 40 < 20 else -1
        obs, _ = worlds.step(action)
        assert (np.abs(obs["observation"]) <= worlds.world.bounds).all()


def test_worlds_that_cannot_be_are_refused() -> None:
    with pytest.raises(BadValue, match="distractors"):
        SpritesWorld(9)
    with pytest.raises(BadValue, match="64 nodes"):
        DagWorld(100)


# Both.


@pytest.mark.parametrize("id", [*DAGS, "sprites"])
def test_one_episode_does_not_depend_on_the_batch(id: str) -> None:
    seeds, rng = [4, 1, 7, 2, 9], np.random.default_rng(0)
    worlds = make_worlds(id, 5, interactions=True, absent=0.2)
    alone = make_worlds(id, 1, interactions=True, absent=0.2)
    obs, one = worlds.reset(seeds), alone.reset(seeds[2:3])
    for _ in range(40):
        action = rng.uniform(-1, 1, (5, worlds.world.action_dim))
        obs, info = worlds.step(action)
        one, scores = alone.step(action[2:3])
        assert all(np.array_equal(obs[key][2:3], one[key]) for key in obs)
        assert all(np.array_equal(info[key][2:3], scores[key]) for key in info)
    assert worlds.state_digest(2) == alone.state_digest(0)


def solved(policy: Any, episodes: int) -> float:
    worlds = make_worlds("sprites", episodes)
    rng = BatchGenerator([generator(seed, "policy") for seed in range(episodes)])
    obs, state = worlds.reset(range(episodes)), policy.initial_state(episodes)
    for _ in range(worlds.horizon):
        action, state = policy.act(obs, state, rng)
        obs, info = worlds.step(action)
    return float(info["is_success"].mean())


class Random:
    def initial_state(self, batch: int) -> int:
        return batch

    def act(self, obs: dict, state: int, rng: BatchGenerator) -> tuple[np.ndarray, int]:
        return rng.uniform(-1, 1, (state, 2)), state


def test_the_oracle_solves_sprites_and_chance_does_not() -> None:
    assert solved(SpritesOracle("sprites"), 20) >= 0.95
    assert solved(Random(), 100) < 0.05


def test_the_oracle_does_not_depend_on_the_batch() -> None:
    worlds, oracle = make_worlds("sprites", 3), SpritesOracle("sprites")
    obs = worlds.reset([3, 1, 2])
    one = {key: value[1:2] for key, value in obs.items()}
    together, _ = oracle.act(obs, oracle.initial_state(3), None)
    alone, _ = oracle.act(one, oracle.initial_state(1), None)
    assert np.array_equal(together[1:2], alone)
