"""The coordination rate: conventions as states show them, and episodes that keep to one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import entitybench as eb
from entitybench.datasets.catalogue.teams import PLAYED
from entitybench.envs.api import make_worlds, task_of, world_of
from entitybench.envs.core.banks import Bank
from entitybench.envs.core.play import play
from entitybench.envs.core.stretch import fits
from entitybench.envs.core.world import TeamWorld
from entitybench.envs.team.matrix import FITTING, MatrixWorld
from entitybench.envs.team.pushbox_oracle import PushboxOracle
from entitybench.envs.team.spread_oracle import SpreadOracle
from entitybench.leaderboard.evaluation.coordination import Coordination, coordination
from entitybench.leaderboard.submission.check import verify
from entitybench.leaderboard.submission.pack import pack
from entitybench.leaderboard.submission.wanted import Wanted
from entitybench.leaderboard.tables.extras import extra_cell, handled
from entitybench.seeding import BatchGenerator, generator
from tests.support.bundles import altered, row

WITH = ("team-pushbox", "team-spread", "team-spread-omar", "team-matrix-xor")


def shown(task: str, policy: Any, episodes: int = 3) -> Any:
    """The conventions (B, T) of a policy's episodes."""
    spec = task_of(task)
    worlds = make_worlds(spec, episodes, 1)
    obs = worlds.reset(range(episodes))
    rng = BatchGenerator([generator(seed, "test", 0) for seed in range(episodes)])
    found = [worlds.convention() for _ in play(worlds, policy, obs, rng, spec.horizon)]
    worlds.close()
    return np.stack(found, axis=1)


def test_an_episode_keeps_to_one_convention_by_hand() -> None:
    assert coordination(np.array([-1, 2, 2, -1, 2])) == 1
    assert coordination(np.array([2] * 9 + [0])) == 1
    assert coordination(np.array([2] * 8 + [0])) == 0
    assert coordination(np.array([-1, -1])) == 0  # what nobody sees is no convention
    assert coordination(np.array([], np.int64)) == 0
    assert coordination(np.array([2] + [-1] * 9)) == 1
    assert coordination(np.array([2] + [-1] * 10)) == 0  # so rarely seen it is chance


def test_steps_after_the_end_do_not_count() -> None:
    kept = Coordination(world_of("team-matrix-xor"))
    for step in ([0, 0], [0, 1]):
        kept.add(lambda step=step: np.array(step))
    assert kept.values(np.array([2, 1])) == [{"coordination": 1.0}, {"coordination": 1.0}]
    assert kept.values(np.array([2, 2])) == [{"coordination": 1.0}, {"coordination": 0.0}]


@pytest.mark.parametrize("game", FITTING)
def test_pairs_that_fit_are_those_of_the_data(game: str) -> None:
    world = world_of(f"team-matrix-{game}")
    assert isinstance(world, MatrixWorld)
    assert FITTING[game] == tuple(pair for pair, _ in PLAYED[game])
    n = world.choices
    every = np.array([[i, j, 1.0] for i in range(n) for j in range(n)])
    found = world.convention(every)
    for (i, j, _), which in zip(every, found, strict=True):
        assert (i, j) in FITTING[game] if which >= 0 else (i, j) not in FITTING[game]
        assert which < 0 or FITTING[game][which] == (i, j)
    assert world.convention(np.array([-1.0, -1.0, 0.0])) == -1  # before the game


@pytest.mark.parametrize("pair", [(0, 1), (1, 2)])
def test_the_robots_that_push_are_the_convention(pair: tuple[int, int]) -> None:
    found = shown("team-pushbox", PushboxOracle("team-pushbox", side="left", pair=pair))
    world = world_of("team-pushbox")
    assert isinstance(world, TeamWorld)
    names = {world.conventions[k] for k in np.unique(found[found >= 0])}
    assert names == {f"{pair[0]} and {pair[1]}"}
    assert (found >= 0).mean() > 0.5


@pytest.mark.parametrize("way", [0, 3])
def test_who_has_which_landmark_is_the_convention(way: int) -> None:
    found = shown("team-spread", SpreadOracle("team-spread", convention=way))
    seen = found[found >= 0]
    assert np.mean(seen == way) > 0.9
    assert (found[:, 0] == -1).all()  # nobody has arrived
    assert (found[:, -1] == way).any()


def test_two_agents_at_one_landmark_keep_no_convention() -> None:
    world = world_of("team-spread")
    places = np.array([[0.0, 0.1], [0, -0.1], [1, 1], [0, 0], [1, 1], [-1, -1]])
    state = world.compose(places, np.zeros((3, 2)))
    assert world.convention(state) == -1
    places[1] = -1
    state = world.compose(places, np.zeros((3, 2)))
    assert world.conventions[world.convention(state)] == "021"


@pytest.mark.parametrize("task", WITH)
def test_one_state_and_many_say_the_same(task: str) -> None:
    worlds = make_worlds(task, 4, 1)
    worlds.reset(range(4))
    rng = np.random.default_rng(0)
    for _ in range(3):
        worlds.step(rng.uniform(-1, 1, (4, *worlds.world.action_shape)))
    alone = [worlds.world.convention(state) for state in worlds.state]
    assert worlds.convention().tolist() == alone
    assert not fits(worlds.world, Bank("public"))  # scores of many steps at once know none
    worlds.close()


def test_records_hold_the_rate_and_bundles_prove_it() -> None:
    record = eb.evaluate("random", "team-spread", episodes=3, threads=1)
    assert record.columns.values["coordination"] == [0.0] * 3
    assert extra_cell(record, "coordination").mean == 0
    assert "0 % of episodes in one convention" in handled(record)
    bundle = pack(record, threads=1)
    assert not verify(bundle, Wanted(threads=1)).findings
    report = verify(altered(bundle, row("coordination", 1.0)), Wanted(threads=1))
    assert [each.what.split(" is ")[0] for each in report.findings] == ["coordination"]
    scripted = eb.evaluate("oracle", "team-matrix-xor", episodes=3, threads=1)
    assert scripted.columns.values["coordination"] == [1.0] * 3


def test_other_teams_have_no_rate() -> None:
    record = eb.evaluate("zero", "team-tag", episodes=1, threads=1)
    assert "coordination" not in record.columns.values
    assert "convention" not in handled(record)
