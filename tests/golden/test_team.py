"""Particle teams equal mpe2's, step for step; games pay their tables; scripts score."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from entitybench.envs import pettingzoo
from entitybench.envs.api import make_worlds, oracle_of, task_of, world_of
from entitybench.envs.core.batch import Worlds
from entitybench.envs.team.matrix import GAMES, MatrixOracle, MatrixWorld
from entitybench.envs.team.particles import ParticleWorld
from entitybench.envs.team.spread import OmarSpreadWorld, SpreadWorld
from entitybench.envs.team.spread_oracle import WAYS, SpreadOracle
from entitybench.envs.team.tag import PREY, TagWorld, flee
from entitybench.errors import BadValue, UnknownId
from entitybench.seeding import BatchGenerator, generator

PARTICLES = ["team-spread", "team-spread-omar", "team-tag"]


class Random:
    """Uniform actions."""

    def __init__(self, world: Any) -> None:
        self.shape = world.action_shape

    def initial_state(self, batch: int) -> int:
        return batch

    def act(self, obs: dict, state: int, rng: BatchGenerator) -> tuple[np.ndarray, int]:
        return rng.uniform(-1, 1, (state, *self.shape)), state


def play(id: str, policy: Any, episodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Team returns, the mean over the agents, and successes at the last step, each (episodes,)."""
    worlds = make_worlds(id, episodes)
    rng = BatchGenerator([generator(seed, "policy") for seed in range(episodes)])
    obs, state = worlds.reset(range(episodes)), policy.initial_state(episodes)
    total = np.zeros(episodes)
    for _ in range(worlds.horizon):
        action, state = policy.act(obs, state, rng)
        assert np.abs(action).max() <= 1
        obs, info = worlds.step(action)
        total += info["reward"].mean(axis=-1)
    return total, info["is_success"]


# Equal to mpe2.


def peer_of(id: str) -> ModuleType:
    pytest.importorskip("mpe2")
    name = "simple_tag_v3" if id == "team-tag" else "simple_spread_v3"
    return importlib.import_module(f"mpe2.{name}")


def as_mpe(action: np.ndarray) -> np.ndarray:
    """(x, y) as mpe2's nothing, left, right, down, up."""
    x, y = action
    return np.array([0, max(-x, 0), max(x, 0), max(-y, 0), max(y, 0)], np.float32)


@pytest.mark.parametrize("crowd", [1.0, 0.3])
@pytest.mark.parametrize("id", ["team-spread", "team-tag"])
def test_every_step_equals_mpe2_to_the_last_bit(id: str, crowd: float) -> None:
    peer, world = peer_of(id), world_of(id)
    assert isinstance(world, SpreadWorld | TagWorld)
    for seed in range(6):
        env = peer.parallel_env(continuous_actions=True, max_cycles=25)
        env.reset(seed=seed)
        core = env.unwrapped.world
        entities = core.agents + core.landmarks
        for one in core.agents:  # a small crowd bumps often
            one.state.p_pos = crowd * one.state.p_pos
        places = np.array([one.state.p_pos for one in entities])
        state = world.compose(places, np.zeros((world.movers, 2)))
        rng = np.random.default_rng(seed)
        for _ in range(25):
            action = rng.uniform(-1, 1, (3, 2)).astype(np.float32)
            actions = {name: as_mpe(one) for name, one in zip(world.agents, action, strict=True)}
            if id == "team-tag":
                actions["agent_0"] = as_mpe(flee(world.places(state)))
            obs, rewards, *_ = env.step(actions)
            before, state = state, world.transition(state, action.astype(np.float64))
            assert np.array_equal(world.places(state), [one.state.p_pos for one in entities])
            assert np.array_equal(world.velocities(state), [one.state.p_vel for one in core.agents])
            seen = world.observe_agents(state, np.empty(0))
            paid = sum(world.reward_terms(before, action, state).values())
            for row, name in enumerate(world.agents):
                assert np.array_equal(seen[row], obs[name])
                assert paid[row] == pytest.approx(rewards[name], abs=1e-12)
        env.close()


def test_starts_are_drawn_as_mpe2_draws_them() -> None:
    spread = np.array([world_of("team-spread").start(s).memory for s in range(300)])
    tag = np.array([world_of("team-tag").start(s).memory for s in range(300)])
    assert not spread[:, 12:].any()
    assert not tag[:, 12:].any()
    assert 0.99 < np.abs(spread[:, :12]).max() <= 1
    assert 0.99 < np.abs(tag[:, :8]).max() <= 1
    assert 0.89 < np.abs(tag[:, 8:12]).max() <= 0.9


# The rules.


def test_omar_rewards_nearness_and_counts_each_bump_five() -> None:
    world = world_of("team-spread-omar")
    assert isinstance(world, OmarSpreadWorld)
    places = np.array([[0, 0], [0.25, 0], [3, 3], [0.05, 0], [0.25, 0.5], [3, 5.0]])
    state = world.compose(places, np.zeros((3, 2)))
    terms = world.reward_terms(state, np.zeros((3, 2)), state)
    assert terms["landmarks"] == pytest.approx(np.full(3, 10 + 2 + 0.5))
    assert terms["bumps"].tolist() == [-5, -5, 0]
    status = world.status(state)
    assert not status["is_success"]
    assert status["success_fraction"] == pytest.approx(1 / 3)


def test_a_catch_pays_all_predators_and_is_remembered() -> None:
    world = world_of("team-tag")
    assert isinstance(world, TagWorld)
    places = np.array([[0, 0], [0.09, 0.05], [-1, -1], [0.02, 0], [5, 5], [6, 6.0]])
    state = world.compose(places, np.zeros((4, 2)))
    assert world.catches(state) == 2
    assert world.reward_terms(state, np.zeros((3, 2)), state)["caught"].tolist() == [20] * 3
    assert not world.status(state)["is_success"]
    after = world.transition(state, np.zeros((3, 2)))
    assert world.catches(after) > 0
    assert world.extras(after) == 1
    assert world.status(after)["is_success"]
    assert world.status(after)["success_fraction"] == pytest.approx(0.2)


def test_the_prey_flees_and_comes_back_from_the_edge() -> None:
    places = np.array([[-0.3, 0], [-0.4, 0.1], [-0.4, -0.1], [0, 0], [5, 5], [6, 6.0]])
    assert flee(places)[0] == 1
    places[PREY] = [0.99, 0]
    assert flee(places)[0] == -1


def test_discs_touch_where_they_overlap() -> None:
    worlds = make_worlds("team-tag", 1, interactions=True)
    world = worlds.world
    assert isinstance(world, TagWorld)
    worlds.reset([0])
    places = np.array([[0, 0], [0.1, 0], [-1, -1], [1, 1], [-1, -0.8], [3, 3.0]])
    worlds.state[0] = world.compose(places, np.zeros((4, 2)), np.zeros(1))
    _, info = worlds.step(np.zeros((1, 3, 2)))
    graph = info["interactions"][0]
    expected = np.zeros((6, 7), bool)
    for i, j in ((0, 1), (2, 4)):
        expected[i, j] = expected[j, i] = True
    expected[np.arange(6), np.arange(6)] = True
    expected[:3, 6] = True  # the action drives the predators
    assert np.array_equal(graph, expected)


@pytest.mark.parametrize("id", PARTICLES)
def test_one_episode_does_not_depend_on_the_batch(id: str) -> None:
    seeds, oracle = [4, 1, 7, 2, 9], oracle_of(id)
    worlds, alone = make_worlds(id, 5), make_worlds(id, 1)
    obs, one = worlds.reset(seeds), alone.reset(seeds[2:3])
    state, single = oracle.initial_state(5), oracle.initial_state(1)
    for _ in range(25):
        action, state = oracle.act(obs, state, None)
        mine, single = oracle.act(one, single, None)
        assert np.array_equal(action[2:3], mine)
        obs, info = worlds.step(action)
        one, scores = alone.step(mine)
        assert all(np.array_equal(obs[key][2:3], one[key]) for key in obs)
        assert all(np.array_equal(info[key][2:3], scores[key]) for key in info)
    assert worlds.state_digest(2) == alone.state_digest(0)


@pytest.mark.parametrize("id", PARTICLES)
def test_speeds_stay_in_bounds_whatever_is_done(id: str) -> None:
    worlds = make_worlds(id, 8)
    world, rng = worlds.world, np.random.default_rng(0)
    assert isinstance(world, ParticleWorld)
    worlds.reset(range(8))
    for step in range(600):
        action = np.sign(rng.uniform(-1, 1, (8, 3, 2)))
        action[:2] = 1
        if step % 3:
            action[2:5] = -np.sign(world.places(worlds.state)[2:5, :3])  # all to the middle
        obs, _ = worlds.step(action)
        assert np.isfinite(obs["observation"]).all()
        assert (np.abs(obs["observation"]) <= world.agent_bounds).all()
        assert (np.abs(obs["state"]) <= world.bounds).all()


def test_entities_say_all_that_a_particle_state_holds() -> None:
    worlds = make_worlds("team-spread", 3)
    obs = worlds.reset([1, 2, 3])
    world = worlds.world
    assert isinstance(world, ParticleWorld)
    assert np.allclose(world.recall(obs["state"]), worlds.state, atol=1e-7)


# Games.


@pytest.mark.parametrize("game", GAMES)
def test_a_game_pays_its_table_whichever_way_it_is_played(game: str) -> None:
    table = np.array(GAMES[game])
    n = len(table)
    pairs = np.array([(i, j) for i in range(n) for j in range(n)])
    worlds = make_worlds(f"team-matrix-{game}", len(pairs))
    worlds.reset(range(len(pairs)))
    _, info = worlds.step(((2 * pairs + 1) / n - 1)[..., None])
    assert np.array_equal(info["reward"], np.repeat(table.reshape(-1, 1), 2, axis=1))
    assert np.array_equal(info["is_success"], table.ravel() == table.max())
    assert info["success_fraction"].max() == 1
    discrete = getattr(pettingzoo, f"matrix_{game}_v1")
    env = discrete.parallel_env(actions=n)
    for i, j in pairs:
        env.reset(seed=0)
        _, rewards, _, cut, _ = env.step({"agent_0": int(i), "agent_1": int(j)})
        assert rewards["agent_0"] == rewards["agent_1"] == table[i, j]
        assert all(cut.values())


def test_the_ends_of_the_box_are_choices_too() -> None:
    world = world_of("team-matrix-climbing")
    assert isinstance(world, MatrixWorld)
    edges = np.array([-1, -0.34, -0.33, 0.33, 0.34, 1.0])
    assert world.choose(edges[:, None, None])[:, 0].tolist() == [0, 0, 1, 1, 2, 2]


def test_games_that_do_not_exist_are_refused() -> None:
    with pytest.raises(UnknownId, match="climbing"):
        MatrixWorld("climb")
    with pytest.raises(BadValue, match="3 actions"):
        MatrixWorld("climbing", actions=2)
    with pytest.raises(BadValue, match="2 best pairs"):
        MatrixOracle("team-matrix-xor", convention=2)
    with pytest.raises(BadValue, match="0 to 5"):
        SpreadOracle("team-spread", convention=6)


# Scripts.


@pytest.mark.parametrize(
    ("id", "least", "success"),
    [("team-spread", -6.0, 0.95), ("team-spread-omar", 600, 0.95), ("team-tag", 60, 0.9)],
)
def test_the_scripts_score(id: str, least: float, success: float) -> None:
    returns, solved = play(id, oracle_of(id), 24)
    assert returns.mean() > least
    assert solved.mean() >= success


@pytest.mark.parametrize("id", PARTICLES)
def test_random_actions_solve_next_to_nothing(id: str) -> None:
    assert play(id, Random(world_of(id)), 100)[1].mean() < 0.05


@pytest.mark.parametrize("game", GAMES)
def test_the_script_of_a_game_is_the_optimum(game: str) -> None:
    returns, solved = play(f"team-matrix-{game}", MatrixOracle(f"team-matrix-{game}"), 3)
    assert (returns == np.max(GAMES[game])).all()
    assert solved.all()


def test_a_convention_keeps_its_assignment() -> None:
    for convention in (0, 3):
        worlds = make_worlds("team-spread", 4)
        oracle = SpreadOracle("team-spread", convention=convention)
        obs, state = worlds.reset(range(4)), oracle.initial_state(4)
        for _ in range(25):
            action, state = oracle.act(obs, state, None)
            obs, _ = worlds.step(action)
        places = obs["state"][..., :2]
        gaps = places[:, :3, None] - places[:, None, 3:]
        nearest = np.linalg.norm(gaps, axis=-1).argmin(axis=-1)
        assert (nearest == WAYS[convention]).mean() > 0.9


def test_worlds_of_a_team_are_made_for_the_pettingzoo_view() -> None:
    assert isinstance(make_worlds(task_of("team-tag"), 2), Worlds)
    env = pettingzoo.tag_v1.parallel_env()
    obs, _ = env.reset(seed=0)
    assert list(obs) == ["adversary_0", "adversary_1", "adversary_2"]
    assert obs["adversary_0"].shape == (16,)
