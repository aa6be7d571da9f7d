"""Posts, regions and zones on the push table, and what goes wrong there on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from entitybench.envs.api import make_worlds, oracle_of, world_of
from entitybench.envs.push.sizes import HALF_EDGE
from entitybench.envs.push.variants import (
    AWAY,
    POST_SPACING,
    POSTS,
    REGIONS,
    ZONE_SPACING,
    PushPostsWorld,
    PushRegionWorld,
    PushZonesWorld,
)
from entitybench.seeding import BatchGenerator, generator

REGION = "push-2blocks-region"
ZONES = "push-2blocks-zones"
STATE = ("push-1block-obstacles", "push-1block-region", REGION, "push-3blocks-region", ZONES)


class Random:
    def initial_state(self, batch: int) -> int:
        return batch

    def act(self, obs: dict, state: int, rng: BatchGenerator) -> tuple[np.ndarray, int]:
        return rng.uniform(-1, 1, (state, 2)), state


def score(policy: object, task: str, seeds: range, **kwargs: object) -> np.ndarray:
    """Success at the end of each episode."""
    worlds = make_worlds(task, len(seeds), **kwargs)
    rng = BatchGenerator([generator(seed, "policy") for seed in seeds])
    obs, state = worlds.reset(seeds), policy.initial_state(len(seeds))
    ended = np.zeros(len(seeds), bool)
    for _ in range(worlds.horizon):
        action, state = policy.act(obs, state, rng)
        obs, info = worlds.step(action)
        ended |= info.get("terminated", False)
    return info["is_success"] | ended


def test_posts_stand_fast_between_starts_and_goals() -> None:
    world = world_of("push-1block-obstacles")
    assert isinstance(world, PushPostsWorld)
    assert world.movable == ("block0",)
    for seed in range(40):
        start = world.start(seed)
        obs = world.observe(start.qpos, start.constants)
        assert np.allclose(obs[2:, :2], POSTS)
        assert np.array_equal(obs[:, -1], [0, 0, 1, 1, 1])
        assert len(set(obs[:, 4:20].argmax(-1).tolist())) == 5
        assert not start.goal[[0, 2, 3, 4]].any()
        for place in (obs[1, :2], start.goal[1, :2]):
            assert np.hypot(*(place - np.array(POSTS)).T).min() >= POST_SPACING - 1e-6
        assert np.hypot(*(obs[1, :2] - start.goal[1, :2])) >= AWAY - 1e-6


def test_a_block_stops_at_a_post() -> None:
    worlds = make_worlds("push-1block-obstacles", 1)
    worlds.reset([0])
    state = worlds.integration_state(0)
    state[1:6] = [0.0, -0.1, 0.0, -0.02, 0.0]  # time, then pusher, then block: below the first post
    worlds.set_integration_state(0, state)
    for _ in range(40):
        worlds.step(np.array([[0.0, 1.0]]))
    assert worlds.qpos[0, 3] < POSTS[0][1] - HALF_EDGE - 0.02


def test_the_region_task_ends_when_all_are_in() -> None:
    world = world_of(REGION)
    assert isinstance(world, PushRegionWorld)
    state = np.zeros(world.state_size)
    state[world.places[1:]] = REGIONS[:2]
    away = state.copy()
    away[world.places[1, 0]] += 0.0601
    action = np.zeros(2)
    assert world.terminated(state)
    assert world.reward(away, action, state) == 0
    assert not world.terminated(away)
    assert world.reward(state, action, away) == -1
    assert world.status(away)["success_fraction"] == 0.5


def test_zones_ask_for_one_block_only() -> None:
    world = world_of(ZONES)
    assert isinstance(world, PushZonesWorld)
    asked = set()
    for seed in range(40):
        start = world.start(seed)
        obs = world.observe(start.qpos, start.constants)
        zones = obs[3:, :2]
        gaps = np.linalg.norm(zones[:, None] - zones, axis=-1) + np.eye(3)
        assert gaps.min() >= ZONE_SPACING - 1e-6
        rows = np.flatnonzero(start.goal.any(axis=-1))
        assert len(rows) == 1
        target = start.goal[rows[0], :2]
        zone = np.flatnonzero(np.all(np.isclose(zones, target), axis=-1))
        assert len(zone) == 1
        asked.add((int(rows[0]), int(zone[0])))
        there = world.achieved(obs)
        assert not world.success(there, start.goal)
        there[rows[0], :2] = target
        assert world.success(there, start.goal)
        assert world.success(there, there)  # a relabelled goal asks for both
    assert len(asked) == 6


@pytest.mark.parametrize("task", STATE)
def test_the_oracle_solves_its_task(task: str) -> None:
    assert score(oracle_of(task), task, range(16)).mean() >= 0.95


@pytest.mark.parametrize("task", STATE)
def test_random_actions_solve_nothing(task: str) -> None:
    assert score(Random(), task, range(40)).mean() < 0.05


@pytest.mark.parametrize("task", ["push-1block-obstacles", REGION, ZONES, "push-3blocks"])
def test_perturbed_and_absent_are_solved_mostly(task: str) -> None:
    assert score(oracle_of(task), task, range(12), bank="perturbed").mean() >= 0.75
    if task != REGION:  # a block that is not there is never in its region
        assert score(oracle_of(task), task, range(12), absent=0.4).mean() >= 0.9


@pytest.mark.parametrize("task", STATE)
def test_results_do_not_depend_on_the_batch(task: str) -> None:
    def run(seeds: list[int]) -> np.ndarray:
        worlds, policy = make_worlds(task, len(seeds)), oracle_of(task)
        rng = BatchGenerator([generator(seed, "policy") for seed in seeds])
        obs, state = worlds.reset(seeds), policy.initial_state(len(seeds))
        found = []
        for _ in range(50):
            action, state = policy.act(obs, state, rng)
            obs, _ = worlds.step(action)
            found.append(obs["observation"])
        return np.array(found)

    assert np.array_equal(run([4, 7, 1, 9, 2])[:, 1], run([7])[:, 0])
