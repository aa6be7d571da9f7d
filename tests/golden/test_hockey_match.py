"""Hockey with agents on both sides: the task's own game, and the same from either side."""

from __future__ import annotations

import numpy as np
import pytest

from entitybench.envs.api import make_worlds
from entitybench.envs.core.batch import Worlds
from entitybench.envs.core.world import Start
from entitybench.envs.hockey.match import HockeyMatch
from entitybench.envs.hockey.opponents import scripted_v1
from entitybench.envs.hockey.table import MALLET_SPEED
from entitybench.envs.worlds import match_of
from entitybench.errors import BadValue

TASKS = {1: "hockey-1v1", 2: "hockey-2v2"}
SEEDS = range(6)


class Turned(HockeyMatch):
    """From the same starts, turned round."""

    def start(self, seed: int) -> Start:
        start = super().start(seed)
        state = self.turned(np.concatenate([start.qpos, start.qvel, [0, 0]]))
        qpos, qvel, _ = np.split(state, np.cumsum([len(start.qpos), len(start.qvel)]))
        return Start(qpos, start.constants, start.goal, qvel)


def scripted(world: HockeyMatch, state: np.ndarray, share: float) -> np.ndarray:
    """Actions (B, M, 2) of the script on the side whose states these are."""
    seen = state[:, world.motion]
    mallets, puck = seen[:, : world.players], seen[:, world.puck]
    return share * scripted_v1(mallets, puck) / MALLET_SPEED


def both(world: HockeyMatch, state: np.ndarray, home: float, away: float) -> np.ndarray:
    return np.concatenate(
        [scripted(world, state, home), scripted(world, world.turned(state), away)], 1
    )


@pytest.mark.parametrize("players", TASKS)
def test_a_scripted_other_side_is_the_task_itself(players):
    """Bit for bit: states, observations, rewards, for a whole game."""
    task = make_worlds(TASKS[players], len(SEEDS))
    match = make_worlds(match_of(TASKS[players]), len(SEEDS))
    obs, its = task.reset(SEEDS), match.reset(SEEDS)
    rng = np.random.default_rng(0)
    for _ in range(task.horizon):
        own = rng.uniform(-1, 1, (len(SEEDS), players, 2))
        other = scripted(match.world, match.world.turned(match.state), 1.0)
        np.testing.assert_array_equal(task.state, match.state)
        for key in obs:
            np.testing.assert_array_equal(obs[key], its[key])
        obs, info = task.step(own)
        its, told = match.step(np.concatenate([own, other], 1))
        np.testing.assert_array_equal(info["reward"], told["reward"])
        np.testing.assert_array_equal(info["is_success"], told["is_success"])
    assert match.world.goals(match.state).any()


@pytest.mark.parametrize("players", TASKS)
def test_a_game_turned_round_is_the_same_game(players):
    """A against B, and B against A from turned starts: turned states, opposite scores."""
    worlds = Worlds(HockeyMatch(players), len(SEEDS), horizon=400)
    mirror = Worlds(Turned(players), len(SEEDS), horizon=400)
    worlds.reset(SEEDS)
    seen = mirror.reset(SEEDS)
    for _ in range(400):
        np.testing.assert_array_equal(mirror.world.turned(mirror.state), worlds.state)
        # What the other side is shown is what the task shows whoever stands there.
        shown = worlds.states(worlds.world.turned(worlds.state))
        for key in seen:
            np.testing.assert_array_equal(seen[key], shown[key])
        worlds.step(both(worlds.world, worlds.state, 1.4, 1.0))
        seen, _ = mirror.step(both(mirror.world, mirror.state, 1.0, 1.4))
    goals = worlds.world.goals(worlds.state)
    assert goals.any()
    np.testing.assert_array_equal(goals, mirror.world.goals(mirror.state)[:, ::-1])


@pytest.mark.parametrize("players", TASKS)
def test_a_script_against_itself_is_even(players):
    """Over starts and the same starts turned round both sides have as many goals."""
    total = np.zeros(2)
    for world in (HockeyMatch(players), Turned(players)):
        worlds = Worlds(world, len(SEEDS), horizon=400)
        worlds.reset(SEEDS)
        for _ in range(400):
            worlds.step(both(world, worlds.state, 1.4, 1.4))
        total += world.goals(worlds.state).sum(0)
    assert total[0] == total[1] > 0


@pytest.mark.parametrize("players", TASKS)
def test_turned_twice_it_is_as_it_was(players):
    worlds = Worlds(HockeyMatch(players), 2, horizon=400)
    worlds.reset([0, 1])
    worlds.state[:, -2:] = [[3, 1], [0, 2]]
    turned = worlds.world.turned(worlds.state)
    np.testing.assert_array_equal(worlds.world.turned(turned), worlds.state)
    assert worlds.world.goals(turned).tolist() == [[1, 3], [2, 0]]
    assert not np.array_equal(turned, worlds.state)


def test_a_task_without_opponents_is_refused():
    with pytest.raises(BadValue, match=r"push-3blocks has no opponents.*hockey-1v1 and hockey-2v2"):
        match_of("push-3blocks")
