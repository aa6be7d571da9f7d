"""Checks of the views: Gymnasium's, Stable-Baselines3's and PettingZoo's own, and ours."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

from entitybench.checks import NotChecked, must
from entitybench.envs.api import make, make_vec, make_worlds
from entitybench.envs.conformance.rollouts import busy, short
from entitybench.envs.core.world import GoalWorld
from entitybench.envs.views.team import actions_of
from entitybench.errors import BadValue
from entitybench.registry import kinds, tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from entitybench.types import TaskSpec


def alone(task: TaskSpec) -> bool:
    """Whether one agent acts in a task: Gymnasium shows it; else PettingZoo does."""
    return kinds()[task.kind].views is not None


def together(task: TaskSpec) -> bool:
    """Whether a team acts in a task."""
    return not alone(task)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Checkers of others print and warn of what is meant here."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _checked_by(checker: Callable[..., Any], task: TaskSpec) -> None:
    # `gymnasium.make` knows what is registered; its TimeLimit would hide compute_reward.
    registered = task.id in tasks() and tasks()[task.id] == task
    env: Any = gymnasium.make(task.gym_id).unwrapped if registered else make(task)
    with _quiet():
        checker(env, skip_render_check=True)
    env.close()


def gymnasium_checker(task: TaskSpec) -> None:
    """`check_env` of Gymnasium."""
    from gymnasium.utils.env_checker import check_env

    _checked_by(check_env, task)


def sb3_checker(task: TaskSpec) -> None:
    """`check_env` of Stable-Baselines3."""
    if importlib.util.find_spec("stable_baselines3") is None:
        raise NotChecked("stable-baselines3 is not installed")
    from stable_baselines3.common.env_checker import check_env

    _checked_by(check_env, task)


def pettingzoo_checker(task: TaskSpec) -> None:
    """`parallel_api_test` of PettingZoo."""
    from pettingzoo.test import parallel_api_test

    env = make(task)
    with _quiet():
        parallel_api_test(env, num_cycles=short(task, 100, 20))
    env.close()


def rewards_again(task: TaskSpec) -> None:
    """The rewards of a whole episode are computed again from what was seen, bit for bit."""
    env: Any = make(task, horizon=min(task.horizon, short(task, 60, 10)))
    obs, info = env.reset(seed=11)
    must(info["seed"] == 11, f"info['seed'] is {info['seed']} after reset(seed=11)")
    for step, action in enumerate(busy(task, env.worlds.horizon, 1)[:, 0], 1):
        before = env.worlds.state[0].copy()
        obs, reward, terminated, truncated, info = env.step(action)
        where = f"in step {step}"
        must(env.observation_space.contains(obs), f"the observation is outside its space {where}")
        must(isinstance(reward, float), f"the reward is a {type(reward).__name__} {where}")
        lacking = {"is_success", "success_fraction", "unstable"} - info.keys()
        must(not lacking, f"info lacks {', '.join(sorted(lacking))} {where}")
        must(0 <= info["success_fraction"] <= 1, f"success_fraction is outside 0 to 1 {where}")
        if isinstance(env.world, GoalWorld):
            again = env.compute_reward(obs["achieved_goal"], obs["desired_goal"], info)
        else:
            again = env.reward_of(before, action, env.state)
        must(again.dtype == np.float32, f"the reward computed again is {again.dtype} {where}")
        must(again == reward, f"the reward was {reward} and computed again is {again} {where}")
        must(truncated == (step == env.worlds.horizon), f"truncated is {truncated} {where}")
        if terminated:
            break
    env.close()
    env.close()  # twice is allowed


def vector_rows(task: TaskSpec) -> None:
    """A row of a vector environment is a single environment, over ends of episodes too."""
    vector: Any = make_vec(task, 2, threads=2, horizon=4)
    single: Any = make(task, horizon=4)
    obs, infos = vector.reset(seed=[4, 9])
    one, info = single.reset(seed=9)
    ended = False
    for step, action in enumerate(busy(task, 8, 2), 1):
        must(vector.observation_space.contains(obs), "the observation is outside its space")
        obs, reward, terminated, truncated, infos = vector.step(action)
        if ended:
            one, info = single.reset()
            expected, ended = (0.0, False, False), False
        else:
            one, last, over, cut, info = single.step(action[1])
            expected, ended = (last, over, cut), over or cut
        given = (reward[1], terminated[1], truncated[1])
        where = f"in step {step}, where episodes have 4"
        must(
            given == expected, f"reward and ends are {given} in a vector, alone {expected} {where}"
        )
        parts = one.items() if isinstance(one, dict) else [(None, one)]
        for name, value in parts:
            row = obs[1] if name is None else obs[name][1]
            must(np.array_equal(value, row), f"observations differ in a vector and alone {where}")
        must(infos["is_success"][1] == info["is_success"], f"is_success differs {where}")
    vector.close()
    single.close()


def wrong_actions(task: TaskSpec) -> None:
    """Actions of another shape and such that are no numbers are refused in one line."""
    if not alone(task):
        _wrong_actions_of_a_team(task)
        return
    env: Any = make(task)
    batch: Any = make_vec(task, 2)
    _refused(lambda: env.step(env.action_space.sample()), "step() before reset()")
    env.reset(seed=0)
    batch.reset(seed=0)
    shape = env.action_space.shape
    _refused(lambda: env.step(np.zeros(shape[0] + 1)), "an action that is too long", "shape")
    _refused(lambda: batch.step(np.zeros(shape)), "one action for two episodes", "shape")
    for value in (np.nan, np.inf):
        one, many = np.full(shape, value), np.full((2, *shape), value)
        _refused(partial(env.step, one), f"an action of {value}", "must be finite")
        _refused(partial(batch.step, many), f"actions of {value}", "must be finite")
    env.close()
    batch.close()


def _wrong_actions_of_a_team(task: TaskSpec) -> None:
    env: Any = make(task)
    env.reset(seed=0)
    actions = {name: env.action_space(name).sample() for name in env.agents}
    name, world = env.agents[0], env.world
    few = {name: actions[name]} if len(actions) > 1 else {}
    _refused(lambda: env.step(few), "actions of some agents", "each agent")
    if world.actions is None:
        long = {**actions, name: np.zeros(world.action_dim + 1)}
        none = {**actions, name: np.full(world.action_dim, np.nan)}
        _refused(lambda: env.step(long), "an action that is too long", "shape")
        _refused(lambda: env.step(none), "an action of nan", "must be finite")
    else:
        beyond = {**actions, name: world.actions}
        _refused(lambda: env.step(beyond), "a choice that there is not", "0 to")
    _refused(lambda: make_vec(task, 2), "a vector of a team", "one agent")
    env.close()


def _refused(call: Callable[[], Any], what: str, words: str = "") -> None:
    """Raise Broken unless a call is refused, in these words."""
    try:
        call()
    except (BadValue, gymnasium.error.ResetNeeded) as error:
        must(words in str(error), f"{what} is refused with {str(error)!r}")
        return
    must(False, f"{what} is not refused")


def team_episodes(task: TaskSpec) -> None:
    """A team's episode is that of its seed, in a second environment and in a batch too."""
    first: Any = make(task)
    second: Any = make(task)
    agents = first.possible_agents
    worlds = make_worlds(task, 3)
    together = worlds.reset([1, 2, 3])
    runs = [env.reset(seed=2) for env in (first, second)]
    for step, joint in enumerate(busy(task, min(task.horizon, short(task, 400, 20)), 3), 1):
        where = f"before step {step}"
        own = np.stack(list(runs[0][0].values()))
        must(np.array_equal(own, together["observation"][1]), f"observations differ {where}")
        central = together["state"][1].ravel()
        for env in (first, second):
            must(np.array_equal(env.state(), central), f"the central state differs {where}")
        if not first.agents:
            break
        mine = actions_of(first.world, joint[1])
        if first.world.actions is not None:
            chosen = np.stack([list(actions_of(first.world, row).values()) for row in joint])
            joint = ((2 * chosen + 1) / first.world.actions - 1)[..., None]
        runs = [env.step(mine) for env in (first, second)]
        together, info = worlds.step(joint)
        rewards = dict(zip(agents, info["reward"][1].tolist(), strict=True))
        must(runs[0][1] == runs[1][1] == rewards, f"rewards differ in step {step}")
        over = bool(info["terminated"][1]) if "terminated" in info else False
        cut = first.worlds.elapsed[0] >= task.horizon
        for given, wanted, name in ((2, over, "terminated"), (3, cut, "truncated")):
            must(runs[0][given] == dict.fromkeys(agents, wanted), f"{name} differs in step {step}")
    for env in (first, second, worlds):
        env.close()
